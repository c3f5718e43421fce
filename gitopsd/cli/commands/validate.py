"""`gitopsd validate`: every mistake in the manifests below a path, one a line."""

from pathlib import Path

import click

from gitopsd.cli.door import Door, options
from gitopsd.cli.on_disk import on_disk


@click.command("validate", help="Check an environment's directory, a Compose file, or a whole repository on disk.")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@options
def command(door: Door, path: Path) -> int:
    from gitopsd.controller import shapes
    from gitopsd.controller.queries.validating import validated

    environments, problems = on_disk(door, path)
    found = [validated(each) for each in environments]
    if door.as_json:
        shown = [
            {
                "name": each.name,
                "path": each.path,
                "problems": [shapes.problem(one) for one in each.problems],
                "warnings": [shapes.problem(one) for one in each.warnings],
            }
            for each in found
        ]
        door.json({"environments": shown, "problems": list(problems)})
    else:
        for line in dict.fromkeys([*problems, *(str(one) for each in found for one in each.problems)]):
            door.text(line)
        for line in dict.fromkeys(str(one) for each in found for one in each.warnings):
            door.note(f"warning: {line}")
        _summary(door, sum(not each.problems for each in found), len(found))
    return 1 if problems or any(each.problems for each in found) else 0


def _summary(door: Door, good: int, count: int) -> None:
    environments = "environment is" if count == 1 else "environments are"
    door.note(f"{good} of {count} {environments} valid")

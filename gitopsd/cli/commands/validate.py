"""`gitopsd validate`: every mistake in the manifests below a path, one a line."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options
from gitopsd.cli.on_disk import on_disk

if TYPE_CHECKING:
    from gitopsd.controller.queries.validating import Validated


@click.command("validate", help="Check an environment's directory, a Compose file, or a whole repository on disk.")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--format", "form", type=click.Choice(("text", "github")), default="text", help="github: as annotations.")
@options
def command(door: Door, path: Path, form: str) -> int:
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
    elif form == "github":
        _annotate(door, found, problems)
    else:
        for line in dict.fromkeys([*problems, *(str(one) for each in found for one in each.problems)]):
            door.text(line)
        for line in dict.fromkeys(str(one) for each in found for one in each.warnings):
            door.note(f"warning: {line}")
        _summary(door, sum(not each.problems for each in found), len(found))
    return 1 if problems or any(each.problems for each in found) else 0


def _annotate(door: Door, found: "Sequence[Validated]", problems: Iterable[str]) -> None:
    """Workflow commands of GitHub Actions, which show each mistake beside its line."""
    for problem in problems:
        door.text(f"::error::{_escaped(problem)}")
    for severity, several in (
        ("error", [one for each in found for one in each.problems]),
        ("warning", [one for each in found for one in each.warnings]),
    ):
        for one in dict.fromkeys(several):
            said = f"{one.path}: {one.message}" if one.path else one.message
            place = f"file={_escaped(one.place.file, ':,')},line={one.place.line},col={one.place.column}"
            door.text(f"::{severity} {place}::{_escaped(said)}")


def _escaped(text: str, more: str = "") -> str:
    """What would end a workflow command, or one of its properties, as the runner reads it back."""
    for each in f"%\r\n{more}":
        text = text.replace(each, f"%{ord(each):02X}")
    return text


def _summary(door: Door, good: int, count: int) -> None:
    environments = "environment is" if count == 1 else "environments are"
    door.note(f"{good} of {count} {environments} valid")

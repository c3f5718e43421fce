"""`gitopsd config`: the resolved manifest, as `docker compose config` prints it."""

from pathlib import Path

import click

from gitopsd.cli.door import Door, options
from gitopsd.cli.on_disk import on_disk


@click.command("config", help="Print the resolved manifest of an environment, as docker compose config does.")
@click.argument("path", type=click.Path(path_type=Path), metavar="PATH")
@click.option("--defaults", is_flag=True, help="With every value of x-gitopsd and its origin.")
@options
def command(door: Door, path: Path, defaults: bool) -> int:
    from gitopsd.controller.queries.paths import configured
    from gitopsd.model.errors import GitopsdError

    environments, problems = on_disk(door, path)
    if problems:
        raise GitopsdError("\n".join(problems))
    documents = {each.name: configured(each, defaults=defaults) for each in environments}
    only = next(iter(documents.values())) if len(documents) == 1 else None
    if door.as_json:
        door.json(only if only is not None else {"environments": documents})
        return 0
    import yaml

    for number, (name, document) in enumerate(documents.items()):
        if only is None:
            door.text(f"---\n# {name}" if number else f"# {name}")
        door.text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True).rstrip("\n"))
    return 0

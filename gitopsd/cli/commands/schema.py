"""`gitopsd schema`: what editors check and complete the files with that people write for gitopsd."""

import click

from gitopsd.cli.door import Door, options

FILES = ("manifest", "settings", "servers")


@click.command(
    "schema",
    help="Print the JSON Schema of a file, for editors: of a manifest (an environment's Compose file), of the daemon's "
    "settings (gitopsd.yaml), or of the servers of a fleet.",
)
@click.argument("file", type=click.Choice(FILES), default="manifest", metavar="[manifest|settings|servers]")
@options
def command(door: Door, file: str) -> int:
    door.json(door.schema(file))
    return 0

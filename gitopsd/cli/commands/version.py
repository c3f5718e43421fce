"""`gitopsd version`: the version."""

import click

from gitopsd import __version__
from gitopsd.cli.door import Door, options


@click.command("version", help="Print the version.")
@options
def command(door: Door) -> int:
    if door.as_json:
        door.json({"version": __version__})
    else:
        door.text(f"gitopsd {__version__}")
    return 0

"""`gitopsd heal`: mend what drifted now, whatever the policy says, and also where heals were given up."""

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options


@click.command("heal", help="Mend what drifted now, whatever the policy says, and also where it was given up.")
@click.argument("name", metavar="ENV[/SERVICE]")
@options
def command(door: Door, name: str) -> int:
    environment, _, service = name.partition("/")
    return operate(door, "heal", environment, {"service": service} if service else {})

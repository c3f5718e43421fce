"""`gitopsd unpin`: end a pin."""

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options


@click.command("unpin", help="End a pin. What it was pinned away from stays out until Git says something else.")
@click.argument("environment", metavar="ENV")
@options
def command(door: Door, environment: str) -> int:
    return operate(door, "unpin", environment, {})

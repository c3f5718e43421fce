"""`gitopsd resume`: end a suspension."""

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options


@click.command("resume", help="End a suspension.")
@click.argument("environment", metavar="ENV")
@click.option("--reason", default="", help="Why; the ledger keeps it.")
@options
def command(door: Door, environment: str, reason: str) -> int:
    return operate(door, "resume", environment, {"reason": reason} if reason else {})

"""`gitopsd approve`: say yes to exactly what waits, and to nothing that comes after it."""

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options


@click.command("approve", help="Let the release that waits for a person begin, or go on.")
@click.argument("environment", metavar="ENV")
@click.argument("what", required=False, default="", metavar="[RELEASE|COMMIT]")
@click.option("--reason", default="", help="Why; status and ledger show it.")
@options
def command(door: Door, environment: str, what: str, reason: str) -> int:
    said = {"what": what, "reason": reason}
    return operate(door, "approve", environment, {key: each for key, each in said.items() if each}, refused="refused")

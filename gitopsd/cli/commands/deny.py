"""`gitopsd deny`: say no to what waits."""

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options


@click.command("deny", help="Keep the release that waits for a person from beginning; everything stays as it is.")
@click.argument("environment", metavar="ENV")
@click.argument("what", required=False, default="", metavar="[RELEASE|COMMIT]")
@click.option("--reason", default="", help="Why; status and ledger show it.")
@options
def command(door: Door, environment: str, what: str, reason: str) -> int:
    said = {"what": what, "reason": reason}
    return operate(door, "deny", environment, {key: each for key, each in said.items() if each}, refused="refused")

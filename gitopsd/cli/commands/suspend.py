"""`gitopsd suspend`: stop releases and heals of an environment; it is still looked at and reported."""

from datetime import timedelta

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options
from gitopsd.cli.words import DURATION


@click.command("suspend", help="Stop releases and heals of an environment; it is still watched and reported.")
@click.argument("environment", metavar="ENV")
@click.option("--for", "how_long", type=DURATION, help="How long, as in 4h; without it until `resume`.")
@click.option("--reason", default="", help="Why; status shows it.")
@options
def command(door: Door, environment: str, how_long: timedelta | None, reason: str) -> int:
    seconds = {"for_s": how_long.total_seconds()} if how_long is not None else {}
    return operate(door, "suspend", environment, {**seconds, **({"reason": reason} if reason else {})})

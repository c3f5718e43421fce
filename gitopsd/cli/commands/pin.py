"""`gitopsd pin`: back to a kept release now, with no Git and no registry."""

from datetime import timedelta

import click

from gitopsd.cli.asking import operate
from gitopsd.cli.door import Door, options
from gitopsd.cli.words import DURATION


@click.command("pin", help="Go back to a kept release now, whatever Git says; the revert in Git is owed all the same.")
@click.argument("environment", metavar="ENV")
@click.argument("release", type=click.IntRange(min=1), metavar="RELEASE")
@click.option("--for", "how_long", type=DURATION, default="4h", help="How long, as in 4h (the default).")
@click.option("--reason", required=True, help="Why; status and ledger show it.")
@options
def command(door: Door, environment: str, release: int, how_long: timedelta, reason: str) -> int:
    if not door.server_url:  # or the daemon there says so
        from gitopsd.controller.queries.ledger import may_be_pinned

        may_be_pinned(door.view(), environment, release)
    said = {"release": release, "for_s": how_long.total_seconds(), "reason": reason}
    return operate(door, "pin", environment, said, refused="not pinned")

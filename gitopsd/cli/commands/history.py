"""`gitopsd history`: the releases of an environment, newest first."""

import click

from gitopsd.cli.door import Door, options


@click.command("history", help="List the releases of an environment, newest first.")
@click.argument("environment", metavar="ENV")
@click.option("--limit", type=click.IntRange(min=1), default=20, help="How many.")
@options
def command(door: Door, environment: str, limit: int) -> int:
    from gitopsd.controller.queries.ledger import history

    releases = history(door.view(), environment, limit)
    if door.as_json:
        from gitopsd.cli import shapes

        door.json({"releases": [shapes.release(each) for each in releases]})
        return 0
    if not releases:
        door.text(f"No releases of {environment} yet.")
        return 0
    from gitopsd.cli.words import clock_time, short, took

    rows = [
        (
            str(each.number),
            short(each.revision),
            clock_time(each.started_at),
            took(each.started_at, each.finished_at),
            each.outcome or "under way",
            each.author,
            each.subject + (f"  ({each.reason})" if each.reason else ""),
        )
        for each in releases
    ]
    door.table(("RELEASE", "REVISION", "STARTED (UTC)", "TOOK", "OUTCOME", "AUTHOR", "SUBJECT"), rows)
    return 0

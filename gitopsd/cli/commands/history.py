"""`gitopsd history`: the releases of an environment, newest first."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.model.release import Release


@click.command("history", help="List the releases of an environment, newest first.")
@click.argument("environment", metavar="ENV")
@click.option("--limit", type=click.IntRange(min=1), default=20, help="How many.")
@options
def command(door: Door, environment: str, limit: int) -> int:
    from gitopsd.controller.queries.ledger import history, not_returnable, same_content

    view = door.view()
    releases = history(view, environment, limit)
    same, gone = same_content(view, releases), not_returnable(view, releases)
    if door.as_json:
        from gitopsd.controller import shapes

        door.json({"releases": [shapes.release(each, same, gone) for each in releases]})
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
            each.subject + _beside(each, same, gone),
        )
        for each in releases
    ]
    door.table(("RELEASE", "REVISION", "STARTED (UTC)", "TOOK", "OUTCOME", "AUTHOR", "SUBJECT"), rows)
    return 0


def _beside(release: "Release", same: Mapping[int, int], gone: Mapping[int, str]) -> str:
    """What else a person wants to know of it at once."""
    twin = f"same content as release {same[release.number]}" if release.number in same else ""
    lost = f"cannot be returned to: {gone[release.number]}" if release.number in gone else ""
    words = "; ".join(each for each in (release.reason, twin, lost) if each)
    return f"  ({words})" if words else ""

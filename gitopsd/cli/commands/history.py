"""`gitopsd history`: the releases of an environment, newest first."""

from collections.abc import Mapping, Sequence
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
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import history_there

        releases, same, gone, body = history_there(server, environment, limit)
        if door.as_json:
            door.json(body)
            return 0
        return _table(door, environment, releases, same, gone)
    from gitopsd.controller.queries.ledger import history, not_returnable, same_content

    view = door.view()
    found = history(view, environment, limit)
    same, gone = same_content(view, found), not_returnable(view, found)
    if door.as_json:
        from gitopsd.controller import shapes

        door.json({"releases": [shapes.release(each, same, gone) for each in found]})
        return 0
    return _table(door, environment, found, same, gone)


def _table(
    door: Door,
    environment: str,
    releases: Sequence["Release"],
    same: Mapping[int, int],
    gone: Mapping[int, str],
) -> int:
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

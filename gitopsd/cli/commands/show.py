"""`gitopsd show`: one release: its services, what happened in it, and whether it can be returned to offline."""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.ledger import Offline


@click.command("show", help="Show one release and what happened in it.")
@click.argument("release", type=click.IntRange(min=1), metavar="RELEASE")
@options
def command(door: Door, release: int) -> int:
    from gitopsd.controller.queries.ledger import offline, show

    view = door.view()
    found, events = show(view, release)
    way_back = offline(view, found)
    if door.as_json:
        from gitopsd.cli import shapes

        happened = [shapes.event(each) for each in events]
        door.json({**shapes.release(found), "offline": _shape(way_back), "events": happened})
        return 0
    from gitopsd.cli.happenings import told
    from gitopsd.cli.inert import inert
    from gitopsd.cli.words import clock_time, took

    outcome = found.outcome or "under way"
    door.text(
        f"release {found.number} of {found.environment}: {outcome}" + (f", {found.reason}" if found.reason else "")
    )
    door.text(f"  {found.revision[:8]} {inert(found.subject)} ({inert(found.author)})")
    door.text(f"  {clock_time(found.started_at)} UTC, took {took(found.started_at, found.finished_at)}: {found.cause}")
    door.text(f"  {inert(_words(way_back))}\n")
    rows = [(each.name, each.image, each.digest[-12:], each.fingerprint[:15]) for each in found.services]
    door.table(("SERVICE", "IMAGE", "DIGEST", "FINGERPRINT"), rows)
    if events:
        door.text()
    for event in events:
        door.text(told(event, with_environment=False))
    return 0


def _shape(offline: "Offline") -> dict[str, object]:
    return {"possible": offline.possible, "lacks": list(offline.lacks)}


def _words(offline: "Offline") -> str:
    match offline.possible:
        case True:
            return "can be returned to offline: its commit is in the mirror, and its images are on the engine"
        case False:
            return f"cannot be returned to offline: {'; '.join(offline.lacks)}"
        case None:
            return f"whether it can be returned to offline is not known: {'; '.join(offline.lacks)}"

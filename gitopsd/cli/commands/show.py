"""`gitopsd show`: one release: its services, what it took and what happened, whether it can be returned to offline."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller import shapes
    from gitopsd.controller.queries.ledger import Offline, Part
    from gitopsd.model.canonical import Json
    from gitopsd.model.event import Event
    from gitopsd.model.release import Release

MEASURED = ("TOOK", "INTERRUPTED", "STARTS", "WARMS", "DRAINS", "STOPS")
HEADERS = ("SERVICE", "RESULT", *MEASURED, "IMAGE", "DIGEST", "FINGERPRINT")


@click.command("show", help="Show one release and what happened in it.")
@click.argument("release", type=click.IntRange(min=1), metavar="RELEASE")
@options
def command(door: Door, release: int) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import shown_there

        found, same, way_back, done, events, body = shown_there(server, release)
    else:
        found, same, way_back, done, events, body = _shown_here(door, release)
    if door.as_json:
        door.json(body)
        return 0
    _headline(door, found, way_back, same)
    _services(door, found, {each.service: each for each in done})
    for event in events:
        door.text(_told(event))
    return 0


def _shown_here(
    door: Door, number: int
) -> "tuple[Release, Mapping[int, int], Offline, tuple[Part, ...], tuple[Event, ...], shapes.Shape]":
    from gitopsd.controller import shapes
    from gitopsd.controller.queries.ledger import not_returnable, offline, parts, same_content, show

    view = door.view()
    found, events = show(view, number)
    way_back, same, done = offline(view, found), same_content(view, [found]), parts(found, events)
    body = {
        **shapes.release(found, same, not_returnable(view, [found])),
        "offline": shapes.offline(way_back),
        "rollouts": [shapes.part(each) for each in done],
        "events": [shapes.event(each) for each in events],
    }
    return found, same, way_back, done, events, body


def _headline(door: Door, found: "Release", way_back: "Offline", same: Mapping[int, int]) -> None:
    from gitopsd.cli.inert import inert
    from gitopsd.cli.words import clock_time, took

    outcome = found.outcome or "under way"
    door.text(
        f"release {found.number} of {found.environment}: {outcome}" + (f", {found.reason}" if found.reason else "")
    )
    door.text(f"  {found.revision[:8]} {inert(found.subject)} ({inert(found.author)})")
    door.text(f"  {clock_time(found.started_at)} UTC, took {took(found.started_at, found.finished_at)}: {found.cause}")
    if found.number in same:
        door.text(f"  same content as release {same[found.number]}")
    door.text(f"  {inert(_words(way_back))}\n")


def _services(door: Door, found: "Release", done: Mapping[str, "Part"]) -> None:
    """Those of the release, and those that it took away."""
    from gitopsd.cli.words import NOTHING

    images = {each.name: (each.image, each.digest[-12:], each.fingerprint[:15]) for each in found.services}
    rows = [
        (name, *_result(done.get(name)), *images.get(name, (NOTHING, NOTHING, NOTHING)))
        for name in sorted({*images, *done})
    ]
    door.table(HEADERS, rows)
    for part in done.values():
        for measure in part.measures:
            door.text(f"{part.service}: {_measured(measure)}")
        if part.evidence:
            door.text(f"{part.service}: {part.evidence}")
    door.text()


def _measured(measure: "Mapping[str, Json]") -> str:
    """A step, and the verdict of each of its metrics in one sentence with its numbers."""
    found = measure["metrics"] if isinstance(measure["metrics"], list) else []
    said = "; ".join(str(each["reason"]) for each in found if isinstance(each, Mapping)) or "nothing was measured"
    return f"step {measure['step']} at {measure['share']} %: {said}"


def _result(part: "Part | None") -> tuple[str, ...]:
    from gitopsd.cli.words import NOTHING

    if part is None:
        return ("unchanged", *[NOTHING] * len(MEASURED))
    return (
        part.phase,
        _seconds(part.seconds),
        _seconds(part.interruption),
        *(_each(by_slot) for by_slot in (part.starts, part.warms, part.drains, part.stops)),
    )


def _each(by_slot: Mapping[str, float]) -> str:
    from gitopsd.cli.words import NOTHING

    return ", ".join(_seconds(each) for _, each in sorted(by_slot.items())) or NOTHING


def _seconds(number: float | None) -> str:
    from gitopsd.cli.words import NOTHING

    return NOTHING if number is None else f"{number:.1f}s"


def _told(event: "Event") -> str:
    """The event with the time that its action took."""
    from gitopsd.cli.happenings import told

    seconds = event.data.get("seconds") if "action" in event.data else None
    return told(event, with_environment=False) + (f" ({seconds:.1f}s)" if isinstance(seconds, int | float) else "")


def _words(offline: "Offline") -> str:
    match offline.possible:
        case True:
            return "can be returned to offline: its commit is in the mirror, and its images are on the engine"
        case False:
            return f"cannot be returned to offline: {'; '.join(offline.lacks)}"
        case None:
            return f"whether it can be returned to offline is not known: {'; '.join(offline.lacks)}"

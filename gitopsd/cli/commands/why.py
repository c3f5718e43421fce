"""`gitopsd why`: how a service stands, and the last decisions about it, each as a chain of causes."""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.why import Decision, Link


@click.command("why", help="Tell the last decisions about a service, or a whole environment, as chains of causes.")
@click.argument("name", metavar="ENV[/SERVICE]")
@click.option("--limit", type=click.IntRange(min=1), default=5, help="How many decisions.")
@options
def command(door: Door, name: str, limit: int) -> int:
    from gitopsd.controller.queries.status import status
    from gitopsd.controller.queries.why import why

    environment, _, service = name.partition("/")
    view = door.view()
    (stands,) = status(view, environment).environments
    found = why(view, stands, service, limit)
    if door.as_json:
        from gitopsd.controller import shapes

        door.json(
            {
                "environment": shapes.environment(found.environment),
                "service": shapes.service(found.service) if found.service is not None else None,
                "release": shapes.release(found.release) if found.release is not None else None,
                "events": [shapes.event(each) for each in found.events],
                "decisions": [_shape(each) for each in found.decisions],
            }
        )
        return 0
    from gitopsd.cli.inert import inert

    one = found.service or found.environment
    reason = f", {inert(one.reason)}" if one.reason else ""
    door.text(f"{name}: {one.sync}, {one.health}{reason}")
    if found.service is not None:
        door.text(f"  {found.service.ready} of {found.service.desired} ready, {inert(found.service.image)}")
    if found.release is not None:
        release = found.release
        door.text(f"  last touched by release {release.number} of {release.revision[:8]} ({inert(release.subject)})")
    for decision in found.decisions:
        _told(door, decision)
    if not found.decisions:
        door.text("  nothing has happened to it yet")
    return 0


def _told(door: Door, decision: "Decision") -> None:
    from gitopsd.cli.inert import inert
    from gitopsd.cli.words import clock_time

    door.text()
    going_on = ": still there" if decision.kind == "drift" else ", under way"
    outcome = {"": going_on, "told": ""}.get(decision.outcome, f": {inert(decision.outcome)}")
    door.text(f"{clock_time(decision.began_at)} {inert(decision.subject)}{outcome}")
    for link in decision.links:
        door.text(f"  {link.what:<9} {f'{link.at:%H:%M:%S}'} {inert(_words(link))}")
        for line in link.logs.splitlines():
            door.text(f"      | {inert(line)}")


def _words(link: "Link") -> str:
    mark = "failed: " if link.failed and link.what == "action" else ""
    took = f"  ({link.seconds:.2f} s)" if link.seconds is not None else ""
    return f"{mark}{link.words}{took}"


def _shape(decision: "Decision") -> dict[str, object]:
    from gitopsd.controller.shapes import time

    links = [
        {
            "at": time(each.at),
            "what": each.what,
            "words": each.words,
            "seconds": each.seconds,
            "failed": each.failed,
            "logs": each.logs or None,
        }
        for each in decision.links
    ]
    return {
        "kind": decision.kind,
        "subject": decision.subject,
        "release": decision.release,
        "began_at": time(decision.began_at),
        "ended_at": time(decision.ended_at),
        "outcome": decision.outcome or None,
        "links": links,
    }

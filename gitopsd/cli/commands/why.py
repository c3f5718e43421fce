"""`gitopsd why`: how a service stands, and the last decisions about it, each as a chain of causes."""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.why import Decision, Explanation, Link


@click.command("why", help="Tell the last decisions about a service, or a whole environment, as chains of causes.")
@click.argument("name", metavar="ENV[/SERVICE]")
@click.option("--limit", type=click.IntRange(min=1), default=5, help="How many decisions.")
@options
def command(door: Door, name: str, limit: int) -> int:
    environment, _, service = name.partition("/")
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import why_there

        found, body = why_there(server, environment, service, limit)
    else:
        from gitopsd.controller.accounts import explanation
        from gitopsd.controller.queries.status import status
        from gitopsd.controller.queries.why import why

        view = door.view()
        (stands,) = status(view, environment).environments
        found = why(view, stands, service, limit)
        body = explanation(found)
    if door.as_json:
        door.json(body)
    else:
        _text(door, name, found)
    return 0


def _text(door: Door, name: str, found: "Explanation") -> None:
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

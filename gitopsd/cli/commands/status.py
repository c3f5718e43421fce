"""`gitopsd status`: sync and health of every environment, as two words; of one environment, its services too."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.status import StatusReport
    from gitopsd.model.status import EnvironmentStatus, Quorum

HEADERS = ("REVISION", "SYNC", "HEALTH", "SINCE", "RELEASE", "MESSAGE")
GLANCE = 10  # more rows than that are counted, too


@click.command("status", help="Show how the environments stand. Exit code 3: degraded, rejected or rolled back.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@options
def command(door: Door, environment: str) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import status_there

        return status_there(door, server, environment)
    from gitopsd.controller.outcome import WAITS, exit_code
    from gitopsd.controller.queries.status import status

    view = door.view()
    report = status(view, environment)
    missing = "" if report.environments else view.known()
    show_report(door, report, view.now, detailed=bool(environment), missing=missing)
    names = [each.name for each in report.environments]
    code = exit_code(report.environments, names, failed=bool(report.problems))
    return 0 if code == WAITS else code


def show_report(
    door: Door, report: "StatusReport", now: datetime, *, detailed: bool = False, missing: str = ""
) -> None:
    """`detailed`: with the services of each environment. `missing`: why there are none."""
    if door.as_json:
        from gitopsd.controller import shapes

        door.json(shapes.status_report(report, now))
        return
    _environments(door, report, now, missing)
    if detailed:
        for each in report.environments:
            _services(door, each)
    for problem in report.problems:
        door.text(f"! {problem}")
    _repositories(door, report, now)


def _environments(door: Door, report: "StatusReport", now: datetime, missing: str) -> None:
    from gitopsd.cli.words import standing

    engines = {each.engine for each in report.environments}
    several = len(engines) > 1
    headers = ("ENVIRONMENT", *(("ENGINE",) if several else ()), *HEADERS)
    rows = [(each.name, *((each.engine,) if several else ()), *standing(each, now)) for each in report.environments]
    if rows:
        door.table(headers, rows)
    else:
        door.text("No environments" + (f": {missing}" if missing else ""))
    if len(rows) > GLANCE:
        on = f" on {len(engines)} engines" if several else ""
        syncs = _counted(each.sync for each in report.environments)
        healths = _counted(each.health for each in report.environments)
        door.text(f"\n{len(rows)} environments{on}: {syncs}; {healths}")


def _counted(words: Iterable[str]) -> str:
    """The commonest word first."""
    return ", ".join(f"{count} {word}" for word, count in Counter(words).most_common())


def _services(door: Door, status: "EnvironmentStatus") -> None:
    from gitopsd.cli.words import NOTHING

    rows = [
        (each.name, each.sync, each.health, f"{each.ready}/{each.desired}", each.image or NOTHING, each.reason)
        for each in status.services
    ]
    if rows:
        door.text()
        door.table(("SERVICE", "SYNC", "HEALTH", "READY", "IMAGE", "MESSAGE"), rows)
    if status.nodes:
        standings = _counted(each.standing for each in status.nodes)
        door.text(f"\nswarm: {len(status.nodes)} nodes: {standings}{_managers(status.quorum)}")
    for each in status.services:
        if each.address:
            door.text(f"\n{each.name} is at {each.address} for a proxy of your own")
    for hold in status.holds:
        until = f" until {hold.until:%Y-%m-%d %H:%M:%S} UTC" if hold.until is not None else ""
        by = f" by {hold.by}" if hold.by else ""
        door.text(f"\nheld{by}{until}: {hold.guard}: {hold.reason}")
    for warning in status.warnings:
        door.text(f"\nwarning: {warning}")
    if status.next is not None:
        door.text(f"\nnext at {status.next.at:%Y-%m-%d %H:%M:%S} UTC: {status.next.what}")


def _managers(quorum: "Quorum | None") -> str:
    if quorum is None:
        return ""
    left = (
        f"too few: nothing can be changed before {quorum.needed} are" if quorum.lost else f"{quorum.spare} may be lost"
    )
    return f"; {quorum.reachable} of {quorum.managers} managers reachable, {left}"


def _repositories(door: Door, report: "StatusReport", now: datetime) -> None:
    from gitopsd.cli.words import age, short

    door.text()
    rows = [
        (
            f"git {each.name}",
            each.url,
            f"{each.branch}@{short(each.revision)}",
            f"answered {age(each.seen_at, now)}" if each.seen_at is not None else "has not answered yet",
            each.error.partition("\n")[0],
        )
        for each in report.repositories
    ]
    if rows:
        door.table((), rows)
    runs = f"daemon runs: {report.acting}" if report.acting else "daemon runs"
    door.text(runs if report.daemon else "no daemon runs: this was looked up just now")

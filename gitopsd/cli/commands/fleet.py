"""`gitopsd fleet`: many gitopsd, each on a machine of its own, in one table."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from gitopsd.controller.queries.fleet import Answered

HEADERS = ("SERVER", "ENVIRONMENT", "REVISION", "SYNC", "HEALTH", "SINCE", "RELEASE", "MESSAGE")
FILE = click.Path(path_type=Path, dir_okay=False)


@click.group("fleet", help="Look at many gitopsd at once.")
def command() -> None:
    pass


@command.command("status", help="Ask every server of FILE. Exit codes: 1 one did not answer; 3 something is degraded.")
@click.option("--servers", "file", type=FILE, required=True, help="YAML: servers: {NAME: {url, token_file}}.")
@click.option("--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True, help="Seconds for each.")
@options
def status(door: Door, file: Path, timeout: float) -> int:
    from gitopsd.controller.queries.fleet import ask_all, exit_code_of

    found = ask_all(door.fleet(file, timeout), timeout)
    if door.as_json:
        door.json({"servers": [_shape(each) for each in found]})
    else:
        _show(door, found, datetime.now(UTC))
    return exit_code_of(found)


def _shape(each: "Answered") -> dict[str, object]:
    """What it answered to `status -o json`, as it came."""
    unsaid: dict[str, object] = {"repositories": [], "environments": [], "problems": [], "daemon": None, "acting": None}
    said = {key: (each.body or unsaid).get(key, usual) for key, usual in unsaid.items()}
    return {"name": each.member.name, "url": each.member.url, "error": each.error or None, **said}


def _show(door: Door, found: Sequence["Answered"], now: datetime) -> None:
    rows = [row for each in found for row in _rows(each, now)]
    door.table(HEADERS, rows)
    for each in found:
        for problem in each.report.problems if each.report is not None else ():
            door.text(f"! {each.member.name}: {problem}")
    silent = sum(each.report is None for each in found)
    count = sum(len(each.report.environments) for each in found if each.report is not None)
    door.text(f"\n{len(found)} servers, {count} environments" + (f"; {silent} did not answer" if silent else ""))


def _rows(each: "Answered", now: datetime) -> list[tuple[str, ...]]:
    from gitopsd.cli.words import NOTHING, standing

    name, report = each.member.name, each.report
    if report is None:
        return [(name, NOTHING, "", "Unknown", "Unknown", "", "", each.error)]
    if not report.environments:
        return [(name, NOTHING, "", "", "", "", "", "no environments" if report.daemon else "no daemon runs")]
    return [(name, status.name, *standing(status, now)) for status in report.environments]

"""`gitopsd drift`: what differs from what was left behind, what mends it, and what was not looked at."""

import sys
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options_with

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gitopsd.controller.queries.drifts import Drifts
    from gitopsd.controller.queries.view import View
    from gitopsd.controller.server_port import Server
    from gitopsd.model.drift import PastDrift

LOOK_S = 1.0


@click.command("drift", help="Show what differs from what was left behind. With --exit-code: 2 when something does.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 2 when there is something to show.")
@click.option("--fs", "files", is_flag=True, help="Also show files written in the containers' own layers.")
@click.option("--watch", is_flag=True, help="Go on until interrupted, and show it anew whenever something changes.")
@click.option("--history", "past", is_flag=True, help="What drifted once, when, and how that ended; newest first.")
@click.option("--limit", type=click.IntRange(min=1), default=50, help="How much of the history.")
@options_with(("text", "json", "markdown"))
def command(door: Door, environment: str, exit_code: bool, files: bool, watch: bool, past: bool, limit: int) -> int:
    from gitopsd.controller.queries.drifts import drifts, past_drifts

    if watch + past + files > 1:
        raise click.UsageError(
            "--watch follows what drifts, --history tells what did, --fs looks once; give one of them"
        )
    if (server := door.server()) is not None:
        if watch or files:
            raise click.UsageError("--watch and --fs work on the daemon's own machine; leave --server away")
        if past:
            from gitopsd.cli.remote import past_drifts_there

            _past(door, past_drifts_there(server, environment, limit))
            return 0
        return _there(door, server, environment, exit_code=exit_code)
    view = door.view()
    if past:
        _past(door, past_drifts(view, environment, limit))
        return 0
    found = drifts(view, environment, files=files)
    _show(door, found, view.now, view.known, lines=watch)
    if watch:
        _watch(door, view, environment, found)
    if found.failures:
        return 1
    return 2 if exit_code and any(each.items for each in found.reports) else 0


def _there(door: Door, server: "Server", environment: str, *, exit_code: bool) -> int:
    from gitopsd.cli.remote import NONE_THERE, drifts_there
    from gitopsd.controller.queries.drifts import Drifts

    found = Drifts(*drifts_there(server, environment))
    _show(door, found, datetime.now(UTC), lambda: NONE_THERE, lines=False)
    if found.failures:
        return 1
    return 2 if exit_code and any(each.items for each in found.reports) else 0


def _watch(door: Door, view: "View", environment: str, shown: "Drifts") -> None:
    """Look again and again; on a terminal the newest report stands alone, on a pipe each one follows the last."""
    from gitopsd.controller.queries.drifts import drifts

    while True:
        threading.Event().wait(LOOK_S)
        view = view.later()
        found = drifts(view, environment, shown)
        if found.news == shown.news:
            continue
        if sys.stdout.isatty():
            click.clear()
        elif not door.as_json:
            door.text()
        _show(door, found, view.now, view.known, lines=True)
        shown = found


def _show(door: Door, found: "Drifts", now: datetime, known: Callable[[], str], *, lines: bool) -> None:
    """`lines`: more will follow, so that JSON is one document a line."""
    if door.as_json:
        from gitopsd.controller import shapes

        shape = {
            "environments": [shapes.drift(each) for each in found.reports],
            "failures": shapes.failures(found.failures),
        }
        (door.json_line if lines else door.json)(shape)
    else:
        from gitopsd.cli.drift_markdown import report_markdown
        from gitopsd.cli.drifts import report_lines

        told = report_markdown if door.as_markdown else report_lines
        for report in found.reports:
            click.echo("\n".join(told(report, now)))
        if not (found.reports or found.failures):
            door.text(f"No environments: {known()}")
    for failure in found.failures:
        door.note(f"{failure.environment}: {failure.reason}")


def _past(door: Door, past: "Mapping[str, tuple[PastDrift, ...]]") -> None:
    if door.as_json:
        from gitopsd.controller import shapes

        shown = [{"name": name, "past": [shapes.past_drift(each) for each in found]} for name, found in past.items()]
        door.json({"environments": shown})
    elif door.as_markdown:
        from gitopsd.cli.drift_markdown import past_markdown

        click.echo("\n".join(past_markdown(past)))
    else:
        _past_text(door, past)


def _past_text(door: Door, past: "Mapping[str, tuple[PastDrift, ...]]") -> None:
    from gitopsd.cli.drifts import values, what
    from gitopsd.cli.words import clock_time, took
    from gitopsd.drift import end_words

    rows = [
        (
            name,
            what(each.item),
            each.item.kind,
            clock_time(each.item.first_seen),
            clock_time(each.item.last_seen),
            took(each.item.first_seen, each.ended_at),
            end_words(each),
            "; ".join(f"{change.path}: {values(change)}" for change in each.item.changes) or each.item.cause,
        )
        for name, found in past.items()
        for each in found
    ]
    if not rows:
        door.text("Nothing that drifted is over yet.")
        return
    door.table(
        ("ENVIRONMENT", "WHAT", "KIND", "FIRST SEEN (UTC)", "LAST SEEN (UTC)", "LASTED", "ENDED", "CHANGE"), rows
    )

"""The release under way on the terminal: one look, or a view that follows it to its end."""

import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

import click

from gitopsd.cli.charts import charts, levels_in
from gitopsd.cli.door import Door
from gitopsd.cli.words import NOTHING, age, clock_time, short
from gitopsd.controller import shapes
from gitopsd.model.route import ALL, percent

if TYPE_CHECKING:
    from gitopsd.controller.queries.progress import Progress
    from gitopsd.controller.queries.view import View
    from gitopsd.release.progress import Expected, ServiceProgress, Standing

LOOK_S = 0.5
HEADERS = ("SERVICE", "PHASE", "SERVING", "INSTANCE", "IS", "STATE", "READY")
BAD = ("rolled-back", "failed", "cancelled")
BAR = 20


def show(door: Door, environment: str, service: str) -> int:
    """One look."""
    _print(door, _look(door.view(), environment, service))
    return 0


def watch(door: Door, environment: str, service: str) -> int:
    """Look again and again until nothing is under way; 3 when it ended badly. A pipe gets what changes."""
    view, before = door.view(), None
    live = sys.stdout.isatty() and not door.as_json
    while True:
        seen = _look(view, environment, service)
        shape = _telling(shapes.progress(seen))
        if live or shape != before:
            if live:
                click.clear()
            _print(door, seen, line=True, changes=not live)
        if seen.over:
            return 3 if seen.release is not None and seen.release.outcome in BAD else 0
        before = shape
        threading.Event().wait(LOOK_S)
        view = _again(view)


def _telling(shape: shapes.Shape) -> shapes.Shape:
    """What of it makes another line in a pipe: not every number that is measured."""
    services = [{key: each[key] for key in each if key not in ("metrics", "trace")} for each in shape["services"]]
    return {**shape, "services": services}


def _look(view: "View", environment: str, service: str) -> "Progress":
    from gitopsd.controller.queries.progress import rollout_progress

    return rollout_progress(view, environment, service)


def _again(view: "View") -> "View":
    from gitopsd.controller.queries.progress import again

    return again(view)


def _print(door: Door, seen: "Progress", *, line: bool = False, changes: bool = False) -> None:
    """`changes`: the lines that follow others tell what is new, and draw no picture again and again."""
    if door.as_json:
        (door.json_line if line else door.json)(shapes.progress(seen))
        return
    door.text(_headline(seen))
    if seen.services:
        door.table(HEADERS, [row for each in seen.services for row in _rows(each, seen.now)])
    for each in seen.services:
        for text in _below(each, seen.now, drawn=not changes):
            door.text(f"{each.rollout.service}: {text}")


def _headline(seen: "Progress") -> str:
    release = seen.release
    if release is None:
        return f"{seen.environment}: nothing was ever released"
    what = f"release {release.number} of {short(release.revision)} ({release.subject})"
    if seen.over:
        ended = f"{release.outcome} {age(release.finished_at, seen.now)}" + (
            f": {release.reason}" * bool(release.reason)
        )
        repairs = "repairs" if seen.services else "nothing"
        return f"{seen.environment}: {repairs} under way; {what} {ended}"
    doing = "returns" if release.phase == "returning" else "is rolled out"
    why = f": {release.reason}" if release.reason else ""
    return f"{seen.environment}: {what} {doing}, begun {age(release.started_at, seen.now)}{why}"


def _rows(each: "ServiceProgress", now: datetime) -> Iterator[tuple[str, ...]]:
    service = (each.rollout.service, each.rollout.stage, f"{each.serving}/{each.wanted}")
    for instance in each.instances:
        yield (*service, instance.name, instance.role, _state(instance), _ready(instance, now))
        service = ("", "", "")
    if not each.instances:
        yield (*service, NOTHING, NOTHING, NOTHING, NOTHING)


def _state(instance: "Standing") -> str:
    return instance.state if instance.check == "none" else f"{instance.state}, {instance.check}"


def _ready(instance: "Standing", now: datetime) -> str:
    since = instance.ready_since
    return f"for {max(0, int((now - since).total_seconds()))}s" if instance.ready and since is not None else "no"


def _below(each: "ServiceProgress", now: datetime, *, drawn: bool) -> Iterator[str]:
    yield each.rollout.cause
    if each.share is not None:
        yield f"{_bar(each.share)} {percent(each.share)} of the traffic goes to the new ones"
    if each.step:
        yield each.step
    if each.rollout.paused is not None:
        yield each.rollout.paused.words
    if drawn:
        yield from charts(each.rollout.trace, each.figures, levels_in(sys.stdout.encoding))
    if each.verdict:
        yield f"the judge: {each.verdict}"
    if each.warning:
        yield each.warning
    if each.evidence:
        yield f"against it: {each.evidence}"
    for expected in each.next:
        yield _expected(expected, now)


def _bar(share: int) -> str:
    filled = round(share * BAR / ALL)
    return f"[{'#' * filled}{'.' * (BAR - filled)}]"


def _expected(expected: "Expected", now: datetime) -> str:
    if expected.at is None:
        return f"next: {expected.what}"
    left = max(0, int((expected.at - now).total_seconds()))
    return f"at {clock_time(expected.at)} UTC (in {left}s): {expected.what}"

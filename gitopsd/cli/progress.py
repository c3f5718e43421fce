"""The release under way on the terminal: one look, or a view that follows it to its end."""

import sys
import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from gitopsd.cli.charts import charts, levels_in
from gitopsd.cli.door import Door
from gitopsd.cli.words import NOTHING, age, clock_time, short
from gitopsd.controller import answers, shapes
from gitopsd.model.rollout import Paused
from gitopsd.model.route import ALL, percent

if TYPE_CHECKING:
    from gitopsd.controller.queries.progress import Progress
    from gitopsd.controller.queries.view import View

Shown = Mapping[str, Any]  # as the API has it, so that another machine's is told in the same words
LOOK_S = 0.5
HEADERS = ("SERVICE", "PHASE", "SERVING", "INSTANCE", "IS", "STATE", "READY")
BAD = ("rolled-back", "failed", "cancelled")
BAR = 20


def show(door: Door, environment: str, service: str) -> int:
    """One look, by this machine's own gitopsd or by the one that was named."""
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import below

        _print(door, server.get(below(environment, "rollouts"), service=service), datetime.now(UTC))
        return 0
    seen = _look(door.view(), environment, service)
    _print(door, shapes.progress(seen), seen.now)
    return 0


def watch(door: Door, environment: str, service: str) -> int:
    """Look again and again until nothing is under way; 3 when it ended badly. A pipe gets what changes."""
    view, before = door.view(), None
    live = sys.stdout.isatty() and not door.as_json
    while True:
        seen = _look(view, environment, service)
        shape = shapes.progress(seen)
        if live or _telling(shape) != before:
            if live:
                click.clear()
            _print(door, shape, seen.now, line=True, changes=not live)
        if seen.over:
            return 3 if seen.release is not None and seen.release.outcome in BAD else 0
        before = _telling(shape)
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


def _print(door: Door, seen: Shown, now: datetime, *, line: bool = False, changes: bool = False) -> None:
    """`changes`: the lines that follow others tell what is new, and draw no picture again and again."""
    if door.as_json:
        (door.json_line if line else door.json)(seen)
        return
    door.text(_headline(seen, now))
    if seen["services"]:
        door.table(HEADERS, [row for each in seen["services"] for row in _rows(each, now)])
    for each in seen["services"]:
        for text in _below(each, now, drawn=not changes):
            door.text(f"{each['name']}: {text}")


def _headline(seen: Shown, now: datetime) -> str:
    environment, release = seen["environment"], seen["release"]
    if release is None:
        return f"{environment}: nothing was ever released"
    what = f"release {release['id']} of {short(release['revision'])} ({release['subject']})"
    why = f": {release['reason']}" if release["reason"] else ""
    if seen["over"]:
        repairs = "repairs" if seen["services"] else "nothing"
        ended = f"{release['outcome']} {age(answers.time(release['finished_at']), now)}"
        return f"{environment}: {repairs} under way; {what} {ended}{why}"
    doing = "returns" if seen["returning"] else "is rolled out"
    return f"{environment}: {what} {doing}, begun {age(answers.time(release['started_at']), now)}{why}"


def _rows(each: Shown, now: datetime) -> Iterator[tuple[str, ...]]:
    service = (each["name"], each["phase"], f"{each['serving']}/{each['wanted']}")
    for instance in each["instances"]:
        yield (*service, instance["name"], instance["role"], _state(instance), _ready(instance, now))
        service = ("", "", "")
    if not each["instances"]:
        yield (*service, NOTHING, NOTHING, NOTHING, NOTHING)


def _state(instance: Shown) -> str:
    state, check = str(instance["state"]), instance["check"]
    return state if check == "none" else f"{state}, {check}"


def _ready(instance: Shown, now: datetime) -> str:
    since = answers.time(instance["ready_since"])
    return f"for {max(0, int((now - since).total_seconds()))}s" if instance["ready"] and since is not None else "no"


def _below(each: Shown, now: datetime, *, drawn: bool) -> Iterator[str]:
    yield each["cause"]
    if each["share"] is not None:
        share = round(each["share"] * 100)
        yield f"{_bar(share)} {percent(share)} of the traffic goes to the new ones"
    if each["step"]:
        yield each["step"]
    if paused := each["paused"]:
        yield Paused(paused["by"], answers.moment(paused["at"]), paused["reason"]).words
    if drawn:
        figures = tuple(map(answers.figure, each["metrics"]))
        yield from charts(answers.trace(each["trace"]), figures, levels_in(sys.stdout.encoding))
    if each["verdict"]:
        yield f"the judge: {each['verdict']}"
    if each["warning"]:
        yield each["warning"]
    if each["evidence"]:
        yield f"against it: {each['evidence']}"
    for expected in each["next"]:
        yield _expected(expected, now)


def _bar(share: int) -> str:
    filled = round(share * BAR / ALL)
    return f"[{'#' * filled}{'.' * (BAR - filled)}]"


def _expected(expected: Shown, now: datetime) -> str:
    at = answers.time(expected["at"])
    if at is None:
        return f"next: {expected['what']}"
    left = max(0, int((at - now).total_seconds()))
    return f"at {clock_time(at)} UTC (in {left}s): {expected['what']}"

"""`gitopsd sync`: bring environments to what Git says now, and follow their releases to the end."""

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options
from gitopsd.cli.words import DURATION

if TYPE_CHECKING:
    from gitopsd.controller.queries.view import View

GOOD = (None, "succeeded", "superseded")


@click.command("sync", help="Bring environments to what Git says now. Exit code 3: the release failed.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--pull", is_flag=True, help="Ask the registry for every image anew.")
@click.option("--no-wait", "no_wait", is_flag=True, help="Do not wait for the release to end.")
@click.option("--timeout", type=DURATION, default="15m", help="How long to wait.")
@options
def command(door: Door, environment: str, pull: bool, no_wait: bool, timeout: timedelta) -> int:
    if (server := door.server()) is not None:
        from gitopsd.cli.remote import sync_there

        patience_s = 0.0 if no_wait else timeout.total_seconds()
        return sync_there(door, server, environment, pull=pull, patience_s=patience_s)
    view = door.view()
    names = [environment] if environment else _all(view)
    codes, shapes = [], []
    for name in names:
        code, shape = _sync(door, view, name, pull, 0.0 if no_wait else timeout.total_seconds())
        codes.append(code)
        shapes.append(shape)
    if door.as_json:
        door.json({"operations": shapes})
    return next((code for code in (1, 3) if code in codes), 0)


def _all(view: "View") -> list[str]:
    return sorted({*view.environments, *(each.name for each in view.store.statuses())})


def _sync(door: Door, view: "View", name: str, pull: bool, patience_s: float) -> tuple[int, dict[str, object]]:
    """The exit code, and the JSON of the operation with the release that it led to."""
    from gitopsd.cli.asking import ANSWER_S, QUEUED, caller, following
    from gitopsd.controller import shapes
    from gitopsd.controller.queries.operate import ask

    asked = ask(view, "sync", name, caller(), {"pull": True} if pull else {})
    follow = following(door, view, asked, max(patience_s, ANSWER_S))
    operation = follow.answer()
    shape = {**shapes.operation(operation or asked.operation), "release": None}
    if operation is None:
        door.note(f"{name}: {'the daemon has not answered' if view.store.daemon_runs() else QUEUED}")
        return (1 if view.store.daemon_runs() else 0), shape
    if not door.as_json:
        door.text(f"{name}: {operation.result}")
    if not patience_s or not operation.result.startswith("release"):
        return _code(operation.result), shape
    release = follow.release()
    if release is None:
        return 0, shape
    if not door.as_json:
        why = f": {release.reason}" if release.reason else ""
        door.text(f"{name}: release {release.number} {release.outcome or 'is still under way'}{why}")
    return (0 if release.outcome in GOOD else 3), {**shape, "release": shapes.release(release)}


def _code(result: str) -> int:
    return 3 if result.startswith("rejected") else 0

"""`gitopsd drift`: what differs from what was left behind, what it takes to mend it, and what was not looked at."""

from typing import TYPE_CHECKING

import click

from gitopsd.cli.door import Door, options

if TYPE_CHECKING:
    from datetime import datetime

    from gitopsd.model.drift import DriftItem, DriftReport, FieldDrift

MARKS = {"missing": "-", "extra": "+"}
STATES = {
    "conflict": "changed in Git, too, which wins with its next release",
    "unenforceable": "this engine cannot do it; held against nobody",
    "heal-loop": "given up: `gitopsd heal` tries again",
}
CURES = {"in-place": "can be mended in place", "recreate": "takes a new one", "none": "not gitopsd's to mend"}


@click.command("drift", help="Show what differs from what was left behind. With --exit-code: 2 when something does.")
@click.argument("environment", required=False, default="", metavar="[ENV]")
@click.option("--exit-code", "exit_code", is_flag=True, help="Exit with 2 when there is something to show.")
@options
def command(door: Door, environment: str, exit_code: bool) -> int:
    from gitopsd.controller.queries.drifts import drifts

    view = door.view()
    found = drifts(view, environment)
    if door.as_json:
        from gitopsd.cli import shapes

        shown = [shapes.drift(each) for each in found.reports]
        door.json({"environments": shown, "failures": shapes.failures(found.failures)})
    else:
        for report in found.reports:
            _report(door, report, view.now)
        if not (found.reports or found.failures):
            door.text(f"No environments: {view.known()}")
    for failure in found.failures:
        door.note(f"{failure.environment}: {failure.reason}")
    if found.failures:
        return 1
    return 2 if exit_code and any(each.items for each in found.reports) else 0


def _report(door: Door, report: "DriftReport", now: "datetime") -> None:
    from gitopsd.cli.words import short

    count = len(report.items)
    summary = "no drift" if not count else f"{count} drifted" if count > 1 else "1 drifted"
    door.text(f"{report.environment} at {short(report.revision)}: {summary}")
    for item in report.items:
        _item(door, item, now)
    door.text(f"  not checked: {'; '.join(report.not_checked)}")


def _item(door: Door, item: "DriftItem", now: "datetime") -> None:
    from gitopsd.cli.inert import inert
    from gitopsd.cli.words import age

    what = item.name if item.resource == "container" else f"{item.resource} {item.name}"
    door.text(f"  {MARKS.get(item.kind, '~')} {inert(what)}  {item.kind}: {inert(item.cause)}")
    since = f", since {age(item.first_seen, now)}" if item.first_seen < now else ""
    container = f"container {item.instance[:12]}, " if item.instance else ""
    door.text(f"      {container}{STATES.get(item.state) or CURES[item.cure]}{since}")
    for change in item.changes:
        door.text(f"      {inert(change.path)}: {_shown(change.applied)} -> {_shown(change.live)}{_from(change)}")


def _from(change: "FieldDrift") -> str:
    both = f"; Git wants {_shown(change.desired)}" if change.conflict else ""
    return f"  ({change.source}{both})" if change.source not in ("declared", "manifest") or both else ""


def _shown(value: object) -> str:
    """A value on one line; what may be secret is not shown, nor what stands for it."""
    from gitopsd.cli.inert import inert

    hidden = isinstance(value, dict) and value.keys() == {"hidden"}
    return "(hidden)" if hidden else inert(str("-" if value is None else value))

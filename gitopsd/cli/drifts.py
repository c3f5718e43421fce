"""Drift as people read it: what is not as it was left, field by field, with values, origins, cures and ages."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from gitopsd.cli.inert import inert
from gitopsd.cli.table import table
from gitopsd.cli.words import NOTHING, age, short
from gitopsd.model.canonical import Json
from gitopsd.model.drift import DriftItem, DriftReport, FieldDrift
from gitopsd.model.units import in_units

MARKS = {"missing": "-", "extra": "+"}
STATES = {
    "conflict": "changed in Git, too, which wins with its next release",
    "unenforceable": "this engine cannot do it; held against nobody",
    "heal-loop": "given up: `gitopsd heal` tries again",
}
CURES = {"in-place": "can be mended in place", "recreate": "takes a new one", "none": "not gitopsd's to mend"}
SHORT_CURES = {"in-place": "in place", "recreate": "takes a new one", "none": "-"}
HIDDEN = "changed (hidden)"
_IN_CONTAINERS = ("container", "file")


def report_lines(report: DriftReport, now: datetime) -> Iterator[str]:
    """The report of one environment, made inert."""
    yield headline(report)
    for item in report.items:
        yield from _item(item, now)
    yield f"  not checked: {inert('; '.join(report.not_checked))}"
    if said := advice(report):
        yield f"  {said}"


def headline(report: DriftReport) -> str:
    count = len(report.items)
    return f"{report.environment} at {short(report.revision)}: {f'{count} drifted' if count else 'no drift'}"


def advice(report: DriftReport) -> str:
    """What it takes to mend all of it, and what to do; "" where there is nothing to mend."""
    open_ones = [item for item in report.items if item.state in ("open", "heal-loop")]
    cures = Counter(item.cure for item in open_ones)
    told = (
        (cures["in-place"], "can be mended in place"),
        (cures["recreate"], "takes a new one" if cures["recreate"] == 1 else "take new ones"),
        (cures["none"], "not gitopsd's to mend"),
    )
    sums = ", ".join(f"{count} {words}" for count, words in told if count)
    mendable = cures["in-place"] + cures["recreate"]
    return f"{sums}: `gitopsd heal {report.environment}`, or commit the change" if mendable else sums


def _item(item: DriftItem, now: datetime) -> Iterator[str]:
    since = f", since {age(item.first_seen, now)}" if item.first_seen < now else ""
    yield f"  {MARKS.get(item.kind, '~')} {inert(what(item))}  {item.kind}{since}: {inert(item.cause)}"
    container = f"container {item.instance[:12]}, " if item.instance and item.resource in _IN_CONTAINERS else ""
    yield f"      {container}{STATES.get(item.state) or CURES[item.cure]}"
    if item.changes:
        rows = [(each.path, values(each), origin(each), SHORT_CURES[each.cure]) for each in item.changes]
        yield from (f"      {line}" for line in table((), rows).splitlines())


def what(item: DriftItem) -> str:
    return item.name if item.resource in _IN_CONTAINERS else f"{item.resource} {item.name}"


def values(change: FieldDrift) -> str:
    """`64MiB -> 32MiB`; of what may be secret only that it changed."""
    if _hidden(change.applied) or _hidden(change.live):
        return HIDDEN
    return f"{value(change, change.applied)} -> {value(change, change.live)}"


def value(change: FieldDrift, found: Json) -> str:
    """One value on one line, in the units that people write: `64MiB`, `0.5`, `[back, web]`."""
    if _hidden(found):
        return HIDDEN
    if isinstance(found, int) and not isinstance(found, bool):
        return in_units(change.at[0], found)
    return inert(_text(found))


def _text(found: Json) -> str:
    match found:
        case None:
            return NOTHING
        case bool():
            return str(found).lower()
        case str():
            return found
        case Mapping():
            return "{" + ", ".join(f"{key}: {_text(each)}" for key, each in found.items()) + "}"
        case Sequence():
            return f"[{', '.join(_text(each) for each in found)}]"
        case _:
            return str(found)


def origin(change: FieldDrift) -> str:
    """Where the value comes from that is wanted; and, where Git has changed it as well, what Git says by now."""
    source = "declared" if change.source == "manifest" else change.source
    return f"{source}; Git wants {value(change, change.desired)}" if change.conflict else source


def _hidden(found: Json) -> bool:
    return isinstance(found, Mapping) and found.keys() == {"hidden"}

"""Drift as Markdown, to be pasted into a ticket: whatever comes from outside stands in code spans and does nothing."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gitopsd.cli.drifts import HIDDEN, SHORT_CURES, STATES, advice, headline, origin, value, values, what
from gitopsd.cli.inert import inert
from gitopsd.cli.words import NOTHING, age, clock_time
from gitopsd.drift import end_words
from gitopsd.model.drift import DriftItem, DriftReport, FieldDrift, PastDrift


def report_markdown(report: DriftReport, now: datetime) -> Iterator[str]:
    """The report of one environment."""
    yield f"### Drift of {headline(report)}"
    yield ""
    if report.items:
        yield line("what", "kind", "field", "left as", "is now", "comes from", "cure", "first seen (UTC)")
        yield line(*["---"] * 8)
        for item in report.items:
            yield from _item_rows(item, now)
        yield ""
        yield from (f"- {code(what(item))}: {code(item.cause)}{_state(item)}" for item in report.items)
        yield ""
    if said := advice(report):
        yield said
        yield ""
    yield f"Not checked: {'; '.join(report.not_checked)}."


def past_markdown(past: Mapping[str, tuple[PastDrift, ...]]) -> Iterator[str]:
    """What drifted once, of each environment."""
    for environment, found in past.items():
        yield f"### Past drift of {environment}"
        yield ""
        yield line("what", "kind", "changes", "first seen (UTC)", "last seen", "ended", "how")
        yield line(*["---"] * 7)
        for each in found:
            item = each.item
            changes = "; ".join(f"{change.path}: {values(change)}" for change in item.changes)
            times = (clock_time(when) for when in (item.first_seen, item.last_seen, each.ended_at))
            by = f" ({code(each.by)})" if each.by else ""
            yield line(code(what(item)), item.kind, code(changes or item.cause), *times, end_words(each) + by)
        yield ""


def code(text: str) -> str:
    """A code span on one line; what would end it, or its cell, is taken out."""
    return f"`{inert(text).replace('`', chr(39)).replace('|', chr(92) + '|')}`"


def _item_rows(item: DriftItem, now: datetime) -> Iterator[str]:
    seen = clock_time(item.first_seen) + (f" ({age(item.first_seen, now)})" if item.first_seen < now else "")
    if not item.changes:
        yield line(code(what(item)), item.kind, NOTHING, NOTHING, NOTHING, NOTHING, SHORT_CURES[item.cure], seen)
    for change in item.changes:
        before, after = _sides(change)
        cells = (code(change.path), before, after, origin(change), SHORT_CURES[change.cure])
        yield line(code(what(item)), item.kind, *cells, seen)


def _sides(change: FieldDrift) -> tuple[str, str]:
    if values(change) == HIDDEN:
        return HIDDEN, HIDDEN
    return code(value(change, change.applied)), code(value(change, change.live))


def _state(item: DriftItem) -> str:
    return f"; {STATES[item.state]}" if item.state in STATES else ""


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"

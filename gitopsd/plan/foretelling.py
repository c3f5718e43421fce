"""What a replacement costs in service, as the last ones did: what was measured is worth more than what is assumed."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from gitopsd.model.plan import Change, Plan


def interrupting(plan: Plan) -> tuple[str, ...]:
    """The services that are expected to be without an instance for a while."""
    return tuple(change.service for change in plan.changes if change.interruption_s)


def foretold(plan: Plan, measured: Mapping[str, tuple[float, ...]]) -> Plan:
    """The plan with the seconds that each such service was without an instance lately; `measured` is by service."""
    return replace(plan, changes=tuple(_foretold(change, measured.get(change.service, ())) for change in plan.changes))


def _foretold(change: Change, measured: tuple[float, ...]) -> Change:
    if not change.interruption_s or not measured:
        return change
    times = "time" if len(measured) == 1 else f"{len(measured)} times"
    told = f"{change.interruption} (as measured the last {times})"
    return replace(change, interruption_s=round(median(measured), 1), interruption=told)

"""What a replacement costs in service, as the last ones did: what was measured is worth more than what is assumed."""

from collections.abc import Mapping
from dataclasses import replace
from statistics import median

from gitopsd.model.desired import DesiredState
from gitopsd.model.plan import Change, Plan
from gitopsd.plan.shifting import SHIFTING
from gitopsd.rollout.volume import too_quiet


def interrupting(plan: Plan) -> tuple[str, ...]:
    """The services that are expected to be without an instance for a while."""
    return tuple(change.service for change in plan.changes if change.interruption_s)


def foretold(plan: Plan, measured: Mapping[str, tuple[float, ...]]) -> Plan:
    """The plan with the seconds that each such service was without an instance lately; `measured` is by service."""
    return replace(plan, changes=tuple(_foretold(change, measured.get(change.service, ())) for change in plan.changes))


def judging(plan: Plan, desired: DesiredState) -> tuple[str, ...]:
    """The services whose steps are judged by requests, in this plan."""
    there = {change.service for change in plan.changes if change.change != "unchanged" and change.strategy in SHIFTING}
    return tuple(name for name, each in desired.services.items() if name in there and each.policy.analysis.metrics)


def quiet(plan: Plan, desired: DesiredState, rates: Mapping[str, tuple[float, ...]]) -> tuple[str, ...]:
    """What steps will not see enough of to be judged, if as much comes as lately; `rates` are by service."""
    found = []
    for name in judging(plan, desired):
        measured = rates.get(name, ())
        if measured and (words := too_quiet(desired.services[name].policy, median(measured))):
            times = "time" if len(measured) == 1 else f"{len(measured)} times"
            found.append(f"{name}: {words} (requests as measured the last {times})")
    return tuple(found)


def _foretold(change: Change, measured: tuple[float, ...]) -> Change:
    if not change.interruption_s or not measured:
        return change
    times = "time" if len(measured) == 1 else f"{len(measured)} times"
    told = f"{change.interruption} (as measured the last {times})"
    return replace(change, interruption_s=round(median(measured), 1), interruption=told)

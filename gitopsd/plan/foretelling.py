"""What a replacement costs in service, as the last ones did: what was measured is worth more than what is assumed."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from statistics import median

from gitopsd.model.desired import DesiredState
from gitopsd.model.plan import Change, Plan
from gitopsd.model.traffic import Traffic
from gitopsd.plan.shifting import SHIFTING
from gitopsd.rollout.volume import too_quiet

Entrance = tuple[str, int]
"""An address of the host, "" for all of them, and a port."""


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


def begins_anew(plan: Plan, desired: DesiredState, listening: Collection[Entrance]) -> tuple[str, ...]:
    """What a port more or less costs everybody behind a router on a bridge, which has its ports from start to end."""
    coming = {entrance for each in desired.services.values() for entrance in entrances(each.traffic)} - set(listening)
    changing = any(change.change != "unchanged" for change in plan.changes)
    if not coming or not listening or not changing:
        return ()
    ports = ", ".join(str(port) for port in sorted({port for _, port in coming}))
    return (
        f"the router is on a bridge and begins anew to listen at {ports}: nobody behind it has an answer for a second "
        "or so; on its host (`router: {network: host}`) a port comes without that",
    )


def entrances(traffic: Traffic | None) -> tuple[Entrance, ...]:
    """Where the router listens on its host for it."""
    if traffic is None or traffic.inner:
        return ()
    ports = (traffic.listen, traffic.redirect_from)
    return tuple((traffic.host_address, port) for port in ports if port)


def _foretold(change: Change, measured: tuple[float, ...]) -> Change:
    if not change.interruption_s or not measured:
        return change
    times = "time" if len(measured) == 1 else f"{len(measured)} times"
    told = f"{change.interruption} (as measured the last {times})"
    return replace(change, interruption_s=round(median(measured), 1), interruption=told)

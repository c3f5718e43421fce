"""Repairs: rollouts whose target is what serves already, opened where an instance is gone or has stopped."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal, Repair
from gitopsd.model.rollout import Pending, Rollout, Target
from gitopsd.plan.order import replacement
from gitopsd.rollout import Member

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(seconds=300)
FORGET_AFTER = timedelta(minutes=10)


def open_repairs(
    journal: Journal, serving: SealedState | None, members: Mapping[str, tuple[Member, ...]], now: datetime
) -> Journal:
    """The journal with a repair for each service that needs one, unless the last attempt was too short ago."""
    if serving is None or serving.desired.policy.heal == "report":
        return journal
    for name, stable in sorted(journal.stable.items()):
        sealed = serving.services.get(name)
        if name in journal.rollouts or sealed is None or sealed.service.job is not None:
            continue
        if sealed.fingerprint != stable.fingerprint:
            continue
        cause = ailment(journal, stable, members.get(name, ()), f"{serving.desired.project}-{name}")
        if cause and _may(journal, name, now):
            journal = _opened(journal, serving, name, cause, now)
    return journal


def ailment(journal: Journal, stable: Target, members: tuple[Member, ...], stem: str) -> str:
    """What is wrong with a service's instances that a repair mends; "" for nothing."""
    by_slot: dict[int, list[Member]] = {}
    for member in members:
        by_slot.setdefault(member.placed.slot, []).append(member)
    for slot in range(1, stable.replicas + 1):
        name = stable.container_name or f"{stem}-{slot}"
        found = by_slot.pop(slot, [])
        cause = _slot_ailment(name, stable, found)
        if cause:
            return cause
    surplus = [member.instance.name for found in by_slot.values() for member in found]
    return f"{surplus[0]} is left over" if surplus else ""


def _slot_ailment(name: str, stable: Target, found: list[Member]) -> str:
    if not found:
        return f"{name} is gone"
    if len(found) > 1:
        return f"{found[1].instance.name} is left over"
    member = found[0]
    instance = member.instance
    if member.placed.fingerprint != stable.fingerprint:
        return f"{instance.name} is of another fingerprint"
    match instance.state:
        case "running" | "restarting":
            pass
        case "exited":
            return f"{instance.name} exited with code {instance.exit_code}"
        case state:
            return f"{instance.name} is {state}"
    if instance.name != name:
        return f"{name} was renamed to {instance.name}"
    return "limits or restart policy are not known" if member.placed.in_place != stable.in_place else ""


def _may(journal: Journal, name: str, now: datetime) -> bool:
    repair = journal.repairs.get(name)
    return repair is None or now >= repair.not_before


def _opened(journal: Journal, serving: SealedState, name: str, cause: str, now: datetime) -> Journal:
    sealed = serving.services[name]
    stable = journal.stable[name]
    policy = sealed.service.policy
    rollout = Rollout(
        service=name,
        release=journal.serving.release if journal.serving is not None else 0,
        target=stable,
        stable=stable,
        order=replacement(sealed).order,
        policy=policy,
        cause=f"repair: {cause}",
        phase=Pending(),
        started_at=now,
        deadline=now + policy.progress_deadline,
        kind="repair",
        way_back=False,
        project=serving.desired.project,
    )
    repairs = {**journal.repairs, name: _attempt(journal.repairs.get(name), now)}
    return replace(journal, rollouts={**journal.rollouts, name: rollout}, repairs=repairs)


def _attempt(last: Repair | None, now: datetime) -> Repair:
    """One more attempt: the first may be followed at once, later ones wait 2 s, 4 s, ... up to 5 minutes."""
    attempts = 1 if last is None or now - last.last > FORGET_AFTER else last.attempts + 1
    wait = min(FIRST_WAIT * 2 ** min(attempts - 1, 20), LONGEST_WAIT)
    return Repair(attempts, now + wait if attempts > 1 else now, now)

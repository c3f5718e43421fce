"""Repairs: rollouts whose target is what serves already, opened where an instance is gone or has stopped."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.desired import Policy, SealedState
from gitopsd.model.release import Journal, Repair
from gitopsd.model.rollout import Pending, Rollout, Target
from gitopsd.plan.order import replacement
from gitopsd.release.sharing import sharing_of
from gitopsd.rollout import Member, Sharing
from gitopsd.rollout.machine import NOTHING
from gitopsd.rollout.sharing import cut_off, stray

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(seconds=300)
FORGET_AFTER = timedelta(minutes=10)
LOOP = 9  # heals of one service, each soon after the last: somebody else changes it back


def open_repairs(
    journal: Journal, serving: SealedState | None, members: Mapping[str, tuple[Member, ...]], now: datetime
) -> Journal:
    """The journal with a repair for each service that needs one, unless the last attempt was too short ago."""
    if serving is None or serving.desired.policy.heal == "report":
        return journal
    sharing = sharing_of(journal, members)
    paused = {each.release for each in journal.rejected.values() if each.paused}
    for name in sorted({*journal.stable, *members} - set(journal.rollouts)):
        found = members.get(name, ())
        if any(member.placed.release in paused for member in found) or not _may(journal, name, now):
            continue
        if _orphaned(journal, serving, name):
            journal = _opened(journal, _sweep(journal, serving, name, now), now)
        elif cause := _cause(journal, serving, name, found, sharing):
            journal = _opened(journal, _mend(journal, serving, name, cause, now), now)
    return journal


def _orphaned(journal: Journal, serving: SealedState, name: str) -> bool:
    """Instances came into being for a service that was given up meanwhile."""
    return journal.release is None and name not in journal.stable and name not in serving.services


def _cause(journal: Journal, serving: SealedState, name: str, members: tuple[Member, ...], sharing: Sharing) -> str:
    stable, sealed = journal.stable.get(name), serving.services.get(name)
    if stable is None or sealed is None or sealed.service.job is not None or sealed.fingerprint != stable.fingerprint:
        return ""
    return ailment(stable, members, f"{serving.desired.project}-{name}", sharing)


def ailment(stable: Target, members: tuple[Member, ...], stem: str, sharing: Sharing) -> str:
    """What is wrong with a service's instances that a repair mends; "" for nothing."""
    by_slot: dict[int, list[Member]] = {}
    for member in members:
        by_slot.setdefault(member.placed.slot, []).append(member)
    for slot in range(1, stable.replicas + 1):
        name = stable.container_name or f"{stem}-{slot}"
        found = by_slot.pop(slot, [])
        cause = _slot_ailment(name, stable, found, sharing)
        if cause:
            return cause
    surplus = [member.instance.name for found in by_slot.values() for member in found]
    return f"{surplus[0]} is left over" if surplus else ""


def _slot_ailment(name: str, stable: Target, found: list[Member], sharing: Sharing) -> str:
    if not found:
        return f"{name} is gone"
    if len(found) > 1:
        return f"{found[1].instance.name} is left over"
    member = found[0]
    instance = member.instance
    if member.placed.fingerprint != stable.fingerprint:
        return f"{instance.name} is of another fingerprint"
    if member.placed.spoilt:
        return f"{instance.name}: {member.placed.spoilt}"
    match instance.state:
        case "running" | "restarting":
            pass
        case "removing":
            return f"{instance.name} is being removed"
        case "exited":
            return f"{instance.name} exited with code {instance.exit_code}"
        case state:
            return f"{instance.name} is {state}"
    if other := stray(member, stable, sharing):
        return f"{instance.name} lives in a container that is not {other}'s any more"
    if other := cut_off(member, stable, sharing):
        return f"{other} was started again, and {instance.name} is cut off from it"
    if instance.name != name:
        return f"{name} was renamed to {instance.name}"
    return "limits or restart policy are not known" if member.placed.in_place != stable.in_place else ""


def _may(journal: Journal, name: str, now: datetime) -> bool:
    repair = journal.repairs.get(name)
    return repair is None or now >= repair.not_before


def _opened(journal: Journal, rollout: Rollout, now: datetime) -> Journal:
    name = rollout.service
    repairs = {**journal.repairs, name: attempt(journal.repairs.get(name), now)}
    return replace(journal, rollouts={**journal.rollouts, name: rollout}, repairs=repairs)


def _mend(journal: Journal, serving: SealedState, name: str, cause: str, now: datetime) -> Rollout:
    sealed, stable = serving.services[name], journal.stable[name]
    policy = sealed.service.policy
    return Rollout(
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


def _sweep(journal: Journal, serving: SealedState, name: str, now: datetime) -> Rollout:
    policy = Policy()
    return Rollout(
        service=name,
        release=journal.serving.release if journal.serving is not None else 0,
        target=NOTHING,
        stable=None,
        order="stop-first",
        policy=policy,
        cause="repair: left over from a release that was given up",
        phase=Pending(),
        started_at=now,
        deadline=now + policy.progress_deadline,
        kind="repair",
        way_back=False,
        project=serving.desired.project,
    )


def looping(repair: Repair) -> bool:
    """Whether somebody undoes every heal; it is given up until a person says `heal` or the service is released anew."""
    return repair.attempts >= LOOP


def attempt(last: Repair | None, now: datetime, at_once: int = 1) -> Repair:
    """One more attempt: the first `at_once` may be followed at once, later ones wait 2 s, 4 s, ... up to 5 minutes."""
    attempts = 1 if last is None or now - last.last > FORGET_AFTER else last.attempts + 1
    waits = attempts - at_once
    wait = min(FIRST_WAIT * 2 ** min(max(waits - 1, 0), 20), LONGEST_WAIT)
    return Repair(attempts, now + wait if waits > 0 else now, now)

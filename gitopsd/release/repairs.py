"""Repairs: rollouts whose target is what serves already, opened where an instance is gone or has stopped."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from gitopsd.model.desired import Policy, SealedState
from gitopsd.model.live import Instance
from gitopsd.model.policy import REPAIR_ALL, REPORT_ONLY, Heals
from gitopsd.model.release import Journal, Repair
from gitopsd.model.rollout import Pending, Rollout, Target
from gitopsd.plan.order import replacement
from gitopsd.release.sharing import sharing_of
from gitopsd.rollout import Member, Sharing
from gitopsd.rollout.machine import NOTHING
from gitopsd.rollout.sharing import cut_off, stray

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(seconds=300)
SIGKILLED, SIGTERMED = 137, 143
FORGET_AFTER = timedelta(minutes=10)


def heals_of(journal: Journal, serving: SealedState | None, service: str, *, repair: bool) -> Heals:
    """What becomes of a service's drift: as a person asked, or as its manifest says if anything may be mended now."""
    if serving is None:
        return REPORT_ONLY
    if service in journal.asked_heals:
        return REPAIR_ALL
    return serving.desired.policy.heal if repair else REPORT_ONLY


def open_repairs(
    journal: Journal,
    serving: SealedState | None,
    members: Mapping[str, tuple[Member, ...]],
    now: datetime,
    *,
    repair: bool = True,
) -> Journal:
    """The journal with a repair for each service that needs one, unless the last attempt was too short ago."""
    if serving is None:
        return journal
    sharing = sharing_of(journal, members)
    paused = {each.release for each in journal.rejected.values() if each.paused}
    for name in sorted({*journal.stable, *members} - set(journal.rollouts)):
        found, heals = members.get(name, ()), heals_of(journal, serving, name, repair=repair)
        left_alone = heals == REPORT_ONLY or any(member.placed.release in paused for member in found)
        if left_alone or not _may(journal, name, now):
            continue
        if _orphaned(journal, serving, name):
            journal = _opened(journal, _sweep(journal, serving, name, now), now)
            continue
        stable, stem = _serving_target(journal, serving, name), f"{serving.desired.project}-{name}"
        if stable is not None and (cause := ailment(stable, found, stem, sharing, heals)):
            journal = _opened(journal, _mend(journal, serving, name, cause, now), now)
    return journal


def _orphaned(journal: Journal, serving: SealedState, name: str) -> bool:
    """Instances came into being for a service that was given up meanwhile."""
    return journal.release is None and name not in journal.stable and name not in serving.services


def _serving_target(journal: Journal, serving: SealedState, name: str) -> Target | None:
    """What a service's instances are held against; None for a one-shot, and where something else serves."""
    stable, sealed = journal.stable.get(name), serving.services.get(name)
    if stable is None or sealed is None or sealed.service.job is not None or sealed.fingerprint != stable.fingerprint:
        return None
    return stable


@dataclass(frozen=True, slots=True)
class Ailment:
    """What is wrong with an instance, by the kinds that `heal` knows, and in words."""

    kind: Literal["crashed", "removed", "stopped", "modified", "extra", "unhealthy"]
    words: str


def ailment(stable: Target, members: tuple[Member, ...], stem: str, sharing: Sharing, heals: Heals = REPAIR_ALL) -> str:
    """What is wrong with a service's instances that a repair mends, in words; "" for nothing."""
    by_slot: dict[int, list[Member]] = {}
    for member in members:
        by_slot.setdefault(member.placed.slot, []).append(member)
    wanted = range(1, stable.replicas + 1)
    found = [
        _slot_ailment(stable.container_name or f"{stem}-{slot}", stable, by_slot.get(slot, []), sharing)
        for slot in wanted
    ]
    surplus = (member.instance.name for slot, each in by_slot.items() if slot not in wanted for member in each)
    found += [Ailment("extra", f"{name} is left over") for name in surplus]
    return next((each.words for each in found if each is not None and _healed(each, heals)), "")


def _healed(found: Ailment, heals: Heals) -> bool:
    return bool(getattr(heals, found.kind) == "repair")


def _slot_ailment(name: str, stable: Target, found: list[Member], sharing: Sharing) -> Ailment | None:
    if not found:
        return Ailment("removed", f"{name} is gone")
    if len(found) > 1:
        return None if _hopeless(found) else Ailment("extra", f"{found[1].instance.name} is left over")
    member = found[0]
    return _make_ailment(member, stable) or _down(member.instance) or _running_ailment(name, member, stable, sharing)


def _make_ailment(member: Member, stable: Target) -> Ailment | None:
    """What only another container mends, however this one stands."""
    instance, placed = member.instance, member.placed
    if placed.fingerprint != stable.fingerprint:
        return Ailment("modified", f"{instance.name} is of another fingerprint")
    if placed.spoilt:
        return Ailment("modified", f"{instance.name}: {placed.spoilt}")
    if not placed.sick:
        return None
    return Ailment("crashed" if placed.sick == placed.looping else "unhealthy", f"{instance.name} {placed.sick}")


def _running_ailment(name: str, member: Member, stable: Target, sharing: Sharing) -> Ailment | None:
    """What may be wrong with one that runs."""
    instance = member.instance
    if other := stray(member, stable, sharing):
        return Ailment("modified", f"{instance.name} lives in a container that is not {other}'s any more")
    if other := cut_off(member, stable, sharing):
        return Ailment("modified", f"{other} was started again, and {instance.name} is cut off from it")
    if instance.name != name:
        return Ailment("modified", f"{name} was renamed to {instance.name}")
    unknown = member.placed.in_place != stable.in_place
    return Ailment("modified", "limits or restart policy are not known") if unknown else None


def _hopeless(found: list[Member]) -> bool:
    """A replacement was no better: another one is not made yet."""
    up = [member for member in found if member.up]
    return bool(up) and all((member.unhealthy or member.placed.looping) and not member.placed.sick for member in up)


def _down(instance: Instance) -> Ailment | None:
    match instance.state:
        case "running" | "restarting":
            return None
        case "removing":
            return Ailment("removed", f"{instance.name} is being removed")
        case "exited":
            kind: Literal["stopped", "crashed"] = "stopped" if stopped_by_hand(instance) else "crashed"
            return Ailment(kind, f"{instance.name} exited with code {instance.exit_code}")
        case "dead":
            return Ailment("crashed", f"{instance.name} is dead")
        case state:
            return Ailment("stopped", f"{instance.name} is {state}")


def stopped_by_hand(instance: Instance) -> bool:
    """Whether somebody stopped it: the engine itself starts what ended under `always` and `unless-stopped`."""
    signalled = instance.exit_code in (SIGKILLED, SIGTERMED) and not instance.oom_killed
    return instance.restart_policy in ("always", "unless-stopped") or signalled


def _may(journal: Journal, name: str, now: datetime) -> bool:
    repair = journal.repairs.get(name)
    return repair is None or now >= repair.not_before


def _opened(journal: Journal, rollout: Rollout, now: datetime) -> Journal:
    name = rollout.service
    made = attempt(journal.repairs.get(name), now)
    sick = any(placed.sick for placed in journal.inventory.values() if placed.service == name)
    repairs = {**journal.repairs, name: replace(made, cured=now) if sick else made}
    return replace(journal, rollouts={**journal.rollouts, name: rollout}, repairs=repairs)


def _mend(journal: Journal, serving: SealedState, name: str, cause: str, now: datetime) -> Rollout:
    sealed, stable = serving.services[name], journal.stable[name]
    # One at a time: what makes all of them fail at once is rarely mended by their replacement.
    policy = replace(sealed.service.policy, parallelism=1, max_surge=None, max_unavailable=None)
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


def attempt(last: Repair | None, now: datetime, at_once: int = 1) -> Repair:
    """One more attempt: the first `at_once` may be followed at once, later ones wait 2 s, 4 s, ... up to 5 minutes."""
    attempts = 1 if last is None or now - last.last > FORGET_AFTER else last.attempts + 1
    waits = attempts - at_once
    wait = min(FIRST_WAIT * 2 ** min(max(waits - 1, 0), 20), LONGEST_WAIT)
    cured = last.cured if last is not None else None
    return Repair(attempts, now + wait if waits > 0 else now, now, cured=cured)

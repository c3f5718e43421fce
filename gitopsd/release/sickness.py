"""Which instances are to be replaced outside of any rollout of newer content: their checks fail, or they crash anew."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal, Placed, Repair
from gitopsd.release.repairs import heals_of
from gitopsd.release.restarts import lately, policy_of
from gitopsd.rollout import Member
from gitopsd.rollout.member import out_of_memory

ANOTHER_CURE_AFTER = timedelta(minutes=10)


def diagnosed(
    journal: Journal,
    serving: SealedState | None,
    members: Mapping[str, tuple[Member, ...]],
    now: datetime,
    *,
    repair: bool,
) -> Journal:
    """The journal that knows whom a repair shall replace.

    A rollout under way goes on with those that it began with: what it makes itself is never one of them.
    """
    placed: dict[str, Placed] = {}
    for name, found in members.items():
        rolling, last = name in journal.rollouts, journal.repairs.get(name)
        heals = heals_of(journal, serving, name, repair=repair)
        for each in found:
            looping = each.placed.looping if rolling else _looping(journal, serving, each, now)
            kind, in_time = (heals.crashed, _rested(last, now)) if looping else (heals.unhealthy, _may(last, now))
            may = kind == "repair" and (rolling or in_time)
            same = looping == each.placed.looping
            known = each if same else replace(each, placed=replace(each.placed, looping=looping))
            sick = _words(known, may=may, rolling=rolling)
            placed[each.id] = known.placed if sick == known.placed.sick else replace(known.placed, sick=sick)
    inventory = {**journal.inventory, **placed}
    return journal if inventory == journal.inventory else replace(journal, inventory=inventory)


def _looping(journal: Journal, serving: SealedState | None, member: Member, now: datetime) -> str:
    """That it crashes again and again. An engine waits longer and longer between restarts, so one is enough then."""
    if not member.up:
        return ""
    limit = policy_of(serving, member.placed.service).crash_loop
    times = len(lately(journal, member.id, limit.within, now))
    if member.placed.looping and (times or member.instance.state == "restarting"):
        return member.placed.looping
    if times < limit.restarts:
        return ""
    code = f", last exit code {member.instance.exit_code}" if member.instance.exit_code else ""
    killed = ", out of memory" if out_of_memory(member.instance) else ""
    return f"restarted {times} times within {limit.within.total_seconds():g} s{code}{killed}"


def _rested(last: Repair | None, now: datetime) -> bool:
    """One that crashes after a while seems well until then: only time tells."""
    return last is None or last.cured is None or now - last.cured >= ANOTHER_CURE_AFTER


def _may(last: Repair | None, now: datetime) -> bool:
    """No second cure before the first has brought health, or it has had long enough to do so."""
    return last is None or last.well or last.cured is None or now - last.cured >= ANOTHER_CURE_AFTER


def _words(member: Member, *, may: bool, rolling: bool) -> str:
    looping = member.placed.looping
    ill = looping or (member.unhealthy and member.sure)
    if not may or not ill or (rolling and not member.placed.sick):
        return ""
    if looping:
        return looping
    return member.placed.sick or f"is unhealthy: {member.complaint[:200]}".rstrip(": ")

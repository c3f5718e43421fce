"""Which instances are to be replaced because their checks fail, outside of any rollout of newer content."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal, Placed, Repair
from gitopsd.release.repairs import heals_of
from gitopsd.rollout import Member

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
        rolling = name in journal.rollouts
        heals = heals_of(journal, serving, name, repair=repair)
        may = heals.unhealthy == "repair" and (rolling or _may(journal.repairs.get(name), now))
        placed |= {each.id: replace(each.placed, sick=_words(each, may=may, rolling=rolling)) for each in found}
    inventory = {**journal.inventory, **placed}
    return journal if inventory == journal.inventory else replace(journal, inventory=inventory)


def _may(last: Repair | None, now: datetime) -> bool:
    """No second cure before the first has brought health, or it has had long enough to do so."""
    return last is None or last.well or last.cured is None or now - last.cured >= ANOTHER_CURE_AFTER


def _words(member: Member, *, may: bool, rolling: bool) -> str:
    if not may or not member.unhealthy or not member.sure or (rolling and not member.placed.sick):
        return ""
    return member.placed.sick or f"is unhealthy: {member.complaint[:200]}".rstrip(": ")

"""The two sides of an interval: what the router counted of each, what its instances take, and what queries gave."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.model.analysis import Answer, Measures, NoData, Side, SlotCounts, Usage
from gitopsd.model.rollout import Rollout, Sampled, Target
from gitopsd.model.route import SlotName, SlotSample
from gitopsd.model.visits import Visits
from gitopsd.rollout.member import Member
from gitopsd.rollout.traffic import InRouter

UNCOUNTED = NoData("the router has begun to count anew, or counts others, too")
_CORE = 1_000_000_000  # in the engine's units


@dataclass(frozen=True, slots=True)
class Sight:
    """What there is to see of a rollout in the interval from `since` to `now`."""

    rollout: Rollout
    members: tuple[Member, ...]
    router: InRouter
    measures: Measures
    since: datetime
    now: datetime

    def is_new(self, at: datetime | None) -> bool:
        """Whether something came in this interval. What a clock that was set back has left in the future did not."""
        return at is not None and self.since < at <= self.now


def side_of(counts: SlotCounts | None, instances: tuple[Usage, ...] | None, own: SlotCounts) -> Side:
    return Side(counts if counts is not None else UNCOUNTED, instances, own)


def own_since(before: Sampled, visits: Visits, slot: SlotName) -> SlotCounts:
    """The synthetic requests to a slot in this interval, where they are counted as they were at its begin."""
    if visits.epoch != before.own_epoch:
        return SlotCounts()
    earlier, later = (each.get(slot, SlotCounts()) for each in (before.own, visits.own))
    return (later.since(earlier) if earlier.requests else later) or SlotCounts()


def counts_of(sample: SlotSample) -> SlotCounts:
    return SlotCounts(sample.requests, sample.errors, sample.within)


def instances_of(sight: Sight, goal: Target | None) -> tuple[Usage, ...] | None:
    """What each instance of a side takes, where the engine was asked in this interval.

    Of one that has not its full part of the requests yet, or not any more, only the restarts say something.
    """
    if goal is None or not sight.is_new(sight.measures.looked_at):
        return None
    admitted = sight.router.admitted()
    own = (each for each in sight.members if each.placed.fingerprint == goal.fingerprint)
    return tuple(_usage(each, sight, full=each.id in admitted) for each in own)


def answers(sight: Sight) -> Mapping[str, Answer]:
    """What the queries gave that were asked in this interval."""
    return {name: each.answer for name, each in sight.measures.answers.items() if sight.is_new(each.at)}


def _usage(member: Member, sight: Sight, *, full: bool) -> Usage:
    found = sight.measures.used.get(member.id, Usage())
    used = found if full else Usage(restarts=found.restarts)
    sighting = sight.rollout.seen.get(member.id)
    memory, cpus = (_limit(member, f"resources.{name}") for name in ("memory", "cpus"))
    return replace(
        used,
        memory_limit=memory,
        cpu_limit=cpus / _CORE if cpus is not None else None,
        restarts=len(sighting.crashes) if sighting is not None else used.restarts,
    )


def _limit(member: Member, path: str) -> float | None:
    limit = member.instance.fields.get(path)
    return float(limit) if isinstance(limit, int) and limit > 0 else None

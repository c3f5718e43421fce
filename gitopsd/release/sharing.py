"""Which container of a service others live in, and which ones are lived in still: what all rollouts see at one look."""

from collections.abc import Iterable, Mapping, Sequence

from gitopsd.model.live import Instance
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Pending, Preparing, RollingBack, Rollout, Target
from gitopsd.rollout import Member, Sharing
from gitopsd.rollout.machine import NOTHING
from gitopsd.rollout.member import preference
from gitopsd.rollout.sharing import ALONE, stray


def sharing_of(journal: Journal, members: Mapping[str, tuple[Member, ...]]) -> Sharing:
    """By the goals that services have now: while one is being replaced, others already join its new container."""
    goals = {name: _goal(journal, name) for name in {*journal.stable, *journal.rollouts}}
    shared = sorted({each for goal in goals.values() for each in (*goal.joins, *goal.borrows)})
    if not shared:
        return ALONE
    current: dict[str, Instance] = {}
    for name in shared:
        _find(name, goals, members, current, ())
    return Sharing(current, _held([member for found in members.values() for member in found]))


def _held(members: Sequence[Member]) -> frozenset[str]:
    """Containers that it would hurt to take away: those in which something lives, or to which it may have to return."""
    up = {member.id for member in members if member.up}
    return frozenset(
        id for member in members for id in member.instance.joined if member.placed.kept or (member.up and id in up)
    )


def _goal(journal: Journal, name: str) -> Target:
    """What a service is being brought to, or back to, or is to stay at until its turn comes."""
    stable, rollout = journal.stable.get(name) or NOTHING, journal.rollouts.get(name)
    match rollout:
        case Rollout(open=False) | None:
            return stable
        case Rollout(phase=RollingBack()):
            return rollout.stable or NOTHING
        case Rollout(kind="change", phase=Pending() | Preparing()):
            return stable
        case _:
            return rollout.target


def _find(
    name: str,
    goals: Mapping[str, Target],
    members: Mapping[str, tuple[Member, ...]],
    current: dict[str, Instance],
    above: tuple[str, ...],
) -> None:
    """The first slot's instance of a service, after those that it lives in itself; of two states these may go round."""
    goal = goals.get(name)
    if goal is None or name in current or name in above:
        return
    for other in (*goal.joins, *goal.borrows):
        _find(other, goals, members, current, (*above, name))
    found = [
        member
        for member in members.get(name, ())
        if member.placed.slot == 1
        and member.placed.fingerprint == goal.fingerprint
        and member.instance.state not in ("dead", "removing")
        and not stray(member, goal, Sharing(current))
    ]
    if found:
        current[name] = min(found, key=preference).instance


def sharers(targets: Mapping[str, Target], of: str) -> frozenset[str]:
    """The services that live in a service's containers or use their volumes, directly or through others."""
    found: set[str] = set()
    while more := set(_direct(targets, {of, *found})) - found:
        found |= more
    return frozenset(found)


def _direct(targets: Mapping[str, Target], of: set[str]) -> Iterable[str]:
    return (name for name, target in targets.items() if of & {*target.joins, *target.borrows})

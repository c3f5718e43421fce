"""The actions on an instance that is there: each names it as people know it, and says why."""

from gitopsd.model.action import Action, Keep, Remove, Restore, Start, Stop, Unpause, Update
from gitopsd.model.rollout import Target
from gitopsd.rollout.member import Member


def clear(member: Member, cause: str) -> tuple[Action, ...]:
    """Stop it if it is up, and remove it."""
    return (stop(member, cause), remove(member, cause)) if member.up else (remove(member, cause),)


def start(member: Member, cause: str) -> tuple[Action, ...]:
    """Start an instance; a kept one gets its restart policy back before."""
    placed = member.placed
    begin = Start(placed.service, placed.slot, member.id, cause, name=member.instance.name)
    return (restore(member, cause), begin) if placed.kept else (begin,)


def stand_down(member: Member, cause: str) -> tuple[Action, ...]:
    """Stop what runs, but keep it as the way back: without a restart policy, or an engine restart would start it.

    That goes for one that is down already too; one that has no restart policy stays down by itself.
    """
    placed, name = member.placed, member.instance.name
    policy = member.instance.restart_policy not in ("", "no")
    keep = (Keep(placed.service, placed.slot, member.id, cause, name=name),) if policy else ()
    return (*keep, stop(member, cause)) if member.up else keep


def restore(member: Member, cause: str) -> Restore:
    placed, name = member.placed, member.instance.name
    return Restore(placed.service, placed.slot, member.id, placed.fingerprint, cause, name=name)


def stop(member: Member, cause: str) -> Stop:
    return Stop(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def remove(member: Member, cause: str) -> Remove:
    return Remove(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def unpause(member: Member, cause: str) -> Unpause:
    return Unpause(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def update(member: Member, goal: Target, cause: str) -> Update:
    placed, name = member.placed, member.instance.name
    return Update(placed.service, placed.slot, member.id, goal.fingerprint, goal.in_place, cause, name=name)

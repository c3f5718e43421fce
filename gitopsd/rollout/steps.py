"""The actions on an instance that is there: each names it as people know it, and says why."""

from typing import TypedDict

from gitopsd.model.action import Action, Exchange, Keep, Remove, Restore, Start, Stop, Unpause, Update
from gitopsd.model.desired import EXCHANGED
from gitopsd.model.parted import differing
from gitopsd.model.rollout import Target
from gitopsd.rollout.member import Member


class OnMember(TypedDict):
    """The fields that every action on an instance has."""

    service: str
    slot: int
    container: str
    cause: str
    name: str


def clear(member: Member, cause: str) -> tuple[Action, ...]:
    """Stop it if it is up, and remove it."""
    return (stop(member, cause), remove(member, cause)) if member.up else (remove(member, cause),)


def start(member: Member, cause: str) -> tuple[Action, ...]:
    """Start an instance; a kept one gets its restart policy back before."""
    begin = Start(**_on(member, cause))
    return (restore(member, cause), begin) if member.placed.kept else (begin,)


def stand_down(member: Member, cause: str) -> tuple[Action, ...]:
    """Stop what runs, but keep it as the way back: without a restart policy, or an engine restart would start it.

    That goes for one that is down already too; one that has no restart policy stays down by itself.
    """
    policy = member.instance.restart_policy not in ("", "no")
    keep = (Keep(**_on(member, cause)),) if policy else ()
    return (*keep, stop(member, cause)) if member.up else keep


def restore(member: Member, cause: str) -> Restore:
    placed = member.placed
    return Restore(
        **_on(member, cause), fingerprint=placed.fingerprint, in_place=placed.in_place, restart=placed.restart
    )


def stop(member: Member, cause: str) -> Stop:
    return Stop(**_on(member, cause))


def remove(member: Member, cause: str) -> Remove:
    return Remove(**_on(member, cause))


def unpause(member: Member, cause: str) -> Unpause:
    return Unpause(**_on(member, cause))


def update(member: Member, goal: Target, cause: str) -> tuple[Action, ...]:
    """Bring to the goal what can be changed in place, as far as it differs: limits, then files."""
    if "" not in differing(member.placed.in_place, goal.in_place):
        return exchange(member, goal, cause)
    limits = Update(**_on(member, cause), fingerprint=goal.fingerprint, in_place=goal.in_place)
    return (limits, *exchange(member, goal, cause))


def exchange(member: Member, goal: Target, cause: str) -> tuple[Action, ...]:
    """Exchange the files that differ from the goal's, and send what they ask for."""
    files = [each for each in differing(member.placed.in_place, goal.in_place) if each]
    signals = tuple(each for each in files if each != EXCHANGED)
    made = Exchange(**_on(member, cause), fingerprint=goal.fingerprint, in_place=goal.in_place, signals=signals)
    return (made,) if files else ()


def _on(member: Member, cause: str) -> OnMember:
    placed = member.placed
    return {
        "service": placed.service,
        "slot": placed.slot,
        "container": member.id,
        "cause": cause,
        "name": member.instance.name,
    }

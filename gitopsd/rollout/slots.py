"""What next for one slot: from the instances in it and the goal, without memory, so that any interruption is survived.

    start-first   create, start, wait until ready, stop and remove the old one, take its name
    stop-first    keep and stop the old one, create, start, wait until ready, remove the old one, take its name

Going back is the same walk with the goal exchanged: a kept instance of the goal is started instead of created anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gitopsd.model.action import Action, Create, Keep, Remove, Rename, Restore, Start, Stop, Unpause, Update
from gitopsd.model.rollout import Rollout, Target
from gitopsd.rollout.member import Judge, Member

Standing = Literal["done", "acting", "waiting", "failed"]


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a service: the rollout, the goal of its present direction, and how its instances are judged.

    `refused` maps slots to the engine's word against the last action there.
    """

    rollout: Rollout
    goal: Target
    judge: Judge
    cause: str
    refused: Mapping[int, str]

    @property
    def mending(self) -> bool:
        """The goal is what served before: an instance of it that stopped is started again, not held against it."""
        stable = self.rollout.stable
        return stable is not None and stable.fingerprint == self.goal.fingerprint


@dataclass(frozen=True, slots=True)
class Step:
    """Where a slot stands. `serving`: the goal's instance is ready. `at_risk`: another is being replaced, and the new
    one is not ready yet. `begun`: the new one is there. `reason` is set when it failed.
    """

    standing: Standing
    actions: tuple[Action, ...] = ()
    serving: bool = False
    at_risk: bool = False
    begun: bool = False
    reason: str = ""


def slot_step(look: Look, slot: int, members: tuple[Member, ...]) -> Step:
    """The next actions of a slot that the goal wants filled."""
    chosen = _chosen(look, slot, members)
    others = tuple(member for member in members if member is not chosen)
    unborn = tuple(other for other in others if other.instance.state == "created")
    if unborn:
        return Step("acting", tuple(remove(other, "never started") for other in unborn))
    if chosen is None and slot in look.refused and not look.mending:
        return Step("failed", reason=look.refused[slot])
    if chosen is None:
        return Step("acting", place(look, slot, others), at_risk=bool(others))
    return _settle(look, slot, chosen, others)


def surplus_step(look: Look, members: tuple[Member, ...]) -> tuple[Action, ...]:
    """Actions that clear a slot which the goal does not want."""
    return tuple(action for member in members for action in clear(member, look.cause))


def _chosen(look: Look, slot: int, members: tuple[Member, ...]) -> Member | None:
    """The goal's own instance in the slot: one that runs before one that does not.

    One that the engine refuses to start again (its network was removed, say) is replaced instead.
    """
    hopeless = look.mending and slot in look.refused
    own = [
        member
        for member in members
        if member.placed.fingerprint == look.goal.fingerprint
        and member.instance.state not in ("dead", "removing")
        and not (hopeless and member.instance.state == "exited")
    ]
    return min(own, key=lambda member: (member.placed.kept, not member.up, member.instance.created_at), default=None)


def place(look: Look, slot: int, others: tuple[Member, ...]) -> tuple[Action, ...]:
    """Bring a new instance of the goal into the slot, beside the others or after them."""
    rollout, goal = look.rollout, look.goal
    standing_down = _stand_down(look, others) if rollout.order == "stop-first" else ()
    name = rollout.replacement_name(slot, goal) if others else rollout.instance_name(slot, goal)
    carry = {target: volume for other in others for target, volume in other.instance.volumes.items()}
    create = Create(rollout.service, slot, name, goal.fingerprint, rollout.release, look.cause, carry)
    return (*standing_down, create, Start(rollout.service, slot, name, look.cause, name=name))


def _stand_down(look: Look, others: tuple[Member, ...]) -> tuple[Action, ...]:
    """Stop what runs, but keep it as the way back: with no restart policy, or an engine restart would start it."""
    cause = f"makes room: {look.cause}"
    return tuple(action for other in others if other.up for action in (keep(other, cause), stop(other, cause)))


def _settle(look: Look, slot: int, chosen: Member, others: tuple[Member, ...]) -> Step:
    match look.judge.condition(chosen):
        case "ready":
            return _finish(look, slot, chosen, others)
        case "created" if slot in look.refused:
            return Step("failed", reason=look.refused[slot])
        case "created":
            return Step("acting", _start(look, chosen, others), at_risk=bool(others), begun=True)
        case "paused":
            return Step("acting", (unpause(chosen, look.cause),), at_risk=bool(others), begun=True)
        case "starting":
            return Step("waiting", at_risk=bool(others), begun=True)
        case "stopped" if look.mending and not _stopped_again(look, chosen):
            return Step("acting", _start(look, chosen, others), at_risk=bool(others), begun=True)
        case "stopped" | "failed":
            return Step("failed", reason=look.judge.evidence(chosen))


def _start(look: Look, chosen: Member, others: tuple[Member, ...]) -> tuple[Action, ...]:
    standing_down = _stand_down(look, others) if look.rollout.order == "stop-first" else ()
    return (*standing_down, *start(chosen, look.cause))


def _stopped_again(look: Look, chosen: Member) -> bool:
    """It was started in this rollout already and did not stay; a kept one has not had its chance yet."""
    started = chosen.instance.started_at
    return not chosen.placed.kept and started is not None and started >= look.rollout.started_at


def _finish(look: Look, slot: int, chosen: Member, others: tuple[Member, ...]) -> Step:
    """The goal serves: clear the others away, bring limits up to date, take the slot's name."""
    actions = [action for other in others for action in clear(other, look.cause)]
    if chosen.placed.in_place != look.goal.in_place:
        actions.append(update(chosen, look.goal, look.cause))
    name = look.rollout.instance_name(slot, look.goal)
    if chosen.instance.name != name:
        actions.append(Rename(look.rollout.service, slot, chosen.id, name, "takes the slot's name"))
    return Step("acting" if actions else "done", tuple(actions), serving=True)


def clear(member: Member, cause: str) -> tuple[Action, ...]:
    return (stop(member, cause), remove(member, cause)) if member.up else (remove(member, cause),)


def start(member: Member, cause: str) -> tuple[Action, ...]:
    """Start an instance; a kept one gets its restart policy back before."""
    placed, name = member.placed, member.instance.name
    begin = Start(placed.service, placed.slot, member.id, cause, name=name)
    if not placed.kept:
        return (begin,)
    return (Restore(placed.service, placed.slot, member.id, placed.fingerprint, cause, name=name), begin)


def stop(member: Member, cause: str) -> Stop:
    return Stop(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def keep(member: Member, cause: str) -> Keep:
    return Keep(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def remove(member: Member, cause: str) -> Remove:
    return Remove(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def unpause(member: Member, cause: str) -> Unpause:
    return Unpause(member.placed.service, member.placed.slot, member.id, cause, name=member.instance.name)


def update(member: Member, goal: Target, cause: str) -> Update:
    placed, name = member.placed, member.instance.name
    return Update(placed.service, placed.slot, member.id, goal.fingerprint, goal.in_place, cause, name=name)

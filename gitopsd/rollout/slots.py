"""What next for one slot: from the instances in it and the goal, without memory, so that any interruption is survived.

    start-first   create, start, wait until ready, stop and remove the old one, take its name
    stop-first    create, keep and stop the old one, start, wait until ready, remove the old one, take its name

What is created holds no port, no address and writes nothing until it starts: an engine that refuses a specification
says so before anything was stopped. So what waits for room in start-first order is created while an old one stops.

Going back is the same walk with the goal exchanged: a kept instance of the goal is started instead of created anew.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, count
from typing import Literal

from gitopsd.model.action import Action, Create, Rename, Start
from gitopsd.model.adoption import FOUND
from gitopsd.model.analysis import NOTHING_MEASURED, Measures
from gitopsd.model.desired import Order
from gitopsd.model.rollout import Rollout, Target
from gitopsd.model.visits import NOBODY_VISITS, Visits
from gitopsd.rollout.member import Judge, Member, preference, ready_now
from gitopsd.rollout.sharing import ALONE, Sharing, cut_off, joined, stray
from gitopsd.rollout.steps import clear, exchange, remove, restore, stand_down, start, stop, unpause, update
from gitopsd.rollout.traffic import NOT_ROUTED, InRouter

Standing = Literal["done", "acting", "waiting", "failed"]

REFUSALS_BEFORE_FAILURE = 3


@dataclass(frozen=True, slots=True)
class Said:
    """What the engine says about slots. On `busy` ones actions are under way.

    `refused`: its word against the last action there; evidence, as a failed health check is. `held`: its host cannot
    have that action's effect now, which is no evidence. `sharing` is what instances see of other services. `returned`:
    the engine was away, or nobody looked. `storm`: newer content opens no other slot, as too much restarts already.
    `spike`: its new instances take far too much memory, in words.
    `router` is what the router does for the service, `measures` what was measured of it beside the passes, `visits`
    what came of gitopsd's own requests through the router.
    """

    busy: frozenset[int] = frozenset()
    refused: Mapping[int, str] = field(default_factory=dict)
    held: frozenset[int] = frozenset()
    sharing: Sharing = ALONE
    returned: bool = False
    storm: bool = False
    spike: str = ""
    router: InRouter = NOT_ROUTED
    measures: Measures = NOTHING_MEASURED
    visits: Visits = NOBODY_VISITS


@dataclass(frozen=True, slots=True)
class Look:
    """One look at a service: the rollout, the goal of its present direction, and how its instances are judged.

    `order`: the rollout's, or that of a slot which goes stop-first though the others need not. `beside`: what serves
    stays beside the goal's instances, of which there may be `scale`.
    """

    rollout: Rollout
    goal: Target
    judge: Judge
    cause: str
    said: Said
    order: Order
    beside: bool = False
    scale: int = 0

    @property
    def mending(self) -> bool:
        """The goal is what served before: an instance of it that stopped is started again, not held against it."""
        stable = self.rollout.stable
        return stable is not None and stable.fingerprint == self.goal.fingerprint

    @property
    def patient(self) -> bool:
        """What served before is tried again when the engine says no; it was good once."""
        return self.mending and self.rollout.refusals < REFUSALS_BEFORE_FAILURE


@dataclass(frozen=True, slots=True)
class Step:
    """Where a slot stands. `serving`: the goal's instance is ready. `reason` is set when it failed.

    `open`: a replacement is under way in the slot, or nothing serves in it. `takes`: the actions would open it, which
    needs room in the rollout's fence. `worth`: what is at stake then: 0 nothing serves in the slot,
    1 something that came between, 2 what served before.
    """

    standing: Standing
    actions: tuple[Action, ...] = ()
    serving: bool = False
    open: bool = False
    takes: bool = False
    worth: int = 0
    reason: str = ""


def slot_step(look: Look, slot: int, members: tuple[Member, ...]) -> Step:
    """The next actions of a slot that the goal wants filled."""
    chosen = _chosen(look, slot, members)
    others = tuple(member for member in members if member is not chosen)
    if slot in look.said.held and (chosen is None or not chosen.up):
        return _meanwhile(look, others)
    unborn = tuple(other for other in others if other.instance.state == "created")
    if unborn:
        return Step("acting", tuple(remove(other, "never started") for other in unborn), open=True)
    crowd = _crowd(look, others)
    if crowd and (chosen is None or look.judge.condition(chosen) != "ready"):
        return Step("acting", crowd, open=True)
    if chosen is not None:
        return _settle(look, slot, chosen, others)
    if look.goal.fingerprint.startswith(FOUND):
        return Step("failed", reason="what was adopted here is gone, and no manifest tells how to make it again")
    if slot in look.said.refused and not look.patient:
        return Step("failed", reason=look.said.refused[slot])
    worth, takes = _worth(look, others), _takes(look, others)
    return Step("acting", place(look, slot, others), open=not takes, takes=takes, worth=worth)


def _chosen(look: Look, slot: int, members: tuple[Member, ...]) -> Member | None:
    """The goal's own instance in the slot: one that runs before one that does not.

    One that the engine refuses to start again (its network was removed, say) is replaced instead; and so is one that
    an engine which was away meanwhile may have begun to start, as its remains can be in the way, and one that lives in
    a container of another service which is not that service's any more. A repair replaces what was spoilt, or fails.
    """
    hopeless = look.mending and slot in look.said.refused
    repairs = look.rollout.kind == "repair"
    own = [
        member
        for member in members
        if member.placed.fingerprint == look.goal.fingerprint
        and member.instance.state not in ("dead", "removing")
        and not (hopeless and member.instance.state == "exited")
        and not stray(member, look.goal, look.said.sharing)
        and not (member.instance.state == "created" and look.judge.excused(member))
        and not (repairs and (member.placed.spoilt or member.placed.sick))
    ]
    return min(own, key=preference, default=None)


def _meanwhile(look: Look, others: tuple[Member, ...]) -> Step:
    """While the host cannot have the goal's instance, what served before serves; in stop-first order it comes back."""
    waiting = [
        other
        for other in others
        if of_stable(look, other)
        and other.instance.state == "exited"
        and not stray(other, look.goal, look.said.sharing)
    ]
    if not waiting or any(other.up for other in others):
        return Step("waiting", open=True)
    latest = max(waiting, key=lambda other: other.instance.created_at)
    return Step("acting", start(latest, "serves until the host has room for its replacement"), open=True)


def _crowd(look: Look, others: tuple[Member, ...]) -> tuple[Action, ...]:
    """What takes those down that came between: start-first adds one to the one that serves best, not to several.

    What has left the router already serves nobody, whatever it is.
    """
    up = [other for other in others if other.up]
    if look.order == "stop-first" or len(up) < 2:
        return ()
    routed = look.said.router.routed
    inside = routed.places if routed is not None else {each.id for each in up}

    def worth(each: Member) -> tuple[bool, bool, bool, datetime]:
        return (not ready_now(each), each.id not in inside, not of_stable(look, each), each.instance.created_at)

    best = min(up, key=worth)
    cause = f"makes room: {look.cause}"
    return tuple(
        action
        for each in up
        if each is not best
        for action in (stand_down(each, cause) if of_stable(look, each) else clear(each, cause))
    )


def _worth(look: Look, others: tuple[Member, ...]) -> int:
    return max((1 + of_stable(look, other) for other in others if ready_now(other)), default=0)


def _takes(look: Look, others: tuple[Member, ...]) -> bool:
    """Whether the slot's next instance needs room.

    In stop-first order it costs what served before in its place, however that stands now: what fails its checks may
    recover, and all may fail them at once for a reason that no new content mends. So those go first, but never more of
    them at once than may be without an instance. What was brought in between and is no good has nothing to lose.
    """
    lasting = look.order == "start-first" or look.rollout.kind == "repair"
    return any(other.up and (lasting or ready_now(other) or of_stable(look, other)) for other in others)


def of_stable(look: Look, member: Member) -> bool:
    stable = look.rollout.stable
    return stable is not None and stable.fingerprint == member.placed.fingerprint


def place(look: Look, slot: int, others: tuple[Member, ...]) -> tuple[Action, ...]:
    """Bring a new instance of the goal into the slot, beside the others or after them. A one-shot never runs twice."""
    rollout, goal = look.rollout, look.goal
    name = _free_name(look, slot, others)
    stable_last = sorted(others, key=lambda other: of_stable(look, other))
    carry = {target: volume for other in stable_last for target, volume in other.instance.volumes.items()}
    create = Create(
        *(rollout.service, slot, name, goal.fingerprint, rollout.release, look.cause),
        carry=carry,
        in_place=goal.in_place,
        joins=joined(goal, look.said.sharing),
    )
    return (create, *_room(look, others), Start(rollout.service, slot, name, look.cause, name=name))


def _free_name(look: Look, slot: int, others: tuple[Member, ...]) -> str:
    """The slot's name or, while another bears it, one that tells the release."""
    taken = {other.instance.name for other in others}
    name, beside = look.rollout.instance_name(slot, look.goal), look.rollout.replacement_name(slot, look.goal)
    names = chain((name, beside), (f"{beside}-{number}" for number in count(2)))
    return next(each for each in names if each not in taken)


def _room(look: Look, others: tuple[Member, ...]) -> tuple[Action, ...]:
    if look.order == "start-first" and not look.rollout.job:
        return ()
    return tuple(action for other in others for action in stand_down(other, f"makes room: {look.cause}"))


def _settle(look: Look, slot: int, chosen: Member, others: tuple[Member, ...]) -> Step:
    other = cut_off(chosen, look.goal, look.said.sharing)
    match look.judge.condition(chosen):
        case "paused":
            return Step("acting", (unpause(chosen, look.cause),), open=True)
        case _ if other and chosen.up:
            cause = f"{other} was started again: {look.cause}"
            return Step("acting", (stop(chosen, cause), *start(chosen, cause)), open=True)
        case "ready":
            return _finish(look, slot, chosen, others)
        case "created" if slot in look.said.refused and not look.patient:
            return Step("failed", reason=look.said.refused[slot])
        case "starting":
            return Step("waiting", open=True)
        case "stopped" if look.judge.excused(chosen):
            return _again(look, chosen, others)
        case "stopped" if not other and (not look.mending or _started_before(look, chosen)):
            return Step("failed", reason=look.judge.evidence(chosen))
        case "created" | "stopped":
            return _begin(look, chosen, others)
        case "failed":
            # In a repair it keeps its place: what did not help here is not tried on the others.
            return Step("failed", reason=look.judge.evidence(chosen), open=look.rollout.kind == "repair")


def _begin(look: Look, chosen: Member, others: tuple[Member, ...]) -> Step:
    """Start what is there already; in stop-first order something else may serve until then."""
    actions = (*_room(look, others), *exchange(chosen, look.goal, look.cause), *start(chosen, look.cause))
    worth, takes = _worth(look, others), _takes(look, others)
    return Step("acting", actions, open=not takes, takes=takes, worth=worth)


def _again(look: Look, chosen: Member, others: tuple[Member, ...]) -> Step:
    """It was stopped from outside; in start-first order what served beside it may have been, too."""
    beside = () if look.mending or look.order == "stop-first" else others
    stable = tuple(other for other in beside if of_stable(look, other) and other.instance.state == "exited")
    begin = _begin(look, chosen, others)
    return replace(begin, actions=(*(action for each in stable for action in start(each, look.cause)), *begin.actions))


def _started_before(look: Look, chosen: Member) -> bool:
    """It was started in this direction of the rollout already."""
    return look.judge.seen[chosen.id].first_seen > look.rollout.started_at


def _finish(look: Look, slot: int, chosen: Member, others: tuple[Member, ...]) -> Step:
    """The goal serves: clear the others away, bring limits up to date, take the slot's name.

    A kept one that still runs was about to be stopped when the daemon died or the mind of Git changed. One in which
    instances of another service live stays until they have moved.
    """
    lived_in = tuple(other for other in others if other.id in look.said.sharing.held or stays(look, other))
    actions = [action for other in others if other not in lived_in for action in clear(other, look.cause)]
    beside = [each for each in lived_in if stays(look, each)]
    fallen = [each for each in beside if look.judge.excused(each)] if not any(each.up for each in beside) else []
    actions += [action for each in fallen[:1] for action in start(each, "serves beside newer content")]
    if chosen.placed.kept and not _started_before(look, chosen):
        actions.append(restore(chosen, look.cause))
    files = exchange(chosen, look.goal, look.cause)
    if files and slot in look.said.refused and not look.patient:
        return Step("failed", serving=False, reason=look.said.refused[slot])
    if chosen.placed.in_place != look.goal.in_place:
        actions += update(chosen, look.goal, look.cause)
    name = look.rollout.instance_name(slot, look.goal)
    if chosen.instance.name != name and not lived_in:
        actions.append(_renamed(look, slot, chosen, name))
    standing: Standing = "acting" if actions else "waiting" if lived_in else "done"
    doubled = look.beside or any(other.up for other in others if other not in lived_in)
    return Step(standing, tuple(actions), serving=not files, open=doubled)


def stays(look: Look, other: Member) -> bool:
    """What serves is not cleared away before all the traffic has left it."""
    return look.beside and of_stable(look, other) and other.instance.state not in ("dead", "removing")


def _renamed(look: Look, slot: int, chosen: Member, name: str) -> Rename:
    """Somebody else has the name. It may be one of ours that waits for the name which this one bears: it gives way."""
    aside = look.rollout.replacement_name(slot, look.goal)
    if look.rollout.refusals and chosen.instance.name != aside:
        return Rename(look.rollout.service, slot, chosen.id, aside, f"makes way: {name} is taken")
    return Rename(look.rollout.service, slot, chosen.id, name, "takes the slot's name")

"""All slots of a service at one look: what each needs, and which may act now without putting the service at risk."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import takewhile

from gitopsd.model.action import Action, Chain, Create, Start, Stop
from gitopsd.model.rollout import Progressing
from gitopsd.rollout.fence import Fence, fence
from gitopsd.rollout.jobs import JOB_SLOT, job_step
from gitopsd.rollout.member import Member, ready_now
from gitopsd.rollout.resting import rest_until
from gitopsd.rollout.sharing import absent
from gitopsd.rollout.slots import Look, Step, of_stable, slot_step, stays
from gitopsd.rollout.steps import clear, stand_down


@dataclass(frozen=True, slots=True)
class Survey:
    """`served`: slots in which the goal is ready. `serving`: all of them are. `settled`: and nothing else is left.

    `moving`: something is being done, or waited for. `failures`: the slots that failed, with the evidence; `lacking`:
    those in which the goal is not ready. Slots that were passed over count for neither, and hold nothing up.
    """

    chains: tuple[Chain, ...]
    served: int
    serving: bool
    settled: bool
    moving: bool
    failures: Mapping[int, str]
    lacking: tuple[int, ...]
    times: tuple[datetime, ...]

    @property
    def failure(self) -> str:
        """The evidence of the first slot that failed, "" for none."""
        return next(iter(self.failures.values()), "")

    def wake(self, deadline: datetime) -> datetime:
        return min((*self.times, deadline))


def survey_of(look: Look, members: tuple[Member, ...]) -> Survey:
    busy = look.said.busy
    slots = {member.placed.slot for member in members}
    by_slot = {slot: tuple(each for each in members if each.placed.slot == slot) for slot in sorted(slots)}
    wanted = range(1, look.goal.replicas + 1)
    whole = look.beside and _stable_serves(look, by_slot)
    steps = {slot: _step(look, slot, by_slot.get(slot, ()), whole=whole) for slot in wanted}
    passed = {slot for slot in wanted if passed_over(look, slot)}
    rest = {slot: step for slot, step in steps.items() if slot not in passed}
    left = all(steps[slot].standing != "acting" for slot in passed)
    serving = left and all(step.serving for step in rest.values())
    surplus = {slot: found for slot, found in by_slot.items() if slot not in wanted}
    pause = rest_until(look.rollout, members, look.judge)
    newer = look.rollout.kind == "change" and isinstance(look.rollout.phase, Progressing)
    resting = pause is not None or (look.said.storm and newer)
    astray = _astray(look, surplus, by_slot)
    clearing = _clearing(look, surplus, serving=serving, whole=whole, short=_short(look, by_slot))
    clearing |= _clearing(look, astray, serving=True, whole=whole) | _coming_back(look, by_slot)
    acting = _moves(look, steps, by_slot, resting=resting, astray=len(astray)) | clearing
    if look.rollout.policy.recreate and any(each.up and not _of_goal(look, each) for each in members):
        acting = _apart(look, acting, {} if resting else surplus)
    return Survey(
        chains=tuple(_chain(look, slot, acting[slot]) for slot in sorted(acting) if acting[slot] and slot not in busy),
        served=sum(step.serving for step in rest.values()),
        serving=serving,
        settled=not surplus and left and all(step.standing == "done" for step in rest.values()),
        moving=bool(busy) or any(acting.values()) or any(step.standing == "waiting" for step in steps.values()),
        failures={slot: each.reason for slot, each in rest.items() if each.standing == "failed" and slot not in busy},
        lacking=tuple(slot for slot, each in rest.items() if not each.serving),
        times=(*_times(look, members), *((pause,) if pause is not None else ())),
    )


def _stable_serves(look: Look, by_slot: Mapping[int, tuple[Member, ...]]) -> bool:
    """What served before is there in all its slots."""
    stable = look.rollout.stable
    ready = {
        slot
        for slot, found in by_slot.items()
        if any(of_stable(look, each) and look.judge.condition(each) == "ready" for each in found)
    }
    return stable is not None and bool(ready) and ready.issuperset(range(1, stable.replicas + 1))


def _astray(
    look: Look, surplus: Mapping[int, tuple[Member, ...]], by_slot: Mapping[int, tuple[Member, ...]]
) -> Mapping[int, tuple[Member, ...]]:
    """What runs in slots that neither the goal nor what served before has: a scaling that nothing came of left it.

    Once all slots of the latter are good it goes first, and takes room as long as it is there. Where the latter has
    none, it may be all that answers.
    """
    stable = look.rollout.stable
    if stable is None or not stable.replicas or look.rollout.job or look.beside:
        return {}
    if not all(any(map(ready_now, by_slot.get(slot, ()))) for slot in range(1, stable.replicas + 1)):
        return {}
    beyond = ((slot, found) for slot, found in surplus.items() if slot > stable.replicas)
    return {slot: found for slot, found in beyond if any(each.up for each in found)}


def _step(look: Look, slot: int, members: tuple[Member, ...], *, whole: bool = False) -> Step:
    """The step of a slot; none while that does not run in which its instance would live. `whole`: see `_between`."""
    if absent(look.goal, look.said.sharing):
        return Step("waiting", open=True)
    if passed_over(look, slot):
        return _before(look, slot, members)
    if look.beside and _begins_without_stable(look, members):
        return _between(look, slot, members, whole=whole) or _beside_nobody(look, slot, members)
    return job_step(look, members) if look.rollout.job and slot == JOB_SLOT else slot_step(look, slot, members)


def _begins_without_stable(look: Look, members: tuple[Member, ...]) -> bool:
    """Nobody serves in the slot beside whom newer content could come, or only what came between."""
    others = [each for each in members if not _of_goal(look, each)]
    between = any(not of_stable(look, each) for each in others)
    return between or not (len(others) < len(members) or any(map(ready_now, others)))


def _between(look: Look, slot: int, members: tuple[Member, ...], *, whole: bool) -> Step | None:
    """In a slot that there was not before, what came between goes once what served before is there as a `whole`."""
    stable = look.rollout.stable
    others = [each for each in members if not _of_goal(look, each) and not of_stable(look, each)]
    if stable is None or slot <= stable.replicas or not others or not whole:
        return None
    return Step("acting", tuple(action for each in others for action in clear(each, look.cause)))


def _beside_nobody(look: Look, slot: int, members: tuple[Member, ...]) -> Step:
    """What served before comes back there first. Where it has no such slot, the goal's own instance needs room; and
    where it cannot come back, which says nothing about newer content.
    """
    stable = look.rollout.stable
    if stable is not None and slot <= stable.replicas:
        before = _before(replace(look, beside=False), slot, members)
        if before.standing != "failed":
            return replace(before, serving=False)
    step = slot_step(look, slot, members)
    alone = not any(each.up for each in members)
    return replace(step, open=False, takes=True) if step.standing == "acting" and alone else step


def passed_over(look: Look, slot: int) -> bool:
    """Whether the slot's new instance failed, and the rollout went on without it."""
    return str(slot) in look.rollout.passed and look.goal == look.rollout.target


def _before(look: Look, slot: int, members: tuple[Member, ...]) -> Step:
    """What served before in a slot that was passed over serves there again; where nothing did, what failed stays."""
    stable = look.rollout.stable
    if stable is None or slot > stable.replicas:
        return Step("done")
    return slot_step(replace(look, goal=stable), slot, members)


def _chain(look: Look, slot: int, actions: tuple[Action, ...]) -> Chain:
    return Chain(f"{look.rollout.service}/{slot}", actions)


def _short(look: Look, by_slot: Mapping[int, tuple[Member, ...]]) -> bool:
    """Whether in a slot that is wanted nothing is that serves, or served before and may do so again."""
    wanted = (by_slot.get(slot, ()) for slot in range(1, look.goal.replicas + 1))
    return any(not any(ready_now(each) or of_stable(look, each) for each in found) for found in wanted)


def _clearing(
    look: Look, surplus: Mapping[int, tuple[Member, ...]], *, serving: bool, whole: bool, short: bool = False
) -> dict[int, tuple[Action, ...]]:
    """Slots that the goal does not want are cleared once it serves; what is no good in them goes at once, but for what
    served before and may recover, while the goal is `short` of such.

    What serves beside newer content stays in them until all of the traffic has left it; as soon as that is there as a
    `whole`, what came between goes.
    """
    return {
        slot: tuple(
            action
            for member in found
            if (serving or _worthless(look, member, short=short) or (whole and not of_stable(look, member)))
            and not stays(look, member)
            for action in clear(member, look.cause)
        )
        for slot, found in surplus.items()
    }


def _worthless(look: Look, member: Member, *, short: bool) -> bool:
    return not ready_now(member) and not (short and of_stable(look, member))


def _coming_back(look: Look, by_slot: Mapping[int, tuple[Member, ...]]) -> dict[int, tuple[Action, ...]]:
    """What served before comes back beside newer content also in the slots that this does not want: what came between
    goes, and leaves its place in the router, only once that is there as a whole.
    """
    stable = look.rollout.stable
    if stable is None or not look.beside:
        return {}
    slots = range(look.goal.replicas + 1, stable.replicas + 1)
    lost = {slot: found for slot in slots if _begins_without_stable(look, found := by_slot.get(slot, ()))}
    steps = {slot: _before(replace(look, beside=False), slot, found) for slot, found in lost.items()}
    return {slot: step.actions for slot, step in steps.items() if step.standing == "acting"}


def _of_goal(look: Look, member: Member) -> bool:
    return member.placed.fingerprint == look.goal.fingerprint


def _apart(
    look: Look, acting: Mapping[int, tuple[Action, ...]], surplus: Mapping[int, tuple[Member, ...]]
) -> dict[int, tuple[Action, ...]]:
    """Recreate: as long as something else runs it is stopped, and kept, and nothing is started yet.

    Where the host has no room now, what served before may start again.
    """
    waiting = {
        slot: tuple(each for each in actions if slot in look.said.held or not isinstance(each, Start))
        for slot, actions in acting.items()
    }
    stopping = {
        slot: tuple(action for each in found if each.up for action in stand_down(each, f"makes room: {look.cause}"))
        for slot, found in surplus.items()
    }
    return waiting | {slot: actions for slot, actions in stopping.items() if actions}


def _moves(
    look: Look, steps: Mapping[int, Step], by_slot: Mapping[int, tuple[Member, ...]], *, resting: bool, astray: int
) -> dict[int, tuple[Action, ...]]:
    """What slots may do: those that risk nothing, and of the others as many as there is room for.

    First come those that have the least to lose. Where one goes beside the old ones, others may go in their place, as
    `max_unavailable` says.
    """
    moves = {slot: step.actions for slot, step in steps.items() if step.standing == "acting" and not step.takes}
    if resting:
        return moves
    room = _room(look, steps, by_slot, astray)
    takes = ((step.worth, slot) for slot, step in steps.items() if step.takes and slot not in look.said.busy)
    waiting = [slot for _, slot in sorted(takes)]
    beside, instead = waiting[: room.surge], waiting[room.surge :][: room.unavailable]
    if left := waiting[room.surge + room.unavailable :]:
        moves = {slot: _making_room(actions) for slot, actions in moves.items()}
        following = left[: sum(_makes_room(actions) for actions in moves.values())]
        moves |= {slot: made for slot in following if (made := _made_ready(look, steps[slot].actions))}
    moves |= {slot: steps[slot].actions for slot in beside}
    return moves | {slot: _instead(look, slot, by_slot[slot]).actions for slot in instead}


def _making_room(actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """Once the old ones are stopped there is room for the slot that waits; the rest of the tidying goes beside that."""
    stops = tuple(takewhile(lambda action: isinstance(action, Stop), actions))
    return stops or actions


def _makes_room(actions: tuple[Action, ...]) -> bool:
    return any(isinstance(action, Stop) for action in actions)


def _made_ready(look: Look, actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """While an old one stops, what comes after it is created already, and starts as soon as there is room."""
    if look.order == "stop-first" or look.beside:
        return ()
    return tuple(takewhile(lambda action: isinstance(action, Create), actions))


def _instead(look: Look, slot: int, members: tuple[Member, ...]) -> Step:
    return _step(replace(look, order="stop-first"), slot, members)


def _room(look: Look, steps: Mapping[int, Step], by_slot: Mapping[int, tuple[Member, ...]], astray: int) -> Fence:
    """What is left of the fence beside what is under way; what cannot be seen yet (`busy`) takes both kinds of room."""
    whole = Fence(look.scale, 0) if look.beside else fence(look.rollout.policy, look.order, len(steps))
    busy = look.said.busy
    under_way = {slot for slot, step in steps.items() if step.open or slot in busy}
    doubled = {slot for slot in steps if slot in busy or sum(each.up for each in by_slot.get(slot, ())) > 1}
    empty = {slot for slot in under_way if slot in busy or not any(map(ready_now, by_slot.get(slot, ())))}
    left = max(0, whole.surge + whole.unavailable - len(under_way))
    surge = min(left, max(0, whole.surge - len(doubled) - astray))
    return Fence(surge, min(left - surge, max(0, whole.unavailable - len(empty))))


def _times(look: Look, members: tuple[Member, ...]) -> tuple[datetime, ...]:
    """When the passing of time alone will change how a member is judged."""
    judge = look.judge
    found = (judge.next_look(member) for member in members)
    return tuple(at for at in found if at is not None and at > judge.now)

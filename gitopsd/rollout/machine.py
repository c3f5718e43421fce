"""The state machine of one service: observe, compare, act, verify. Called again and again; all it knows is handed in.

    Pending -> Preparing -> Progressing -> Finalising -> Succeeded
                                |
                                +-> RollingBack -> RolledBack | Failed

The release room moves a rollout out of Pending and Preparing, and lets a removal finalise. From Finalising on the
target is stable. A rollback never rolls back: when the way back fails too, the rollout is Failed: a person is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from gitopsd.model.action import Chain
from gitopsd.model.rollout import (
    Failed,
    Finalising,
    Phase,
    Progressing,
    RolledBack,
    RollingBack,
    Rollout,
    Succeeded,
    Target,
)
from gitopsd.rollout.jobs import JOB_SLOT, job_step
from gitopsd.rollout.member import Judge, Member, sightings
from gitopsd.rollout.slots import Look, Step, keep, slot_step, stop, surplus_step

NOTHING = Target("", 0)
NONE: Mapping[int, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Turn:
    """The next rollout, what to do now, and when the passing of time alone calls for another look."""

    rollout: Rollout
    chains: tuple[Chain, ...] = ()
    wake_at: datetime | None = None


def advance(
    rollout: Rollout,
    members: tuple[Member, ...],
    now: datetime,
    *,
    busy: frozenset[int] = frozenset(),
    refused: Mapping[int, str] = NONE,
) -> Turn:
    """One turn of a rollout.

    `members` are all instances of the service that are ours. `busy` are slots on which actions are under way. `refused`
    maps slots to the engine's word against the last action there: evidence, as a failed health check is.
    """
    rollout = replace(rollout, seen=sightings(members, rollout.seen, now))
    match rollout.phase:
        case Progressing() if rollout.leaving:
            return _stand_aside(rollout, members, busy)
        case Progressing():
            return _forward(rollout, members, now, busy, refused)
        case Finalising():
            return _finalise(rollout, members, now, busy)
        case RollingBack(reason):
            return _back(rollout, members, now, busy, refused, reason)
        case _:
            return Turn(rollout)


def _forward(
    rollout: Rollout, members: tuple[Member, ...], now: datetime, busy: frozenset[int], refused: Mapping[int, str]
) -> Turn:
    survey = _survey(_look(rollout, rollout.target, now, rollout.cause, refused), members, busy)
    failure = survey.failure or _late(rollout, now)
    if failure:
        return _fail(rollout, failure, now)
    if survey.serving and not busy:
        return advance(_enter(rollout, Finalising(), now), members, now, busy=busy)
    deadline = now + rollout.policy.progress_deadline if survey.served > rollout.served else rollout.deadline
    return Turn(replace(rollout, deadline=deadline, served=survey.served), survey.chains, survey.wake(deadline))


def _late(rollout: Rollout, now: datetime) -> str:
    if now < rollout.deadline:
        return ""
    return f"no progress for {rollout.policy.progress_deadline.total_seconds():g} s"


def _fail(rollout: Rollout, reason: str, now: datetime) -> Turn:
    """Turn back where there is something to turn back to; what has no way back stays as it is, for diagnosis."""
    if not rollout.way_back or rollout.stable == rollout.target:
        return Turn(_enter(rollout, Failed(reason), now))
    return Turn(_enter(rollout, RollingBack(reason), now))


def turn_back(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    """The rollout on its way back to stable, or to nothing where there was nothing before."""
    return _enter(rollout, RollingBack(reason), now)


def _back(
    rollout: Rollout,
    members: tuple[Member, ...],
    now: datetime,
    busy: frozenset[int],
    refused: Mapping[int, str],
    reason: str,
) -> Turn:
    goal = rollout.stable or NOTHING
    if rollout.job:
        return _abandon(rollout, members, now, busy, reason)
    survey = _survey(_look(rollout, goal, now, f"rollback: {reason}", refused), members, busy)
    failure = survey.failure or _late(rollout, now)
    if failure:
        return Turn(_enter(rollout, Failed(f"{reason}; and the way back failed: {failure}"), now))
    if survey.settled and not busy:
        return Turn(_enter(rollout, RolledBack(reason), now))
    return Turn(rollout, survey.chains, survey.wake(rollout.deadline))


def _abandon(rollout: Rollout, members: tuple[Member, ...], now: datetime, busy: frozenset[int], reason: str) -> Turn:
    """A one-shot has no way back: one that still runs is stopped, and its container stays for diagnosis."""
    running = tuple(member for member in members if member.up)
    if busy or running:
        chains = tuple(Chain(f"{rollout.service}/{JOB_SLOT}", (stop(member, reason),)) for member in running)
        return Turn(rollout, () if busy else chains)
    return Turn(_enter(rollout, RolledBack(reason), now))


def _finalise(rollout: Rollout, members: tuple[Member, ...], now: datetime, busy: frozenset[int]) -> Turn:
    """Clear away what was replaced. A failure here no longer concerns the release: repairs look after what serves."""
    survey = _survey(_look(rollout, rollout.target, now, rollout.cause, NONE), members, busy)
    if (survey.settled or survey.failure or now >= rollout.deadline) and not busy:
        return Turn(_enter(rollout, Succeeded(), now))
    return Turn(rollout, survey.chains, survey.wake(rollout.deadline))


def _stand_aside(rollout: Rollout, members: tuple[Member, ...], busy: frozenset[int]) -> Turn:
    """A service that goes is stopped and kept, until the release room finds the rest good and lets it finalise."""
    chains = tuple(
        Chain(f"{rollout.service}/{member.placed.slot}", (keep(member, rollout.cause), stop(member, rollout.cause)))
        for member in members
        if member.up and member.placed.slot not in busy
    )
    return Turn(rollout, chains)


def _enter(rollout: Rollout, phase: Phase, now: datetime) -> Rollout:
    ended = isinstance(phase, Succeeded | RolledBack | Failed)
    deadline = now + rollout.policy.progress_deadline
    return replace(rollout, phase=phase, deadline=deadline, finished_at=now if ended else None)


@dataclass(frozen=True, slots=True)
class Survey:
    """All slots of a service at one look."""

    chains: tuple[Chain, ...]
    served: int
    serving: bool
    settled: bool
    failure: str
    times: tuple[datetime, ...]

    def wake(self, deadline: datetime) -> datetime:
        return min((*self.times, deadline))


def _look(rollout: Rollout, goal: Target, now: datetime, cause: str, refused: Mapping[int, str]) -> Look:
    return Look(rollout, goal, Judge(rollout.policy, rollout.release, rollout.seen, now), cause, refused)


def _survey(look: Look, members: tuple[Member, ...], busy: frozenset[int]) -> Survey:
    rollout, judge = look.rollout, look.judge
    by_slot = _by_slot(members)
    wanted = range(1, look.goal.replicas + 1)
    steps = {slot: _step(look, slot, by_slot.get(slot, ())) for slot in wanted}
    surplus = {slot: surplus_step(look, found) for slot, found in by_slot.items() if slot not in wanted}
    allowed = _within_parallelism(steps, rollout, busy)
    acting = {**{slot: steps[slot].actions for slot in allowed}, **surplus}
    return Survey(
        chains=tuple(
            Chain(f"{rollout.service}/{slot}", actions)
            for slot, actions in sorted(acting.items())
            if actions and slot not in busy
        ),
        served=sum(step.serving for step in steps.values()),
        serving=all(step.serving for step in steps.values()),
        settled=not surplus and all(step.standing == "done" for step in steps.values()),
        failure=next(
            (step.reason for slot, step in steps.items() if step.standing == "failed" and slot not in busy), ""
        ),
        times=tuple(at for member in members if (at := judge.next_look(member)) is not None and at > judge.now),
    )


def _step(look: Look, slot: int, members: tuple[Member, ...]) -> Step:
    return job_step(look, members) if look.rollout.job and slot == JOB_SLOT else slot_step(look, slot, members)


def _by_slot(members: tuple[Member, ...]) -> Mapping[int, tuple[Member, ...]]:
    slots = {member.placed.slot for member in members}
    return {slot: tuple(member for member in members if member.placed.slot == slot) for slot in slots}


def _within_parallelism(steps: Mapping[int, Step], rollout: Rollout, busy: frozenset[int]) -> tuple[int, ...]:
    """Slots that may act: those that put nothing at risk, and as many replacements at once as the policy allows."""
    free = [slot for slot, step in steps.items() if step.standing == "acting" and not step.at_risk]
    at_risk = [slot for slot, step in steps.items() if step.at_risk]
    under_way = [slot for slot in at_risk if slot in busy or steps[slot].begun]
    waiting = sorted(slot for slot in at_risk if slot not in under_way)
    limit = rollout.policy.parallelism or len(steps)
    return (*free, *under_way, *waiting[: max(0, limit - len(under_way))])

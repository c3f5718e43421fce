"""The state machine of one service: observe, compare, act, verify. Called again and again; all it knows is handed in.

    Pending -> Preparing -> Progressing -> Finalising -> Succeeded
                                |
                                +-> RollingBack -> RolledBack | Failed

The release room moves a rollout out of Pending and Preparing, and lets a removal finalise. One that is paused stays in
its phase; only evidence against the target moves it, by turning it back. From Finalising on the target is stable; as
long as its policy has it watched there, evidence turns it back still. A rollback never rolls back: when the way back
fails too, the rollout is Failed: a person is needed.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from fractions import Fraction

from gitopsd.model.action import Chain
from gitopsd.model.rollout import (
    Failed,
    Finalising,
    Paused,
    Phase,
    Progressing,
    RolledBack,
    RollingBack,
    Rollout,
    Succeeded,
    Target,
)
from gitopsd.rollout.aside import stand_aside
from gitopsd.rollout.fence import going_back
from gitopsd.rollout.jobs import JOB_SLOT, run_ended, run_noted
from gitopsd.rollout.measuring import measure
from gitopsd.rollout.member import Judge, Member, sightings
from gitopsd.rollout.pausing import upkeep
from gitopsd.rollout.reaching import admitted, noted, reached, unreached
from gitopsd.rollout.shifting import gradual, has_all, let_in, warm_until, watch_of
from gitopsd.rollout.slots import REFUSALS_BEFORE_FAILURE, Look, Said
from gitopsd.rollout.steps import remove, stop
from gitopsd.rollout.survey import Survey, survey_of
from gitopsd.rollout.watching import against, doubt, next_interval, watched

NOTHING = Target("", 0)
SILENCE = Said()
ASKED_AGAIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Turn:
    """The next rollout, what to do now, and when the passing of time alone calls for another look."""

    rollout: Rollout
    chains: tuple[Chain, ...] = ()
    wake_at: datetime | None = None


def advance(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said = SILENCE) -> Turn:
    """One turn of a rollout. `members` are all instances of the service that are ours."""
    newest, before = rollout.release if rollout.kind == "change" else -1, rollout.seen
    seen = sightings(members, rollout.seen, now, newest, returned=said.returned)
    rollout = replace(rollout, seen=seen, refusals=rollout.refusals + bool(said.refused))
    if rollout.job and isinstance(rollout.phase, Progressing):
        rollout = run_noted(rollout, members, before, now)
    if isinstance(rollout.phase, Progressing | Finalising | RollingBack):
        rollout = replace(rollout, measured=measure(rollout, members, seen, now))
        rollout = noted(rollout, said.router, said.visits, now)
        rollout = watched(rollout, members, said, now)
        rollout = _excess_noted(rollout, members, now, said)
    if said.returned and now >= rollout.deadline:  # it passed while nobody could do anything
        rollout = replace(rollout, deadline=now + rollout.policy.progress_deadline)
    match rollout.phase:
        case Progressing() if rollout.paused is not None:
            return _hold(rollout, members, now, said)
        case Progressing() if rollout.leaving:
            return _stand_aside(rollout, members, now, said)
        case Progressing():
            return _forward(_patient(rollout, members, now, said), members, now, said)
        case Finalising():
            return _finalise(rollout, members, now, said)
        case RollingBack(reason):
            return _back(_patient(rollout, members, now, said), members, now, said, reason)
        case _:
            return Turn(rollout)


def _patient(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> Rollout:
    """Waiting for the host, the router, or for a way to ask an instance, is nobody's fault: the deadline waits too."""
    unasked = any(member.readiness is not None and member.readiness.trouble for member in members)
    unrouted = said.router.routed is not None and not said.router.seen.agreed
    waits = said.held or unasked or unrouted or (said.storm and isinstance(rollout.phase, Progressing))
    return replace(rollout, deadline=now + rollout.policy.progress_deadline) if waits else rollout


def _forward(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> Turn:
    rollout, ends = let_in(rollout, members, said.router, now)
    survey = survey_of(_look(rollout, rollout.target, members, now, rollout.cause, said), members)
    # Newer content fails with its first evidence; what mends goes on where it can.
    failure = survey.failure if rollout.kind == "change" or not survey.moving else ""
    if bad := against(rollout) or unreached(rollout, said.visits):
        return _fail(rollout, bad, now)
    late = _late(rollout, now)
    failure = late if late and rollout.job else failure or late  # a run that was stopped for that ended badly, too
    if failure and (stops := run_ended(rollout, members, said.busy, failure)):
        return Turn(rollout, stops, now + ASKED_AGAIN)
    if failure and (passed := _passed(rollout, survey, failure)):
        on = replace(rollout, passed=passed, deadline=now + rollout.policy.progress_deadline)
        return _forward(on, members, now, said)
    failure = failure or _too_much(rollout, members, now, said)
    if failure:
        return _fail(rollout, _beyond(rollout, failure), now)
    if survey.serving and not said.busy and has_all(rollout, members, said.router) and reached(rollout):
        return advance(_promoted(rollout, now), members, now, Said(sharing=said.sharing, router=said.router))
    if asks := doubt(rollout):
        return Turn(replace(rollout, paused=Paused("the judge", now, asks)))
    turn = _gone_on(rollout, survey, now)
    times = (turn.wake_at, ends, next_interval(rollout))
    return replace(turn, wake_at=min((at for at in times if at is not None and at > now), default=None))


def _promoted(rollout: Rollout, now: datetime) -> Rollout:
    """The target serves. What is new about it is watched from now on: no restart that came before counts."""
    entered = _enter(rollout, Finalising(), now)
    same = rollout.stable is not None and rollout.stable.fingerprint == rollout.target.fingerprint
    _, span = watch_of(rollout)
    if not span or rollout.kind != "change" or rollout.job or same:
        return entered
    seen = {id: replace(sighting, crashes=()) for id, sighting in rollout.seen.items()}
    return replace(entered, seen=seen, watched_until=now + span)


def _excess_noted(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> Rollout:
    """Where it goes on whatever fails, what speaks against its new instances together is told, and told once."""
    concerned = isinstance(rollout.phase, Progressing) or rollout.watched(now)
    if rollout.policy.on_failure != "continue" or not concerned or rollout.excess:
        return rollout
    return replace(rollout, excess=_excess(rollout, members, now, said))


def _excess(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> str:
    """What speaks against its new instances together, in words."""
    same = rollout.stable is not None and rollout.stable.fingerprint == rollout.target.fingerprint
    if rollout.kind != "change" or same:
        return ""
    return said.spike or _storm(rollout, members, now)


def _too_much(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> str:
    return "" if rollout.policy.on_failure == "continue" else _excess(rollout, members, now, said)


def _storm(rollout: Rollout, members: tuple[Member, ...], now: datetime) -> str:
    """That they restart too often, though each by itself does not."""
    limit = rollout.policy.restart_storm
    new = (member for member in members if member.placed.fingerprint == rollout.target.fingerprint)
    times = Counter(
        {each.instance.name: sum(now - at < limit.within for at in rollout.seen[each.id].crashes) for each in new}
    )
    if times.total() < limit.restarts:
        return ""
    [(worst, most)] = times.most_common(1)
    within = f"{limit.within.total_seconds():g} s"
    return f"{times.total()} restarts of new instances within {within}, {most} of them of {worst}"


def _hold(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> Turn:
    """A person said wait: no slot goes on, and no deadline passes. What turns out to be bad turns back all the same."""
    if rollout.leaving:
        return Turn(rollout)
    look = _look(rollout, rollout.target, members, now, rollout.cause, said)
    survey = survey_of(look, members)
    if bad := against(rollout) or unreached(rollout, said.visits):
        return _fail(rollout, bad, now)
    failure = "" if _passed(rollout, survey, survey.failure) else survey.failure
    if failure := failure or _too_much(rollout, members, now, said):
        return _fail(rollout, _beyond(rollout, failure), now)
    return Turn(rollout, upkeep(look, members), min(survey.times, default=None))


def _gone_on(rollout: Rollout, survey: Survey, now: datetime) -> Turn:
    """Another slot that serves is progress, and progress moves the deadline; one that comes and goes is none.

    The rest that the policy wants after a slot is no lack of progress.
    """
    better = survey.served > rollout.served
    deadline = now + rollout.policy.progress_deadline + rollout.policy.delay if better else rollout.deadline
    kept = replace(rollout, deadline=deadline, served=max(survey.served, rollout.served))
    return Turn(kept, survey.chains, survey.wake(deadline))


def _passed(rollout: Rollout, survey: Survey, failure: str) -> dict[str, str] | None:
    """All slots that are passed over once those that failed now are; None: they are more than may fail.

    Where time is up, none in particular failed: it was all that are not ready.
    """
    failed = survey.failures or dict.fromkeys(survey.lacking, failure)
    passed = {**rollout.passed, **{str(slot): reason for slot, reason in failed.items()}}
    return passed if failed and len(passed) <= _tolerated(rollout) else None


def _tolerated(rollout: Rollout) -> int:
    """How many slots may fail before that is held against the content; a one-shot never may."""
    if rollout.kind != "change" or rollout.job:
        return 0
    if rollout.policy.on_failure == "continue":
        return rollout.target.replicas
    return int(Fraction(str(rollout.policy.max_failure_ratio)) * rollout.target.replicas)


def _beyond(rollout: Rollout, failure: str) -> str:
    """The evidence, with what was tolerated before it."""
    before = len(rollout.passed) + len(rollout.relapsed)
    if not before:
        return failure
    share = f"{rollout.policy.max_failure_ratio:g} of {rollout.target.replicas} may fail (max_failure_ratio)"
    return f"{failure}, after {before} more that failed; {share}"


def _late(rollout: Rollout, now: datetime) -> str:
    if now < rollout.deadline:
        return ""
    if rollout.job:
        return f"it did not end within {rollout.policy.progress_deadline.total_seconds():g} s"
    return f"no progress for {rollout.policy.progress_deadline.total_seconds():g} s"


def _fail(rollout: Rollout, reason: str, now: datetime) -> Turn:
    """Turn back where there is something to turn back to; what has no way back stays as it is, for diagnosis."""
    elsewhere = bool(rollout.target.joins or rollout.target.borrows)  # the same, but in other containers
    if not rollout.way_back or (rollout.stable == rollout.target and not elsewhere):
        return Turn(_enter(rollout, Failed(reason), now))
    return Turn(turn_back(rollout, reason, now))


def turn_back(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    """The rollout on its way back to stable, or to nothing where there was nothing before."""
    seen = {id: replace(sighting, first_seen=now) for id, sighting in rollout.seen.items()}
    policy, order = going_back(rollout.policy), rollout.policy.back.order or rollout.order
    back = replace(rollout, policy=policy, order=order, started_at=now, seen=seen, served=0)
    return _enter(back, RollingBack(reason), now)


def _back(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said, reason: str) -> Turn:
    if rollout.job:
        return _abandon(rollout, members, now, said, reason)
    survey = survey_of(_look(rollout, rollout.stable or NOTHING, members, now, f"rollback: {reason}", said), members)
    failure = (survey.failure if not survey.moving else "") or _late(rollout, now)
    if failure:
        return Turn(_enter(rollout, Failed(f"{reason}; and the way back failed: {failure}"), now))
    if survey.settled and not said.busy:
        return Turn(_enter(rollout, RolledBack(reason), now))
    return _gone_on(rollout, survey, now)


def _abandon(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said, reason: str) -> Turn:
    """A one-shot has no way back: one that still runs is stopped, and its container stays for diagnosis."""
    stops = tuple(stop(member, reason) for member in members if member.up)
    removes = tuple(remove(member, "never started") for member in members if member.instance.state == "created")
    if not (said.busy or stops or removes):
        return Turn(_enter(rollout, RolledBack(reason), now))
    if now >= rollout.deadline:
        return Turn(_enter(rollout, Failed(f"{reason}; and it could not be stopped"), now))
    chains = (Chain(f"{rollout.service}/{JOB_SLOT}", (*stops, *removes)),)
    return Turn(rollout, () if said.busy else chains, rollout.deadline)


def _finalise(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> Turn:
    """Clear away what was replaced. Once it is not watched any more no failure here concerns the release."""
    watched_still = rollout.watched(now)
    relapsed = {**rollout.relapsed, **(_relapsed(rollout, members, now) if watched_still else {})}
    if relapsed != rollout.relapsed and len({*relapsed, *rollout.passed}) > _tolerated(rollout):
        latest = next(words for slot, words in relapsed.items() if slot not in rollout.relapsed)
        return _fail(rollout, _beyond(rollout, latest), now)
    if watched_still and (excess := _too_much(rollout, members, now, said)):
        return _fail(rollout, _beyond(rollout, excess), now)
    rollout = replace(rollout, relapsed=relapsed)
    if watched_still and (bad := against(rollout)):
        return _fail(rollout, f"{bad}, while it was watched", now)
    if rollout.paused is not None:
        return Turn(rollout)
    heard = Said(said.busy, sharing=said.sharing, router=said.router)
    survey = survey_of(_look(rollout, rollout.target, members, now, rollout.cause, heard), members)
    stuck = rollout.refusals >= REFUSALS_BEFORE_FAILURE or (survey.failure and not survey.moving)
    if (survey.settled or stuck or now >= rollout.deadline) and not said.busy and not watched_still:
        return Turn(_enter(rollout, Succeeded(), now))
    watch = rollout.watched_until if watched_still else None
    ends = (watch, warm_until(rollout), next_interval(rollout), rollout.deadline)
    times = (at for at in (*survey.times, *ends) if at is not None and at > now)
    return Turn(rollout, survey.chains, min(times, default=None))


def _relapsed(rollout: Rollout, members: tuple[Member, ...], now: datetime) -> dict[str, str]:
    """What speaks against the target since it serves, by slot; what was told of a slot already stands."""
    judge, (key, span) = Judge(rollout.policy, rollout.seen, now), watch_of(rollout)
    new = (member for member in members if member.placed.fingerprint == rollout.target.fingerprint)
    return {
        str(member.placed.slot): f"{words}, while it was watched ({key}: {span.total_seconds():g} s)"
        for member in new
        if str(member.placed.slot) not in rollout.relapsed and (words := judge.relapse(member))
    }


def _stand_aside(rollout: Rollout, members: tuple[Member, ...], now: datetime, said: Said) -> Turn:
    """A service that goes is stopped and kept, until the release room finds the rest good and lets it finalise."""
    chains = stand_aside(rollout, members)
    if chains and now >= rollout.deadline:
        return _fail(rollout, _late(rollout, now), now)
    free = tuple(chain for chain in chains if int(chain.key.rpartition("/")[2]) not in said.busy)
    return Turn(rollout, free, rollout.deadline if chains else None)


def _enter(rollout: Rollout, phase: Phase, now: datetime) -> Rollout:
    ended = isinstance(phase, Succeeded | RolledBack | Failed)
    delay = rollout.policy.scale_down_delay if gradual(rollout) and isinstance(phase, Finalising) else timedelta(0)
    return replace(
        rollout,
        phase=phase,
        deadline=now + delay + rollout.policy.progress_deadline,
        refusals=0,
        finished_at=now if ended else None,
        paused=None,
        shift=replace(rollout.shift, since=now),
    )


def _look(rollout: Rollout, goal: Target, members: tuple[Member, ...], now: datetime, cause: str, said: Said) -> Look:
    judge = Judge(rollout.policy, rollout.seen, now, admitted(rollout, members, said.router) if goal.routed else None)
    warm = warm_until(rollout)
    beside = gradual(rollout) and (isinstance(rollout.phase, Progressing) or (warm is not None and now < warm))
    return Look(rollout, goal, judge, cause, said, rollout.order, beside, rollout.shift.scale)

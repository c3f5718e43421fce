"""What is seen of a rollout, made into intervals for the judge: what was asked for, and the unasked guard.

Counters only mean something as a difference within one epoch of the router. Where that is a new one, counting begins
anew; a daemon that was killed goes on where the rollout was written down. What was measured beside the passes counts in
the interval in which it came.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.analysis import GUARD, Accumulator, Fail, Interval, Metric, Verdict
from gitopsd.model.rollout import Finalising, Progressing, Rollout, Sampled, Target
from gitopsd.model.route import ALL, OTHER
from gitopsd.model.strategy import Analyse
from gitopsd.rollout.judge import Figure, explain, figures, judge
from gitopsd.rollout.member import Member
from gitopsd.rollout.shifting import gradual, steps_of
from gitopsd.rollout.sides import Sight, answers, counts_of, instances_of, own_since, side_of
from gitopsd.rollout.slots import Said
from gitopsd.rollout.tracing import traced

INTERVAL = timedelta(seconds=1)


def watched(rollout: Rollout, members: tuple[Member, ...], said: Said, now: datetime) -> Rollout:
    """The rollout with one more interval judged, where one is over."""
    router, visits = said.router, said.visits
    target = _of(rollout.target, members)
    slot, route = router.slot_of(target), router.seen.route
    if not watches(rollout) or slot is None or route is None or not router.counts or not router.seen.agreed:
        return rollout
    before, counts = rollout.sampled, {name: counts_of(sample) for name, sample in router.counts.items()}
    if before is not None and now - before.at < INTERVAL:
        return rollout
    new, old = slot, OTHER[slot]
    mixed = router.mixed(new, target) or router.mixed(old, _of(rollout.stable, members))
    # What others answer there says nothing of either side, nor does a difference from when they did.
    epoch = "" if mixed else router.counts["a"].epoch
    number = before.number + 1 if before is not None else 0
    after = replace(rollout, sampled=Sampled(number, now, epoch, counts["a"], counts["b"], visits.epoch, visits.own))
    if before is None or (before.epoch != epoch and not mixed):
        return after
    sight = Sight(rollout, members, router, said.measures, before.at, now)
    since = {"a": counts["a"].since(before.a), "b": counts["b"].since(before.b)} if not mixed else {}
    interval = Interval(
        number=number,
        canary=side_of(since.get(new), instances_of(sight, rollout.target), own_since(before, visits, new)),
        stable=side_of(since.get(old), instances_of(sight, rollout.stable), own_since(before, visits, old)),
        share=route.share if new == "b" else ALL - route.share,
        step=rollout.shift.step,
        seconds=(now - before.at).total_seconds(),
        bounds=router.bounds,
        answers=answers(sight),
        due=_due(rollout, now),
    )
    return replace(_judged(after, interval), trace=traced(rollout.trace, interval))


def _of(goal: Target | None, members: tuple[Member, ...]) -> tuple[Member, ...]:
    return tuple(each for each in members if goal is not None and each.placed.fingerprint == goal.fingerprint)


def watches(rollout: Rollout) -> bool:
    """Whether newer content gets requests that are counted: behind a router, beside or after what served before."""
    if rollout.kind != "change" or rollout.stable is None or not (rollout.target.routed and rollout.stable.routed):
        return False
    if rollout.stable.fingerprint == rollout.target.fingerprint:
        return False
    return isinstance(rollout.phase, Progressing | Finalising) and (rollout.policy.guard or gradual(rollout))


def next_interval(rollout: Rollout) -> datetime | None:
    """When the counters are to be looked at again."""
    return rollout.sampled.at + INTERVAL if watches(rollout) and rollout.sampled is not None else None


def against(rollout: Rollout) -> str:
    """What the judge has found against the target, in one sentence with its numbers; "" for nothing."""
    verdicts = (rollout.judged.verdict, rollout.guarded.verdict)
    return next((explain(verdict) for verdict in verdicts if isinstance(verdict, Fail)), "")


def doubt(rollout: Rollout) -> str:
    """Why a person has to look: waiting has made nothing clearer. "" otherwise."""
    verdict = rollout.judged.verdict
    asks = verdict is not None and getattr(verdict, "pause", False)
    return explain(verdict) if asks and verdict is not None else ""


def opinion(rollout: Rollout) -> Verdict | None:
    """The last word on what was asked for or, where nothing was, of the guard."""
    return rollout.judged.verdict if rollout.policy.analysis.metrics else rollout.guarded.verdict


def measured(rollout: Rollout) -> tuple[Figure, ...]:
    """What is in hand of each metric in the step that was judged last: of those asked for, else of the guard's."""
    asked = rollout.policy.analysis.metrics
    return figures(asked, rollout.judged) if asked else figures(GUARD, rollout.guarded)


def analysis_at(rollout: Rollout) -> Analyse | None:
    """The analysis at which it stands."""
    steps, shift = steps_of(rollout.policy), rollout.shift
    step = steps[shift.step] if shift.step < len(steps) else None
    return step if isinstance(step, Analyse) else None


def _judged(rollout: Rollout, interval: Interval) -> Rollout:
    """Without a share of the traffic only an analysis counts, by what needs no requests."""
    metrics = rollout.policy.analysis.metrics
    judged, guarded = rollout.judged, rollout.guarded
    weighed = metrics if interval.share else tuple(each for each in metrics if _needs_no_share(each, rollout))
    if weighed and gradual(rollout) and (interval.share or analysis_at(rollout) is not None):
        judged, _ = judge(weighed, judged, interval)
    if rollout.policy.guard and interval.share:
        asked = {metric.name for metric in metrics}
        unasked = [metric for metric in GUARD if metric.name not in asked and metric.source == "router"]
        guarded, _ = judge(unasked, guarded, replace(interval, due=False))
    return replace(rollout, judged=judged, guarded=guarded)


def _needs_no_share(metric: Metric, rollout: Rollout) -> bool:
    """Whether it says something of newer content that users do not reach yet."""
    synthetic = rollout.policy.analysis.synthetic is not None
    return metric.source != "router" or (synthetic and metric.nature.rule == "requests")


def _due(rollout: Rollout, now: datetime) -> bool:
    step, since = analysis_at(rollout), rollout.shift.since
    return step is not None and since is not None and now >= since + step.duration


def forgotten(judged: Accumulator) -> Accumulator:
    """What a person has looked at begins anew in its step: nobody is asked about the same twice."""
    return replace(judged, step=None)

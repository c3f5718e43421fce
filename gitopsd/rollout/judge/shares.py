"""The judge's rule for requests: the share of bad ones, and of those that took too long.

A regression test compares with stable within each interval; `max`, and `max_ratio` of a latency, are tested exactly.
Where stable itself is beyond `max`, that is held against neither: the canary may be the cure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitopsd.model.analysis import (
    Fail,
    Inconclusive,
    Metric,
    NoData,
    Pass,
    SlotCounts,
    Tally,
    Track,
    Trouble,
    Verdict,
)
from gitopsd.rollout.judge.bounds import at_least, lower_bound, upper_bound
from gitopsd.rollout.judge.histogram import bound_for, reached, slower, surely_within
from gitopsd.rollout.judge.look import Look, spent, tested
from gitopsd.rollout.judge.regression import TOLERATED, gathered, log_evidence
from gitopsd.rollout.judge.words import odds, percent, several, time

LATE = 2_000  # requests on the canary that count as its latest
_SURE_OF_STABLE = 0.05  # it is excused sooner than the canary is accused


@dataclass(frozen=True, slots=True)
class Kind:
    """What counts as bad, in words, and the most of it that is allowed (None: only as much as on stable)."""

    bad: str
    limit: float | None
    tolerated: float | None


@dataclass(frozen=True, slots=True)
class Span:
    """What both sides answered within a time, and how much of it was bad."""

    canary: Tally
    stable: Tally


def weigh_requests(
    metric: Metric, track: Track, canary: SlotCounts, stable: SlotCounts, look: Look
) -> tuple[Track, Verdict | NoData | Trouble]:
    """One more interval of it. Synthetic requests count too, and are compared among themselves: they are of one kind,
    of which the canary gets another share than of those of users.
    """
    own_canary, own_stable = look.interval.canary.synthetic, look.interval.stable.synthetic
    new = track.step_canary.plus(canary).plus(own_canary)
    if metric.nature.percentile and not (new.within and look.interval.bounds):
        return track, NoData("the router has not timed any requests")
    bound = bound_for(metric.max, look.interval.bounds) if metric.nature.percentile and metric.max else None
    if metric.nature.percentile and metric.max and bound is None:
        longest = time(look.interval.bounds[-1])
        return track, NoData(f"max is {time(metric.max)}, and the router's times end at {longest}")
    track = _counted(metric, track, canary, stable, bound)
    track = _counted(metric, track, own_canary, own_stable, bound)
    track = _valued(metric, track, look.interval.bounds)
    kind = _kind(metric, look, bound)
    spans = _spans(metric, track, bound)
    if failure := _regressed(kind, spans, track, look):
        return track, Fail(metric.name, failure)
    if (again := tested(track, track.step_canary.requests)) is not None:
        track = again
        alpha = spent(look.alpha, track.tests)
        if failure := _beyond_limit(kind, spans, alpha) or _slower_than_stable(metric, track, look, alpha):
            return track, Fail(metric.name, failure)
    step = Span(*(_tally(metric, each, bound) for each in (track.step_canary, track.step_stable)))
    if lacking := _lacking(metric, kind, step, look):
        return track, NoData(lacking)
    return track, _standing(metric, kind, step, track, look, spans)


def _valued(metric: Metric, track: Track, bounds: Sequence[float]) -> Track:
    """With the values of this step as people read them: a rate, or a time within which that many were answered."""
    sides = (track.step_canary, track.step_stable)
    if metric.nature.percentile:
        here, there = (reached(each, metric.nature.percentile, bounds) for each in sides)
    else:
        here, there = (Tally(each.requests, each.bad).rate if each.requests else None for each in sides)
    return replace(track, here=here, there=there)


def _spans(metric: Metric, track: Track, bound: int | None) -> tuple[Span, Span]:
    """The whole rollout and the latest of it, which weighs little in the whole of a long one."""
    late = (_tally(metric, each, bound) for each in (track.late_canary, track.late_stable))
    return Span(track.canary, track.stable), Span(*late)


def _counted(metric: Metric, track: Track, canary: SlotCounts, stable: SlotCounts, bound: int | None) -> Track:
    new, old = (_tally(metric, each, bound) for each in (canary, stable))
    compares = metric.nature.percentile == 0 or metric.max_ratio is None
    tolerated = metric.max_ratio or TOLERATED
    late = (track.late_canary, track.late_stable) if track.late_canary.requests < LATE else (SlotCounts(),) * 2
    return replace(
        track,
        evidence=gathered(track.evidence, new, old, tolerated) if compares else track.evidence,
        canary=track.canary.plus(new),
        stable=track.stable.plus(old),
        step_canary=track.step_canary.plus(canary),
        step_stable=track.step_stable.plus(stable),
        late_canary=late[0].plus(canary),
        late_stable=late[1].plus(stable),
    )


def _tally(metric: Metric, counts: SlotCounts, bound: int | None) -> Tally:
    if not metric.nature.percentile:
        return Tally(counts.requests, counts.bad)
    return slower(counts, bound) if bound is not None else Tally(counts.within[-1] if counts.within else 0)


def _kind(metric: Metric, look: Look, bound: int | None) -> Kind:
    percentile = metric.nature.percentile
    if not percentile:
        return Kind("failed", metric.max, metric.max_ratio or TOLERATED)
    limit = 1 - percentile / 100 if bound is not None else None
    bad = f"took over {time(look.interval.bounds[bound])}" if bound is not None else "took too long"
    return Kind(bad, limit, TOLERATED if metric.max_ratio is None else None)


def _regressed(kind: Kind, spans: tuple[Span, Span], track: Track, look: Look) -> str:
    won, needed = log_evidence(track.evidence), 1 / look.alpha
    if kind.tolerated is None or won < math.log(needed):
        return ""
    seen = max(spans, key=lambda span: span.canary.rate)
    return (
        f"{_told(seen.canary, 'the canary', kind)}, {_told(seen.stable, 'stable', kind)}: the odds are above "
        f"{kind.tolerated:g} times those of stable, evidence {odds(won)}, {needed:,.0f} to 1 is enough"
    )


def _beyond_limit(kind: Kind, spans: tuple[Span, Span], alpha: float) -> str:
    """Half of the risk for each of the two spans."""
    if kind.limit is None or _stable_is_bad(kind, spans):
        return ""
    for found in (span.canary for span in spans):
        if at_least(found.bad, found.requests, kind.limit) < alpha / 2:
            least = lower_bound(found.bad, found.requests, alpha / 2)
            told = _told(found, "the canary", kind)
            return f"{told}, surely above {percent(least)}; at most {percent(kind.limit)} may"
    return ""


def _stable_is_bad(kind: Kind, spans: tuple[Span, Span]) -> bool:
    """In either span: an outage that has just begun is no fault of the canary's."""
    limit = kind.limit
    found = [span.stable for span in spans]
    return limit is not None and any(at_least(each.bad, each.requests, limit) < _SURE_OF_STABLE for each in found)


def _slower_than_stable(metric: Metric, track: Track, look: Look, alpha: float) -> str:
    """Half of the risk is for taking stable to be faster than it is, half for taking the canary to be slower."""
    percentile, bounds = metric.nature.percentile, look.interval.bounds
    if not percentile or metric.max_ratio is None or not look.compared:
        return ""
    place = surely_within(track.late_stable, percentile, bounds, alpha / 2)
    beyond = bound_for(bounds[place] * metric.max_ratio, bounds) if place is not None else None
    if place is None or beyond is None:
        return ""
    allowed, found = 1 - percentile / 100, slower(track.late_canary, beyond)
    if at_least(found.bad, found.requests, allowed) >= alpha / 2:
        return ""
    told = _told(found, "the canary", Kind(f"took over {time(bounds[beyond])}", allowed, None))
    return (
        f"{told}, and stable answers {percentile} % within {time(bounds[place])}; {metric.max_ratio:g} times is allowed"
    )


def _lacking(metric: Metric, kind: Kind, step: Span, look: Look) -> str:
    """What there is too little of to pass it, "" for nothing."""
    new, old = step.canary.requests, step.stable.requests
    if new < metric.min_samples:
        return f"{several(new, 'request')} on the canary in this step, {metric.min_samples} are needed"
    if not look.compared:
        told = "nothing to compare with while the canary has all of the traffic; write a max"
        return told if kind.limit is None else ""
    compares = kind.limit is None or (metric.max_ratio is not None and old > 0)  # a dead stable blocks no cure
    if compares and old < metric.min_samples:
        return f"{several(old, 'request')} on stable in this step, {metric.min_samples} are needed to compare"
    return ""


def _standing(
    metric: Metric, kind: Kind, step: Span, track: Track, look: Look, spans: tuple[Span, Span]
) -> Pass | Inconclusive:
    """There is no evidence against it, and enough was seen: is it as it should be?"""
    told = f"{_told(step.canary, 'the canary', kind)}, {_told(step.stable, 'stable', kind)}"
    percentile, bounds = metric.nature.percentile, look.interval.bounds
    above = ""
    if kind.limit is not None and step.canary.rate > kind.limit and not _surely_better(step):
        above = f"above {percent(kind.limit)}{', as stable is' if _stable_is_bad(kind, spans) else ''}"
    elif percentile and metric.max_ratio is not None and look.compared:
        here, there = (reached(each, percentile, bounds) for each in (track.step_canary, track.step_stable))
        if metric.max is None:
            told = f"the canary answers {percentile} % {_within(here, bounds)}, stable {_within(there, bounds)}"
        if (here or math.inf) > (there or math.inf) * metric.max_ratio:
            above = f"more than {metric.max_ratio:g} times"
    if above:
        return Inconclusive(metric.name, f"{told}: {above}, which may be chance")
    return Pass(f"{metric.name}: {told}")


def _surely_better(step: Span) -> bool:
    new, old = step.canary, step.stable
    if not old.requests:
        return False
    most = upper_bound(new.bad, new.requests, _SURE_OF_STABLE)
    return most < lower_bound(old.bad, old.requests, _SURE_OF_STABLE)


def _within(seconds: float | None, bounds: Sequence[float]) -> str:
    return f"within {time(seconds)}" if seconds is not None else f"in over {time(bounds[-1])}"


def _told(tally: Tally, side: str, kind: Kind) -> str:
    return f"{tally.bad} of {several(tally.requests, 'request')} on {side} {kind.bad} ({percent(tally.rate)})"

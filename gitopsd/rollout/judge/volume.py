"""The judge's rule for how many requests reach the canary: compared with its share of all of them."""

from dataclasses import replace

from gitopsd.model.analysis import Fail, Inconclusive, Metric, NoData, Pass, SlotCounts, Track, Verdict
from gitopsd.model.route import ALL
from gitopsd.rollout.judge.bounds import at_least, at_most
from gitopsd.rollout.judge.look import Look, spent, tested
from gitopsd.rollout.judge.words import several


def weigh_volume(
    metric: Metric, track: Track, canary: SlotCounts, stable: SlotCounts, look: Look
) -> tuple[Track, Verdict | NoData]:
    """One more interval of it. Users who stay on their side come in lumps; a bound near 1 is for none of those."""
    track = replace(
        track,
        expected=track.expected + (canary.requests + stable.requests) * look.interval.share / ALL,
        step_canary=track.step_canary.plus(canary),
        step_stable=track.step_stable.plus(stable),
    )
    requests = track.step_canary.requests
    track = replace(track, here=float(requests), there=round(track.expected, 1))
    total = requests + track.step_stable.requests
    told = f"{several(requests, 'request')} reached the canary, {track.expected:.0f} would be its share of {total}"
    if (again := tested(track, total)) is not None:
        track = again
        alpha = spent(look.alpha, track.tests)
        share = track.expected / total
        few = metric.min_ratio is not None and at_most(requests, total, min(1, share * metric.min_ratio)) < alpha
        many = metric.max_ratio is not None and at_least(requests, total, min(1, share * metric.max_ratio)) < alpha
        if few or many:
            return track, Fail(metric.name, f"{told}; {_allowed(metric)}")
    if track.expected < metric.min_samples:
        return track, NoData(f"{told}; {metric.min_samples} are needed")
    ratio = requests / track.expected
    if (metric.min_ratio or 0) <= ratio <= (metric.max_ratio or float("inf")):
        return track, Pass(f"{metric.name}: {told}")
    return track, Inconclusive(metric.name, f"{told}; {_allowed(metric)}, which may be chance")


def _allowed(metric: Metric) -> str:
    least = f"at least {metric.min_ratio:g} times" if metric.min_ratio is not None else ""
    most = f"at most {metric.max_ratio:g} times" if metric.max_ratio is not None else ""
    return " and ".join(filter(None, (least, most))) + " of that is allowed"

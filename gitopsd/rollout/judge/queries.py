"""The judge's rule for queries that somebody wrote: what they give must be within their bounds, more than once."""

import math
from dataclasses import replace

from gitopsd.model.analysis import Answer, Metric, NoData, Number, Reading, Track, Trouble, Verdict
from gitopsd.rollout.judge.streak import IN_A_ROW, weigh_reading


def weigh_query(metric: Metric, track: Track, answer: Answer) -> tuple[Track, Verdict | NoData | Trouble]:
    """One more answer. A job says all it has to say at once."""
    canary = _sound(answer.canary)
    if not isinstance(canary, Number):
        return track, canary
    compares = metric.min_ratio is not None or metric.max_ratio is not None
    stable = _sound(answer.stable)
    if compares and not isinstance(stable, Number):
        return track, type(stable)(f"nothing to compare with: {stable.reason}")
    there = stable.value if isinstance(stable, Number) else None
    track = replace(track, here=canary.value, there=there)
    job = metric.source == "job"
    told = _of_job(canary) if job else f"{canary.value:.4g}"
    told += f", {there:.4g} on stable" if there is not None else ""
    outside = _outside(metric, canary.value, there) if not job else "0 is wanted" * bool(canary.value)
    return weigh_reading(metric.name, track, told, outside, needed=1 if job else IN_A_ROW)


def _of_job(end: Number) -> str:
    said = f" ({end.said[-200:]})" if end.said and end.value else ""
    return f"exit code {end.value:g}{said}"


def _outside(metric: Metric, here: float, there: float | None) -> str:
    """What is wrong with the number. Where stable is outside of a bound and no better, that is not held against it."""
    if metric.max is not None and here > metric.max and not (there is not None and there >= here):
        return f"above {metric.max:g}"
    if metric.min is not None and here < metric.min and not (there is not None and there <= here):
        return f"below {metric.min:g}"
    if there is None:
        return ""
    if metric.max_ratio is not None and here > there * metric.max_ratio:
        return f"more than {metric.max_ratio:g} times"
    if metric.min_ratio is not None and here < there * metric.min_ratio:
        return f"less than {metric.min_ratio:g} times"
    return ""


def _sound(reading: Reading) -> Reading:
    """What is no number counts as none, whoever gave it."""
    if isinstance(reading, Number):
        if isinstance(reading.value, bool) or not isinstance(reading.value, int | float):
            return Trouble(f"{reading.value!r} is no number")
        if not math.isfinite(reading.value):
            return NoData(f"it is {reading.value}")
    return reading

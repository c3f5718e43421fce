"""The judge's rules for what instances take: CPU and memory against stable and their limits, and restarts.

Such series are no independent samples, so no test of chance fits them: the medians must differ by a ratio and by an
amount that matters, several readings in a row.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from gitopsd.model.analysis import Fail, Interval, Metric, NoData, Pass, Track, Usage, Verdict
from gitopsd.rollout.judge.streak import weigh_reading
from gitopsd.rollout.judge.words import amount, percent, several

LEAST_DIFFERENCE = {"cpu": 0.1, "memory": float(32 << 20)}  # cores, bytes


def weigh_usage(metric: Metric, track: Track, interval: Interval) -> tuple[Track, Verdict | NoData]:
    """One more reading of CPU or memory."""
    canary, stable = (_values(metric.name, side.instances or ()) for side in (interval.canary, interval.stable))
    if not canary:
        return track, NoData("no reading of any instance of the canary")
    if metric.max is None and not stable:
        return track, NoData("no reading of any instance of stable to compare with")
    told = f"{_shown(metric, median(canary))} for an instance of the canary"
    track = replace(track, here=median(canary), there=median(stable) if stable else None)
    if stable:
        told += f", {_shown(metric, median(stable))} for one of stable"
    return weigh_reading(
        metric.name, track, told, _above_stable(metric, canary, stable) or _above_limit(metric, interval)
    )


def weigh_restarts(metric: Metric, track: Track, interval: Interval) -> tuple[Track, Verdict | NoData]:
    """One more count of the canary's restarts; each is evidence, so nothing need come in a row."""
    known = [each.restarts for each in interval.canary.instances or () if each.restarts is not None]
    if not known:
        return track, NoData("no count of any instance of the canary")
    restarts, most = sum(known), metric.max or 0
    track = replace(track, here=float(restarts), there=None)
    told = f"{several(restarts, 'restart')} of the canary's instances"
    if restarts > most:
        return track, Fail(metric.name, f"{told}, {most:g} are allowed")
    return track, Pass(f"{metric.name}: {told}")


def _above_stable(metric: Metric, canary: Sequence[float], stable: Sequence[float]) -> str:
    if metric.max_ratio is None or not stable:
        return ""
    here, there = median(canary), median(stable)
    if here <= there * metric.max_ratio or here - there <= LEAST_DIFFERENCE[metric.name]:
        return ""
    return f"more than {metric.max_ratio:g} times"


def _above_limit(metric: Metric, interval: Interval) -> str:
    """The fullest instance counts. Where one of stable is as full, the canary is no worse."""
    canary, stable = (_fullest(metric.name, side.instances or ()) for side in (interval.canary, interval.stable))
    if metric.max is None or canary <= metric.max or metric.max < canary <= stable:
        return ""
    return f"one of the canary is at {percent(canary)} of its limit, {percent(metric.max)} is allowed"


def _fullest(name: str, instances: Sequence[Usage]) -> float:
    """As a share of its limit; 0 where none has one."""
    found = [(_value(name, each), each.cpu_limit if name == "cpu" else each.memory_limit) for each in instances]
    return max((value / limit for value, limit in found if value is not None and limit), default=0.0)


def _values(name: str, instances: Sequence[Usage]) -> list[float]:
    return [value for each in instances if (value := _value(name, each)) is not None]


def _value(name: str, usage: Usage) -> float | None:
    value = usage.cpu if name == "cpu" else usage.memory
    return value if value is not None and math.isfinite(value) and value >= 0 else None


def _shown(metric: Metric, value: float) -> str:
    return amount(value) if metric.name == "memory" else f"{value:.2f} cores"

"""The picture of a rollout: each interval is added to it, and where it becomes too long it becomes coarser."""

from itertools import zip_longest

from gitopsd.model.analysis import Interval, Side, SlotCounts, Tally
from gitopsd.model.trace import Point, Trace
from gitopsd.rollout.judge.histogram import reached

MOST = 24  # points: as many as a line of a terminal has room for


def traced(trace: Trace, interval: Interval) -> Trace:
    """With one more interval."""
    points, latest = trace.points, _point(interval)
    if points and points[-1].intervals < trace.every:
        return Trace(trace.every, (*points[:-1], _together(points[-1], latest)))
    if len(points) < MOST:
        return Trace(trace.every, (*points, latest))
    pairs = zip_longest(points[::2], points[1::2])
    coarser = tuple(one if other is None else _together(one, other) for one, other in pairs)
    return Trace(trace.every * 2, (*coarser, latest))


def _point(interval: Interval) -> Point:
    (new, fast), (old, usual) = (_seen(side, interval.bounds) for side in (interval.canary, interval.stable))
    return Point(1, interval.share, new, old, fast, usual)


def _seen(side: Side, bounds: tuple[float, ...]) -> tuple[Tally, float | None]:
    """Requests of users and of gitopsd's own together: what a person would see at the service."""
    counts = side.counts if isinstance(side.counts, SlotCounts) else SlotCounts()
    both = counts.plus(side.synthetic)
    timed = bool(both.within and both.within[-1] and len(both.within) == len(bounds) + 1)
    return Tally(both.requests, both.bad), (reached(both, 95, bounds) or bounds[-1]) if timed else None


def _together(one: Point, other: Point) -> Point:
    """Of two times the longer one: a peak is to stay seen."""
    return Point(
        one.intervals + other.intervals,
        other.share,
        one.new.plus(other.new),
        one.old.plus(other.old),
        max(filter(None, (one.new_p95, other.new_p95)), default=None),
        max(filter(None, (one.old_p95, other.old_p95)), default=None),
    )

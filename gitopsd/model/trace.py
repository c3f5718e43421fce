"""How a rollout looked over its time, coarse enough to be kept with it: for whoever follows it."""

from dataclasses import dataclass, field

from gitopsd.model.analysis import Tally


@dataclass(frozen=True, slots=True)
class Point:
    """Some intervals of the judge together. `share` is what newer content had at their end, in basis points; `new` and
    `old` are the requests of both sides, with the time in seconds within which 95 of a hundred were answered, None
    where that is not known.
    """

    intervals: int
    share: int
    new: Tally = field(default=Tally())
    old: Tally = field(default=Tally())
    new_p95: float | None = None
    old_p95: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole of it, `every` so many intervals a point; the last one may still be growing."""

    every: int = 1
    points: tuple[Point, ...] = ()


NOTHING_TRACED = Trace()

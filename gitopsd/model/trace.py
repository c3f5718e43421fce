"""How a rollout looked over its time, coarse enough to be kept with it: for whoever follows it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.model.analysis import Tally
from gitopsd.model.canonical import Json


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

    def plain(self) -> Mapping[str, Json]:
        """As ledger and API have it."""
        return {
            "intervals": self.intervals,
            "share": self.share / 100,
            "new": {"requests": self.new.requests, "bad": self.new.bad, "p95_s": self.new_p95},
            "old": {"requests": self.old.requests, "bad": self.old.bad, "p95_s": self.old_p95},
        }


@dataclass(frozen=True, slots=True)
class Trace:
    """The whole of it, `every` so many intervals a point; the last one may still be growing."""

    every: int = 1
    points: tuple[Point, ...] = ()


NOTHING_TRACED = Trace()

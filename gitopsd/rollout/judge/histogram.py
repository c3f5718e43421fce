"""How many requests took longer than a time, as far as the bounds of counts can tell. Checks what routers count."""

from collections.abc import Sequence

from gitopsd.model.analysis import Interval, NoData, SlotCounts, Tally, Trouble
from gitopsd.rollout.judge.bounds import at_most


def counted(interval: Interval) -> tuple[SlotCounts, SlotCounts] | NoData | Trouble:
    """What both sides answered, or why that is not known."""
    sides = (interval.canary.counts, interval.stable.counts)
    for kind in (Trouble, NoData):
        for side in sides:
            if isinstance(side, kind):
                return side
    canary, stable = sides
    assert isinstance(canary, SlotCounts)
    assert isinstance(stable, SlotCounts)
    for name, each in (("canary", canary), ("stable", stable)):
        if wrong := _wrong(each, interval.bounds):
            return Trouble(f"the counts of the {name} side are none: {wrong}")
    return canary, stable


def bound_for(seconds: float, bounds: Sequence[float]) -> int | None:
    """Where the first bound stands that is no shorter than this; None: all are."""
    return next((index for index, bound in enumerate(bounds) if bound >= seconds), None)


def slower(counts: SlotCounts, bound: int) -> Tally:
    """The requests that were timed, and those of them that took longer than the bound at this place."""
    if not counts.within:
        return Tally()
    return Tally(counts.within[-1], counts.within[-1] - counts.within[bound])


def reached(counts: SlotCounts, percentile: int, bounds: Sequence[float]) -> float | None:
    """The time within which so many of a hundred were answered, up to the bound above it; None: longer than all."""
    for index, bound in enumerate(bounds):
        if counts.within and counts.within[index] * 100 >= percentile * counts.within[-1]:
            return bound
    return None


def surely_within(counts: SlotCounts, percentile: int, bounds: Sequence[float], alpha: float) -> int | None:
    """The place of the first bound within which so many of a hundred are answered, but for a probability of `alpha`."""
    for index in range(len(bounds)):
        found = slower(counts, index)
        if found.requests and at_most(found.bad, found.requests, 1 - percentile / 100) < alpha:
            return index
    return None


def _wrong(counts: SlotCounts, bounds: Sequence[float]) -> str:
    numbers = (counts.requests, counts.bad, *counts.within)
    if any(type(number) is not int or number < 0 for number in numbers):
        return f"{numbers} are not all whole numbers from 0 up"
    if counts.bad > counts.requests:
        return f"{counts.bad} bad requests of {counts.requests}"
    if counts.within and len(counts.within) != len(bounds) + 1:
        return f"{len(counts.within)} numbers for {len(bounds)} bounds"
    if list(counts.within) != sorted(counts.within):
        return f"{counts.within} do not go up"
    return ""

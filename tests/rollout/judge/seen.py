"""Intervals for tests of the judge, and a judge that is shown several of them."""

from collections.abc import Iterable, Sequence
from typing import Any

from gitopsd.model.analysis import (
    Accumulator,
    Answer,
    Interval,
    Metric,
    NoData,
    Number,
    Side,
    SlotCounts,
    Trouble,
    Usage,
    Verdict,
)
from gitopsd.rollout.judge import judge

ERRORS = Metric("error-rate", "router", max=0.01)
SHARE = 2_000
BOUNDS = (0.1, 0.2, 0.4, 0.6, 1.0)
NOT_ASKED = NoData("not asked")
Counts = tuple[int, ...] | SlotCounts | NoData | Trouble


def seen(number: int, canary: Counts = (200, 0), stable: Counts = (800, 0), **more: Any) -> Interval:
    """Requests and bad ones of both sides within a second."""
    usages = [_instances(more.pop(side, None)) for side in ("canary_instances", "stable_instances")]
    more = {"share": SHARE, "step": 0, "bounds": BOUNDS, **more}
    return Interval(number, Side(_counts(canary), usages[0]), Side(_counts(stable), usages[1]), **more)


def timed(*times: int, bad: int = 0) -> SlotCounts:
    """So many requests within each of the bounds, and past all of them: each counted once."""
    within = tuple(sum(times[: index + 1]) for index in range(len(times)))
    return SlotCounts(within[-1], bad, within)


def asked(number: int, canary: Any, stable: Any = NOT_ASKED, name: str = "checkout", **more: Any) -> Interval:
    """A query was asked, with these answers: a number or a reading."""
    readings = [each if isinstance(each, NoData | Trouble) else Number(each) for each in (canary, stable)]
    return seen(number, answers={name: Answer(*readings)}, **more)


def shown(
    intervals: Iterable[Interval], metrics: Sequence[Metric] = (ERRORS,), judge_: Any = judge
) -> tuple[Accumulator, list[Verdict]]:
    """What the judge knows and has said, after an interval that counts for nothing."""
    known, verdicts = judge_(metrics, Accumulator(), seen(0))[0], []
    for interval in intervals:
        known, verdict = judge_(metrics, known, interval)
        verdicts.append(verdict)
    return known, verdicts


def last(intervals: Iterable[Interval], *metrics: Metric, judge_: Any = judge) -> Verdict:
    """What the judge says in the end."""
    return shown(intervals, metrics or (ERRORS,), judge_)[1][-1]


def _counts(counts: Counts) -> SlotCounts | NoData | Trouble:
    return SlotCounts(*counts) if isinstance(counts, tuple) else counts


def _instances(usages: Any) -> tuple[Usage, ...] | None:
    return usages if usages is None or isinstance(usages, tuple) else (usages,)

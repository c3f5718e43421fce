"""What holds of every judge that may be trusted, as checks that take one: the real one, or one with a mistake."""

from collections.abc import Callable, Sequence
from typing import Any

from gitopsd.model.analysis import Accumulator, Fail, Interval, Metric, NoData, Pass, SlotCounts, Trouble, Verdict
from tests.rollout.judge.seen import ERRORS, asked, last, seen, shown
from tests.rollout.judge.simulation import DEFAULT, World, found_by, ours, share_found

JudgeFunction = Callable[[Sequence[Metric], Accumulator, Interval], tuple[Accumulator, Verdict]]
UNLIMITED = Metric("error-rate", "router")


def seldom_cries_wolf(judge: JudgeFunction) -> None:
    """Of canaries as good as stable it turns one in a hundred back at most."""
    found = [look for rps in (10, 50) for look in found_by(ours(judge_=judge), World(rps, 0.005), 15)]
    assert share_found(found) <= 0.01


def adds_up_what_it_sees(judge: JudgeFunction) -> None:
    """Ten times the errors at 10 requests a second are seen within 10 looks, none of which would be enough."""
    found = found_by(ours(judge_=judge), World(10, 0.005, 10), 40, DEFAULT)
    assert share_found(found, within=10) >= 0.9


def passes_nothing_without_data(judge: JudgeFunction) -> None:
    """No data, errors and silence are never a pass."""
    for counts in (NoData("the router counts nothing"), Trouble("time-out"), SlotCounts()):
        intervals = [seen(number, counts, counts, due=True) for number in range(1, 9)]
        assert not any(isinstance(each, Pass) for each in shown(intervals, (ERRORS,), judge)[1])


def lets_a_change_of_share_settle(judge: JudgeFunction) -> None:
    """Requests that began before the share changed are in the first interval after it, and speak against nobody."""
    mixed = seen(1, (100, 60), (100, 0), share=5_000)
    assert not isinstance(last([mixed, seen(2, share=5_000)], judge_=judge), Fail)


def counts_an_interval_once(judge: JudgeFunction) -> None:
    """A daemon that dies after each judgement sees the interval again."""
    known, verdict = Accumulator(), None
    for _ in range(20):
        for interval in (seen(0), seen(1, (40, 1), (160, 0))):
            known, verdict = judge([UNLIMITED], known, interval)
    assert not isinstance(verdict, Fail)


def keeps_a_failure(judge: JudgeFunction) -> None:
    """Later errors of stable lower the evidence, and change nothing."""
    later = [seen(number, (200, 0), (800, 40)) for number in range(2, 30)]
    assert isinstance(last([seen(1, (200, 20)), *later], UNLIMITED, judge_=judge), Fail)


def lets_a_cure_pass(judge: JudgeFunction) -> None:
    """A stable that fails a third of its requests does not hold back the canary that fails none, or few."""
    for bad in (0, 6):
        assert isinstance(last([seen(number, (200, bad), (800, 260)) for number in range(1, 9)], judge_=judge), Pass)


def blames_nobody_for_an_outage(judge: JudgeFunction) -> None:
    """What both sides suffer from is no evidence against the canary, and no pass for it."""
    outage = [seen(number, (200, 60), (800, 240)) for number in range(1, 30)]
    assert {type(each).__name__ for each in shown(outage, (ERRORS,), judge)[1]} == {"Inconclusive"}


def keeps_evidence_from_step_to_step(judge: JudgeFunction) -> None:
    """One error in each step, and none on stable, are enough after some steps."""
    slowly = [seen(number, (40, 1), (160, 0), step=number) for number in range(1, 13)]
    assert isinstance(last(slowly, UNLIMITED, judge_=judge), Fail)


def wants_each_step_to_be_seen(judge: JudgeFunction) -> None:
    """Requests of one step are no reason to pass the next."""
    assert not isinstance(last([seen(1), seen(2, (10, 0), (40, 0), step=1)], judge_=judge), Pass)


def is_not_lulled_by_a_long_calm(judge: JudgeFunction) -> None:
    """A canary that breaks after thousands of good requests, and some bad ones on both sides, fails at once."""
    calm = [seen(number, (4_000, 8), (16_000, 32)) for number in range(1, 30)]
    broken = [seen(number, (40, 30), (160, 0)) for number in range(30, 33)]
    for metric in (UNLIMITED, ERRORS):
        assert isinstance(last([*calm, *broken], metric, judge_=judge), Fail)
    alone = [
        *(seen(number, (4_000, 8), (0, 0), share=10_000) for number in range(1, 30)),
        *(seen(number, (40, 30), (0, 0), share=10_000) for number in range(30, 33)),
    ]
    assert isinstance(last(alone, ERRORS, judge_=judge), Fail)


def believes_no_single_reading(judge: JudgeFunction) -> None:
    """Once too high is neither a failure nor a pass."""
    query = Metric("checkout", "prometheus", max=1.0)
    verdicts = shown((asked(number, number % 3) for number in range(1, 9)), (query,), judge)[1]
    assert {type(each).__name__ for each in verdicts} == {"Inconclusive"}


LAWS: tuple[Callable[[Any], None], ...] = (
    seldom_cries_wolf,
    adds_up_what_it_sees,
    passes_nothing_without_data,
    lets_a_change_of_share_settle,
    counts_an_interval_once,
    keeps_a_failure,
    lets_a_cure_pass,
    blames_nobody_for_an_outage,
    keeps_evidence_from_step_to_step,
    wants_each_step_to_be_seen,
    is_not_lulled_by_a_long_calm,
    believes_no_single_reading,
)

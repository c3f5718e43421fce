"""Requests of gitopsd's own count for the judge, and are compared with those of their kind alone."""

from dataclasses import replace

from gitopsd.model.analysis import Fail, Interval, Metric, Pass, SlotCounts
from tests.rollout.judge.seen import ERRORS, last, seen, timed

NONE = (0, 0)


def with_own(interval: Interval, canary: SlotCounts, stable: SlotCounts) -> Interval:
    here, there = (replace(side, synthetic=own) for side, own in ((interval.canary, canary), (interval.stable, stable)))
    return replace(interval, canary=here, stable=there)


def test_where_nobody_comes_they_are_enough_to_pass() -> None:
    quiet = [with_own(seen(number, NONE, NONE), SlotCounts(5, 0), SlotCounts(5, 0)) for number in range(1, 12)]

    assert isinstance(last(quiet), Pass)


def test_where_nobody_comes_a_canary_that_fails_them_fails() -> None:
    quiet = [with_own(seen(number, NONE, NONE), SlotCounts(5, 2), SlotCounts(5, 0)) for number in range(1, 12)]

    assert isinstance(last(quiet), Fail)


def test_before_the_first_share_they_judge_it() -> None:
    before = [with_own(seen(n, NONE, (100, 1), share=0), SlotCounts(5, 0), SlotCounts(5, 0)) for n in range(1, 15)]

    assert isinstance(last(before), Pass)


def test_that_they_go_well_on_stable_is_not_held_against_users_who_fare_ill_on_both() -> None:
    """Of the canary's requests more are users' than of those of stable; mixed up, it would seem to be the worse one."""
    lenient = Metric("error-rate", "router", max=0.5)
    mixed = [with_own(seen(n, (50, 10), (50, 10)), SlotCounts(5, 0), SlotCounts(500, 0)) for n in range(1, 40)]

    assert not isinstance(last(mixed, lenient), Fail)


def test_times_of_theirs_count_too() -> None:
    slow = Metric("latency-p95", "router", max=0.4)
    fast = [with_own(seen(n, NONE, NONE), timed(10, 0, 0, 0, 0), timed(10, 0, 0, 0, 0)) for n in range(1, 12)]
    late = [with_own(seen(n, NONE, NONE), timed(0, 0, 0, 0, 10), timed(10, 0, 0, 0, 0)) for n in range(1, 12)]

    assert isinstance(last(fast, slow), Pass)
    assert isinstance(last(late, slow), Fail)
    assert isinstance(last(fast, ERRORS), Pass)

"""The judge's verdicts on requests: what fails a canary, what passes it, and what is neither."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gitopsd.adapters.store.codec import dump, load
from gitopsd.model.analysis import (
    GUARD,
    Accumulator,
    Fail,
    Inconclusive,
    Metric,
    NoData,
    Pass,
    SlotCounts,
    Trouble,
)
from gitopsd.rollout.judge import explain, judge
from tests.rollout.judge.seen import ERRORS, SHARE, last, seen, shown, timed

P95 = Metric("latency-p95", "router", max=0.4)
SLOWER = Metric("latency-p95", "router", max_ratio=1.5)
UNLIMITED = Metric("error-rate", "router")
RATE = Metric("request-rate", "router", min_ratio=0.7)
QUIET = seen(1, (10, 0), (40, 0))


def test_a_canary_as_good_as_stable_passes_once_enough_was_seen_of_it() -> None:
    _, verdicts = shown(seen(number, (20, 0), (80, 0)) for number in range(1, 5))

    assert [type(each) for each in verdicts] == [Inconclusive, Inconclusive, Pass, Pass]
    assert explain(verdicts[0]) == ("inconclusive: error-rate: 20 requests on the canary in this step, 50 are needed")
    assert explain(verdicts[2]) == (
        "pass: error-rate: 0 of 60 requests on the canary failed (0 %), 0 of 240 requests on stable failed (0 %)"
    )


def test_more_errors_than_stable_has_fail_it_with_the_numbers() -> None:
    verdict = last([seen(1, (40, 4), (160, 1)), seen(2, (40, 5), (160, 0))], Metric("error-rate", "router"))

    assert explain(verdict) == (
        "fail: error-rate: 9 of 80 requests on the canary failed (11.2 %), 1 of 320 requests on stable failed "
        "(0.312 %): the odds are above 1.25 times those of stable, evidence 2,886 to 1, 100 to 1 is enough"
    )


def test_ten_percent_of_errors_at_a_fifth_of_200_requests_a_second_fail_within_5_seconds_and_25_requests() -> None:
    known, verdicts = shown(seen(second, (40, 4), (160, 0)) for second in range(1, 5))

    failing = [isinstance(each, Fail) for each in verdicts].index(True) + 1
    assert 1 + failing <= 3  # with the first second, which counts for nothing
    assert 4 * (1 + failing) <= 12
    assert isinstance(known.verdict, Fail)


def test_a_limit_is_tested_without_anything_to_compare_with() -> None:
    verdict = last([seen(1, (200, 12), (0, 0), share=10_000), seen(2, (200, 12), (0, 0), share=10_000)])

    assert isinstance(verdict, Fail)
    assert verdict.reason == ("12 of 200 requests on the canary failed (6 %), surely above 2.11 %; at most 1 % may")


def test_a_rate_above_its_limit_that_may_be_chance_does_not_pass() -> None:
    verdict = last([seen(1, (60, 1), (240, 2))])

    assert isinstance(verdict, Inconclusive)
    assert verdict.reason.endswith("above 1 %, which may be chance")


def test_without_a_limit_and_without_stable_there_is_nothing_to_pass_it_by() -> None:
    alone = [seen(number, (200, 0), (0, 0), share=10_000) for number in (1, 2)]

    assert last(alone, Metric("error-rate", "router")) == Inconclusive(
        "error-rate", "nothing to compare with while the canary has all of the traffic; write a max"
    )


def test_a_failure_stays_one_whatever_comes_after_it() -> None:
    good = [seen(number, (10_000, 0), (40_000, 400)) for number in range(2, 60)]

    assert isinstance(last([seen(1, (100, 30)), *good]), Fail)


def test_an_interval_counts_once_however_often_it_is_shown() -> None:
    known, _ = shown([seen(1, (40, 1), (160, 0))])

    again, verdict = judge([ERRORS], known, seen(1, (40, 1), (160, 0)))

    assert again == known
    assert verdict == known.verdict
    assert isinstance(last([seen(1, (40, 1), (160, 0))] * 50), Inconclusive)


def test_a_restart_between_two_intervals_changes_nothing() -> None:
    intervals = [
        seen(number, timed(30, 5, 3, 1, 0, 1, bad=number % 2), timed(150, 9, 1, 0, 0, 0)) for number in range(9)
    ]
    metrics = (*GUARD, P95, ERRORS, RATE)
    through = restarted = Accumulator()
    for interval in intervals:
        through, verdict = judge(metrics, through, interval)
        restarted, said = judge(metrics, load(Accumulator, dump(restarted)), interval)
        assert said == verdict

    assert restarted == through


def test_the_first_interval_after_a_change_of_share_counts_for_nothing() -> None:
    bad = seen(2, (500, 400), (500, 0), share=5_000)

    known, verdicts = shown([QUIET, bad, replace(bad, number=3)])

    assert verdicts[1] == Inconclusive("", "the first interval after a change of share counts for nothing")
    assert isinstance(verdicts[2], Fail)
    assert known.number == 3


def test_a_step_is_not_passed_by_what_was_seen_in_the_one_before() -> None:
    enough, other = seen(1), seen(2, (10, 0), (40, 0), step=1)

    _, verdicts = shown([enough, other])

    assert isinstance(verdicts[0], Pass)
    assert isinstance(verdicts[1], Inconclusive)


def test_evidence_from_the_steps_before_counts_on() -> None:
    slowly = [seen(number, (40, 1), (160, 0), step=number) for number in range(1, 9)]

    assert isinstance(last(slowly, Metric("error-rate", "router")), Fail)


def test_what_both_sides_suffer_from_fails_nobody() -> None:
    outage = [seen(number, (200, 60), (800, 240)) for number in range(1, 30)]

    verdict = last(outage)

    assert isinstance(verdict, Inconclusive)
    assert "above 1 %, as stable is" in verdict.reason


def test_a_bad_stable_does_not_block_its_cure() -> None:
    cure = [seen(number, (200, 0), (800, 240)) for number in range(1, 5)]
    better = [seen(number, (200, 6), (800, 240)) for number in range(1, 5)]
    dead = [seen(number, (200, 0), (0, 0)) for number in range(1, 5)]

    for intervals in (cure, better, dead):
        assert isinstance(last(intervals), Pass)


def test_a_canary_that_is_worse_than_a_bad_stable_fails() -> None:
    assert isinstance(last([seen(number, (200, 150), (800, 240)) for number in range(1, 5)]), Fail)


@pytest.mark.parametrize("counts", [NoData("the router counts nothing"), Trouble("time-out"), (0, 0)])
@pytest.mark.parametrize("metric", [ERRORS, P95, SLOWER, RATE])
def test_without_data_nothing_passes(counts: Any, metric: Metric) -> None:
    for canary, stable in ((counts, (800, 0)), (counts, counts)):
        verdict = last([seen(number, canary, stable, due=True) for number in range(1, 3)], metric)
        assert not isinstance(verdict, Pass)


@pytest.mark.parametrize(
    "counts",
    [
        SlotCounts(100, -1),
        SlotCounts(100, 101),
        SlotCounts(100, 0, (5, 4, 3, 2, 1, 0)),
        SlotCounts(100, 0, (1, 2, 3)),
        SlotCounts(float("nan"), 0),  # type: ignore[arg-type]
        SlotCounts(True, 0),
        SlotCounts("100", 0),  # type: ignore[arg-type]
        SlotCounts(None, 0),  # type: ignore[arg-type]
    ],
)
def test_counts_that_are_none_are_an_error_and_never_a_pass(counts: SlotCounts) -> None:
    verdict = last([seen(1, counts)])

    assert isinstance(verdict, Inconclusive)
    assert "the counts of the canary side are none" in verdict.reason


def test_no_metric_is_no_pass() -> None:
    assert judge((), Accumulator(share=SHARE), seen(1))[1] == Inconclusive("", "there is no metric to judge by")


def test_no_data_fails_a_step_in_the_end_where_the_manifest_says_so() -> None:
    strict = replace(ERRORS, no_data="fail")

    _, verdicts = shown([QUIET, replace(QUIET, number=2, due=True)], (strict,))

    assert [type(each) for each in verdicts] == [Inconclusive, Fail]


def overtime(metric: Metric, seconds: int) -> list[bool]:
    """Whether a person is asked, second by second, when a step's time is up and little is seen."""
    late = [replace(QUIET, number=number, canary=QUIET.stable, due=True) for number in range(1, seconds + 1)]
    few = [replace(each, canary=replace(each.canary, counts=SlotCounts())) for each in late]
    return [isinstance(each, Inconclusive) and each.pause for each in shown(few, (metric,))[1]]


def test_what_stays_inconclusive_holds_the_share_and_then_asks_a_person() -> None:
    assert overtime(replace(ERRORS, inconclusive_limit=3), 5) == [False, False, False, True, True]
    assert overtime(ERRORS, 301) == [False] * 300 + [True]


def test_before_the_time_of_a_step_is_up_waiting_is_no_fault() -> None:
    _, verdicts = shown([replace(QUIET, canary=QUIET.stable, number=number) for number in range(1, 2)])
    waited = [seen(number, (0, 0), (40, 0)) for number in range(1, 500)]

    assert not any(isinstance(each, Inconclusive) and each.pause for each in verdicts + shown(waited)[1])


def test_errors_in_a_row_ask_a_person_and_an_answer_forgives_them() -> None:
    gone = [seen(number, Trouble("the router does not answer")) for number in range(1, 10)]
    between = [*gone[:4], seen(5), *(replace(gone[0], number=number) for number in range(6, 10))]

    asked = [isinstance(each, Inconclusive) and each.pause for each in shown(gone)[1]]

    assert asked == [False] * 4 + [True] * 5
    assert not any(isinstance(each, Inconclusive) and each.pause for each in shown(between)[1])


def test_a_metric_waits_for_its_initial_delay() -> None:
    later = replace(ERRORS, initial_delay=timedelta(seconds=3))

    _, verdicts = shown((seen(number, (40, 30)) for number in range(1, 4)), (later,))

    assert [type(each) for each in verdicts] == [Inconclusive, Inconclusive, Fail]


def test_answers_that_take_too_long_fail_as_errors_do() -> None:
    slow = [seen(number, timed(30, 10, 10, 10, 20, 20), timed(380, 10, 5, 5, 0, 0)) for number in (1, 2)]

    verdict = last(slow, P95)

    assert isinstance(verdict, Fail)
    assert "of 100 requests on the canary took over 400ms" in verdict.reason


def test_three_times_slower_at_p95_fails_though_it_is_within_every_limit() -> None:
    times = {"canary": timed(80, 5, 5, 10, 0, 0), "stable": timed(790, 10, 0, 0, 0, 0)}
    verdict = last([seen(number, **times) for number in range(1, 4)], SLOWER)

    assert isinstance(verdict, Fail)
    assert verdict.reason.endswith(
        "on the canary took over 200ms (15 %), and stable answers 95 % within 100ms; 1.5 times is allowed"
    )


def test_a_little_slower_is_what_a_ratio_allows() -> None:
    times = {"canary": timed(0, 96, 4, 0, 0, 0), "stable": timed(700, 80, 20, 0, 0, 0)}

    verdict = last([seen(number, **times) for number in range(1, 60)], replace(SLOWER, max_ratio=1.5))

    assert isinstance(verdict, Pass)
    assert verdict.reason == "latency-p95: the canary answers 95 % within 200ms, stable within 200ms"


def test_slowness_of_one_time_of_the_day_is_held_against_no_side() -> None:
    """Stable had most of the traffic while all was fast, the canary has its most while all is slow."""
    fast, slow = timed(19_000, 0, 0, 0, 0, 0), timed(0, 0, 0, 0, 9_500, 0)
    fast_few, slow_many = timed(1_000, 0, 0, 0, 0, 0), timed(0, 0, 0, 0, 9_500, 0)
    first = [seen(number, fast_few, fast, share=500, step=0) for number in range(1, 9)]
    then = [seen(number, slow_many, slow, share=5_000, step=1) for number in range(9, 19)]

    assert isinstance(last([*first, *then], SLOWER), Pass)


def test_a_router_that_times_nothing_leaves_latency_open() -> None:
    assert isinstance(last([seen(1)], P95), Inconclusive)
    assert "not timed" in explain(last([seen(1)], SLOWER))


def test_a_limit_past_the_longest_bound_is_told() -> None:
    far = replace(P95, max=5.0)

    assert explain(last([seen(1, timed(99, 0, 0, 0, 0, 1), timed(400, 0, 0, 0, 0, 0))], far)) == (
        "inconclusive: latency-p95: max is 5s, and the router's times end at 1s"
    )


def test_a_canary_that_gets_less_than_its_share_fails_though_its_users_were_saved() -> None:
    verdict = last([seen(1, (0, 0), (1_000, 0))], RATE)

    assert explain(verdict) == (
        "fail: request-rate: 0 requests reached the canary, 200 would be its share of 1000; "
        "at least 0.7 times of that is allowed"
    )


def test_the_canarys_share_of_the_requests_passes() -> None:
    assert isinstance(last([seen(1, (190, 0), (810, 0))], RATE), Pass)
    assert isinstance(last([seen(1, (5, 0), (20, 0))], RATE), Inconclusive)


def test_the_worst_metric_decides() -> None:
    slow = seen(1, timed(20, 0, 0, 0, 0, 180), timed(800, 0, 0, 0, 0, 0))

    assert isinstance(last([slow], ERRORS, P95), Fail)
    assert isinstance(last([seen(1)], ERRORS, P95), Inconclusive)


def test_all_metrics_together_share_one_risk() -> None:
    errors, few = Metric("error-rate", "router"), [seen(1, (40, 5), (160, 0))]

    assert isinstance(last(few, errors), Fail)
    assert isinstance(last(few, errors, RATE, P95, replace(P95, name="latency-p50")), Inconclusive)


@pytest.mark.parametrize(("metric", "seconds"), [(UNLIMITED, 2), (ERRORS, 2), (P95, 2), (SLOWER, 8)])
def test_a_canary_that_breaks_after_an_hour_fails_within_seconds(metric: Metric, seconds: int) -> None:
    """By then 36,000 requests on it were good."""
    stable = timed(158, 1, 1, 0, 0, 0)
    calm = [seen(number, timed(3_900, 90, 10, 0, 0, 0), timed(15_800, 150, 50, 0, 0, 0)) for number in range(1, 10)]
    broken = [seen(number, timed(20, 0, 0, 0, 0, 20, bad=20), stable) for number in range(10, 10 + seconds)]

    _, verdicts = shown([*calm, *broken], (metric,))

    assert [type(verdicts[8]), type(verdicts[-1])] == [Pass, Fail]


def test_an_outage_that_begins_after_an_hour_fails_nobody() -> None:
    calm = [seen(number, (4_000, 0), (16_000, 0)) for number in range(1, 10)]
    outage = [seen(number, (40, 20), (160, 80)) for number in range(10, 60)]

    assert isinstance(last([*calm, *outage]), Inconclusive)


@pytest.mark.parametrize("metric", [UNLIMITED, ERRORS, P95, SLOWER, RATE])
def test_what_was_seen_before_the_initial_delay_is_held_against_nobody(metric: Metric) -> None:
    later = replace(metric, initial_delay=timedelta(seconds=5))
    usual = timed(760, 30, 10, 0, 0, 0)
    starting = [seen(number, timed(0, 0, 0, 0, 10, 10, bad=15), usual) for number in range(1, 5)]
    started = [seen(number, timed(190, 7, 3, 0, 0, 0), usual) for number in range(5, 9)]

    assert isinstance(last([*starting, *started], metric), Fail)
    assert isinstance(last([*starting, *started], later), Pass)

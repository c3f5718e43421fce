"""The judge's verdicts on queries, and what their sources answer."""

import json
from typing import Any

import pytest

from gitopsd.model.analysis import Fail, Inconclusive, Metric, NoData, Number, Pass, Trouble
from gitopsd.rollout.judge import at_path, prometheus_reading, reading_of
from tests.rollout.judge.seen import asked, last, seen, shown

CHECKOUT = Metric("checkout", "prometheus", min=0.98)
RATIO = Metric("checkout", "prometheus", max_ratio=1.2, min_ratio=0.8)
JOB = Metric("smoke", "job", max=0.0)


def test_three_answers_in_a_row_are_a_verdict() -> None:
    good, bad = ([asked(number, each) for number in range(1, 4)] for each in (0.99, 0.5))

    assert [type(each) for each in shown(good, (CHECKOUT,))[1]] == [Inconclusive, Inconclusive, Pass]
    assert last(bad, CHECKOUT) == Fail("checkout", "0.5: below 0.98, 3 times in a row")
    assert isinstance(last([asked(1, 0.5), asked(2, 0.99), asked(3, 0.5)], CHECKOUT), Inconclusive)


def test_a_ratio_compares_with_what_the_query_gives_for_stable() -> None:
    for canary, stable, verdict in ((1.1, 1.0, Pass), (1.3, 1.0, Fail), (0.7, 1.0, Fail), (0.0, 0.0, Pass)):
        assert isinstance(last([asked(number, canary, stable) for number in range(1, 4)], RATIO), verdict)


def test_a_stable_beyond_the_limit_blocks_no_cure() -> None:
    assert isinstance(last([asked(number, 0.95, 0.5) for number in range(1, 4)], CHECKOUT), Pass)
    assert isinstance(last([asked(number, 0.4, 0.5) for number in range(1, 4)], CHECKOUT), Fail)


def test_one_exit_code_says_it_all() -> None:
    assert isinstance(last([asked(1, 0.0, name="smoke")], JOB), Pass)
    assert last([asked(1, 3.0, name="smoke")], JOB) == Fail("smoke", "exit code 3: 0 is wanted")


@pytest.mark.parametrize(
    "nothing", [NoData("empty"), Trouble("time-out"), float("nan"), float("inf"), True, "1", None, [1.0]]
)
@pytest.mark.parametrize("metric", [CHECKOUT, RATIO, Metric("checkout", "job", max=0.0)])
def test_what_is_no_number_is_never_a_pass(nothing: Any, metric: Metric) -> None:
    for canary, stable in ((nothing, 1.0), (nothing, nothing)):
        assert isinstance(last([asked(number, canary, stable) for number in range(1, 9)], metric), Inconclusive)
    if metric is RATIO:
        assert isinstance(last([asked(number, 1.0, nothing) for number in range(1, 9)], metric), Inconclusive)


def test_all_errors_are_no_success() -> None:
    """argo-rollouts#4479: a run of nothing but errors was Successful."""
    verdicts = shown((asked(number, Trouble("HTTP 500"), due=True) for number in range(1, 9)), (CHECKOUT,))[1]

    assert [isinstance(each, Inconclusive) and each.pause for each in verdicts] == [False] * 4 + [True] * 4
    assert verdicts[4] == Inconclusive("checkout", "HTTP 500 (5 errors in a row, 4 are allowed)", pause=True)


def test_a_query_that_was_never_asked_passes_nothing() -> None:
    assert isinstance(last([seen(number) for number in range(1, 9)], CHECKOUT), Inconclusive)


@pytest.mark.parametrize(
    ("answer", "reading"),
    [
        (1, Number(1.0)),
        (0.5, Number(0.5)),
        ("0.1130", Number(0.113)),
        ([3], Number(3.0)),
        ("NaN", NoData("the answer is nan")),
        ("+Inf", NoData("the answer is inf")),
        ("", NoData("the answer is empty")),
        ([], NoData("the answer is empty")),
        (None, NoData("the answer is empty")),
        (True, Trouble("the answer is true, not a number")),
        ("many", Trouble("the answer is many, not a number")),
        ([1, 2], Trouble("the answer has 2 values where one is wanted")),
        ({"a": 1}, Trouble("the answer is a dict, not a number")),
    ],
)
def test_an_answer_is_a_number_or_told_to_be_none(answer: Any, reading: Any) -> None:
    assert reading_of(answer) == reading


def vector(*values: str) -> str:
    series = [{"metric": {"proxy": f"app_{index}"}, "value": [1.5, value]} for index, value in enumerate(values)]
    return json.dumps({"status": "success", "data": {"resultType": "vector", "result": series}})


@pytest.mark.parametrize(
    ("body", "reading"),
    [
        (vector("0.113"), Number(0.113)),
        (vector("NaN"), NoData("the answer is nan")),
        (vector(), NoData("the query gives an empty vector")),
        (
            vector("0", "1"),
            Trouble("the query gives 2 series where one is wanted; add sum() or name the labels"),
        ),
        (
            '{"status": "success", "data": {"resultType": "scalar", "result": [1435781451.781, "4"]}}',
            Number(4.0),
        ),
        (
            '{"status": "success", "data": {"resultType": "matrix", "result": []}}',
            Trouble("the query gives a matrix, where a scalar or a vector of one series is wanted"),
        ),
        (
            '{"status": "error", "errorType": "bad_data", "error": "parse error at char 4"}',
            Trouble("Prometheus says bad_data: parse error at char 4"),
        ),
        (
            '{"status": "success"}',
            Trouble("the query gives a None, where a scalar or a vector of one series is wanted"),
        ),
        (
            '{"status": "success", "data": {"resultType": "vector", "result": [1]}}',
            Trouble("the answer is not one of Prometheus"),
        ),
        ("[]", Trouble("the answer is not one of Prometheus")),
    ],
)
def test_prometheus_gives_one_number_or_none(body: str, reading: Any) -> None:
    assert prometheus_reading(json.loads(body)) == reading


@pytest.mark.parametrize(
    ("path", "reading"),
    [
        ("$.data.items[1].value", Number(7.0)),
        ("data.items[0].value", Number(5.0)),
        ("data.items[2].value", NoData("the answer has nothing at data.items[2].value")),
        ("data.rate", NoData("the answer is empty")),
        ("data.name.first", NoData("the answer has nothing at data.name.first")),
        ("data.name[0]", NoData("the answer has nothing at data.name[0]")),
        ("data.items", Trouble("the answer has 2 values where one is wanted")),
        ("", Trouble("the answer is a dict, not a number")),
    ],
)
def test_a_path_leads_to_a_number_in_an_answer(path: str, reading: Any) -> None:
    body = {"data": {"items": [{"value": 5}, {"value": "7"}], "rate": None, "name": "x"}}

    assert at_path(body, path) == reading

"""Exact bounds of a share: what tables of statistics say, and what whole numbers say."""

from fractions import Fraction
from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.rollout.judge.bounds import at_least, at_most, incomplete_beta, lower_bound, upper_bound


@pytest.mark.parametrize(
    ("bad", "requests", "low", "high"),
    [
        (0, 10, 0.0, 0.3084971),
        (1, 10, 0.0025286, 0.4450161),
        (5, 10, 0.1870860, 0.8129140),
        (10, 10, 0.6915029, 1.0),
        (10, 100, 0.0490047, 0.1762226),
        (0, 1000, 0.0, 0.0036821),
    ],
)
def test_the_bounds_at_95_percent_are_those_of_the_tables(bad: int, requests: int, low: float, high: float) -> None:
    assert lower_bound(bad, requests, 0.025) == pytest.approx(low, abs=1e-6)
    assert upper_bound(bad, requests, 0.025) == pytest.approx(high, abs=1e-6)


@pytest.mark.parametrize(
    ("a", "b", "x", "value"),
    [(2, 3, 0.5, 0.6875), (5, 1, 0.3, 0.3**5), (1, 7, 0.2, 1 - 0.8**7), (0.5, 0.5, 0.25, 1 / 3), (3, 3, 0.5, 0.5)],
)
def test_the_incomplete_beta_function_has_its_closed_values(a: float, b: float, x: float, value: float) -> None:
    assert incomplete_beta(a, b, x) == pytest.approx(value, rel=1e-12)


@given(st.data())
def test_a_tail_is_the_sum_that_whole_numbers_give(data: st.DataObject) -> None:
    requests = data.draw(st.integers(1, 120))
    bad = data.draw(st.integers(0, requests))
    share = Fraction(data.draw(st.integers(1, 99)), 100)

    each = [comb(requests, k) * share**k * (1 - share) ** (requests - k) for k in range(requests + 1)]

    assert at_least(bad, requests, float(share)) == pytest.approx(float(sum(each[bad:])), rel=1e-9, abs=1e-300)
    assert at_most(bad, requests, float(share)) == pytest.approx(float(sum(each[: bad + 1])), rel=1e-9, abs=1e-300)


def test_millions_of_requests_are_counted_as_exactly() -> None:
    assert at_least(50_000, 10_000_000, 0.005) == pytest.approx(0.5, abs=0.002)
    assert lower_bound(50_000, 10_000_000, 0.025) == pytest.approx(0.004956, abs=2e-6)

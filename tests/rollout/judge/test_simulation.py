"""Simulated rollouts: how often each of five judges turns a good canary back, and how soon a bad one.

30 looks, 30 seconds apart, from 5 % to 75 % of the traffic; a request fails with a probability of 0.5 % unless it is
said. The long profile does it often enough to compare numbers; the short one tells the judges apart.
"""

from statistics import median

import pytest

from gitopsd.model.analysis import Metric
from gitopsd.rollout.judge import judge
from tests.rollout.judge.seen import seen, shown
from tests.rollout.judge.simulation import (
    DEFAULT,
    LOOKS,
    Judge,
    World,
    fixed,
    found_by,
    mann_whitney,
    mann_whitney_high,
    ours,
    repeated_z,
    share_found,
)

FEW = 40
MANY = pytest.param(1_500, marks=[pytest.mark.long, pytest.mark.timeout(1_500)])
UNLIMITED = Metric("error-rate", "router")
GOOD = [(rps, base) for rps in (1, 10, 50, 200) for base in (0.0005, 0.005, 0.05)]


@pytest.mark.parametrize("runs", [10, MANY])
def test_one_good_canary_in_a_hundred_is_turned_back_at_most(runs: int) -> None:
    looks: dict[tuple[int, float], list[int | None]] = {}
    for rps, base in GOOD:
        watched = ours(Metric("error-rate", "router", max=2 * base))
        looks[rps, base] = found_by(watched, World(rps, base), runs)

    assert share_found([look for found in looks.values() for look in found]) <= 0.01
    assert {case: share_found(found) for case, found in looks.items() if share_found(found) > 0.01} == {}


@pytest.mark.parametrize("runs", [FEW, MANY])
def test_a_tenfold_regression_at_10_requests_a_second_is_found_within_10_looks(runs: int) -> None:
    world = World(10, 0.005, 10)
    by_default, by_table = found_by(ours(), world, runs, DEFAULT), found_by(ours(), world, runs)

    assert share_found(by_default, within=10) >= 0.95
    assert share_found(by_table) >= 0.99
    assert median(look or LOOKS for look in by_table) <= 8


@pytest.mark.parametrize("runs", [FEW, MANY])
def test_a_threefold_regression_is_found_where_there_is_traffic(runs: int) -> None:
    found = found_by(ours(), World(50, 0.005, 3), runs)

    assert share_found(found) >= 0.97
    assert median(look or LOOKS for look in found) <= 16


def test_at_one_request_a_second_hardly_anything_can_be_seen() -> None:
    """So it must be said beforehand, and never passes by itself."""
    assert share_found(found_by(ours(), World(1, 0.005, 3), FEW)) <= 0.1


@pytest.mark.parametrize(
    ("opponent", "rps", "abort"),
    [
        (fixed(), 1, 0.78),
        (fixed(failure_limit=2), 1, 0.17),
        (repeated_z(), 1, 0.15),
        (fixed(), 10, 0.86),
        (fixed(failure_limit=2), 10, 0.26),
        (repeated_z(), 10, 0.18),
        (fixed(), 50, 0.38),
        (repeated_z(), 50, 0.14),
    ],
)
@pytest.mark.parametrize("runs", [100, MANY])
def test_the_usual_judges_turn_good_canaries_back(opponent: Judge, rps: int, abort: float, runs: int) -> None:
    reach = 0.15 if runs < 1_000 else 0.05

    assert share_found(found_by(opponent, World(rps, 0.005), runs)) == pytest.approx(abort, abs=reach)


def test_a_rank_test_waits_for_the_end_and_misses_what_is_rare() -> None:
    rare = World(10, 0.005, 3)

    assert share_found(found_by(mann_whitney, rare, FEW)) < 0.2
    assert share_found(found_by(mann_whitney, World(10, 0.005, 10), FEW), within=LOOKS - 1) == 0


@pytest.mark.parametrize("runs", [FEW, MANY])
def test_an_error_that_stable_never_had_is_found(runs: int) -> None:
    """Kayenta's zero baseline: from nothing to 2 % at 10 requests a second."""
    new = [ours(), ours(Metric("error-rate", "router", max=0.05))]

    for watched in new:
        assert share_found(_from_nothing(watched, runs)) >= 0.97


def _from_nothing(watched: Judge, runs: int) -> list[int | None]:
    return found_by(watched, World(10, 0.0, plus=0.02), runs)


def test_sparse_errors_against_none_are_no_pass_as_a_rank_test_gives_it() -> None:
    """kayenta#426: 0 1 2 1 0 0 errors against none at all."""
    errors = (0, 1, 2, 1, 0, 0)
    assert not mann_whitney_high(errors, [0] * 6)

    limited = Metric("error-rate", "router", max=0.01)
    on_equal_terms = [seen(number, (60, bad), (60, 0)) for number, bad in enumerate(errors, 1)]
    on_a_twentieth = [seen(number, (60, bad), (1_140, 0)) for number, bad in enumerate(errors, 1)]

    assert [type(each).__name__ for each in shown(on_equal_terms, (limited,))[1]][-1] == "Inconclusive"
    assert type(shown(on_a_twentieth, (UNLIMITED,), judge)[1][-1]).__name__ == "Fail"


def test_seven_of_ten_values_a_hundredfold_fail_where_a_rank_test_passes_them() -> None:
    """spinnaker#6278, as the errors of ten looks at 100 requests each."""
    usual = [1] * 10
    worse = [1, 1, 1, *[100] * 7]
    assert not mann_whitney_high(worse, usual)

    verdicts = shown((seen(look, (100, bad), (100, 1)) for look, bad in enumerate(worse, 1)), (UNLIMITED,))[1]

    assert type(verdicts[3]).__name__ == "Fail"

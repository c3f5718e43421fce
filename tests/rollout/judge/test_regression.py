"""The evidence that bad requests fall on the canary more often than its part of the traffic explains."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.analysis import Tally
from gitopsd.rollout.judge.regression import GRID, gathered, log_evidence

SIDES = st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 500), st.integers(0, 500))


def written_out(intervals: list[tuple[int, int, int, int]], delta: float = 0.25) -> float:
    """The formula as it is derived, without what is kept between intervals."""
    bets = [0.0] * len(GRID)
    for here, there, bad_here, bad_there in intervals:
        odds = 1 + delta
        expected = odds * here / (odds * here + there) if here + there else 0
        if not 0 < expected < 1:
            continue
        for index, factor in enumerate(GRID):
            bet = factor * odds * here / (factor * odds * here + there)
            bets[index] += bad_here * math.log(bet / expected) + bad_there * math.log((1 - bet) / (1 - expected))
    return math.log(sum(math.exp(each - max(bets)) for each in bets) / len(bets)) + max(bets)


@given(st.lists(SIDES.map(lambda side: (side[0], side[1], min(side[0], side[2]), min(side[1], side[3]))), max_size=8))
def test_what_is_kept_from_interval_to_interval_is_the_whole_formula(seen: list[tuple[int, int, int, int]]) -> None:
    evidence: tuple[float, ...] = ()
    for here, there, bad_here, bad_there in seen:
        evidence = gathered(evidence, Tally(here, bad_here), Tally(there, bad_there))

    assert log_evidence(evidence) == pytest.approx(written_out(seen), abs=1e-6)


@pytest.mark.parametrize(("here", "there"), [(Tally(0, 0), Tally(100, 50)), (Tally(100, 50), Tally(0, 0))])
def test_an_interval_with_one_side_only_tells_nothing(here: Tally, there: Tally) -> None:
    assert log_evidence(gathered((), here, there)) == 0


def test_five_errors_on_a_fifth_of_the_traffic_and_none_on_the_rest_are_enough() -> None:
    four, five = (log_evidence(gathered((), Tally(40, bad), Tally(160, 0))) for bad in (4, 5))

    assert math.exp(four) < 100 <= math.exp(five)


def test_where_stable_fails_as_often_its_odds_are_the_canarys() -> None:
    assert log_evidence(gathered((), Tally(1_000, 300), Tally(4_000, 1_200))) < 0


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_one_more_bad_request_on_the_canary_is_more_evidence(here: int, there: int, data: st.DataObject) -> None:
    bad, bad_there = data.draw(st.integers(0, here - 1)), data.draw(st.integers(0, there))

    fewer, more = (log_evidence(gathered((), Tally(here, each), Tally(there, bad_there))) for each in (bad, bad + 1))

    assert more > fewer

"""The evidence that bad requests fall on the canary more often than its part of the traffic explains."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.model.analysis import Evidence, Tally
from gitopsd.rollout.judge.regression import GRID, gathered, log_evidence

SIDES = st.tuples(st.integers(0, 500), st.integers(0, 500), st.integers(0, 40), st.integers(0, 40))


def written_out(intervals: list[tuple[int, int, int, int]], delta: float = 0.25) -> list[list[float]]:
    """What each bet wins in each interval of both sides, by the formula as it is derived."""
    won = []
    for here, there, bad_here, bad_there in intervals:
        odds = 1 + delta
        expected = odds * here / (odds * here + there) if here + there else 0
        if 0 < expected < 1:
            bets = [factor * odds * here / (factor * odds * here + there) for factor in GRID]
            won.append([(bet / expected) ** bad_here * ((1 - bet) / (1 - expected)) ** bad_there for bet in bets])
    return won


def gathered_from(intervals: list[tuple[int, int, int, int]]) -> Evidence:
    evidence = Evidence()
    for here, there, bad_here, bad_there in intervals:
        evidence = gathered(evidence, Tally(here, bad_here), Tally(there, bad_there))
    return evidence


@given(st.lists(SIDES.map(lambda side: (side[0], side[1], min(side[0], side[2]), min(side[1], side[3]))), max_size=8))
def test_what_is_kept_from_interval_to_interval_is_the_whole_formula(seen: list[tuple[int, int, int, int]]) -> None:
    won = written_out(seen)
    starts = range(len(won))
    bets = [[math.prod(won[look][index] for look in starts[start:]) for start in starts] for index in range(len(GRID))]
    parts = [1 / ((start + 1) * (start + 2)) for start in starts]
    mean = sum(sum(part * bet for part, bet in zip(parts, each, strict=True)) for each in bets) / len(GRID)

    assert log_evidence(gathered_from(seen)) == pytest.approx(math.log(mean + 1 - sum(parts)), abs=1e-6)


def test_one_starts_with_nothing_won_and_a_long_calm_costs_little() -> None:
    calm = gathered_from([(100, 100, 1, 1)] * 5_000)
    broken = gathered(calm, Tally(20, 20), Tally(180, 0))

    assert log_evidence(Evidence()) == 0
    assert log_evidence(calm) > -math.log(5_001) - 0.01
    assert math.exp(log_evidence(broken)) > 100


@pytest.mark.parametrize(("here", "there"), [(Tally(0, 0), Tally(100, 50)), (Tally(100, 50), Tally(0, 0))])
def test_an_interval_with_one_side_only_tells_nothing(here: Tally, there: Tally) -> None:
    assert log_evidence(gathered(Evidence(), here, there)) == 0


def test_five_errors_on_a_fifth_of_the_traffic_and_none_on_the_rest_are_enough() -> None:
    four, five = (log_evidence(gathered(Evidence(), Tally(40, bad), Tally(160, 0))) for bad in (4, 5))

    assert math.exp(four) < 100 <= math.exp(five)


def test_where_stable_fails_as_often_its_odds_are_the_canarys() -> None:
    assert log_evidence(gathered(Evidence(), Tally(1_000, 300), Tally(4_000, 1_200))) < 0


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_one_more_bad_request_on_the_canary_is_more_evidence(here: int, there: int, data: st.DataObject) -> None:
    bad, bad_there = data.draw(st.integers(0, here - 1)), data.draw(st.integers(0, there))

    fewer, more = (gathered(Evidence(), Tally(here, each), Tally(there, bad_there)).bets for each in (bad, bad + 1))

    assert all(other > one for one, other in zip(fewer, more, strict=True))

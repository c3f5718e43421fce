"""The judge keeps its laws; judges with one mistake each do not, so that the laws cannot hold by being empty."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gitopsd.model.analysis import Fail, Metric, Pass
from gitopsd.rollout.judge import judge
from tests.properties.mutants import Mutant, loaded
from tests.rollout.judge import laws
from tests.rollout.judge.seen import seen, shown

LIMITED = Metric("error-rate", "router", max=0.05)
COUNTS = st.tuples(st.integers(0, 400), st.integers(0, 100), st.integers(0, 400), st.integers(0, 100))


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_the_judge_keeps(law: Callable[[Any], None]) -> None:
    law(judge)


JUDGING, SHARES = "gitopsd.rollout.judge.judging", "gitopsd.rollout.judge.shares"
REGRESSION, STREAK = "gitopsd.rollout.judge.regression", "gitopsd.rollout.judge.streak"
NO_DATA = "return _held(metric, replace(track, errors=0), Inconclusive(metric.name, reason), look)"
MUTANTS = {
    "takes any risk": (Mutant("gitopsd.rollout.judge.look", "ALPHA = 0.01", "ALPHA = 0.7"), laws.seldom_cries_wolf),
    "begins anew at each look": (
        Mutant(JUDGING, "known.tracks.get(metric.name, Track())", "Track()"),
        laws.adds_up_what_it_sees,
    ),
    "takes silence for consent": (
        Mutant(JUDGING, NO_DATA, "return replace(track, verdict=Pass(reason))"),
        laws.passes_nothing_without_data,
    ),
    "takes an error for consent": (
        Mutant(
            JUDGING,
            "return _held(metric, replace(track, errors=errors), asked, look)",
            "return replace(track, verdict=Pass(told))",
        ),
        laws.passes_nothing_without_data,
    ),
    "takes few for enough": (
        Mutant(SHARES, "if new < metric.min_samples:", "if new < 0:"),
        laws.passes_nothing_without_data,
    ),
    "waits for nothing to settle": (
        Mutant(JUDGING, "if interval.share != before.share:", "if before.share is None:"),
        laws.lets_a_change_of_share_settle,
    ),
    "counts what it has counted": (
        Mutant(JUDGING, "interval.number <= before.number", "interval.number < before.number"),
        laws.counts_an_interval_once,
    ),
    "thinks better of it": (
        Mutant(JUDGING, "if isinstance(before.verdict, Fail):", "if before.verdict == NOTHING_YET:"),
        laws.keeps_a_failure,
    ),
    "demands of a cure what stable cannot": (
        Mutant(SHARES, "and not _surely_better(step)", ""),
        laws.lets_a_cure_pass,
    ),
    "looks at the canary alone": (
        Mutant(REGRESSION, "+ stable.bad * math.log", "+ 0 * math.log"),
        laws.blames_nobody_for_an_outage,
    ),
    "blames the canary for an outage": (
        Mutant(SHARES, "if kind.limit is None or _stable_is_bad(kind, spans):", "if kind.limit is None:"),
        laws.blames_nobody_for_an_outage,
    ),
    "forgets a step": (
        Mutant(JUDGING, "        evidence=track.evidence,\n", ""),
        laws.keeps_evidence_from_step_to_step,
    ),
    "does not tell steps apart": (
        Mutant(JUDGING, "if interval.step == before.step:", "if before.step is not None:"),
        laws.wants_each_step_to_be_seen,
    ),
    "bets once": (
        Mutant(REGRESSION, "part = -math.log(looks * (looks + 1))", "part = -math.inf if evidence.bets else 0.0"),
        laws.is_not_lulled_by_a_long_calm,
    ),
    "looks at the whole only": (
        Mutant(SHARES, "for found in (span.canary for span in spans):", "for found in (spans[0].canary,):"),
        laws.is_not_lulled_by_a_long_calm,
    ),
    "believes one reading": (Mutant(STREAK, "IN_A_ROW = 3", "IN_A_ROW = 1"), laws.believes_no_single_reading),
}


@pytest.mark.parametrize("mistake", MUTANTS)
def test_a_mistaken_judge_breaks_a_law(mistake: str) -> None:
    mutant, law = MUTANTS[mistake]
    [mistaken] = loaded(mutant, "gitopsd.rollout.judge")

    with pytest.raises(AssertionError):
        law(mistaken.judge)


@given(st.lists(COUNTS, min_size=1, max_size=4), st.data())
def test_more_bad_requests_on_the_canary_never_turn_a_failure_into_a_pass(
    counts: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    """Whether they were good ones before, or come on top."""
    sides = [((here, min(here, bad)), (there, min(there, worse))) for here, bad, there, worse in counts]
    failed = shown(seen(number, *pair) for number, pair in enumerate(sides, 1))
    assume(any(isinstance(each, Fail) for each in failed[1]))
    worse = []
    for number, ((here, bad), stable) in enumerate(sides, 1):
        turned, added = data.draw(st.integers(0, here - bad)), data.draw(st.integers(0, 50))
        worse.append(seen(number, (here + added, bad + turned + added), stable))

    assert not any(isinstance(each, Pass) for each in shown(worse)[1][-1:])


@given(st.lists(COUNTS, min_size=1, max_size=4), st.data())
def test_good_requests_that_turn_bad_leave_a_failure_one(
    counts: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    sides = [((here, min(here, bad)), (there, min(there, worse))) for here, bad, there, worse in counts]
    _, before = shown((seen(number, *pair) for number, pair in enumerate(sides, 1)), (LIMITED,))
    assume(isinstance(before[-1], Fail))
    turned = [
        seen(number, (here, data.draw(st.integers(bad, here))), stable)
        for number, ((here, bad), stable) in enumerate(sides, 1)
    ]

    assert isinstance(shown(turned, (LIMITED,))[1][-1], Fail)

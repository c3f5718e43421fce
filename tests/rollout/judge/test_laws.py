"""The judge keeps its laws; judges with one mistake each do not, so that the laws cannot hold by being empty."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from gitopsd.model.analysis import Accumulator, Fail, Inconclusive, Metric, Pass, SlotCounts
from gitopsd.rollout.judge import judge
from gitopsd.rollout.judge.regression import log_evidence
from tests.rollout.judge import laws
from tests.rollout.judge.seen import seen, shown

Judged = tuple[Accumulator, Any]
LIMITED = Metric("error-rate", "router", max=0.05)
COUNTS = st.tuples(st.integers(0, 400), st.integers(0, 100), st.integers(0, 400), st.integers(0, 100))


@pytest.mark.parametrize("law", laws.LAWS, ids=lambda law: law.__name__)
def test_the_judge_keeps(law: Callable[[Any], None]) -> None:
    law(judge)


def takes_any_risk(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    known, verdict = judge(metrics, before, interval)
    if any(log_evidence(track.evidence) > 0.7 for track in known.tracks.values()):
        verdict = Fail("error-rate", "two to one")
    return known, verdict


def begins_anew_at_each_look(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    return judge(metrics, replace(before, tracks={}), interval)


def takes_silence_for_consent(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    known, verdict = judge(metrics, before, interval)
    silent = not isinstance(interval.canary.counts, SlotCounts)
    return known, Pass("nothing was heard against it") if silent else verdict


def takes_few_for_enough(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    return judge([replace(metric, min_samples=0) for metric in metrics], before, interval)


def waits_for_nothing_to_settle(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    return judge(metrics, replace(before, share=interval.share), interval)


def forgets_what_it_has_counted(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    return judge(metrics, replace(before, number=-1, share=interval.share), interval)


def thinks_better_of_it(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    tracks = {name: replace(track, verdict=None) for name, track in before.tracks.items()}
    return judge(metrics, replace(before, tracks=tracks, verdict=None), interval)


def looks_at_the_canary_alone(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    alone = replace(interval.stable, counts=SlotCounts())
    return judge(metrics, before, replace(interval, stable=alone))


def demands_a_good_stable(metrics: Any, before: Accumulator, interval: Any) -> Judged:
    known, verdict = judge(metrics, before, interval)
    counts = interval.stable.counts
    broken = isinstance(counts, SlotCounts) and counts.bad > counts.requests / 10
    return known, Inconclusive("", "stable is bad") if broken and isinstance(verdict, Pass) else verdict


@pytest.mark.parametrize(
    ("mistaken", "law"),
    [
        (takes_any_risk, laws.seldom_cries_wolf),
        (begins_anew_at_each_look, laws.adds_up_what_it_sees),
        (takes_silence_for_consent, laws.passes_nothing_without_data),
        (takes_few_for_enough, laws.passes_nothing_without_data),
        (waits_for_nothing_to_settle, laws.lets_a_change_of_share_settle),
        (forgets_what_it_has_counted, laws.counts_an_interval_once),
        (thinks_better_of_it, laws.keeps_a_failure),
        (looks_at_the_canary_alone, laws.blames_nobody_for_an_outage),
        (demands_a_good_stable, laws.lets_a_cure_pass),
    ],
)
def test_a_mistaken_judge_breaks_a_law(mistaken: Any, law: Callable[[Any], None]) -> None:
    with pytest.raises(AssertionError):
        law(mistaken)


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

"""Laws of the judge that decides about shares, over everything that it may be shown."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from gitopsd.model.analysis import Fail, Interval, Metric, NoData, Pass, Side, SlotCounts, Trouble
from tests.rollout.judge.seen import ERRORS, seen, shown

FEW = settings(max_examples=max(40, settings().max_examples // 4))
RELATIVE = Metric("error-rate", "router")
NOTHING = [NoData("the router counts nothing"), Trouble("time-out"), SlotCounts()]
REQUESTS = st.tuples(st.integers(0, 400), st.integers(0, 1600), st.floats(0, 0.2), st.floats(0, 0.2))
LOOKS = st.lists(REQUESTS, min_size=1, max_size=12)
METRICS = st.sampled_from([ERRORS, RELATIVE, replace(ERRORS, max=0.1)])


def intervals(looks: list[tuple[int, int, float, float]]) -> list[Interval]:
    return [
        seen(number, (new, int(new * bad)), (old, int(old * worse)))
        for number, (new, old, bad, worse) in enumerate(looks, 1)
    ]


@FEW
@given(
    silent=st.lists(st.tuples(st.sampled_from(NOTHING), st.sampled_from([*NOTHING, SlotCounts(800, 0)])), min_size=1),
    metric=METRICS,
    due=st.booleans(),
)
def test_without_data_nothing_is_passed(
    silent: list[tuple[SlotCounts | NoData | Trouble, SlotCounts | NoData | Trouble]], metric: Metric, *, due: bool
) -> None:
    """23: no data, errors and silence of the canary are no pass, however long they last."""
    looks = [seen(number, *sides, due=due) for number, sides in enumerate(silent, 1)]
    assert not any(isinstance(each, Pass) for each in shown(looks, (metric,))[1])


@FEW
@given(looks=LOOKS, metric=METRICS)
def test_an_interval_counts_once_however_often_it_is_shown(
    looks: list[tuple[int, int, float, float]], metric: Metric
) -> None:
    """23: a daemon that begins anew after each judgement sees each interval again, and knows no more by it."""
    once = intervals(looks)
    again = [each for interval in once for each in (interval, interval)]
    assert shown(once, (metric,))[0] == shown(again, (metric,))[0]


@FEW
@given(looks=LOOKS, metric=METRICS, where=st.integers(0, 11), more=st.integers(1, 50))
def test_more_bad_requests_of_the_canary_never_turn_a_failure_into_a_pass(
    looks: list[tuple[int, int, float, float]], metric: Metric, where: int, more: int
) -> None:
    """24: what is worse is judged no better, at any look."""
    before = intervals(looks)
    at = where % len(before)
    counts = before[at].canary.counts
    assert isinstance(counts, SlotCounts)
    spoilt = replace(counts, bad=min(counts.requests, counts.bad + more))
    after = [*before[:at], replace(before[at], canary=Side(spoilt)), *before[at + 1 :]]
    for better, worse in zip(shown(before, (metric,))[1], shown(after, (metric,))[1], strict=True):
        assert not (isinstance(better, Fail) and isinstance(worse, Pass))

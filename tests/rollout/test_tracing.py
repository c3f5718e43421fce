"""The picture of a rollout stays small however long it takes, and loses no request."""

from gitopsd.model.analysis import NoData, Tally
from gitopsd.model.trace import Point, Trace
from gitopsd.rollout.tracing import MOST, traced
from tests.rollout.judge.seen import BOUNDS, seen, timed


def after(count: int) -> Trace:
    trace = Trace()
    for number in range(count):
        trace = traced(trace, seen(number, (10, 1), (40, 0), share=2_000 if number < 50 else 5_000))
    return trace


def test_at_first_each_interval_is_a_point() -> None:
    assert after(2) == Trace(1, (Point(1, 2_000, Tally(10, 1), Tally(40, 0)),) * 2)


def test_a_long_one_becomes_coarser_and_counts_all_the_same() -> None:
    trace = after(1_000)

    assert trace.every == 64
    assert len(trace.points) <= MOST
    assert sum(each.intervals for each in trace.points) == 1_000
    assert sum(each.new.requests for each in trace.points) == 10_000
    assert (trace.points[0].share, trace.points[-1].share) == (5_000, 5_000)


def test_times_are_kept_where_the_router_has_them_and_a_peak_stays_seen() -> None:
    trace = Trace(2)
    for counts in (timed(0, 0, 0, 100, 0, 0), timed(100, 0, 0, 0, 0, 0)):
        trace = traced(trace, seen(0, counts, NoData("nothing")))

    [point] = trace.points
    assert (point.new_p95, point.old_p95) == (BOUNDS[3], None)

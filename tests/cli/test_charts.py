"""The picture of a rollout: readable on 80 columns, without colours, and where a terminal knows ASCII alone."""

from gitopsd.cli.charts import BLOCKS, charts, levels_in
from gitopsd.controller import answers
from gitopsd.model.analysis import Fail, Metric, Pass, Tally
from gitopsd.model.trace import Point, Trace
from gitopsd.rollout.judge import Figure, explain
from gitopsd.rollout.tracing import MOST

ERRORS = Figure(
    Metric("error-rate", "router", max=0.01), 0.08, 0.001, "fail", explain(Fail("error-rate", "8 of 100 requests"))
)
SLOW = Figure(Metric("latency-p95", "router", max_ratio=3.0), 0.1, 0.05, "pass", explain(Pass("latency-p95: fine")))
MEMORY = Figure(Metric("memory", "engine", max=0.9, max_ratio=1.5), float(300 << 20), float(100 << 20), "fail", "")


def rollout(new_bad: tuple[int, ...]) -> Trace:
    shares = (500, 500, 2_000, 2_000, 5_000, 5_000)
    return Trace(1, tuple(
        Point(1, share, Tally(100, bad), Tally(1000, 1), 0.1, 0.05) for share, bad in zip(shares, new_bad, strict=True)
    ))  # fmt: skip


def test_both_sides_are_drawn_on_one_scale_with_what_is_allowed_and_the_verdict() -> None:
    seen = list(charts(rollout((0, 0, 1, 2, 4, 8)), (ERRORS, SLOW, MEMORY), levels_in("ascii")))

    assert seen == [
        "share   new |__..++| 50 %",
        "errors  new |__.-+@| 8 %: fail",
        "        old |______| 0.1 %; max 1 %",
        "p95     new |@@@@@@| 100 ms: pass",
        "        old |++++++| 50 ms; max_ratio 3",
        "memory: new 300 MiB, old 100 MiB (max 90 %, max_ratio 1.5): fail",
    ]


def test_no_line_is_longer_than_a_terminal_of_80_columns() -> None:
    long = Trace(64, tuple(Point(64, 5_000, Tally(9_999, 1), Tally(9_999, 1), 0.123, 9.876) for _ in range(MOST)))

    assert max(len(f"web: {line}") for line in charts(long, (ERRORS, SLOW, MEMORY), BLOCKS)) <= 80


def test_before_anything_was_seen_there_is_nothing_to_draw() -> None:
    assert list(charts(Trace(), (), BLOCKS)) == []


def test_where_a_terminal_knows_more_than_ascii_blocks_are_drawn() -> None:
    assert levels_in("utf-8") == BLOCKS
    assert [levels_in(each) for each in ("ascii", "latin-1", "no-such-thing", None)] == [levels_in("ascii")] * 4


def test_another_machines_rollout_is_drawn_alike_from_what_its_api_says() -> None:
    trace, figures = rollout((0, 0, 1, 2, 4, 8)), (ERRORS, SLOW, MEMORY)
    said = [[dict(each.plain()) for each in kind] for kind in (trace.points, figures)]

    there = charts(answers.trace(said[0]), [answers.figure(each) for each in said[1]], BLOCKS)

    assert list(there) == list(charts(trace, figures, BLOCKS))

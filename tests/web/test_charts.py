"""The drawings of what was measured: lines of both sides, what is allowed, the share, and all of it in words."""

from typing import Any

from gitopsd.controller.queries.ledger import Part
from gitopsd.web.charts import HEIGHT, WIDTH, charts
from gitopsd.web.looks import charts_of

ERRORS = {"name": "error-rate", "max": 0.01, "max_ratio": None, "allowed": "max 1 %", "verdict": "fail"}
TIMES = {"name": "latency-p95", "max": None, "max_ratio": 3.0, "allowed": "max_ratio 3", "verdict": "pass"}


def point(share: float, bad: int, p95_s: float | None = 0.1, intervals: int = 1, requests: int = 100) -> dict[str, Any]:
    return {
        "intervals": intervals,
        "share": share,
        "new": {"requests": requests, "bad": bad, "p95_s": p95_s},
        "old": {"requests": 100, "bad": 0, "p95_s": 0.05},
    }


def test_nothing_measured_is_no_picture() -> None:
    assert charts((), [ERRORS]) == ()


def test_what_the_picture_shows_is_said_in_words_with_threshold_and_verdict() -> None:
    errors, times = charts([point(5, 0), point(20, 4)], [ERRORS, TIMES])
    assert errors.words == "Error rate: new 4 %, old 0 % at a share of 20 %; at most 1 %: fail"
    assert times.words == "Latency, p95: new 100 ms, old 50 ms at a share of 20 %; at most 3 times the old: pass"
    assert [row.share for row in errors.rows] == ["5 %", "20 %"]


def test_the_share_is_a_band_as_wide_as_it_lasted() -> None:
    (chart,) = charts([point(50, 0, None), point(100, 0, None, intervals=3)], [])[:1]
    quarter = WIDTH / 4
    half = HEIGHT / 2
    assert chart.share == f"0,{HEIGHT} 0.0,{half} {quarter},{half} {quarter},0.0 600.0,0.0 {WIDTH},{HEIGHT}"


def test_a_time_without_requests_is_a_gap_and_no_zero() -> None:
    errors, _ = charts([point(5, 1), point(5, 0, None, requests=0), point(20, 1)], [])
    assert len(errors.new) == 2
    assert len(errors.old) == 1
    assert errors.rows[1].new == "?"


def test_what_is_allowed_as_a_ratio_follows_the_old_side() -> None:
    _, times = charts([point(5, 0), point(20, 0)], [TIMES])
    (limit,) = times.limit
    (old,) = times.old
    heights = [{float(each.split(",")[1]) for each in line.split()} for line in (limit, old)]
    assert max(heights[0]) < min(heights[1])


def test_lines_stay_within_their_box() -> None:
    for chart in charts([point(5, 100, 9.0), point(100, 3, 0.001)], [ERRORS, TIMES]):
        for line in (*chart.new, *chart.old, *chart.limit):
            for x, y in (map(float, each.split(",")) for each in line.split()):
                assert 0 <= x <= WIDTH
                assert 0 <= y <= HEIGHT


def test_a_release_that_is_over_is_drawn_from_the_ledger() -> None:
    measures = {"step": 2, "share": 20.0, "metrics": [ERRORS]}
    errors, _ = charts_of(Part("web", "RolledBack", measures=(measures,), trace=(point(20, 4),)))
    assert errors.words == "Error rate: new 4 %, old 0 % at a share of 20 %; at most 1 %: fail"
    assert charts_of(Part("web", "Succeeded")) == ()

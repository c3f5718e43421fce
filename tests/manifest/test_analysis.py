"""`x-gitopsd.analysis` read: what it stands for, and what is refused with place and mend."""

from datetime import timedelta
from typing import Any

import pytest

from gitopsd.manifest.analysis import analysis, analysis_of
from gitopsd.manifest.node import Problems
from gitopsd.manifest.yaml import parse
from gitopsd.model.analysis import NAMES, Analysis, Metric

SECOND, TEN_SECONDS, HALF_A_MINUTE = (timedelta(seconds=each) for each in (1, 10, 30))
NEEDS = "a query of your own needs source: prometheus, http or job"


def said(written: str) -> list[str]:
    problems = Problems()
    analysis(parse("compose.yaml", written.encode()), "web.analysis", problems)
    return [str(each) for each in problems.found]


def read(written: str) -> Analysis:
    problems = Problems()
    found = analysis_of(analysis(parse("compose.yaml", written.encode()), "web.analysis", problems))
    assert problems.found == []
    return found


def test_the_design_s_example_is_read() -> None:
    found = read(
        """
        metrics:
          - {name: error-rate, max: 1%}
          - {name: latency-p95, max: 400ms, max_ratio: 1.5}
          - {name: memory, max_ratio: 1.5, max: 90%}
          - {name: request-rate, min_ratio: 0.7}
          - {name: checkout, source: prometheus, query: 'sum(rate(ok[1m]))', min: 0.98}
        """
    )

    assert found == Analysis(
        (
            Metric("error-rate", "router", max=0.01, interval=SECOND),
            Metric("latency-p95", "router", max=0.4, max_ratio=1.5, interval=SECOND),
            Metric("memory", "engine", max=0.9, max_ratio=1.5, interval=TEN_SECONDS),
            Metric("request-rate", "router", min_ratio=0.7, interval=SECOND),
            Metric("checkout", "prometheus", "sum(rate(ok[1m]))", min=0.98, interval=HALF_A_MINUTE),
        )
    )


def test_a_job_is_read() -> None:
    found = read(
        "metrics: [{name: smoke, source: job, command: [./smoke, --fast], timeout: 2m}, {name: cpu, max: 80%}]"
    )

    assert found.metrics[0] == Metric(
        "smoke", "job", command=("./smoke", "--fast"), timeout=timedelta(minutes=2), interval=HALF_A_MINUTE
    )


def test_what_is_not_written_has_its_default() -> None:
    found = read("metrics: [{name: error-rate}, {name: memory, max_ratio: 2}, {name: restarts}, {name: cpu, max: 80%}]")

    assert [(each.name, each.max) for each in found.metrics] == [
        ("error-rate", None),
        ("memory", 0.9),
        ("restarts", 0.0),
        ("cpu", 0.8),
    ]
    assert {each.min_samples for each in found.metrics} == {50}
    assert {each.consecutive_error_limit for each in found.metrics} == {4}


def test_every_key_of_a_metric_is_read() -> None:
    found = read(
        "metrics: [{name: error-rate, source: router, max: 0.5%, interval: 5s, initial_delay: 1m, min_samples: 200, "
        "inconclusive_limit: 3, consecutive_error_limit: 0, no_data: fail}]"
    )

    assert found.metrics == (
        Metric(
            "error-rate",
            "router",
            max=0.005,
            interval=timedelta(seconds=5),
            initial_delay=timedelta(minutes=1),
            min_samples=200,
            inconclusive_limit=3,
            consecutive_error_limit=0,
            no_data="fail",
        ),
    )


def test_a_url_is_a_query_too() -> None:
    found = read(
        "metrics: [{name: queue, source: http, url: 'http://shop:8080/stats', path: 'data.items[0].n', max: 100}]"
    )

    url = "http://shop:8080/stats"
    assert found == Analysis((Metric("queue", "http", url, "data.items[0].n", max=100.0, interval=HALF_A_MINUTE),))


def test_nothing_written_is_nothing_judged() -> None:
    assert analysis_of(None) == Analysis()


@pytest.mark.parametrize("name", ["errors", "latency", "eror-rate"])
def test_an_unknown_name_is_told_with_those_there_are(name: str) -> None:
    """flagger#1581: one of them passed in silence."""
    [problem] = said(f"metrics: [{{name: {name}, max: 1%}}]")

    assert problem.startswith(f"compose.yaml:1:18: web.analysis.metrics[0].name: no metric is called '{name}'; ")
    assert problem.endswith(f"{', '.join(NAMES)}; {NEEDS}")


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    assert "did you mean error-rate?" in said("metrics: [{name: eror-rate, max: 1%}]")[0]


METRIC = "web.analysis.metrics[0]"


@pytest.mark.parametrize(
    ("metric", "problem"),
    [
        ("name: error-rate, max: 0.01", f"{METRIC}.max: expected a share such as 1% or 0.5%, got 0.01"),
        ("name: error-rate, max: 101%", f"{METRIC}.max: expected a share such as 1% or 0.5%, got '101%'"),
        ("name: error-rate, min: 1%", f"{METRIC}.min: error-rate has no such bound; write max or max_ratio"),
        ("name: latency-p95", f"{METRIC}: has no bound, so nothing could fail; write max or max_ratio"),
        ("name: latency-p95, max: 0s", f"{METRIC}.max: expected more than 0s; write one such as 400ms"),
        (
            "name: latency-p95, max: 400",
            f'{METRIC}.max: expected a duration with a unit, such as "90s" or "1m30s", got the number 400',
        ),
        (
            "name: latency-p95, max_ratio: 0.9",
            f"{METRIC}.max_ratio: expected at least 1, the same as stable, got 0.9",
        ),
        (
            "name: latency-p95, max_ratio: 'nan'",
            f"{METRIC}.max_ratio: expected a ratio to stable such as 1.5, got 'nan'",
        ),
        (
            "name: request-rate, min_ratio: 2",
            f"{METRIC}.min_ratio: expected at most 1, the same as stable, got 2",
        ),
        (
            "name: request-rate, max: 5",
            f"{METRIC}.max: request-rate has no such bound; write min_ratio or max_ratio",
        ),
        ("name: cpu, max: 90%, min_samples: 5", f"{METRIC}.min_samples: counts requests, and cpu has none; remove it"),
        (
            "name: error-rate, source: prometheus",
            f"{METRIC}.source: error-rate is measured by the router; remove the source, or call a query otherwise",
        ),
        ("name: error-rate, interval: 10ms", f"{METRIC}.interval: expected at least 1s, got 10ms"),
        ("name: error-rate, no_data: pass", f"{METRIC}.no_data: expected one of hold, fail, got 'pass'"),
        (
            "name: error-rate, query: up",
            f"{METRIC}.query: unknown key; remove it, or prefix it with x- to keep it as a note",
        ),
        ("name: a, query: up, min: 1", f"{METRIC}: has no source; write source: prometheus, http or job"),
        ("name: a, source: prometheus, min: 1", f"{METRIC}: source: prometheus needs a query; write it"),
        (
            "name: a, source: prometheus, query: up",
            f"{METRIC}: has no bound, so nothing could fail; write min or max or min_ratio or max_ratio",
        ),
        (
            "name: a, source: prometheus, query: up, min: 2, max: 1",
            f"{METRIC}.min: is more than max, 1, so nothing could pass; lower it, or raise max",
        ),
        (
            "name: a, source: job, command: [./smoke], max: 1",
            f"{METRIC}.max: the exit code of a job decides: 0 is good; remove it",
        ),
        ("name: a, source: job", f"{METRIC}: source: job needs a command; write it"),
        (
            "name: a, source: job, command: ./smoke --fast",
            f'{METRIC}.command: expected a program with its arguments, such as ["./smoke", "--fast"], '
            "got './smoke --fast'",
        ),
        (
            "name: a, source: prometheus, query: up, url: 'http://a', min: 1",
            f"{METRIC}.url: means nothing with source: prometheus; remove it",
        ),
        (
            "name: a, source: prometheus, query: up, max_ratio: 2",
            f"{METRIC}.max_ratio: compares with stable, of which query asks the same; name $fingerprint or $slot in it",
        ),
        (
            "name: a, source: graphite, min: 1",
            f"{METRIC}.source: expected one of prometheus, http, job, got 'graphite'",
        ),
        (
            "name: a, source: http, url: shop, min: 1",
            f"{METRIC}.url: expected a URL such as http://shop:8080/stats, got 'shop'",
        ),
        (
            "name: a, source: http, url: 'http://a', path: 'a b', min: 1",
            f"{METRIC}.path: expected a path into the JSON such as data.items[0].value, got 'a b'",
        ),
        ("max: 1%", f"{METRIC}: has no name; write one of {', '.join(NAMES)}, or name a query of your own"),
    ],
)
def test_what_is_wrong_with_a_metric_is_told_with_its_mend(metric: str, problem: str) -> None:
    assert [each.partition(" ")[2] for each in said(f"metrics: [{{{metric}}}]")] == [problem]


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        ("on", "web.analysis: expected a mapping, got 'on'"),
        (
            "{metrics: []}",
            "web.analysis.metrics: expected a list of metrics, such as [{name: error-rate, max: 1%}], got a list",
        ),
        (
            "{metrics: [error-rate]}",
            f"{METRIC}: expected a mapping such as {{name: error-rate, max: 1%}}, got 'error-rate'",
        ),
        (
            "{metrics: [{name: cpu, max: 1%}], synthetic: {rate: 5/s}}",
            "web.analysis.synthetic: has no path; write one such as {path: /healthz, rate: 5/s}",
        ),
        (
            "{metrics: [{name: cpu, max: 1%}, {name: cpu, max: 2%}]}",
            "web.analysis.metrics[1]: has the name of one before it; "
            "write all bounds of a metric into one, or call a query otherwise",
        ),
        ("{metric: []}", "web.analysis.metric: unknown key; did you mean metrics?"),
    ],
)
def test_what_is_wrong_with_the_rest_is_told_too(written: str, problem: str) -> None:
    assert problem in [each.partition(" ")[2] for each in said(written)]


@pytest.mark.parametrize(
    "junk", ["[]", "{}", "1", "[[]]", "[{}]", "[{name: []}]", "[{name: {a: 1}}]", "null", "[null]"]
)
def test_junk_is_refused_and_breaks_nothing(junk: Any) -> None:
    problems = Problems()

    analysis_of(analysis(parse("compose.yaml", f"metrics: {junk}".encode()), "web.analysis", problems))

    assert problems.found

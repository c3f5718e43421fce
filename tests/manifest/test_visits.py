"""`pre_warm` and `analysis.synthetic` read: what they stand for, and what is refused with place and mend."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gitopsd.manifest.node import Problems
from gitopsd.manifest.visits import pre_warm, pre_warm_of, pre_warm_shown, synthetic, synthetic_of
from gitopsd.manifest.yaml import parse
from gitopsd.model.analysis import Synthetic
from gitopsd.model.visits import PreWarm


def read(reader: Callable[..., Any], written: str) -> tuple[Any, list[str]]:
    problems = Problems()
    found = reader(parse("compose.yaml", written.encode()), "web.key", problems)
    return found, [str(each).partition(" ")[2] for each in problems.found]


def test_the_design_s_example_is_read() -> None:
    found, problems = read(pre_warm, "{paths: [/], rate: 20/s, until: {latency_p95: 200ms}, max: 2m}")

    assert problems == []
    assert pre_warm_of(found) == PreWarm(("/",), 20.0, latency_p95=timedelta(seconds=0.2), most=timedelta(minutes=2))


def test_what_is_not_written_has_its_default_and_is_shown() -> None:
    found, _ = read(pre_warm, "{paths: [/, /cart?id=1], until: {requests: 300, duration: 30s}}")

    assert pre_warm_shown(pre_warm_of(found)) == {
        "paths": ["/", "/cart?id=1"],
        "rate": "20/s",
        "until": {"requests": 300, "duration": "30s"},
        "max": "2m0s",
    }


def test_synthetic_requests_are_read() -> None:
    found, problems = read(synthetic, "{path: /healthz, rate: 0.5/s}")

    assert problems == []
    assert synthetic_of(found) == Synthetic("/healthz", 0.5)


@pytest.mark.parametrize(
    ("reader", "written", "problem"),
    [
        (pre_warm, "yes", "web.key: expected a mapping, got 'yes'"),
        (pre_warm, "{rate: 20}", "web.key.rate: expected so many a second, such as 20/s, at most 1000/s, got 20"),
        (
            pre_warm,
            "{rate: 2000/s}",
            "web.key.rate: expected so many a second, such as 20/s, at most 1000/s, got '2000/s'",
        ),
        (pre_warm, "{paths: [cart]}", "web.key.paths[0]: expected the path of a page, such as /cart, got 'cart'"),
        (pre_warm, "{until: {request: 1}}", "web.key.until.request: unknown key; did you mean requests?"),
        (pre_warm, "{max: 0s}", "web.key.max: expected more than 0s"),
        (pre_warm, "{until: {requests: 0}}", "web.key.until.requests: expected a whole number of at least 1, got 0"),
        (synthetic, "{path: /}", "web.key: has no rate; write one such as {path: /healthz, rate: 5/s}"),
        (
            synthetic,
            "{path: /, rate: 0/s}",
            "web.key.rate: expected so many a second, such as 20/s, at most 1000/s, got '0/s'",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_mend(reader: Callable[..., Any], written: str, problem: str) -> None:
    assert read(reader, written)[1] == [problem]

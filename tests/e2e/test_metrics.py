"""Canaries that are judged by what is measured: by a real Prometheus, by the router, and by what instances take."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.app import HAPROXY, routed, street_engine
from tests.e2e.conftest import MakeRig
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig
from tests.load import load
from tests.prometheus import prometheus_of_engine

PATIENCE_S = 180.0
STEPS = [{"set_weight": 50}, {"analysis": {"duration": "5s"}}]
FAILED = 'sum(app_failed_total{fingerprint="$fingerprint"}) / sum(app_requests_total{fingerprint="$fingerprint"})'


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    """An engine whose router nobody else has."""
    with street_engine() as made:
        yield made


def judged(*metrics: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A canary that goes back by what is written alone."""
    analysis = {"metrics": list(metrics)}
    return {"replicas": 1, "x": {"strategy": "canary", "steps": STEPS, "guard": False, "analysis": analysis, **more}}


def serving(rig: Rig, port: int, version: str, **how: Any) -> None:
    rig.synced(rig.push(web=routed(version, port, **how)), within=PATIENCE_S)


def thrown_back(rig: Rig, port: int, version: str, **how: Any) -> str:
    """Why a version was."""
    return rig.rejected(rig.push(web=routed(version, port, **how)), within=PATIENCE_S)


def test_a_canary_is_judged_by_what_prometheus_says_of_its_own_metrics(
    engine: OwnEngine, make_rig: MakeRig, tmp_path: Path, free_port: int
) -> None:
    how = judged({"name": "failing", "source": "prometheus", "query": FAILED, "max": 0.05, "interval": "1s"})
    with prometheus_of_engine(tmp_path, engine.url) as asked, load(free_port, "localhost", pause=0.02):
        measured = {"prometheus": {"url": asked.url}}
        rig = make_rig(engine=engine.url, api=engine.api(), router={"image": HAPROXY}, metrics=measured).start()
        serving(rig, free_port, "one", **how)

        serving(rig, free_port, "two", **how)
        reason = thrown_back(rig, free_port, "three", errors=300, **how)

    assert "failing: 0." in reason
    assert "above 0.05, 3 times in a row" in reason


@pytest.mark.timeout(600)
def test_a_bad_stable_blocks_no_cure_and_a_canary_with_ten_percent_of_errors_fails_few_requests(
    engine: OwnEngine, make_rig: MakeRig, free_port: int
) -> None:
    rig = make_rig(engine=engine.url, api=engine.api(), router={"image": HAPROXY}).start()
    how = judged({"name": "error-rate", "max": "1%"})
    with load(free_port, "localhost", pause=0.02) as seen:
        serving(rig, free_port, "bad", errors=100, **how)
        serving(rig, free_port, "cure", **how)
        before = seen.failed.total()
        how["x"]["steps"] = [{"set_weight": 20}, {"pause": {}}]
        reason = thrown_back(rig, free_port, "errs", errors=100, **how)

    assert "requests on the canary failed" in reason or "of stable, evidence" in reason  # whichever is sure first
    assert seen.failed.total() - before <= 25


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("metric", "how", "words"),
    [
        ({"name": "latency-p95", "max_ratio": 2}, {"latency_ms": 150, "jitter_ms": 300}, "2 times is allowed"),
        ({"name": "memory", "max_ratio": 1.5, "interval": "1s"}, {"leak_kb": 512}, "more than 1.5 times"),
    ],
    ids=["slow", "leaks"],
)
def test_a_canary_that_is_three_times_slower_or_leaks_is_thrown_back(
    engine: OwnEngine, make_rig: MakeRig, free_port: int, metric: dict[str, Any], how: dict[str, Any], words: str
) -> None:
    rig = make_rig(engine=engine.url, api=engine.api(), router={"image": HAPROXY}).start()
    usual = {"latency_ms": 50, "jitter_ms": 100}
    by = judged(metric, memory_spike={"ratio_to_stable": 0})
    with load(free_port, "localhost", pause=0.02):
        serving(rig, free_port, "one", **usual, **by)
        reason = thrown_back(rig, free_port, "two", **{**usual, **how}, **by)

    assert f"web: fail: {metric['name']}: " in reason
    assert words in reason

"""Releases behind the real router, with a load on it that counts every request: not one may fail."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import put_certificate, shown_certificate, trusting
from tests.e2e.app import HAPROXY, routed, street_engine
from tests.e2e.conftest import MakeRig
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig
from tests.load import Load, load

PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    """An engine whose router nobody else has."""
    with street_engine() as made:
        yield made


@pytest.fixture
def rig(engine: OwnEngine, make_rig: MakeRig) -> Rig:
    return make_rig(engine=engine.url, api=engine.api(), router={"image": HAPROXY}).start()


def serving(rig: Rig, port: int, version: str, **how: Any) -> None:
    rig.synced(rig.push(web=routed(version, port, **how)), within=PATIENCE_S)


def share(seen: Load, before: dict[str, int], version: str) -> float:
    """What part of the answers since `before` a version gave, in percent."""
    new = {name: count - before.get(name, 0) for name, count in seen.answered.items()}
    return 100 * new.get(version, 0) / max(1, sum(new.values()))


def test_a_rolling_upgrade_loses_no_request(rig: Rig, free_port: int) -> None:
    serving(rig, free_port, "one", replicas=3)
    with load(free_port, "localhost") as seen:
        serving(rig, free_port, "two", replicas=3)
        rig.eventually(lambda: seen.answered["two"] > 200)
    assert not seen.failed, (seen.failed, seen.answered)
    assert seen.answered["one"]


def test_a_canary_gets_its_share_and_then_everything(rig: Rig, free_port: int) -> None:
    how: dict[str, Any] = {"replicas": 2, "x": {"strategy": "canary", "steps": [{"set_weight": 20}, {"pause": {}}]}}
    serving(rig, free_port, "one", **how)
    with load(free_port, "localhost") as seen:
        commit = rig.push(web=routed("two", free_port, **how))
        rig.eventually(lambda: seen.answered["two"] > 0, PATIENCE_S)
        before = dict(seen.answered)
        rig.eventually(lambda: sum(seen.answered.values()) - sum(before.values()) >= 2000, PATIENCE_S)
        assert share(seen, before, "two") == pytest.approx(20, abs=3)
        rig.ask("promote")
        rig.synced(commit, within=PATIENCE_S)
    assert not seen.failed, (seen.failed, seen.answered)


def test_blue_green_switches_without_a_gap(rig: Rig, free_port: int) -> None:
    how: dict[str, Any] = {"replicas": 2, "x": {"strategy": "blue-green"}}
    serving(rig, free_port, "one", **how)
    with load(free_port, "localhost") as seen:
        serving(rig, free_port, "two", **how)
        serving(rig, free_port, "one", **how)
    assert not seen.failed, (seen.failed, seen.answered)


def test_a_canary_with_ten_percent_of_errors_is_taken_off_by_itself(rig: Rig, free_port: int) -> None:
    how: dict[str, Any] = {"replicas": 2, "x": {"strategy": "canary", "steps": [{"set_weight": 20}, {"pause": {}}]}}
    serving(rig, free_port, "one", **how)
    with load(free_port, "localhost", pause=0.02) as seen:  # some 200 requests a second
        rig.push(web=routed("two", free_port, errors=100, **how))
        rig.eventually(partial(ended, rig), PATIENCE_S)
    release = rig.release()
    assert release.outcome == "rolled-back"
    assert "error-rate" in release.reason
    assert set(seen.failed) <= {"GET : 500", "POST: 500"}
    assert sum(seen.failed.values()) <= 25


def test_over_tls_an_upgrade_and_a_renewed_certificate_lose_no_request(
    engine: OwnEngine, make_rig: MakeRig, tmp_path: Path, free_port: int
) -> None:
    put_certificate(tmp_path, "localhost")
    settings = {"image": HAPROXY, "certificates": str(tmp_path)}
    rig = make_rig(engine=engine.url, api=engine.api(), router=settings).start()
    how: dict[str, Any] = {"replicas": 1, "x": {"traffic": {"tls": True}}}
    serving(rig, free_port, "one", **how)
    with load(free_port, "localhost", clients=2, pause=0.02, tls=trusting("http/1.1")) as seen:
        renewed = put_certificate(tmp_path, "localhost")
        rig.eventually(lambda: shown_certificate(free_port, "localhost") == renewed, PATIENCE_S)
        serving(rig, free_port, "two", **how)
        rig.eventually(lambda: seen.answered["two"] > 50)
    assert not seen.failed, (seen.failed, seen.answered)
    assert seen.answered["one"]


def test_without_a_drain_requests_are_lost(rig: Rig, free_port: int) -> None:
    """What the others prove would be worth nothing if this one lost none."""
    how: dict[str, Any] = {"replicas": 1, "deploy": {"update_config": {"order": "stop-first"}}}
    serving(rig, free_port, "one", **how)
    with load(free_port, "localhost") as seen:
        serving(rig, free_port, "two", **how)
    assert seen.failed


def ended(rig: Rig) -> bool:
    release = rig.release()
    return release.number > 1 and release.outcome is not None

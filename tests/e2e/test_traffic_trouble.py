"""Changes of mind and deaths while newer content is being let in: no request is lost, and none reaches a stranger."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.e2e.app import APP, HAPROXY, routed, street_engine
from tests.e2e.conftest import MakeRig
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig
from tests.load import Load, load

PATIENCE_S = 90.0
CANARY: dict[str, Any] = {"x": {"strategy": "canary", "steps": [{"set_weight": 20}, {"pause": {}}]}}


@pytest.fixture
def engine() -> Iterator[OwnEngine]:
    """An engine whose router nobody else has, and which the test may stop."""
    with street_engine() as made:
        yield made


@pytest.fixture
def rig(engine: OwnEngine, make_rig: MakeRig) -> Rig:
    return make_rig(engine=engine.url, api=engine.api(), router={"image": HAPROXY}).start()


def serving(rig: Rig, port: int, version: str, **how: Any) -> str:
    commit = rig.push(web=routed(version, port, **how))
    rig.synced(commit, within=PATIENCE_S)
    return commit


def canary(rig: Rig, port: int, version: str, seen: Load) -> str:
    """It has its share of the traffic and waits."""
    commit, before = rig.push(web=routed(version, port, **CANARY)), seen.answered[version]
    rig.eventually(lambda: seen.answered[version] > before, PATIENCE_S)
    return commit


def test_whatever_becomes_of_a_canary_no_request_is_lost(rig: Rig, free_port: int) -> None:
    serving(rig, free_port, "one", **CANARY)
    with load(free_port, "localhost") as seen:
        canary(rig, free_port, "two", seen)
        rig.ask("abort")
        rig.eventually(lambda: rig.release().outcome == "cancelled", PATIENCE_S)

        canary(rig, free_port, "three", seen)
        commit = canary(rig, free_port, "four", seen)
        assert rig.release().outcome is None

        back = rig.push(web=routed("one", free_port, **CANARY))
        rig.synced(back, within=PATIENCE_S)
        after = seen.answered["four"]
        rig.eventually(lambda: seen.answered["one"] > 0, PATIENCE_S)
    assert not seen.failed, (seen.failed, seen.answered)
    assert seen.answered["four"] == after, commit


def test_a_daemon_that_is_killed_again_and_again_loses_no_request(rig: Rig, free_port: int) -> None:
    serving(rig, free_port, "one")
    with load(free_port, "localhost") as seen:
        commit = rig.push(web=routed("two", free_port))
        for _ in range(5):
            before = len(rig.rows())
            rig.eventually(lambda before=before: len(rig.rows()) != before or serves(rig, commit), PATIENCE_S)  # type: ignore[misc]
            rig.process.kill()
            rig.process.start()
        rig.synced(commit, within=PATIENCE_S)
    assert not seen.failed, (seen.failed, seen.answered)
    assert seen.answered["two"]


def test_a_router_that_dies_comes_back_with_what_it_had(rig: Rig, engine: OwnEngine, free_port: int) -> None:
    serving(rig, free_port, "one", **CANARY)
    with load(free_port, "localhost") as seen:
        canary(rig, free_port, "two", seen)
        engine.api().kill("gitopsd-router")
        engine.api().start("gitopsd-router")
        before = dict(seen.answered)
        rig.eventually(lambda: sum(seen.answered.values()) - sum(before.values()) > 1000, PATIENCE_S)
        two = seen.answered["two"] - before["two"]
        assert two == pytest.approx(200, abs=60)
        failed = seen.failed.total()
        rig.ask("promote")
        rig.eventually(partial(serves, rig, ""), PATIENCE_S)
    assert seen.failed.total() == failed


def test_no_request_reaches_a_stranger_when_the_engine_restarts_without_gitopsd(
    rig: Rig, engine: OwnEngine, free_port: int
) -> None:
    serving(rig, free_port, "one", restart="always")
    rig.end()
    engine.stop()
    engine.start()
    api = engine.api()
    for number in range(6):
        stranger = api.create_container(APP, environment={"VERSION": "stranger"}, name=f"stranger-{number}")
        api.start(stranger["Id"])
    with load(free_port, "localhost") as seen:
        rig.eventually(lambda: seen.answered["one"] > 500, PATIENCE_S)
    assert set(seen.answered) == {"one"}


def serves(rig: Rig, commit: str) -> bool:
    found: Callable[[], Any] = partial(rig.has_synced, commit or rig.release().revision)
    try:
        return bool(found())
    except AssertionError:
        return False

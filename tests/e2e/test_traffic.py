"""Releases behind the real router, with a load on it that counts every request: not one may fail.

The application exits at once when it is told to stop, whatever it is answering, and takes 5 to 35 ms for an answer.
"""

import itertools
import os
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.certificates import put_certificate, shown_certificate, trusting
from tests.e2e.app import HAPROXY, NEWER_HAPROXY
from tests.e2e.rig import Rig
from tests.e2e.street import BLUE_GREEN, BY_STEPS, CANARY, PATIENCE_S, ROUTER, Street, on, recent, street
from tests.load import load

TIMED: dict[str, Any] = {
    "x": {
        "strategy": "canary",
        "steps": [{"set_weight": 5}, {"pause": {"duration": "2s"}}, {"set_weight": 50}, {"pause": {"duration": "2s"}}],
    }
}
AT_ONCE: dict[str, Any] = {"deploy": {"update_config": {"order": "start-first", "parallelism": 5}}}


@pytest.fixture(scope="module")
def lasting(road: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("street"), road == "tls") as made:
        yield made


@pytest.fixture
def shop(lasting: Street) -> Street:
    return lasting.ready()


@on("tls")
@pytest.mark.timeout(900)
def test_a_rolling_upgrade_of_ten_loses_no_request(shop: Street) -> None:
    shop.begins("one", replicas=10)
    with shop.load() as seen:
        shop.serving("two", replicas=10, **AT_ONCE)
        seen.reach(4_000)
    seen.none_lost()
    assert set(seen.answered) == {"one", "two"}


@on("tls")
@pytest.mark.timeout(900)
def test_a_canary_takes_its_steps_while_the_router_is_reloaded_and_replaced(shop: Street) -> None:
    shop.begins("one")
    with shop.load() as seen:
        commit = shop.canary(seen, "two", **BY_STEPS)
        assert recent(seen, "two", 500) < 15
        shop.engine.api().kill(ROUTER, signal="SIGUSR2")
        shop.promote(seen, "two", above=10)
        assert recent(seen, "two", 1500) == pytest.approx(20, abs=5)
        shop.rig.configure(router={**shop.rig.settings["router"], "image": NEWER_HAPROXY})
        shop.promote(seen, "two", above=35)  # while one router takes over from the other
        shop.rig.eventually(lambda: shop.router_images() == [NEWER_HAPROXY], PATIENCE_S)
        shop.rig.ask("promote")
        shop.rig.synced(commit, within=PATIENCE_S)
        shop.engine.api().kill(ROUTER, signal="SIGUSR2")
        seen.reach(6_000)
    seen.none_lost()
    shop.rig.configure(router={**shop.rig.settings["router"], "image": HAPROXY})


@on("tls")
@pytest.mark.timeout(900)
def test_blue_green_switches_there_and_back_without_a_gap(shop: Street) -> None:
    shop.begins("one")
    with shop.load() as seen:
        shop.serving("two", **BLUE_GREEN)
        shop.serving("one", **BLUE_GREEN)
        seen.reach(4_000)
    seen.none_lost()
    assert set(seen.answered) == {"one", "two"}


@on("tls")
@pytest.mark.timeout(900)
def test_slow_answers_are_waited_for(shop: Street) -> None:
    shop.begins("one", replicas=1)
    with shop.load(clients=1, slow=8) as seen:
        shop.serving("two", replicas=1)
        shop.serving("one", replicas=1, **BLUE_GREEN)
    seen.none_lost()
    assert seen.kinds["slow"] > 10


@on("tls")
@pytest.mark.timeout(900)
def test_a_canary_with_ten_percent_of_errors_is_taken_off_by_itself(shop: Street) -> None:
    shop.begins("one")
    before = shop.rig.release().number
    tls = trusting("http/1.1") if shop.tls else None
    with load(shop.port, "localhost", pause=0.02, tls=tls) as seen:  # some 200 requests a second
        shop.push("two", errors=100, **CANARY)
        shop.rig.eventually(partial(ended, shop.rig, before), PATIENCE_S)
    release = shop.rig.release()
    assert release.outcome == "rolled-back"
    assert "error-rate" in release.reason
    assert set(seen.failed) <= {"GET : 500", "POST: 500"}
    assert sum(seen.failed.values()) <= 25


@pytest.mark.parametrize("road", ["tls"], scope="module")
@pytest.mark.timeout(900)
def test_a_renewed_certificate_loses_no_request(shop: Street) -> None:
    shop.begins("one", replicas=1)
    with shop.load(clients=1) as seen:
        renewed = put_certificate(shop.certificates, "localhost")
        shop.rig.eventually(lambda: shown_certificate(shop.port, "localhost") == renewed, PATIENCE_S)
        seen.more(100)
    seen.none_lost()


@on("tls")
@pytest.mark.timeout(900)
def test_without_a_drain_requests_are_lost(shop: Street) -> None:
    """What the others prove would be worth nothing if this one lost none."""
    how: dict[str, Any] = {"replicas": 1, "deploy": {"update_config": {"order": "stop-first"}}}
    shop.begins("one", replicas=1)
    with shop.load() as seen:
        shop.serving("two", **how)
    assert seen.failed


@pytest.mark.long
@pytest.mark.parametrize("road", ["tls"], scope="module")
@pytest.mark.timeout(4 * 3600)
def test_of_a_million_requests_none_is_lost_while_versions_come_and_go(shop: Street) -> None:
    """GITOPSD_REQUESTS in the environment says how many others."""
    wanted = int(os.environ.get("GITOPSD_REQUESTS", "1000000"))
    shop.begins("one")
    ways = itertools.cycle([{}, BLUE_GREEN, TIMED])
    with shop.load(clients=8) as seen:
        for version in itertools.cycle(["two", "one"]):
            shop.serving(version, **next(ways))
            shop.engine.api().kill(ROUTER, signal="SIGUSR2")
            if seen.failed or seen.total >= wanted:
                break
    seen.none_lost()


def ended(rig: Rig, before: int) -> bool:
    release = rig.release()
    return release.number > before and release.outcome is not None

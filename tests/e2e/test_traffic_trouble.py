"""Changes of mind and deaths while newer content is being let in: no request is lost, and none reaches a stranger."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from tests.e2e.app import APP
from tests.e2e.street import BLUE_GREEN, BY_STEPS, CANARY, PATIENCE_S, ROUTER, Street, on, recent, street
from tests.load import WEBSOCKET, line, read

HALF = b"x" * 5_000_000  # of what is uploaded
ABOVE = (0, 10, 35)  # what a canary has more than after each of the steps, in percent


@pytest.fixture(scope="module")
def lasting(road: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with street(tmp_path_factory.mktemp("street"), road == "tls") as made:
        yield made


@pytest.fixture
def shop(lasting: Street) -> Street:
    return lasting.ready()


@on("http")
@pytest.mark.timeout(900)
def test_a_canary_is_given_up_at_every_step_and_no_request_is_lost(shop: Street) -> None:
    shop.begins("one")
    with shop.load() as seen:
        for step in range(len(ABOVE)):
            version = f"two{step}"
            shop.canary(seen, version, **BY_STEPS)
            for above in ABOVE[1 : step + 1]:
                shop.promote(seen, version, above=above)
            shop.rig.ask("abort")
            shop.rig.eventually(lambda: shop.rig.release().outcome == "cancelled", PATIENCE_S)
            shop.rig.eventually(lambda version=version: recent(seen, version, 100) == 0)  # type: ignore[misc]
        seen.reach(3_000)
    seen.none_lost()


@on("http")
@pytest.mark.timeout(900)
def test_newer_content_at_every_step_and_a_revert_in_the_end_lose_no_request(shop: Street) -> None:
    shop.begins("one")
    with shop.load() as seen:
        for step in range(len(ABOVE)):
            version = f"three{step}"
            shop.canary(seen, version, **BY_STEPS)
            for above in ABOVE[1 : step + 1]:
                shop.promote(seen, version, above=above)
        shop.serving("one", **BY_STEPS)
        shop.rig.eventually(lambda: recent(seen, "one", 100) == 100)
        seen.reach(3_000)
    seen.none_lost()
    assert {f"three{step}" for step in range(len(ABOVE))} <= set(seen.answered)


@on("http")
@pytest.mark.timeout(900)
def test_what_lasts_ends_well_or_is_cut_and_told_when_the_time_to_drain_is_over(shop: Street) -> None:
    how: dict[str, Any] = {"replicas": 1, "x": {"drain_timeout": "20s"}}
    shop.begins("one", **how)
    with ExitStack() as open_ones, shop.load(clients=2) as seen:
        poll, stream, upload, talk = (open_ones.enter_context(shop.connected()) for _ in range(4))
        poll.sendall(b"GET /slow/5000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        stream.sendall(b"GET /stream/5000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        upload.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {2 * len(HALF)}\r\n\r\n".encode() + HALF)
        talk.sendall(f"GET / HTTP/1.1\r\nHost: localhost\r\n{WEBSOCKET}".encode())
        assert b" 101 " in read(talk)[0]

        commit = shop.push("two", **how)
        shop.rig.eventually(lambda: recent(seen, "two", 50) == 100, PATIENCE_S)

        talk.sendall(b"who?\n")
        assert line(talk) == "one"
        upload.sendall(HALF)
        assert [read(each)[1].split() for each in (poll, stream, upload)] == [[b"one"], [b"one", b"one"], [b"one"]]
        assert talk.recv(1) == b""
        shop.rig.synced(commit, within=PATIENCE_S)
    seen.none_lost()
    assert shop.rig.told("ConnectionsCut", "shop").message.startswith("1 connection cut: the time to drain ")


HOW = [pytest.param({}, id="rolling"), pytest.param(BLUE_GREEN, id="blue-green", marks=pytest.mark.long)]


@on("http")
@pytest.mark.parametrize("how", HOW)
@pytest.mark.timeout(900)
def test_a_daemon_that_is_killed_one_call_later_each_time_loses_no_request(shop: Street, how: dict[str, Any]) -> None:
    shop.begins("one", replicas=1)
    deaths = 0
    with shop.load() as seen:
        commit = shop.push("two", replicas=1, **how)
        fault = shop.proxy.fault("", "kill before the answer")
        while shop.rig.eventually(partial(dead_or_serving, shop, commit), PATIENCE_S) and not fault.times:
            shop.rig.eventually(lambda: not shop.rig.process.alive())
            deaths += 1
            fault = shop.proxy.fault("", "kill before the answer", skip=deaths)
            shop.rig.start()
        shop.proxy.mend()
        seen.reach(2_000)
    seen.none_lost()
    assert deaths >= 4
    assert seen.answered["two"]


@on("http")
@pytest.mark.timeout(900)
def test_a_router_that_dies_comes_back_with_what_it_had(shop: Street) -> None:
    shop.begins("one")
    with shop.load() as seen:
        commit = shop.canary(seen, "two", **CANARY)
        shop.engine.api().kill(ROUTER)
        shop.engine.api().start(ROUTER)
        assert recent(seen, "two", 1000) == pytest.approx(20, abs=6)
        failed = seen.failed.total()
        shop.rig.ask("promote")
        shop.rig.synced(commit, within=PATIENCE_S)
    assert seen.failed.total() == failed


@on("http")
@pytest.mark.timeout(900)
def test_no_request_reaches_a_stranger_when_the_engine_restarts_without_gitopsd(shop: Street) -> None:
    shop.serving("one", restart="always")
    shop.rig.end()
    shop.engine.stop()
    shop.engine.start()
    api = shop.engine.api()
    for number in range(6):
        stranger = api.create_container(APP, environment={"VERSION": "stranger"}, name=f"stranger-{number}")
        api.start(stranger["Id"])
    with shop.load() as seen:
        shop.rig.eventually(lambda: seen.answered["one"] > 500, PATIENCE_S)
    assert set(seen.answered) == {"one"}


def dead_or_serving(shop: Street, commit: str) -> bool:
    return not shop.rig.process.alive() or bool(shop.rig.has_synced(commit))

"""Too many restarts on one engine: nothing new begins there, what is under way waits, and a person may go on."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.controller.storm import Storm
from gitopsd.model.operation import Operation
from gitopsd.model.settings import RestartStorm
from tests.controller.house import SETTINGS, NearHouse, compose
from tests.crowd import crowd, served
from tests.fakes.clock import FakeClock
from tests.fakes.engine import exits
from tests.waiting import eventually

GUARDED = replace(SETTINGS, restart_storm=RestartStorm(5, timedelta(hours=1)))
LOOPING = """
  looping:
    image: looping:1
    restart: always
    x-gitopsd: {crash_loop: {restarts: 90}, min_ready: 0s}
"""


@pytest.fixture
def stormy() -> NearHouse:
    """A house in which one service restarts again and again since its second release, and another one serves."""
    house = NearHouse(GUARDED)
    house.engine().add_image("looping:1", exits(1, after=2))
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose()}), "shop")
    house.push({"shop/compose.yaml": compose(more=LOOPING)})
    eventually(lambda: _blows(house))
    return house


def _blows(house: NearHouse) -> bool:
    house.timer.tick(61)  # what restarts in the fake engine does so when somebody looks
    return "restart-storm" in house.guards("shop")


def _runs(house: NearHouse) -> list[str]:
    return sorted(each.named for each in house.engine().containers.values() if each.up)


def test_no_release_begins_on_an_engine_where_everything_restarts(stormy: NearHouse) -> None:
    stormy.push({"shop/compose.yaml": compose("web:2", LOOPING), "other/compose.yaml": compose()})

    stormy.eventually(lambda: "restart-storm" in stormy.guards("other"))

    status = stormy.status("other")
    assert status is not None
    assert "restarts on this engine within 3600 s" in status.reason
    assert "of shop-looping-1" in status.reason
    assert [release.environment for release in stormy.store.releases("other")] == []
    stormy.stop()


def test_a_person_may_begin_it_all_the_same(stormy: NearHouse) -> None:
    commit = stormy.push({"other/compose.yaml": compose()})
    stormy.eventually(lambda: "restart-storm" in stormy.guards("other"))

    stormy.store.submit(Operation("sync", "other", "ada", stormy.clock.now()))
    stormy.watcher.changed("operations")

    stormy.synced(commit, "other")
    stormy.stop()


def test_it_begins_when_there_are_fewer_restarts(stormy: NearHouse) -> None:
    commit = stormy.push({"other/compose.yaml": compose()})
    stormy.eventually(lambda: "restart-storm" in stormy.guards("other"))

    stormy.engine().stop("shop-looping-1")
    stormy.timer.tick(3601)

    stormy.synced(commit, "other")
    stormy.stop()


def test_going_back_to_what_was_good_waits_for_no_storm_as_that_may_be_what_ends_it(stormy: NearHouse) -> None:
    """METR/hawk#1429: an alarm that was firing already kept the fix away."""
    commit = stormy.push({"shop/compose.yaml": compose()})

    stormy.synced(commit, "shop")

    assert _runs(stormy) == ["web:1"]
    stormy.stop()


def test_a_pin_waits_for_no_storm(stormy: NearHouse) -> None:
    good = min(release.number for release in stormy.store.releases("shop"))
    back = {"release": good, "for_s": 3600, "reason": "it restarts"}

    stormy.store.submit(Operation("pin", "shop", "ada", stormy.clock.now(), back))
    stormy.watcher.changed("operations")

    stormy.eventually(lambda: _runs(stormy) == ["web:1"])
    stormy.stop()


@pytest.mark.parametrize("jump", [86_400, -86_400])
def test_who_sets_the_clock_neither_ends_it_nor_makes_it_last(jump: float) -> None:
    clock, daemon = FakeClock(), served(crowd(1, "web:1"))
    storm, live, guard = Storm(clock), daemon.world.look(), RestartStorm(5, timedelta(minutes=5))
    storm.look(daemon.journal, live, guard, clock.now())
    restarted = replace(live, instances=tuple(replace(each, restart_count=1) for each in live.instances))
    [before] = storm.look(daemon.journal, restarted, guard, clock.now())

    clock.jump(jump)

    clock.advance(299)
    [still] = storm.look(daemon.journal, restarted, guard, clock.now())
    assert still.reason == before.reason
    assert still.until == clock.now() + timedelta(seconds=1)
    clock.advance(1)
    assert storm.look(daemon.journal, restarted, guard, clock.now()) == ()

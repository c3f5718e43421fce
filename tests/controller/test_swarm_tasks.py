"""Tasks that do not run as their service says are told with their age and cause, and so is how that ended."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.drift.swarm_tasks import GRACE
from gitopsd.model.drift import PastDrift
from gitopsd.model.event import Event
from gitopsd.model.swarm import SwarmTask
from tests.controller.house import NearHouse
from tests.controller.test_swarm import ON_SWARM, SwarmHouse, push, released

NOWHERE = "no suitable node (insufficient resources on 1 node)"


@pytest.fixture
def house() -> Iterator[SwarmHouse]:
    made = SwarmHouse(ON_SWARM)
    made.start()
    released(made)
    made.timer.tick(60)
    yield made
    made.stop()


def becomes(house: SwarmHouse, *others: SwarmTask) -> SwarmTask:
    """The second task of the service is these; what it was."""
    kept = house.swarm.services["shop_web"]
    first, second = kept.tasks
    kept.tasks = [first, *others]
    return second


def second(house: SwarmHouse) -> SwarmTask:
    return house.swarm.services["shop_web"].tasks[1]


def over(house: SwarmHouse) -> PastDrift:
    (past,) = house.store.past_drift("shop", 10)
    return past


def tells(house: SwarmHouse, reason: str, message: str) -> Event:
    """What is told in the end, once, while Swarm does nothing of what the fake would do by itself."""
    NearHouse.eventually(house, lambda: house.told(reason) == [message])
    return next(each for each in house.store.events(limit=1000) if each.reason == reason)


def test_a_task_that_ended_and_is_not_begun_anew_is_told_once_until_it_runs_again(house: SwarmHouse) -> None:
    now = house.clock.now()
    ended = replace(second(house), state="failed", wanted="shutdown", at=now, why="task: non-zero exit (137)")
    before = becomes(house, replace(ended, exit_code=137))
    cause = "it has ended on alpha, and Swarm does not begin it anew: task: non-zero exit (137)"
    said = f"shop_web.2 stopped: {cause} (killed, by hand or out of memory)"
    found = tells(house, "DriftFound", said)
    assert found.at - now > GRACE  # before that, Swarm may be about to replace it
    (item,) = house.store.drift("shop").items
    assert (item.resource, item.instance, item.first_seen) == ("task", "shop_web.2", now)
    becomes(house, before)
    tells(house, "DriftEnded", "shop_web.2 is no longer stopped: up again without gitopsd")
    assert over(house).item.first_seen == now
    assert house.swarm.calls.count("update shop_web") == 0


def test_a_task_without_a_place_is_told_at_itself_and_leaves_the_environment_in_sync(house: SwarmHouse) -> None:
    before = becomes(house, house.swarm.pending(second(house), NOWHERE))
    tells(house, "DriftFound", f"shop_web.2 missing: Swarm finds no place for it: {NOWHERE}")
    assert house.status("shop").sync == "Synced"  # type: ignore[union-attr]
    becomes(house, before)
    tells(house, "DriftEnded", "shop_web.2 is no longer missing: back without gitopsd")


def test_a_task_that_is_killed_again_and_again_is_told_until_it_has_run_for_a_while(house: SwarmHouse) -> None:
    now, runs = house.clock.now(), second(house)
    killed = [
        replace(runs, id=f"k{age}", state="failed", wanted="shutdown", made=now, at=now - timedelta(seconds=age))
        for age in (3, 2, 1)
    ]
    becomes(house, *(replace(each, why="task: non-zero exit (3)") for each in killed), runs)
    tells(house, "DriftFound", "shop_web.2 unhealthy: it fails again and again on alpha: task: non-zero exit (3)")
    tells(house, "DriftEnded", "shop_web.2 is no longer unhealthy: well again without gitopsd")
    assert len(house.told("DriftFound")) == 1


def test_a_task_of_what_its_service_said_before_is_told_and_made_anew_by_swarm(house: SwarmHouse) -> None:
    template = {**house.spec()["TaskTemplate"], "LogDriver": {"Name": "none"}}
    before = becomes(house, replace(second(house), made_from=template))
    said = "made from what its service said before: TaskTemplate.LogDriver.Name"
    tells(house, "DriftFound", f"shop_web.2 modified: {said}")
    becomes(house, before)
    tells(house, "DriftEnded", "shop_web.2 is no longer modified: made anew by Swarm")


def test_an_update_that_fails_and_the_way_back_tell_of_no_task(house: SwarmHouse) -> None:
    house.swarm.failing = {"web:2"}
    push(house, "web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    looked = house.swarm.looks
    house.eventually(lambda: house.swarm.looks > looked + 5)
    assert house.told("DriftFound") == []

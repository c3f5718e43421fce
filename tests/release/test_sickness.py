"""Instances whose checks fail while nothing is rolled out: replaced one at a time, and not again and again."""

from typing import Any

import pytest

from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.policy import REPAIR_ALL, Heals
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

CHECKS = Checks(http=HttpCheck(8080, "/healthz"))
SLOTS = ["shop-web-1 web:1", "shop-web-2 web:1", "shop-web-3 web:1"]
DEAF = Behaviour(answers_after=None)


def serving(replicas: int = 1, heal: Heals = REPAIR_ALL, **how: Any) -> Daemon:
    """A daemon whose `web:1` serves and is asked; what it did for that is forgotten."""
    service = a_service(**{"health": CHECKS, "replicas": replicas, "healthy_deadline": 60, "min_ready": 0, **how})
    daemon = Daemon().commit(a_state(service, heal=heal)).settle()
    daemon.done.clear()
    return passing(daemon, 3)


def passing(daemon: Daemon, moments: int) -> Daemon:
    """Let seconds pass as a daemon lives through them."""
    for _ in range(moments):
        daemon.run().wait(1)
        daemon.probe()
    return daemon.run()


def starts(daemon: Daemon) -> list[str]:
    return [move for move in daemon.moves() if move.startswith("Start")]


def test_one_that_fails_is_replaced_and_the_new_one_answers_before_it_goes() -> None:
    daemon = serving()
    daemon.world.sick.add("shop-web-1")

    passing(daemon, 8)

    assert daemon.moves()[:3] == ["Create shop-web-1.gitopsd-1", "Start shop-web-1.gitopsd-1", "Stop shop-web-1"]
    assert "repair: shop-web-1 is unhealthy: http :8080/healthz answered 503" in daemon.lines()[0]


def test_a_healthcheck_that_fails_is_an_illness_too() -> None:
    check = Behaviour(check=True, unhealthy_after=100)
    daemon = Daemon().commit(a_state(a_service(min_ready=0)), web=check).settle()
    daemon.done.clear()

    passing(daemon, 101)

    assert "Start shop-web-1.gitopsd-1" in daemon.moves()


def test_the_others_are_left_alone() -> None:
    daemon = serving(3)
    daemon.world.sick.add("shop-web-2")

    passing(daemon, 8)

    assert {move.split()[-1].partition(".")[0] for move in daemon.moves()} == {"shop-web-2"}


def test_when_all_fail_at_once_one_is_replaced_and_the_fleet_stays() -> None:
    daemon = serving(3)
    daemon.world.behaviours["web:1"] = DEAF

    passing(daemon, 400)

    assert daemon.world.running() == [SLOTS[0], "shop-web-1.gitopsd-1 web:1", *SLOTS[1:]]
    assert daemon.moves() == ["Create shop-web-1.gitopsd-1", "Start shop-web-1.gitopsd-1"]


def test_what_stops_first_is_never_stopped_all_at_once() -> None:
    daemon = serving(3, volumes=("data:/data",))
    daemon.world.behaviours[daemon.journal.stable["web"].fingerprint] = DEAF
    fewest = 3
    for _ in range(200):
        passing(daemon, 1)
        fewest = min(fewest, len(daemon.world.running()))

    assert fewest == 3
    assert [move for move in daemon.moves() if move.startswith("Stop")] == ["Stop shop-web-1"]


def test_when_all_recover_by_themselves_none_is_lost() -> None:
    daemon = serving(3)
    daemon.world.behaviours["web:1"] = DEAF
    passing(daemon, 20)
    daemon.world.behaviours["web:1"] = Behaviour()

    passing(daemon, 30)

    assert daemon.world.running() == SLOTS


def test_a_cure_that_brought_no_health_is_not_tried_again_at_once() -> None:
    daemon = serving()
    daemon.world.behaviours["web:1"] = DEAF

    passing(daemon, 500)
    assert starts(daemon) == ["Start shop-web-1.gitopsd-1"]

    passing(daemon, 150)
    assert len(starts(daemon)) == 2


def test_the_replacement_takes_over_whenever_it_comes_to_answer() -> None:
    daemon = serving()
    daemon.world.behaviours["web:1"] = DEAF
    passing(daemon, 300)
    daemon.world.behaviours["web:1"] = Behaviour()
    daemon.world.sick.add("shop-web-1")

    passing(daemon, 310)

    assert len(daemon.world.running()) == 1
    assert [each.state for each in daemon.journal.readiness.values()] != []


def test_one_that_fails_after_every_cure_is_cured_ever_less_often() -> None:
    daemon = serving()
    daemon.world.behaviours["web:1"] = Behaviour(silent_after=20)

    passing(daemon, 1800)

    assert 5 <= len(starts(daemon)) <= 14


@pytest.mark.parametrize("heal", [Heals(unhealthy="report"), "report"])
def test_where_it_is_only_to_be_reported_nothing_is_done(heal: Any) -> None:
    daemon = serving(heal=heal)
    daemon.world.sick.add("shop-web-1")

    passing(daemon, 60)

    assert daemon.moves() == []
    assert [each.state for each in daemon.journal.readiness.values()] == ["unhealthy"]


def test_a_daemon_that_begins_again_asks_before_it_replaces() -> None:
    daemon = serving()
    daemon.repair = False
    daemon.world.sick.add("shop-web-1")
    passing(daemon, 10)
    daemon.repair = True
    daemon.world.sick.clear()
    daemon.die()

    passing(daemon, 10)

    assert daemon.moves() == []

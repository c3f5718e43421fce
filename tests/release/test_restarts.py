"""Instances that their engine restarts again and again, while nothing is rolled out or in the middle of it."""

from typing import Any

from gitopsd.model.desired import CrashLoop
from gitopsd.model.policy import Heals
from gitopsd.release.status import Knowledge, environment_status
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

SLOTS = ["shop-web-1 web:1", "shop-web-2 web:1", "shop-web-3 web:1"]


def serving(replicas: int = 3, heal: Heals | None = None, **how: Any) -> Daemon:
    """A daemon whose `web:1` serves; what it did for that is forgotten."""
    policy = {"heal": heal} if heal is not None else {}
    daemon = Daemon().commit(a_state(a_service(replicas=replicas, min_ready=5, **how), **policy)).settle()
    daemon.done.clear()
    return daemon


def crashing(daemon: Daemon, name: str, times: int, every: float = 10) -> Daemon:
    for _ in range(times):
        daemon.wait(every).world.crash(name)
        daemon.run()
    return daemon


def passing(daemon: Daemon, moments: int) -> Daemon:
    for _ in range(moments):
        daemon.wait(1).run()
    return daemon


def told(daemon: Daemon, reason: str) -> list[str]:
    return [event.message for event in daemon.events if event.reason == reason]


def status(daemon: Daemon) -> tuple[str, str]:
    known = Knowledge(daemon.wanted, daemon.world.look(), "")
    [web] = environment_status("production", "auto", daemon.journal, known, daemon.world.now).services
    return web.health, web.reason


def test_a_crash_loop_is_told_once_with_its_exit_code() -> None:
    daemon = crashing(serving(), "shop-web-2", 3)
    assert told(daemon, "CrashLoop") == ["web: shop-web-2 restarted 3 times within 120 s, last exit code 1"]


def test_two_crashes_are_no_loop() -> None:
    daemon = crashing(serving(), "shop-web-2", 2)
    assert (told(daemon, "CrashLoop"), daemon.moves()) == ([], [])


def test_crashes_far_apart_are_no_loop() -> None:
    daemon = crashing(serving(), "shop-web-2", 6, every=61)
    assert (told(daemon, "CrashLoop"), daemon.moves()) == ([], [])


def test_what_crashes_again_and_again_is_replaced_and_the_others_are_left_alone() -> None:
    daemon = passing(crashing(serving(), "shop-web-2", 3), 10)
    assert daemon.moves() == [
        "Create shop-web-2.gitopsd-1",
        "Start shop-web-2.gitopsd-1",
        "Stop shop-web-2",
        "Remove shop-web-2",
        "Rename -> shop-web-2",
    ]
    assert "repair: shop-web-2 restarted 3 times within 120 s, last exit code 1" in daemon.lines()[0]


def test_when_all_crash_one_is_replaced_and_the_fleet_stays() -> None:
    daemon = serving()
    daemon.world.behaviours["web:1"] = Behaviour(exits_after=4, exit_code=1)
    passing(daemon, 400)
    assert [move for move in daemon.moves() if move.startswith("Start")] == ["Start shop-web-1.gitopsd-1"]
    assert {each.split(".")[0].split()[0] for each in daemon.world.running()} == {each.split()[0] for each in SLOTS}


def test_a_replacement_that_crashes_too_is_followed_by_another_only_after_a_while() -> None:
    daemon = serving(1)
    daemon.world.behaviours["web:1"] = Behaviour(exits_after=20, exit_code=1)
    passing(daemon, 600)
    assert len([move for move in daemon.moves() if move.startswith("Create")]) == 1
    passing(daemon, 300)
    assert len([move for move in daemon.moves() if move.startswith("Create")]) == 2


def test_where_crashes_are_only_reported_nothing_is_replaced() -> None:
    daemon = passing(crashing(serving(heal=Heals(crashed="report")), "shop-web-2", 3), 60)
    assert (daemon.moves(), len(told(daemon, "CrashLoop"))) == ([], 1)


def test_a_service_in_a_crash_loop_is_degraded_also_between_two_crashes() -> None:
    daemon = serving(heal=Heals(crashed="report"))
    crashing(daemon, "shop-web-2", 3)
    assert status(daemon) == ("Degraded", "shop-web-2 restarted 3 times within 120 s, last exit code 1")


def test_a_loop_that_ends_is_told_too() -> None:
    daemon = passing(crashing(serving(heal=Heals(crashed="report")), "shop-web-2", 3), 121)
    assert told(daemon, "CrashLoopOver") == ["web: shop-web-2 has not crashed for a while"]
    assert status(daemon)[0] == "Healthy"


def test_restarts_while_nobody_looked_are_no_loop() -> None:
    daemon = serving()
    daemon.die()
    for _ in range(9):
        daemon.world.crash("shop-web-2")
    passing(daemon, 5)
    assert (told(daemon, "CrashLoop"), daemon.moves()) == ([], [])


def test_a_daemon_that_restarts_goes_on_counting() -> None:
    daemon = crashing(serving(), "shop-web-2", 2)
    daemon.die()
    daemon.run()
    crashing(daemon, "shop-web-2", 1)
    assert len(told(daemon, "CrashLoop")) == 1


def test_restarts_of_all_instances_of_a_service_together_are_a_storm() -> None:
    daemon = serving(5, crash_loop=CrashLoop(9, seconds(120)))
    for number in range(1, 6):
        crashing(daemon, f"shop-web-{number}", 2, every=1)
    assert told(daemon, "RestartStorm") == ["web: 10 restarts within 600 s, 2 of them of shop-web-1"]
    assert status(daemon) == ("Degraded", "10 restarts within 600 s, 2 of them of shop-web-1")
    assert daemon.moves() == []


def test_a_storm_of_new_instances_fails_their_release_though_none_is_in_a_loop() -> None:
    daemon = serving(5, crash_loop=CrashLoop(9, seconds(120)))
    how: dict[str, Any] = {"replicas": 5, "parallelism": 0, "min_ready": 30, "crash_loop": CrashLoop(9, seconds(120))}
    daemon.commit(a_state(a_service(image="web:2", **how))).run()
    for number in range(1, 6):
        crashing(daemon, f"shop-web-{number}.gitopsd-2", 2, every=1)
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.reason().startswith("web: 10 restarts of new instances within 600 s, 2 of them of shop-web-1.gitopsd")


def test_a_storm_of_old_instances_does_not_hold_newer_content() -> None:
    daemon = serving(5, crash_loop=CrashLoop(9, seconds(120)), heal=Heals(crashed="report"))
    for number in range(1, 6):
        crashing(daemon, f"shop-web-{number}", 3, every=1)
    daemon.commit(a_state(a_service(image="web:2", replicas=5, min_ready=0))).settle()
    assert daemon.outcome() == "succeeded"

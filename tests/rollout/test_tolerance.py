"""Instances that may fail: what was asked to go on goes on past them, tells of them, and rejects nothing."""

from typing import Any

from gitopsd.model.rollout import Finalising
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

BAD = Behaviour(check=True, healthy_after=None, unhealthy_after=3)


def going_on(replicas: int = 3, **how: Any) -> Daemon:
    """A daemon whose `web:1` serves, and goes on whatever fails."""
    how = {"replicas": replicas, "on_failure": "continue", "min_ready": 0, **how}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.done.clear()
    return daemon.commit(a_state(a_service(image="web:2", **how)))


def first_is_bad(daemon: Daemon) -> Daemon:
    """The first of the new instances fails; all later ones are good."""
    assert daemon.wanted is not None
    fingerprint = daemon.wanted.services["web"].fingerprint
    daemon.world.behaviours[fingerprint] = BAD
    daemon.run()
    daemon.wait(4)
    daemon.look()
    daemon.world.behaviours[fingerprint] = Behaviour()
    return daemon


def told(daemon: Daemon, reason: str) -> list[str]:
    return [event.message for event in daemon.events if event.reason == reason]


def until_promoted(daemon: Daemon) -> Daemon:
    """Passes, until the release has ended; nothing is repaired yet."""
    daemon.repair = False
    daemon.settle()
    return daemon


def test_what_fails_is_passed_over_and_the_other_slots_are_taken() -> None:
    daemon = until_promoted(first_is_bad(going_on()))
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:2", "shop-web-3 web:2"]
    assert (daemon.outcome(), daemon.journal.rejected) == ("succeeded", {})


def test_what_was_passed_over_is_told() -> None:
    daemon = until_promoted(first_is_bad(going_on()))
    said = "web: shop-web-1.gitopsd-2 is unhealthy: connection refused"
    assert told(daemon, "RolloutPassedOver") == [f"{said}; the rollout goes on (failure_action: continue)"]
    assert daemon.reason() == said


def test_a_slot_that_was_passed_over_is_mended_later() -> None:
    daemon = first_is_bad(going_on()).settle()
    for _ in range(30):
        daemon.wait(1).run()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2", "shop-web-3 web:2"]


def test_where_all_fail_what_served_before_serves_on() -> None:
    daemon = going_on()
    daemon.world.behaviours["web:2"] = BAD
    until_promoted(daemon)
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1", "shop-web-3 web:1"]
    assert len(told(daemon, "RolloutPassedOver")) == 3


def test_one_too_many_at_once_while_it_goes_on() -> None:
    daemon = going_on(4)
    daemon.world.behaviours["web:2"] = BAD
    most = 0
    for _ in range(40):
        daemon.wait(1).run()
        most = max(most, len(daemon.world.running()))
    assert most == 5


def test_what_stops_first_comes_back_in_the_slot_that_failed() -> None:
    daemon = until_promoted(first_is_bad(going_on(2, volumes=("data:/data",))))
    [old, new] = (each.split()[1] for each in daemon.world.running())
    assert (old.split("/")[0], new.split("/")[0]) == ("web:1", "web:2")


def test_what_never_gets_ready_is_passed_over_when_the_time_is_up() -> None:
    daemon = going_on(2, healthy_deadline=900, progress_deadline=30)
    daemon.world.behaviours["web:2"] = Behaviour(check=True, healthy_after=None)
    until_promoted(daemon)
    assert (daemon.outcome(), daemon.world.running()) == ("succeeded", ["shop-web-1 web:1", "shop-web-2 web:1"])


def test_a_failure_that_the_ratio_allows_is_passed_over() -> None:
    daemon = until_promoted(first_is_bad(going_on(4, on_failure="rollback", max_failure_ratio=0.25)))
    assert (daemon.outcome(), daemon.world.running()[0]) == ("succeeded", "shop-web-1 web:1")


def test_one_more_than_the_ratio_allows_turns_back() -> None:
    daemon = going_on(4, on_failure="rollback", max_failure_ratio=0.25)
    daemon.world.behaviours["web:2"] = BAD
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert "after 1 more that failed; 0.25 of 4 may fail (max_failure_ratio)" in daemon.reason()
    assert {each.split()[1] for each in daemon.world.running()} == {"web:1"}


def test_a_crash_while_it_is_watched_is_told_and_no_more() -> None:
    daemon = going_on(2, monitor=60).run()
    while not isinstance(daemon.journal.rollouts["web"].phase, Finalising):
        daemon.wait(1).run()
    daemon.world.crash("shop-web-2")
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2"]
    assert len(told(daemon, "RolloutPassedOver")) == 1
    assert (daemon.outcome(), daemon.journal.rejected) == ("succeeded", {})


def test_a_one_shot_that_fails_is_never_passed_over() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    job = a_service("migrate", job=True, on_failure="continue")
    daemon.commit(a_state(a_service(), job), migrate=Behaviour(exits_after=1, exit_code=4, restart="no")).settle()
    assert daemon.outcome() == "rolled-back"

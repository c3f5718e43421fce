"""Instances that are asked whether they work: what keeps a replacement from taking over, and what does not."""

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.model.desired import CrashLoop
from gitopsd.model.health import Checks, HttpCheck, TcpCheck
from gitopsd.release.progress import progress
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

CHECKS = Checks(http=HttpCheck(8080, "/healthz"))
NEVER = Behaviour(answers_after=None)
BOTH = ["shop-web-1 web:1", "shop-web-1.gitopsd-2 web:2"]


def serving(replicas: int = 1, behaviour: Behaviour | None = None, **how: Any) -> Daemon:
    """A daemon whose `web:1` serves and is asked; what it did for that is forgotten."""
    behaviours = {"web": behaviour} if behaviour else {}
    daemon = Daemon().commit(a_state(a_service(replicas=replicas, **{"health": CHECKS, **how})), **behaviours).settle()
    daemon.done.clear()
    return daemon


def wants(daemon: Daemon, behaviour: Behaviour | None = None, **how: Any) -> Daemon:
    state = a_state(a_service(image="web:2", **{"health": CHECKS, **how}))
    return daemon.commit(state, **({"web": behaviour} if behaviour else {}))


def passing(daemon: Daemon, moments: int) -> Daemon:
    """Let seconds pass as a daemon lives through them."""
    for _ in range(moments):
        daemon.run().wait(1)
        daemon.probe()
    return daemon.run()


def test_the_old_one_serves_until_the_new_one_has_answered_well_for_min_ready() -> None:
    daemon = wants(serving(min_ready=10), Behaviour(answers_after=20), min_ready=10)

    passing(daemon, 29)
    assert daemon.world.running() == BOTH

    passing(daemon, 3)
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_one_that_is_not_ready_within_its_deadline_fails_and_the_check_that_failed_is_named() -> None:
    daemon = wants(serving(), NEVER, healthy_deadline=40)
    begun = daemon.world.now

    daemon.settle()

    assert daemon.reason() == "web: shop-web-1.gitopsd-2 was not ready within 40 s: http :8080/healthz answered 503"
    assert (daemon.outcome(), daemon.world.running()) == ("rolled-back", ["shop-web-1 web:1"])
    assert (daemon.world.now - begun).total_seconds() <= 41


def test_however_often_it_fails_before_that_is_not_held_against_one_that_starts() -> None:
    daemon = wants(serving(), Behaviour(answers_after=100), healthy_deadline=200).settle()

    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_after_a_start_period_it_does_not_get_the_whole_deadline() -> None:
    daemon = wants(serving(), NEVER, health=replace(CHECKS, start_period=seconds(20)))
    begun = daemon.world.now

    daemon.settle()

    assert daemon.outcome() == "rolled-back"
    assert 20 <= (daemon.world.now - begun).total_seconds() <= 28


def test_one_that_was_ready_and_fails_three_times_in_a_row_fails_at_once() -> None:
    daemon = wants(serving(min_ready=60), Behaviour(silent_after=30), min_ready=60)
    begun = daemon.world.now

    daemon.settle()

    assert daemon.reason() == "web: shop-web-1.gitopsd-2 is unhealthy: http :8080/healthz answered 503"
    [turned] = [event.at for event in daemon.events if event.reason == "RolloutRollingBack"]
    assert 30 <= (turned - begun).total_seconds() <= 36


def test_a_single_bad_answer_is_no_verdict() -> None:
    daemon = passing(wants(serving(min_ready=30), min_ready=30), 10)
    daemon.world.sick.add("shop-web-1.gitopsd-2")
    passing(daemon, 2)
    daemon.world.sick.clear()

    daemon.settle()

    assert (daemon.outcome(), daemon.world.running()) == ("succeeded", ["shop-web-1 web:2"])


def test_nobody_takes_over_whose_last_answer_was_bad() -> None:
    daemon = passing(wants(serving(min_ready=6), min_ready=6), 5)
    daemon.world.sick.add("shop-web-1.gitopsd-2")

    passing(daemon, 3)

    assert daemon.world.running() == BOTH


def test_a_restart_makes_it_start_anew() -> None:
    daemon = passing(wants(serving(min_ready=30), Behaviour(answers_after=5), min_ready=30), 20)
    daemon.world.crash("shop-web-1.gitopsd-2")

    passing(daemon, 30)

    assert daemon.world.running() == BOTH


def test_every_check_must_pass() -> None:
    daemon = serving(health=replace(CHECKS, tcp=TcpCheck(5432)))
    daemon.world.sick.add("shop-web-1.gitopsd-2")

    wants(daemon, health=replace(CHECKS, tcp=TcpCheck(5432)), healthy_deadline=30).settle()

    assert daemon.reason().endswith("http :8080/healthz answered 503; tcp :5432 answered 503")


def test_success_threshold_is_how_often_in_a_row_it_must_answer_well() -> None:
    checks = replace(CHECKS, success_threshold=5, interval=seconds(10))
    daemon = wants(serving(min_ready=0), health=checks, min_ready=0)

    passing(daemon, 39)
    assert daemon.world.running() == BOTH

    passing(daemon, 3)
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_a_daemon_that_begins_again_asks_before_it_goes_on() -> None:
    daemon = passing(wants(serving(min_ready=30), min_ready=30), 20)
    daemon.die()
    daemon.world.sick.add("shop-web-1.gitopsd-2")
    daemon.wait(60)

    daemon.settle()

    assert daemon.outcome() == "rolled-back"
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_a_daemon_that_begins_again_does_not_move_the_deadline() -> None:
    daemon = wants(serving(), NEVER, healthy_deadline=40)
    begun = daemon.world.now
    for _ in range(60):
        passing(daemon, 1).die()
        if not daemon.open():
            break

    assert (daemon.world.now - begun).total_seconds() <= 43


def test_where_nobody_can_be_asked_nothing_is_held_against_anybody() -> None:
    daemon = wants(serving(), healthy_deadline=40, progress_deadline=60)
    daemon.world.no_way = "http :8080/healthz could not be asked: no route"
    passing(daemon, 100)
    assert (daemon.outcome(), daemon.world.running()) == ("succeeded", BOTH)

    daemon.world.no_way = ""
    daemon.settle()

    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_the_old_ones_are_asked_as_their_own_release_wanted_it() -> None:
    old = Checks(http=HttpCheck(8080, "/old"))
    daemon = passing(wants(serving(health=old), NEVER, healthy_deadline=60), 20)

    assert {each.state for each in daemon.journal.readiness.values()} == {"ready", "starting"}
    said = [each.said for each in daemon.journal.readiness.values() if each.state == "starting"]
    assert said == ["http :8080/healthz answered 503"]


def test_the_way_back_of_what_stops_first_is_asked_too() -> None:
    daemon = serving(volumes=("data:/data",), min_ready=10)
    wants(daemon, NEVER, volumes=("data:/data",), healthy_deadline=30).settle()

    assert [name.partition("/")[0] for name in daemon.world.running()] == ["shop-web-1 web:1"]
    assert [each.state for each in daemon.journal.readiness.values()] == ["ready"]


@pytest.mark.parametrize("release", ["first", "second"])
def test_a_service_without_checks_is_good_when_it_runs(release: str) -> None:
    daemon = serving(health=Checks()) if release == "second" else Daemon()

    wants(daemon, NEVER, health=Checks()).settle()

    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_restarts_that_are_far_apart_are_no_crash_loop() -> None:
    dies = Behaviour(exits_after=50, exit_code=3)
    daemon = wants(serving(health=Checks(), min_ready=200), dies, health=Checks(), min_ready=200, healthy_deadline=250)
    passing(daemon, 160)
    assert daemon.world.running() == BOTH

    loop = CrashLoop(restarts=3, within=seconds(600))
    daemon = wants(serving(health=Checks(), min_ready=200), dies, health=Checks(), min_ready=200, crash_loop=loop)
    daemon.settle()

    assert daemon.reason() == "web: shop-web-1.gitopsd-2 restarted 3 times, last exit code 3"


def test_crashes_are_remembered_over_the_end_of_a_daemon() -> None:
    dies = Behaviour(exits_after=20, exit_code=3)
    daemon = wants(serving(health=Checks(), min_ready=100), dies, health=Checks(), min_ready=100)
    for _ in range(62):
        passing(daemon, 1).die()

    assert daemon.settle().reason() == "web: shop-web-1.gitopsd-2 restarted 3 times, last exit code 3"


def test_in_a_storm_of_restarts_no_other_slot_is_opened_and_no_deadline_passes() -> None:
    daemon = wants(serving(2, min_ready=0, progress_deadline=60, healthy_deadline=30), replicas=2, min_ready=0)
    daemon.storm = True
    passing(daemon, 100)
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]

    daemon.storm = False
    daemon.settle()

    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2"]


def test_who_follows_the_release_sees_what_a_new_instance_answers() -> None:
    daemon = passing(wants(serving(), NEVER, healthy_deadline=60), 5)

    [shown] = progress(daemon.journal, daemon.world.look(), daemon.world.now)

    assert shown.evidence == "shop-web-1.gitopsd-2 is not healthy yet: http :8080/healthz answered 503"

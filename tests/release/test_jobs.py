"""Jobs in a release: each in its place, none of them twice, and a failed one stops the release before all else."""

from typing import Any

import pytest

from gitopsd.model.desired import SealedService
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

GOOD = Behaviour(exits_after=3, restart="no")
BAD = Behaviour(exits_after=3, exit_code=2, restart="no")
LONG = Behaviour(exits_after=50, restart="no")
SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=3)


def a_job(name: str, phase: str, version: int = 1, **how: Any) -> SealedService:
    return a_service(name, f"{name}:{version}", job={"phase": phase, **how})


def served(*jobs: SealedService, **behaviours: Behaviour) -> Daemon:
    daemon = Daemon().commit(a_state(a_service("web"), *jobs), **behaviours).settle()
    daemon.done.clear()
    return daemon


def started(daemon: Daemon) -> list[str]:
    """Services in the order in which something of them was started."""
    return [move.split("-")[1] for move in daemon.moves() if move.startswith("Start")]


def test_jobs_run_in_the_places_of_their_phases() -> None:
    phases = ("after", "verify", "expand", "before", "probe")
    jobs = [a_job(f"{phase}s", phase) for phase in phases if phase != "probe"]
    daemon = Daemon().commit(a_state(a_service("web"), *jobs), **{f"{phase}s": GOOD for phase in phases}).settle()
    assert started(daemon) == ["befores", "expands", "verifys", "web", "afters"]
    assert daemon.outcome() == "succeeded"


def test_what_a_job_needs_comes_before_it() -> None:
    migrate = a_service("migrate", job={"phase": "before"}, depends_on={"db": "service_started"})
    daemon = Daemon().commit(a_state(a_service("db"), a_service("web"), migrate), migrate=GOOD).settle()
    assert started(daemon) == ["db", "migrate", "web"]


@pytest.mark.parametrize("phase", ["before", "expand", "verify"])
def test_a_failed_early_job_stops_the_release_before_anything_else_was_touched(phase: str) -> None:
    daemon = served(a_job("check", phase), check=GOOD)
    daemon.commit(a_state(a_service("web", "web:2"), a_job("check", phase, 2)), check=BAD).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.reason() == "check: shop-check-1.gitopsd-2 exited with code 2"
    assert started(daemon) == ["check"]


def test_a_failed_job_after_the_rest_returns_the_release() -> None:
    daemon = served(a_job("smoke", "after"), smoke=GOOD)
    daemon.commit(a_state(a_service("web", "web:2"), a_job("smoke", "after", 2)), smoke=BAD).settle()
    assert daemon.outcome() == "rolled-back"
    assert "shop-web-1 web:1" in daemon.world.running()


def test_a_release_that_goes_back_calls_its_jobs_for_that_once_all_has_returned() -> None:
    daemon = served(a_job("tell", "on-failure"), a_job("migrate", "before"), migrate=GOOD, tell=GOOD)
    wanted = a_state(a_service("web", "web:2"), a_job("tell", "on-failure"), a_job("migrate", "before"))
    daemon.commit(wanted, web=SICK).settle()
    assert daemon.outcome() == "rolled-back"
    assert started(daemon) == ["web", "tell"]


def test_a_job_for_failures_that_fails_itself_changes_nothing_about_the_return() -> None:
    daemon = served(a_job("tell", "on-failure"), tell=BAD)
    daemon.commit(a_state(a_service("web", "web:2"), a_job("tell", "on-failure")), web=SICK).settle()
    assert daemon.outcome() == "rolled-back"


def test_a_job_of_every_release_runs_again_with_the_next_one_and_not_between_them() -> None:
    daemon = served(a_job("smoke", "after", every_release=True), smoke=GOOD)
    assert daemon.settle().moves() == []
    daemon.commit(a_state(a_service("web", "web:2"), a_job("smoke", "after", every_release=True))).settle()
    assert started(daemon) == ["web", "smoke"]
    assert daemon.outcome() == "succeeded"


def test_a_job_is_tried_as_often_as_it_says() -> None:
    daemon = served().commit(a_state(a_service("web"), a_job("migrate", "before", retries=2)), migrate=BAD).settle()
    assert started(daemon) == ["migrate"] * 3
    assert daemon.reason().endswith("exited with code 2, as did 2 tries before")


def test_each_try_has_the_whole_time() -> None:
    slow = Behaviour(exits_after=40, exit_code=1, restart="no")
    job = a_service("migrate", job={"phase": "before", "retries": 2}, timeout=60)
    daemon = served().commit(a_state(a_service("web"), job), migrate=slow).settle()
    assert started(daemon) == ["migrate"] * 3


def test_a_job_that_runs_too_long_in_a_first_release_is_stopped() -> None:
    job = a_service("migrate", job={"phase": "before"}, timeout=20)
    daemon = Daemon().commit(a_state(a_service("web"), job), migrate=LONG).settle()
    assert daemon.reason() == "migrate: it did not end within 20 s"
    assert daemon.world.running() == []


def test_newer_content_lets_a_job_that_has_begun_end() -> None:
    daemon = served().commit(a_state(a_service("web"), a_job("migrate", "expand")), migrate=LONG).run()
    daemon.commit(a_state(a_service("web", "web:2"), a_job("migrate", "expand", 2)), migrate=GOOD).settle()
    assert daemon.outcome() == "succeeded"
    assert not [move for move in daemon.moves() if move.startswith("Stop shop-migrate")]
    assert started(daemon) == ["migrate", "migrate", "web"]


def cut_off(daemon: Daemon, name: str, code: int = 137) -> None:
    """Somebody, or the end of its host, ended a container that was running."""
    box = daemon.world.named(name)
    box.state, box.exit_code, box.stopped_by_hand = "exited", code, True


@pytest.mark.parametrize("code", [137, 255])
def test_a_job_that_was_cut_off_is_not_run_again_unless_that_does_no_harm(code: int) -> None:
    daemon = served().commit(a_state(a_service("web"), a_job("migrate", "before")), migrate=LONG).run()
    cut_off(daemon, "shop-migrate-1", code)
    daemon.returned = True
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.reason().startswith("migrate: it was cut off, and nobody knows how far it came")
    assert started(daemon) == ["migrate"]


def test_a_job_that_was_cut_off_and_is_idempotent_runs_again() -> None:
    job = a_job("migrate", "before", idempotent=True)
    daemon = served().commit(a_state(a_service("web"), job), migrate=LONG).run()
    cut_off(daemon, "shop-migrate-1")
    daemon.returned = True
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert started(daemon) == ["migrate", "migrate"]


def test_a_job_whose_container_vanished_while_it_ran_is_not_run_again() -> None:
    daemon = served().commit(a_state(a_service("web"), a_job("migrate", "before")), migrate=LONG).run()
    daemon.world.vanish("shop-migrate-1")
    daemon.settle()
    assert daemon.reason().startswith("migrate: its container is gone, and nobody knows how far it came")


def test_a_job_that_failed_while_nobody_looked_has_failed() -> None:
    daemon = served().commit(a_state(a_service("web"), a_job("migrate", "before")), migrate=LONG).run()
    cut_off(daemon, "shop-migrate-1", 1)
    daemon.returned = True
    daemon.settle()
    assert daemon.reason() == "migrate: shop-migrate-1 exited with code 1"

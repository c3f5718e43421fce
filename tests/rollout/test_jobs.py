"""One-shots: once per fingerprint until they succeeded; a failure fails the release; two never run at once."""

from dataclasses import replace
from typing import Any

from gitopsd.model.desired import SealedState
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

GOOD = Behaviour(exits_after=3, restart="no")
BAD = Behaviour(exits_after=3, exit_code=2, restart="no")
LONG = Behaviour(exits_after=500, restart="no")


def state(job: str = "job:1", web: str = "web:1", **how: Any) -> SealedState:
    needs = {"job": "service_completed_successfully"}
    return a_state(a_service("job", job, job=True, **how), a_service("web", web, depends_on=needs))


def served(behaviour: Behaviour = GOOD) -> Daemon:
    daemon = Daemon().commit(state(), job=behaviour).settle()
    daemon.done.clear()
    return daemon


def test_dependents_wait_until_it_has_succeeded() -> None:
    daemon = Daemon().commit(state(), job=GOOD).run()
    assert daemon.world.running() == ["shop-job-1 job:1"]
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:1"]
    assert daemon.outcome() == "succeeded"


def test_it_does_not_run_again_for_the_same_fingerprint() -> None:
    daemon = served().commit(state(web="web:2")).settle()
    assert not [move for move in daemon.moves() if "job" in move]


def test_a_finished_one_is_not_an_ailment() -> None:
    daemon = served()
    daemon.world.vanish("shop-job-1")
    assert daemon.wait(60).settle().moves() == []


def test_another_fingerprint_runs_and_then_takes_the_place_of_the_last_run() -> None:
    daemon = served().commit(state("job:2"), job=GOOD).settle()
    assert daemon.moves() == [
        "Create shop-job-1.gitopsd-2", "Start shop-job-1.gitopsd-2", "Remove shop-job-1", "Rename -> shop-job-1"
    ]  # fmt: skip


def test_going_back_to_a_fingerprint_that_succeeded_once_does_not_run_it() -> None:
    daemon = served().commit(state("job:2"), job=GOOD).settle()
    daemon.done.clear()
    assert daemon.commit(state("job:1")).settle().moves() == []
    assert daemon.outcome() == "succeeded"


def test_a_failing_one_fails_the_release_before_its_dependents_are_touched() -> None:
    daemon = served().commit(state("job:2", "web:2"), job=BAD).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.reason() == "job: shop-job-1.gitopsd-2 exited with code 2"
    assert not [move for move in daemon.moves() if "web" in move]
    assert "shop-job-1.gitopsd-2" in {box.name for box in daemon.world.boxes.values()}


def test_a_retry_runs_it_anew() -> None:
    daemon = served().commit(state("job:2"), job=BAD).settle()
    daemon.world.behaviours["job:2"] = GOOD
    daemon.journal = replace(daemon.journal, rejected={})
    daemon.settle()
    daemon.run().settle()
    assert daemon.outcome() == "succeeded"
    assert [box.name for box in daemon.world.boxes.values() if box.service == "job"] == ["shop-job-1"]


def test_one_that_takes_longer_than_its_timeout_is_stopped_and_fails() -> None:
    daemon = served().commit(state("job:2", timeout=60), job=LONG)
    begun = daemon.world.now
    daemon.settle()
    assert daemon.reason() == "job: it did not end within 60 s"
    assert (daemon.world.now - begun).total_seconds() == 60
    assert not [each for each in daemon.world.running() if "job" in each]


def test_newer_content_stops_the_run_that_it_replaces_before_it_begins_its_own() -> None:
    daemon = served().commit(state("job:2"), job=LONG).run()
    daemon.commit(state("job:3"), job=GOOD)
    daemon.look()
    while daemon.pending:
        daemon.step()
        assert len([each for each in daemon.world.running() if "job" in each]) <= 1
    daemon.settle()
    assert daemon.outcome() == "succeeded"


def test_when_git_goes_back_the_run_is_abandoned_and_the_old_one_does_not_run_again() -> None:
    daemon = served().commit(state("job:2"), job=LONG).run()
    daemon.done.clear()
    daemon.commit(state("job:1")).settle()
    assert daemon.moves() == ["Stop shop-job-1.gitopsd-2", "Remove shop-job-1.gitopsd-2"]
    assert daemon.outcome() == "succeeded"


def test_one_that_left_the_manifest_is_not_run_again_when_the_rest_fails() -> None:
    daemon = served()
    bad = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
    daemon.commit(a_state(a_service("web", "web:2")), web=bad).settle()
    assert daemon.outcome() == "rolled-back"
    assert not [move for move in daemon.moves() if "job" in move]

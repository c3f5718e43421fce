"""What serves already is watched for `monitor`: what fails meanwhile turns it back, and newer content does not wait."""

from typing import Any

from gitopsd.release.jump import after_jump
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

OLD = ["shop-web-1 web:1", "shop-web-2 web:1"]
NEW = ["shop-web-1 web:2", "shop-web-2 web:2"]


def watched(**how: Any) -> Daemon:
    """A daemon whose new `web:2` serves in all slots, and is watched for a minute from now on."""
    how = {"replicas": 2, "parallelism": 0, "monitor": 60, "min_ready": 0, **how}
    daemon = Daemon().commit(a_state(a_service(**how))).settle().commit(a_state(a_service(image="web:2", **how))).run()
    daemon.wait(0).run()
    assert (daemon.world.running(), daemon.journal.release is not None) == (NEW, True)
    daemon.done.clear()
    return daemon


def through(daemon: Daemon, moments: int) -> Daemon:
    for _ in range(moments):
        daemon.wait(1).run()
    return daemon


def test_a_release_is_good_once_nothing_failed_while_it_was_watched() -> None:
    daemon = watched()
    begun = daemon.world.now
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert (daemon.world.now - begun).total_seconds() == 60
    assert daemon.moves() == []


def test_one_crash_while_it_is_watched_turns_everything_back() -> None:
    daemon = watched()
    through(daemon, 50).world.crash("shop-web-2")
    daemon.settle()
    assert daemon.world.running() == OLD
    assert daemon.outcome() == "rolled-back"
    said = "web: shop-web-2 restarted once, last exit code 1, while it was watched (monitor: 60 s)"
    assert daemon.reason() == said


def test_the_old_serve_again_before_the_new_are_stopped() -> None:
    daemon = watched()
    through(daemon, 5).world.crash("shop-web-2")
    daemon.settle()
    first_stop = next(index for index, move in enumerate(daemon.moves()) if move.startswith("Stop"))
    assert "Start shop-web-1.gitopsd-2" in daemon.moves()[:first_stop]


def test_what_failed_while_it_was_watched_is_rejected() -> None:
    daemon = watched()
    daemon.world.crash("shop-web-1")
    daemon.settle().wait(600).settle()
    assert (daemon.world.running(), daemon.number) == (OLD, 2)


def test_one_that_turns_unhealthy_while_it_is_watched_turns_back() -> None:
    daemon = watched()
    daemon.world.behaviours["web:2"] = Behaviour(check=True, unhealthy_after=20)
    daemon.settle()
    assert "is unhealthy: connection refused, while it was watched" in daemon.reason()
    assert daemon.world.running() == OLD


def test_one_that_ends_for_good_while_it_is_watched_turns_back() -> None:
    daemon = watched()
    daemon.world.named("shop-web-1").policy = "no"
    daemon.world.crash("shop-web-1")
    daemon.settle()
    assert daemon.reason().startswith("web: shop-web-1 exited with code 1, while it was watched")


def test_a_crash_after_that_is_no_word_against_the_release() -> None:
    daemon = watched().settle()
    daemon.world.crash("shop-web-1")
    daemon.settle()
    assert (daemon.outcome(), daemon.world.running()) == ("succeeded", NEW)


def test_what_somebody_stops_by_hand_is_started_again_and_is_no_evidence() -> None:
    daemon = watched()
    daemon.world.kill("shop-web-1")
    daemon.settle()
    assert (daemon.outcome(), daemon.world.running()) == ("succeeded", NEW)


def test_a_daemon_that_was_away_goes_on_watching_until_the_same_moment() -> None:
    daemon = watched()
    begun = daemon.world.now
    through(daemon, 30).die()
    daemon.settle()
    assert (daemon.world.now - begun).total_seconds() == 60


def test_newer_content_does_not_wait_and_the_release_has_succeeded() -> None:
    daemon = watched()
    daemon.commit(a_state(a_service(image="web:3", min_ready=5))).run()
    assert (daemon.outcome(), daemon.reason()) == ("succeeded", "superseded by release 3 while it was watched")
    assert "shop-web-1.gitopsd-3 web:3" in daemon.world.running()
    assert daemon.settle().world.running() == ["shop-web-1 web:3"]


def test_newer_content_that_fails_goes_back_to_what_was_good_to_the_end() -> None:
    daemon = watched()
    daemon.commit(a_state(a_service(image="web:3", replicas=2, min_ready=0)), web=Behaviour(unstartable="no")).settle()
    assert (daemon.outcome(), daemon.world.running()) == ("rolled-back", OLD)


def test_a_service_that_newer_content_leaves_alone_goes_on_being_watched() -> None:
    how: dict[str, Any] = {"replicas": 2, "parallelism": 0, "monitor": 60, "min_ready": 0}
    daemon = watched()
    through(daemon, 30)
    slow = a_service("api", min_ready=100)
    daemon.commit(a_state(a_service(image="web:2", **how), slow)).run()
    through(daemon, 10).world.crash("shop-web-1")
    daemon.settle()
    assert (daemon.outcome(), daemon.world.running()) == ("rolled-back", OLD)


def test_time_that_a_person_holds_it_does_not_count() -> None:
    daemon = watched()
    begun = daemon.world.now
    through(daemon, 20)
    daemon.ask("pause", rollout=True)
    through(daemon, 100)
    assert daemon.journal.release is not None
    daemon.ask("resume", rollout=True)
    daemon.settle()
    assert (daemon.world.now - begun).total_seconds() == 160


def test_a_failure_while_a_person_holds_it_turns_back_all_the_same() -> None:
    daemon = watched()
    daemon.ask("pause", rollout=True)
    through(daemon, 100).world.crash("shop-web-1")
    daemon.settle()
    assert (daemon.outcome(), daemon.world.running()) == ("rolled-back", OLD)


def test_a_person_may_end_the_watching_or_go_back() -> None:
    promoted, aborted = watched(), watched()
    promoted.ask("promote")
    aborted.ask("abort")
    assert (promoted.run().outcome(), promoted.world.running()) == ("succeeded", NEW)
    assert (aborted.settle().outcome(), aborted.world.running()) == ("cancelled", OLD)


def test_a_clock_that_jumps_takes_the_watching_along() -> None:
    daemon = watched()
    daemon.journal = after_jump(daemon.journal, seconds(3600))
    daemon.world.now += seconds(3600)
    begun = daemon.world.now
    daemon.settle()
    assert (daemon.world.now - begun).total_seconds() == 60


def test_what_is_watched_keeps_the_way_back_of_a_service_that_leaves() -> None:
    both = a_state(a_service(min_ready=0), a_service("cache", min_ready=0, image_volumes=("/data",)))
    daemon = Daemon().commit(both).settle().commit(a_state(a_service(image="web:2", monitor=60, min_ready=0))).run()
    through(daemon, 30)
    kept = [box.name for box in daemon.world.boxes.values() if box.service == "cache"]
    daemon.settle()
    assert (kept, daemon.world.running()) == (["shop-cache-1"], ["shop-web-1 web:2"])


def test_where_a_failure_pauses_what_failed_while_it_was_watched_stays() -> None:
    daemon = watched(on_failure="pause")
    daemon.world.crash("shop-web-1")
    daemon.settle()
    assert daemon.world.running() == NEW
    assert "restarted once" in daemon.reason()

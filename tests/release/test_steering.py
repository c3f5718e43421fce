"""What a person says to the release under way: wait, go on, do not wait, go back; and that it is said once."""

from typing import Any

from gitopsd.model.desired import SealedState
from gitopsd.model.rollout import Progressing
from gitopsd.release import verdict
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

SLOW = Behaviour(check=True, healthy_after=20)
SICK_LATER = Behaviour(check=True, healthy_after=1, unhealthy_after=40)
GOES_ON = {"rollout": True}


def shop(web: str = "web:1", api: str = "api:1", **how: Any) -> SealedState:
    """web needs api."""
    return a_state(a_service("web", web, depends_on={"api": "service_healthy"}, **how), a_service("api", api))


def served(state: SealedState) -> Daemon:
    daemon = Daemon().commit(state).settle()
    daemon.done.clear()
    return daemon


def paused(daemon: Daemon, service: str = "") -> Daemon:
    """A release has begun, and is paused."""
    daemon.run()
    assert daemon.ask("pause", service, reason="lunch").startswith("paused: ")
    return daemon


def deadline(daemon: Daemon, service: str = "web") -> Any:
    return daemon.journal.rollouts[service].deadline


def test_a_paused_rollout_goes_no_further_however_long_that_lasts() -> None:
    daemon = paused(served(shop()).commit(shop("web:2")))
    daemon.wait(3000).run()
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1", "shop-web-1.gitopsd-2 web:2"]
    assert daemon.journal.release is not None


def test_it_goes_on_where_it_stood_when_it_is_resumed() -> None:
    daemon = paused(served(shop()).commit(shop("web:2")))
    daemon.wait(3000).run()
    assert daemon.ask("resume", **GOES_ON) == "goes on: web"
    assert daemon.settle().outcome() == "succeeded"
    assert [move for move in daemon.moves() if move.startswith("Create")] == ["Create shop-web-1.gitopsd-2"]


def test_the_time_of_a_pause_does_not_count_toward_the_deadline() -> None:
    daemon = served(shop()).commit(shop("web:2", progress_deadline=300), web=SLOW).run()
    left = deadline(daemon) - daemon.world.now
    paused(daemon).wait(3000).run()
    daemon.ask("resume", **GOES_ON)
    assert deadline(daemon) - daemon.world.now == left


def test_a_pause_outlives_the_daemon() -> None:
    daemon = paused(served(shop()).commit(shop("web:2")))
    daemon.die()
    daemon.wait(3000).run()
    assert "shop-web-1 web:1" in daemon.world.running()


def test_a_service_that_has_not_begun_does_not_begin_while_it_is_paused() -> None:
    daemon = paused(served(shop()).commit(shop("web:2", "api:2")), "web")
    daemon.wait(100).run()
    assert daemon.world.running() == ["shop-api-1 api:2", "shop-web-1 web:1"]
    daemon.ask("resume", "web", **GOES_ON)
    assert daemon.settle().outcome() == "succeeded"


def test_what_turns_out_to_be_bad_goes_back_although_it_is_paused() -> None:
    daemon = paused(served(shop()).commit(shop("web:2", min_ready=600), web=SICK_LATER))
    daemon.wait(60).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_what_serves_is_brought_back_while_it_is_paused() -> None:
    daemon = paused(served(shop(replicas=2)).commit(shop("web:2", replicas=2)))
    daemon.world.vanish("shop-web-2")
    daemon.run()
    assert "shop-web-2 web:1" in daemon.world.running()


def test_a_daemon_that_died_between_stop_and_start_leaves_no_paused_service_down() -> None:
    data = {"volumes": ["data:/data"]}
    daemon = served(shop(**data)).commit(shop("web:2", **data))
    daemon.look()
    while not any(move.startswith("Stop") for move in daemon.moves()):
        daemon.step()
    daemon.die()
    daemon.ask("pause")
    daemon.run()
    assert [each.split(" ")[1].partition("/")[0] for each in daemon.world.running()] == ["api:1", "web:1"]


def test_what_must_never_run_in_two_versions_does_not_while_it_is_paused_half_way() -> None:
    both: dict[str, Any] = {"replicas": 2, "strategy": "recreate", "parallelism": 0, "volumes": ["data:/data"]}
    daemon = served(shop(**both)).commit(shop("web:2", **both))
    daemon.look()
    while not any(move.startswith("Stop") for move in daemon.moves()):
        daemon.step()
    daemon.ask("pause")
    for _ in range(5):
        daemon.run()
        daemon.die()
    assert len({each.split(" ")[1] for each in daemon.world.running() if "web" in each}) == 1
    daemon.ask("resume", **GOES_ON)
    assert daemon.settle().outcome() == "succeeded"


def test_newer_content_takes_over_from_what_is_paused() -> None:
    daemon = paused(served(shop()).commit(shop("web:2")))
    daemon.commit(shop("web:3")).settle()
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:3"]


def test_a_service_whose_target_stays_the_same_stays_paused() -> None:
    daemon = paused(served(shop()).commit(shop("web:2")))
    daemon.commit(shop("web:2", "api:2")).run()
    daemon.wait(100).run()
    assert "shop-web-1 web:1" in daemon.world.running()


def test_promoting_ends_a_pause_and_takes_what_is_ready_for_good() -> None:
    daemon = paused(served(shop(min_ready=250)).commit(shop("web:2", min_ready=250)))
    assert daemon.ask("promote") == "goes on without waiting: web"
    daemon.run()
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:2"]


def test_promoting_skips_the_rest_between_two_slots() -> None:
    daemon = served(shop(replicas=2, delay=500)).commit(shop("web:2", replicas=2, delay=500))
    daemon.run().wait(10).run()
    before = daemon.moves().count("Create shop-web-2.gitopsd-2")
    daemon.ask("promote")
    daemon.run()
    assert (before, daemon.moves().count("Create shop-web-2.gitopsd-2")) == (0, 1)


def test_promoting_does_not_make_what_is_not_ready_good() -> None:
    daemon = served(shop()).commit(shop("web:2"), web=SLOW).run()
    assert daemon.ask("promote") == "nothing waits for the passing of time: web"
    daemon.run()
    assert "shop-web-1 web:1" in daemon.world.running()


def test_an_aborted_release_goes_back_and_its_content_is_not_tried_again() -> None:
    daemon = served(shop()).commit(shop("web:2", "api:2")).run()
    daemon.wait(6).run()
    assert daemon.ask("abort", reason="wrong price") == "release 2 goes back to release 1"
    daemon.settle().wait(4000).settle()
    assert (daemon.outcome(), daemon.reason()) == ("cancelled", "aborted by ada: wrong price")
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]
    assert verdict(daemon.journal, shop("web:2", "api:2")) == "rejected"


def test_a_retry_starts_what_was_aborted_again() -> None:
    daemon = served(shop()).commit(shop("web:2")).run()
    daemon.ask("abort")
    daemon.settle()
    daemon.ask("retry")
    assert daemon.settle().outcome() == "succeeded"
    assert [each.number for each in daemon.ended] == [1, 2, 3]


def test_an_abort_outlives_the_daemon_and_a_paused_release_can_be_aborted() -> None:
    daemon = paused(served(shop()).commit(shop("web:2")))
    daemon.ask("abort")
    daemon.die()
    assert daemon.settle().outcome() == "cancelled"
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_an_abort_comes_before_newer_content_which_begins_afterwards() -> None:
    daemon = served(shop()).commit(shop("web:2")).run()
    daemon.ask("abort")
    daemon.commit(shop("web:3")).settle()
    assert [each.outcome for each in daemon.ended] == ["succeeded", "cancelled", "succeeded"]
    assert "shop-web-1 web:3" in daemon.world.running()


def test_an_abort_goes_back_although_the_manifest_says_pause_on_failure() -> None:
    daemon = served(shop()).commit(shop("web:2", on_failure="pause")).run()
    daemon.ask("abort")
    assert daemon.settle().outcome() == "cancelled"
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_an_aborted_first_release_ends_where_it_stands() -> None:
    daemon = Daemon().commit(shop(), web=SLOW).run()
    daemon.wait(10).run()
    assert daemon.ask("abort") == "release 1 ends where it stands"
    assert daemon.settle().outcome() == "cancelled"
    daemon.wait(600).run()
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_with_nothing_under_way_nothing_happens_and_that_is_said() -> None:
    daemon = served(shop())
    before = daemon.journal
    answers = [daemon.ask("pause"), daemon.ask("promote"), daemon.ask("resume", **GOES_ON), daemon.ask("abort")]
    assert set(answers[:3]) == {"nothing is being rolled out here"}
    assert answers[3] == "nothing is being rolled out here, so there is nothing to abort"
    assert daemon.journal == before


def test_what_is_on_its_way_back_is_neither_held_nor_turned_again() -> None:
    daemon = served(shop()).commit(shop("web:2")).run()
    daemon.ask("abort")
    daemon.look()
    for verb in ("pause", "promote", "abort"):
        assert daemon.ask(verb) == "release 2 is on its way back already: aborted by ada"
    assert daemon.settle().outcome() == "cancelled"


def test_a_service_that_is_not_being_rolled_out_cannot_be_steered() -> None:
    daemon = served(shop()).commit(shop("web:2")).run()
    assert daemon.ask("abort", "api") == "api is not being rolled out; release 2 is at: web"
    assert isinstance(daemon.journal.rollouts["web"].phase, Progressing)

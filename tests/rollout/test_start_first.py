"""Replacing a service that may stand twice: the new one beside the old, slot by slot, and back if it is no good."""

from typing import Any

from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

SLOW = Behaviour(check=True, healthy_after=20)


def serving(replicas: int = 1, **how: Any) -> Daemon:
    """A daemon whose `web:1` serves; what it did for that is forgotten."""
    daemon = Daemon().commit(a_state(a_service(replicas=replicas, **how))).settle()
    daemon.done.clear()
    return daemon


def wants(daemon: Daemon, image: str, behaviour: Behaviour | None = None, **how: Any) -> Daemon:
    return daemon.commit(a_state(a_service(image=image, **how)), **({"web": behaviour} if behaviour else {}))


def test_the_new_one_is_ready_before_the_old_one_is_stopped() -> None:
    daemon = wants(serving(), "web:2").settle()
    assert daemon.moves() == [
        "Create shop-web-1.gitopsd-2",
        "Start shop-web-1.gitopsd-2",
        "Stop shop-web-1",
        "Remove shop-web-1",
        "Rename -> shop-web-1",
    ]
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_the_old_one_serves_until_the_new_one_has_been_ready_for_min_ready() -> None:
    daemon = wants(serving(min_ready=30), "web:2", min_ready=30).run()
    daemon.wait(29).run()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-1.gitopsd-2 web:2"]
    daemon.wait(1).run()
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_a_restart_makes_min_ready_begin_anew() -> None:
    daemon = wants(serving(min_ready=30), "web:2", min_ready=30).run()
    daemon.wait(29).run()
    daemon.world.crash("shop-web-1.gitopsd-2")
    daemon.wait(29).run()
    assert "shop-web-1 web:1" in daemon.world.running()


def test_one_slot_at_a_time_and_never_more_than_one_too_many() -> None:
    daemon = wants(serving(3), "web:2", replicas=3)
    most = 0
    for _ in range(40):
        daemon.look()
        while daemon.pending:
            daemon.step()
            most = max(most, len(daemon.world.running()))
        daemon.wait()
    assert most == 4
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2", "shop-web-3 web:2"]


def test_the_next_slot_waits_until_the_old_one_of_the_last_has_stopped() -> None:
    daemon = wants(serving(2), "web:2", replicas=2).run()
    daemon.wait(5)
    daemon.look()
    assert "Start" not in _kinds(daemon)["web/2"]


def test_parallelism_says_how_many_slots_at_once() -> None:
    daemon = wants(serving(3), "web:2", replicas=3, parallelism=2).run()
    assert len(daemon.world.running()) == 5


def test_parallelism_of_zero_means_all_at_once() -> None:
    daemon = wants(serving(3), "web:2", replicas=3, parallelism=0).run()
    assert len(daemon.world.running()) == 6


def test_after_a_slot_the_policy_s_delay_passes_before_the_next() -> None:
    daemon = wants(serving(2), "web:2", replicas=2, delay=60).run()
    daemon.wait(5).run()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:1"]
    daemon.wait(59).run()
    assert "shop-web-2.gitopsd-2 web:2" not in daemon.world.running()
    daemon.wait(1).run()
    assert "shop-web-2.gitopsd-2 web:2" in daemon.world.running()


def test_a_rest_that_is_longer_than_the_progress_deadline_is_no_lack_of_progress() -> None:
    daemon = wants(serving(2), "web:2", replicas=2, delay=900, progress_deadline=600).settle()
    assert daemon.outcome() == "succeeded"


def test_a_broken_slot_is_replaced_first() -> None:
    daemon = serving(3)
    daemon.world.behaviours["web:1"] = Behaviour(restart="no")
    daemon.world.named("shop-web-3").policy = "no"
    daemon.world.kill("shop-web-3")
    wants(daemon, "web:2", replicas=3).run()
    assert daemon.moves() == ["Create shop-web-3.gitopsd-2", "Start shop-web-3.gitopsd-2"]


def test_an_unhealthy_new_one_fails_at_once_and_the_old_one_goes_on_serving() -> None:
    daemon = wants(serving(), "web:2", Behaviour(check=True, healthy_after=None, unhealthy_after=7)).settle()
    assert (daemon.world.now - daemon.events[-1].at).total_seconds() == 0
    assert daemon.world.running() == ["shop-web-1 web:1"]
    assert daemon.reason() == "web: shop-web-1.gitopsd-2 is unhealthy: connection refused"
    assert daemon.outcome() == "rolled-back"


def test_what_starts_for_longer_than_healthy_deadline_fails() -> None:
    daemon = wants(serving(), "web:2", Behaviour(check=True, healthy_after=None), healthy_deadline=40)
    begun = daemon.world.now
    daemon.settle()
    assert daemon.reason() == "web: shop-web-1.gitopsd-2 was not ready within 40 s"
    assert (daemon.ended[-1].finished_at or begun) - begun == (daemon.world.now - begun)
    assert (daemon.world.now - begun).total_seconds() == 40


def test_three_restarts_are_a_crash_loop() -> None:
    daemon = wants(serving(), "web:2", Behaviour(exits_after=1, exit_code=3)).settle()
    assert daemon.reason() == "web: shop-web-1.gitopsd-2 restarted 3 times, last exit code 3"


def test_restarts_from_before_the_rollout_are_not_held_against_anybody() -> None:
    daemon = serving(2)
    for _ in range(5):
        daemon.world.crash("shop-web-1")
        daemon.wait().run()
    daemon.world.vanish("shop-web-2")
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]
    assert [event.reason for event in daemon.events if event.severity == "error"] == ["CrashLoop"]


def test_one_that_exits_fails_with_its_exit_code() -> None:
    daemon = wants(serving(), "web:2", Behaviour(exits_after=1, exit_code=7, restart="no")).settle()
    assert daemon.reason() == "web: shop-web-1.gitopsd-2 exited with code 7"


def test_the_engine_s_refusal_to_start_is_evidence() -> None:
    daemon = wants(serving(), "web:2", Behaviour(unstartable="exec: no such file")).settle()
    assert daemon.reason() == "web: exec: no such file"
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_a_slot_that_was_promoted_already_goes_back_without_a_gap() -> None:
    daemon = serving(2)
    wants(daemon, "web:2", replicas=2, healthy_deadline=30).run()
    daemon.wait(5).run()
    daemon.world.behaviours["web:2"] = Behaviour(check=True, healthy_after=None, unhealthy_after=6)
    daemon.done.clear()
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]
    assert daemon.moves().index("Start shop-web-1.gitopsd-2") < daemon.moves().index("Stop shop-web-1")


def test_what_waits_for_room_is_made_while_the_old_one_stops_and_begins_before_that_is_tidied_away() -> None:
    daemon = serving(3)
    wants(daemon, "web:2", replicas=3).run()
    daemon.wait(5)
    daemon.look()
    stopping = _kinds(daemon)
    daemon.act()
    daemon.look()
    assert stopping == {"web/1": ["Stop"], "web/2": ["Create"]}
    assert _kinds(daemon) == {"web/1": ["Remove", "Rename"], "web/2": ["Start"]}


def test_what_was_made_and_is_not_wanted_any_more_goes_without_ever_running() -> None:
    daemon = serving(2)
    wants(daemon, "web:2", replicas=2).run()
    daemon.wait(5)
    daemon.look()
    daemon.act()
    wants(daemon, "web:3", replicas=2).settle()
    assert daemon.world.running() == ["shop-web-1 web:3", "shop-web-2 web:3"]
    assert "Remove shop-web-2.gitopsd-2" in daemon.moves()
    assert "Start shop-web-2.gitopsd-2" not in daemon.moves()


def test_what_has_to_rest_between_slots_is_made_when_it_may_go_on() -> None:
    daemon = wants(serving(2), "web:2", replicas=2, delay=60).run()
    daemon.wait(5)
    daemon.look()
    assert _kinds(daemon) == {"web/1": ["Stop", "Remove", "Rename"]}


def test_what_nobody_waits_for_is_stopped_and_tidied_away_in_one_go() -> None:
    daemon = serving()
    wants(daemon, "web:2").run()
    daemon.wait(5)
    daemon.look()
    assert [type(each).__name__ for each in daemon.pending["web/1"]] == ["Stop", "Remove", "Rename"]


def test_a_replacement_never_takes_a_name_that_another_bears() -> None:
    daemon = serving(2)
    wants(daemon, "web:2", replicas=2).run()
    daemon.wait(5)
    daemon.look()
    daemon.step("web/1")
    daemon.look()
    daemon.step("web/1")
    daemon.die()  # between Remove and Rename: the new one still bears its name beside the old
    daemon.world.behaviours["web:2"] = Behaviour(check=True, healthy_after=None, unhealthy_after=1)
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]
    assert daemon.outcome() == "rolled-back"


def test_no_progress_until_the_deadline_fails() -> None:
    flapping = Behaviour(check=True, healthy_after=None)
    daemon = wants(serving(), "web:2", flapping, healthy_deadline=900, progress_deadline=100)
    begun = daemon.world.now
    daemon.settle()
    assert daemon.reason() == "web: no progress for 100 s"
    assert (daemon.world.now - begun).total_seconds() == 100


def test_a_slot_that_serves_moves_the_deadline() -> None:
    policy: dict[str, Any] = {"healthy_deadline": 50, "progress_deadline": 60}
    daemon = wants(serving(3), "web:2", Behaviour(check=True, healthy_after=45), replicas=3, **policy).settle()
    assert daemon.outcome() == "succeeded"


def test_a_daemon_that_restarts_neither_moves_the_deadline_nor_min_ready() -> None:
    daemon = wants(serving(), "web:2", Behaviour(check=True, healthy_after=None), healthy_deadline=40)
    begun = daemon.world.now
    for _ in range(60):
        daemon.run().die()
        if not daemon.open():
            break
        daemon.wait()
    assert (daemon.world.now - begun).total_seconds() == 40


def test_a_daemon_that_restarts_again_and_again_does_not_keep_a_rollout_from_failing() -> None:
    never = Behaviour(check=True, healthy_after=None)
    daemon = wants(serving(), "web:2", never, healthy_deadline=9000, progress_deadline=95)
    begun = daemon.world.now
    for _ in range(20):
        daemon.run().wait(9)
        daemon.run().die()
        daemon.wait(1)
    assert daemon.outcome() == "rolled-back"
    assert (daemon.ended[-1].finished_at - begun).total_seconds() <= 120


def test_more_replicas_are_started_together_and_touch_nothing_else() -> None:
    daemon = wants(serving(1), "web:1", replicas=3).settle()
    assert daemon.moves() == [
        "Create shop-web-2", "Start shop-web-2", "Create shop-web-3", "Start shop-web-3"
    ]  # fmt: skip


def test_fewer_replicas_stop_the_last_slots() -> None:
    daemon = wants(serving(3), "web:1", replicas=1).settle()
    assert daemon.world.running() == ["shop-web-1 web:1"]
    assert daemon.plan().empty


def test_fewer_replicas_of_newer_content_keep_the_surplus_until_it_serves() -> None:
    daemon = wants(serving(3), "web:2", Behaviour(check=True, healthy_after=None, unhealthy_after=9), replicas=1)
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1", "shop-web-3 web:1"]
    assert "Stop shop-web-3" not in daemon.moves()


def test_what_was_killed_beyond_fewer_replicas_stays_while_nothing_else_is_in_a_slot_that_is_wanted() -> None:
    daemon = serving(3)
    daemon.world.vanish("shop-web-1")
    daemon.world.kill("shop-web-3")
    wants(daemon, "web:2", SLOW, replicas=2)
    for _ in range(5):
        daemon.look()
        daemon.act()
        daemon.wait(2)
        assert "shop-web-3" in names(daemon)
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2"]
    assert "shop-web-3" not in names(daemon)


def names(daemon: Daemon) -> set[str]:
    return {box.name for box in daemon.world.boxes.values()}


def test_no_replicas_at_all_is_a_wish_too() -> None:
    daemon = wants(serving(2), "web:1", replicas=0).settle()
    assert daemon.world.running() == []
    assert daemon.outcome() == "succeeded"


def test_what_vanishes_by_hand_on_the_way_is_made_anew() -> None:
    daemon = wants(serving(), "web:2", SLOW).run()
    daemon.world.vanish("shop-web-1.gitopsd-2")
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_newer_content_takes_the_place_of_what_came_between_not_of_what_serves() -> None:
    daemon = wants(serving(), "web:2", SLOW).run()
    wants(daemon, "web:3")
    most = 0
    for _ in range(30):
        daemon.look()
        while daemon.pending:
            daemon.step()
            most = max(most, len(daemon.world.running()))
            assert any("web:1" in each or "web:3" in each for each in daemon.world.running())
        daemon.wait()
    assert most == 2
    assert daemon.world.running() == ["shop-web-1 web:3"]
    assert [each.outcome for each in daemon.ended] == ["succeeded", "superseded", "succeeded"]


def test_anonymous_volumes_are_carried_by_name_into_the_replacement() -> None:
    how: dict[str, Any] = {"image_volumes": ["/data"], "order": "start-first"}
    daemon = serving(**how)
    before = daemon.world.named("shop-web-1").volumes
    wants(daemon, "web:2", **how).settle()
    assert daemon.world.named("shop-web-1").volumes == before
    assert before["/data"] in daemon.world.volumes


def test_limits_change_in_place_and_once() -> None:
    daemon = wants(serving(2), "web:1", replicas=2, limits="1g").settle()
    assert daemon.moves() == ["Update shop-web-1", "Update shop-web-2"]
    assert {box.limits for box in daemon.world.boxes.values()} == {"limits 1g"}
    assert daemon.plan().empty
    assert not daemon.look()


def test_a_way_back_clears_what_came_between_before_it_adds_to_it() -> None:
    daemon = wants(serving(), "web:2").run()
    daemon.world.pause("shop-web-1")
    wants(daemon, "web:3", Behaviour(check=True, healthy_after=None, unhealthy_after=4)).run()
    most = 0
    for _ in range(40):
        daemon.look()
        while daemon.pending:
            daemon.step()
            most = max(most, len(daemon.world.running()))
        daemon.wait()
    assert most == 2
    assert daemon.world.running() == ["shop-web-1 web:1"]


def _kinds(daemon: Daemon) -> dict[str, list[str]]:
    """The actions that are under way, by chain."""
    return {key: [type(each).__name__ for each in actions] for key, actions in daemon.pending.items()}

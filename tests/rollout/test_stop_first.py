"""Replacing a service that must not stand twice: the old one kept and stopped first, and started again if need be."""

import pytest

from gitopsd.model.desired import SealedState
from tests.builders import NOON, a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

BAD = Behaviour(check=True, healthy_after=None, unhealthy_after=4)


def database(image: str = "db:1", replicas: int = 1) -> SealedState:
    return a_state(a_service("db", image, volumes=["data:/data"], replicas=replicas))


def serving(replicas: int = 1) -> Daemon:
    daemon = Daemon().commit(database(replicas=replicas)).settle()
    daemon.done.clear()
    return daemon


def test_the_old_one_is_kept_and_stopped_and_goes_when_the_new_one_is_ready() -> None:
    daemon = serving().commit(database("db:2")).settle()
    assert daemon.moves() == [
        "Create shop-db-1.gitopsd-2",
        "Keep shop-db-1",
        "Stop shop-db-1",
        "Start shop-db-1.gitopsd-2",
        "Remove shop-db-1",
        "Rename -> shop-db-1",
    ]


def test_what_the_engine_refuses_to_create_interrupts_nothing() -> None:
    daemon = serving()
    before = daemon.world.named("shop-db-1")
    daemon.commit(database("db:2"))
    daemon.world.refuse["Create"] = "Minimum memory limit allowed is 6MB"
    daemon.settle()
    assert daemon.reason() == "db: Minimum memory limit allowed is 6MB"
    assert (before.started_at, before.policy) == (NOON, "always")
    assert daemon.moves() == []


def test_a_created_replacement_waits_beside_the_old_one_when_the_daemon_dies() -> None:
    daemon = serving().commit(database("db:2"))
    daemon.look()
    daemon.step()
    daemon.die()
    assert [box.state for box in daemon.world.boxes.values()] == ["running", "created"]
    daemon.settle()
    assert [box.fingerprint.split("/")[0] for box in daemon.world.boxes.values()] == ["db:2"]


def test_a_failure_brings_the_kept_one_back_with_its_restart_policy() -> None:
    daemon = serving()
    first = daemon.world.named("shop-db-1").id
    daemon.commit(database("db:2"), db=BAD).settle()
    assert daemon.moves()[4:] == [
        "Keep shop-db-1.gitopsd-2",
        "Stop shop-db-1.gitopsd-2",
        "Restore shop-db-1",
        "Start shop-db-1",
        "Remove shop-db-1.gitopsd-2",
    ]
    assert daemon.world.named("shop-db-1").id == first
    assert daemon.world.named("shop-db-1").policy == "always"
    assert not any(placed.kept for placed in daemon.journal.inventory.values())


def test_an_engine_restart_starts_only_one_of_the_two() -> None:
    daemon = serving().commit(database("db:2")).run()
    daemon.world.restart_engine()
    assert len(daemon.world.running()) == 1


def test_one_that_was_killed_by_hand_before_does_not_come_back_beside_the_new_one() -> None:
    daemon = serving()
    daemon.world.kill("shop-db-1")
    daemon.commit(database("db:2")).run()
    daemon.world.restart_engine()
    assert len(daemon.world.running()) == 1


def test_without_a_restart_policy_there_is_nothing_to_keep() -> None:
    daemon = Daemon()
    daemon.commit(database(), db=Behaviour(restart="no")).settle()
    daemon.done.clear()
    daemon.commit(database("db:2")).run()
    assert daemon.moves()[:2] == ["Create shop-db-1.gitopsd-2", "Stop shop-db-1"]


def test_one_slot_at_a_time_keeps_the_others_serving() -> None:
    daemon = serving(3).commit(database("db:2", 3))
    least = 3
    for _ in range(40):
        daemon.look()
        while daemon.pending:
            daemon.step()
            least = min(least, len(daemon.world.running()))
        daemon.wait()
    assert least == 2
    assert len(daemon.world.running()) == 3


def test_with_a_slot_down_the_others_are_left_alone_until_it_serves() -> None:
    daemon = serving(2)
    daemon.world.vanish("shop-db-1")
    daemon.commit(database("db:2", 2)).run()
    assert daemon.moves() == ["Create shop-db-1", "Start shop-db-1"]


def test_a_start_that_is_refused_does_not_keep_the_other_slots_from_coming_back() -> None:
    daemon = serving(2)
    daemon.commit(database("db:2", 2), db=BAD).run()
    daemon.world.refuse["Start    shop-db-1 "] = "network not found"
    daemon.settle()
    assert any(name.startswith("shop-db-2 db:1") for name in daemon.world.running())
    assert any("db:1" in name and name.startswith("shop-db-1") for name in daemon.world.running())


def test_when_git_changes_its_mind_between_keep_and_stop_the_policy_comes_back() -> None:
    daemon = serving()
    daemon.commit(database("db:2")).look()
    daemon.step()
    daemon.step()
    daemon.die()
    assert daemon.world.named("shop-db-1").policy == "no"
    daemon.commit(database("db:1")).settle()
    assert daemon.moves()[1:] == ["Keep shop-db-1", "Remove shop-db-1.gitopsd-2", "Restore shop-db-1"]
    assert daemon.world.named("shop-db-1").policy == "always"


def test_a_look_while_it_is_being_kept_does_not_forget_that() -> None:
    daemon = serving().commit(database("db:2"), db=BAD)
    daemon.look()
    daemon.look()  # before the first action was carried out
    daemon.act()
    daemon.settle()
    assert daemon.world.named("shop-db-1").policy == "always"


def test_a_slow_way_back_is_measured_from_its_own_start() -> None:
    slow = Behaviour(check=True, healthy_after=50)
    state = a_state(a_service("db", volumes=["data:/data"], healthy_deadline=60))
    daemon = Daemon().commit(state, db=slow).settle()
    late = Behaviour(check=True, healthy_after=None)
    daemon.commit(a_state(a_service("db", "db:2", volumes=["data:/data"], healthy_deadline=60)), db=late).settle()
    assert daemon.outcome() == "rolled-back"
    assert len(daemon.world.running()) == 1


def test_what_cannot_come_back_ends_as_failed_and_is_tried_again_with_patience() -> None:
    daemon = serving().commit(database("db:2"), db=BAD).run()
    before = a_service("db", volumes=["data:/data"]).fingerprint
    daemon.world.behaviours[before] = Behaviour(unstartable="disk is gone")
    daemon.settle()
    assert daemon.outcome() == "failed"
    assert daemon.reason().endswith("and the way back failed: disk is gone")
    daemon.world.behaviours[before] = Behaviour()
    daemon.wait(300).settle()
    assert [each.split("/")[0] for each in daemon.world.running()] == ["shop-db-1 db:1"]


@pytest.mark.parametrize("cut", range(1, 7))
def test_killed_after_any_action_it_arrives_with_one_instance_and_never_two_writers(cut: int) -> None:
    daemon = serving().commit(database("db:2"))
    for _ in range(30):
        daemon.look()
        while daemon.pending and len(daemon.done) != cut:
            daemon.step()
            assert len(daemon.world.running()) <= 1
        if len(daemon.done) == cut:
            daemon.die()
            break
        daemon.wait()
    daemon.settle()
    assert [each.split("/")[0] for each in daemon.world.running()] == ["shop-db-1 db:2"]
    assert len(daemon.world.boxes) == 1


def sick_fleet(replicas: int = 3) -> Daemon:
    """A daemon whose databases all run and fail their checks; nothing is mended."""
    daemon = serving(replicas)
    fingerprint = daemon.journal.stable["db"].fingerprint
    daemon.world.behaviours[fingerprint] = Behaviour(check=True, healthy_after=None, unhealthy_after=0)
    daemon.repair = False
    return daemon


def test_where_all_fail_their_checks_newer_content_takes_no_more_slots_at_once_than_it_may() -> None:
    daemon = sick_fleet().commit(database("db:2", replicas=3)).run()
    assert [each for each in daemon.moves() if each.startswith("Stop")] == ["Stop shop-db-1"]


def test_where_all_fail_their_checks_newer_content_that_works_takes_over_all_the_same() -> None:
    daemon = sick_fleet().commit(database("db:2", replicas=3)).settle()
    assert daemon.outcome() == "succeeded"
    assert [each.split("/")[0] for each in daemon.world.running()] == [f"shop-db-{n} db:2" for n in (1, 2, 3)]


def test_a_flap_of_all_of_them_costs_one_place_and_no_more() -> None:
    daemon = sick_fleet().commit(database("db:2", replicas=3), db=BAD).run()
    daemon.world.behaviours[daemon.journal.before["db"].fingerprint] = Behaviour()
    fewest = 3
    while daemon.journal.release is not None:
        daemon.wait(1).run()
        fewest = min(fewest, len([each for each in daemon.world.running() if " db:1" in each]))
    assert (daemon.outcome(), fewest) == ("rolled-back", 2)


def test_of_those_that_stop_first_the_one_that_fails_its_checks_goes_first() -> None:
    daemon = serving(3)
    daemon.world.behaviours[daemon.journal.stable["db"].fingerprint] = Behaviour(check=True)
    daemon.repair = False
    daemon.world.pause("shop-db-3")
    daemon.commit(database("db:2", replicas=3)).run()
    assert next(each for each in daemon.moves() if each.startswith("Stop")) == "Stop shop-db-3"

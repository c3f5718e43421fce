"""Between releases: what is gone or has stopped comes back, with patience, and only what is ours is touched."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour


def served(**how: Any) -> Daemon:
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.done.clear()
    return daemon


def test_one_that_was_removed_by_hand_is_replaced_at_once() -> None:
    daemon = served()
    daemon.world.vanish("shop-web-1")
    assert daemon.run().lines() == [
        "Create   shop-web-1  # repair: shop-web-1 is gone",
        "Start    shop-web-1  # repair: shop-web-1 is gone",
    ]


def test_one_that_was_killed_by_hand_is_started_again() -> None:
    daemon = served()
    daemon.world.kill("shop-web-1")
    assert daemon.run().lines() == ["Start    shop-web-1  # repair: shop-web-1 exited with code 137"]


def test_one_that_was_paused_by_hand_goes_on() -> None:
    daemon = served()
    daemon.world.pause("shop-web-1")
    assert daemon.run().moves() == ["Unpause shop-web-1"]


def test_one_that_was_renamed_gets_its_name_back() -> None:
    daemon = served()
    daemon.world.named("shop-web-1").name = "other"
    assert daemon.settle().moves() == ["Rename -> shop-web-1"]


def test_two_whose_names_were_exchanged_get_their_own_back() -> None:
    daemon = served(replicas=2)
    one, two = (daemon.world.named(f"shop-web-{slot}") for slot in (1, 2))
    one.name, two.name = two.name, one.name
    daemon.settle()
    assert (one.name, two.name) == ("shop-web-1", "shop-web-2")


def test_all_missing_slots_come_back_together() -> None:
    daemon = served(replicas=3)
    for slot in (1, 2, 3):
        daemon.world.vanish(f"shop-web-{slot}")
    daemon.run()
    assert len(daemon.world.running()) == 3


def test_a_slot_that_is_unhealthy_does_not_keep_another_from_being_mended() -> None:
    daemon = served(replicas=2)
    daemon.world.behaviours["web:1"] = Behaviour(check=True, healthy_after=None, unhealthy_after=0)
    daemon.world.vanish("shop-web-2")
    daemon.run()
    assert "shop-web-2 web:1" in daemon.world.running()


def test_the_second_attempt_is_made_at_once_and_later_ones_wait_longer_and_longer() -> None:
    daemon = served()
    times = []
    for _ in range(70):
        if any(box.up for box in daemon.world.boxes.values()):
            daemon.world.kill("shop-web-1")
        before = len(daemon.done)
        daemon.run()
        if len(daemon.done) > before:
            times.append((daemon.world.now.minute * 60) + daemon.world.now.second)
            daemon.wait(6).run()
        daemon.wait()
    waits = [after - before for before, after in pairwise(times)]
    assert waits == sorted(waits)
    assert waits[0] <= 7
    assert waits[-1] >= 16


def test_without_repair_nothing_is_touched() -> None:
    daemon = served()
    daemon.repair = False
    daemon.world.vanish("shop-web-1")
    assert daemon.run().moves() == []


def test_with_heal_report_nothing_is_touched() -> None:
    daemon = Daemon().commit(a_state(a_service(), heal="report")).settle()
    daemon.done.clear()
    daemon.world.vanish("shop-web-1")
    assert daemon.run().moves() == []


def test_a_foreign_container_with_our_labels_is_not_ours() -> None:
    daemon = served()
    box = daemon.world.named("shop-web-1")
    daemon.world.boxes["theirs"] = replace(box, id="theirs", name="shop-web-2", slot=2)
    daemon.settle()
    assert daemon.moves() == []
    assert "theirs" in daemon.world.boxes


def test_repairs_use_what_served_not_what_git_says_now() -> None:
    daemon = served()
    bad = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
    daemon.commit(a_state(a_service(image="web:2")), web=bad).settle()
    daemon.world.vanish("shop-web-1")
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_a_release_goes_on_where_somebody_lays_hands_on_what_it_does_not_change() -> None:
    daemon = Daemon().commit(a_state(a_service(), a_service("api"))).settle()
    slow = Behaviour(check=True, healthy_after=60)
    daemon.commit(a_state(a_service(image="web:2"), a_service("api")), web=slow).run()
    daemon.world.vanish("shop-api-1")
    daemon.run()
    assert "shop-api-1 api:1" in daemon.world.running()
    assert daemon.settle().outcome() == "succeeded"


def test_a_pass_over_what_is_as_it_should_be_does_nothing() -> None:
    daemon = served(replicas=3)
    journal = daemon.journal
    daemon.wait(3600)
    assert not daemon.look()
    assert daemon.journal == journal

"""Fields that were changed by hand come back in place where they can; else the instance is replaced; not for ever."""

from itertools import pairwise
from typing import Any

from gitopsd.model.canonical import Json
from gitopsd.model.cure import Cure
from gitopsd.model.drift import FieldDrift
from gitopsd.model.release import HEALS_BEFORE_LOOP as LOOP
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour


def served(**how: Any) -> Daemon:
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.done.clear()
    return daemon


def changed(*at: str, applied: Json = 1, live: Json = 2, cure: Cure = "in-place", conflict: bool = False) -> FieldDrift:
    return FieldDrift(at, applied, applied, live, "declared", cure, conflict)


def test_a_limit_comes_back_in_place() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("resources.memory"), changed("restart"))

    assert daemon.run().lines() == ["Update   shop-web-1  # repair: resources.memory, restart changed by hand"]


def test_a_limit_that_nobody_wanted_is_lifted() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("resources.pids", applied=None), changed("resources.memory"))

    (update,) = daemon.run().done

    assert update.lift == ("resources.pids",)  # type: ignore[union-attr]


def test_a_lost_connection_is_made_again() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("networks", "shop_back.net", live=None),)

    assert daemon.run().moves() == ["Connect shop-web-1 to shop_back.net"]


def test_a_connection_that_nobody_wanted_ends() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("networks", "other", applied=None),)

    assert daemon.run().moves() == ["Disconnect shop-web-1 from other"]


def test_a_connection_that_was_lost_while_it_was_stopped_is_made_again_before_the_start() -> None:
    daemon = served()
    daemon.world.kill("shop-web-1")
    daemon.changed["shop-web-1"] = (changed("networks", "shop_back.net", live=None), changed("resources.memory"))

    assert daemon.run().moves()[:2] == ["Connect shop-web-1 to shop_back.net", "Start shop-web-1"]


def test_a_connection_with_other_aliases_is_made_anew() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("networks", "shop_back", "aliases"),)

    assert daemon.run().moves() == ["Disconnect shop-web-1 from shop_back", "Connect shop-web-1 to shop_back"]


def test_what_only_a_new_container_mends_is_replaced_beside_it() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("user", cure="recreate"), changed("resources.memory"))

    assert daemon.settle().lines() == [
        "Create   shop-web-1.gitopsd-1  # repair: shop-web-1: user changed by hand",
        "Start    shop-web-1.gitopsd-1  # repair: shop-web-1: user changed by hand",
        "Stop     shop-web-1  # repair: shop-web-1: user changed by hand",
        "Remove   shop-web-1  # repair: shop-web-1: user changed by hand",
        "Rename   -> shop-web-1  # takes the slot's name",
    ]


def test_one_that_is_as_it_was_again_is_left_alone() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("user", cure="recreate"),)
    daemon.repair = False
    daemon.run()
    daemon.changed.clear()
    daemon.repair = True

    assert daemon.settle().done == []


def test_every_slot_has_its_own_heals() -> None:
    daemon = served(replicas=2)
    daemon.changed |= {"shop-web-1": (changed("restart"),), "shop-web-2": (changed("resources.cpus"),)}

    assert daemon.run().moves() == ["Update shop-web-1", "Update shop-web-2"]


def test_what_git_has_changed_as_well_is_left_to_git() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("resources.memory", conflict=True),)

    assert daemon.run().done == []


def test_where_heals_are_only_reported_nothing_is_done() -> None:
    daemon = Daemon().commit(a_state(a_service(), heal="report")).settle()
    daemon.done.clear()
    daemon.changed["shop-web-1"] = (changed("restart"), changed("user", cure="recreate"))

    assert daemon.settle().done == []


def test_a_service_whose_release_goes_on_is_not_healed() -> None:
    daemon = served()
    daemon.changed["shop-web-1"] = (changed("restart"),)
    daemon.commit(a_state(a_service(image="web:2"))).look()

    assert not any("Update" in str(action) for actions in daemon.pending.values() for action in actions)


def test_against_somebody_who_changes_it_back_gitopsd_waits_longer_each_time_and_then_gives_up() -> None:
    daemon = served()
    healed = []
    for second in range(3000):
        daemon.changed["shop-web-1"] = (changed("restart"),)
        before = len(daemon.done)
        daemon.run()
        if len(daemon.done) > before:
            healed.append(second)
        daemon.wait(1)

    assert len(healed) == LOOP
    waits = [later - earlier for earlier, later in pairwise(healed)]
    assert waits == sorted(waits)


def test_no_second_cure_before_the_service_was_well_again() -> None:
    daemon = served()
    daemon.world.behaviours["web:1"] = Behaviour(check=True, healthy_after=None, unhealthy_after=0)
    daemon.changed["shop-web-1"] = (changed("restart"),)
    daemon.run()
    daemon.changed["shop-web-1"] = (changed("restart"),)
    daemon.done.clear()

    daemon.wait(60).run()

    assert daemon.done == []


def test_a_replacement_that_is_spoilt_again_and_again_is_given_up() -> None:
    daemon = served()
    replaced = 0
    for _ in range(3000):
        daemon.changed["shop-web-1"] = (changed("user", cure="recreate"),)
        daemon.run()
        replaced += sum("Create" in line for line in daemon.lines())
        daemon.done.clear()
        daemon.wait(1)

    assert replaced == LOOP

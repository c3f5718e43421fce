"""Who lives in another service's network, or the like, is planned to go with it: when, why, and what it costs."""

from typing import Any

from gitopsd.model.desired import SealedState
from gitopsd.plan import replacement
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour


def shop(vpn: str = "vpn:1", published: bool = False, **app: Any) -> SealedState:
    return a_state(a_service("vpn", vpn, ports=[8080] if published else []), a_service("app", lives_in="vpn", **app))


def planned(before: SealedState, after: SealedState, service: str = "app") -> Any:
    found = Daemon().commit(before).settle().plan(after).changes
    return next(change for change in found if change.service == service)


def test_it_is_replaced_though_nothing_of_its_own_changed() -> None:
    change = planned(shop(), shop("vpn:2"))

    assert (change.change, change.cause) == ("replace", "vpn is replaced, and it uses the network of vpn")
    assert (change.fields, change.wave) == ((), 1)


def test_its_own_changes_are_told_too() -> None:
    assert planned(shop(), shop("vpn:2", image="app:2")).cause == (
        "image app:1 -> app:2; vpn is replaced, and it uses the network of vpn"
    )
    assert planned(shop(), shop("vpn:2", replicas=2)).cause == (
        "replicas 1 -> 2; vpn is replaced, and it uses the network of vpn"
    )


def test_without_a_change_of_the_other_nothing_is_planned() -> None:
    assert planned(shop(), shop()).change == "unchanged"
    scaled = a_state(a_service("vpn", replicas=2), a_service("app", lives_in="vpn"))
    assert planned(shop(), scaled).change == "unchanged"


def test_it_pays_for_the_interruption_of_the_other() -> None:
    change = planned(shop(published=True), shop("vpn:2", published=True))

    assert (change.order, change.interruption_s) == ("stop-first", 9.0)
    assert change.interruption.startswith("the network of vpn is gone meanwhile: host port 8080 can be bound once")


def test_where_both_can_stand_twice_there_is_no_interruption() -> None:
    change = planned(shop(order="start-first"), shop("vpn:2", order="start-first"))

    assert (change.order, change.interruption_s, change.interruption) == ("start-first", 0.0, "")


def test_volumes_outlive_the_container_that_they_are_borrowed_from() -> None:
    def state(db: str) -> SealedState:
        return a_state(a_service("db", db, ports=[5432]), a_service("backup", borrows="db", order="start-first"))

    change = planned(state("db:1"), state("db:2"), "backup")

    assert (change.cause, change.interruption_s) == ("db is replaced, and it uses the volumes of db", 0.0)


def test_a_one_shot_that_is_done_does_not_run_again() -> None:
    def state(vpn: str) -> SealedState:
        return a_state(a_service("vpn", vpn), a_service("seed", lives_in="vpn", job=True))

    ends = Behaviour(exits_after=1, restart="no")
    daemon = Daemon().commit(state("vpn:1"), seed=ends).settle()

    change = next(each for each in daemon.plan(state("vpn:2")).changes if each.service == "seed")

    assert (change.change, change.strategy) == ("unchanged", "job")


def test_a_shared_network_lets_a_port_be_bound_once() -> None:
    for options, whose in (
        ({"network_mode": "service:vpn"}, "service vpn"),
        ({"network_mode": "container:x"}, "container x"),
        ({"network_mode": "host"}, "the host"),
    ):
        found = replacement(a_service(options=options))
        assert found.order == "stop-first"
        assert found.reason.startswith(f"it uses the network of {whose}, where a port can be bound once; ")
    assert replacement(a_service(options={"network_mode": "host"}, order="start-first")).order == "start-first"
    assert replacement(a_service(options={"network_mode": "none"})).order == "start-first"


def test_borrowed_volumes_are_written_by_one_at_a_time() -> None:
    assert replacement(a_service(borrows="db")).reason.startswith("it writes to the volumes of db; ")
    assert replacement(a_service(options={"volumes_from": ["db:ro"]})).order == "start-first"


def test_a_hardware_address_cannot_be_there_twice() -> None:
    found = replacement(a_service(options={"mac_address": "02:42:ac:11:65:43"}, order="start-first"))

    assert (found.order, found.reason) == (
        "stop-first",
        "its mac_address is fixed; without it, it would be start-first",
    )

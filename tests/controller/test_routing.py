"""A service behind the router through the whole daemon: what is told to the router, and what waits for its word."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.controller.queries.operate import remove
from gitopsd.controller.queries.view import View
from gitopsd.model.operation import Operation
from gitopsd.model.rollout import Rollout
from gitopsd.model.route import SLOTS, RouteName, RoutingTable
from gitopsd.model.settings import RouterSettings, Settings, TargetEngine
from tests.controller.house import SETTINGS
from tests.controller.routed import RoutedHouse, routed
from tests.fakes.clock import NOON

DIRECT = "services: {web: {image: 'web:2', x-gitopsd: {min_ready: 0s}}}"
MORE = "x-gitopsd: {min_ready: 0s, traffic: {listen: 80, target: 8080}"


@pytest.fixture
def house() -> Iterator[RoutedHouse]:
    made = RoutedHouse()
    yield made
    made.stop()


def serving(house: RoutedHouse, text: str = "") -> RoutedHouse:
    house.start()
    house.synced(house.push({"shop/compose.yaml": text or routed()}), "shop")
    return house


def test_a_first_release_is_in_the_router_before_it_counts(house: RoutedHouse) -> None:
    serving(house)
    route = house.router.route()
    assert (route.listen, route.share) == (80, 0)
    assert {target.id for target in route.a.targets} == set(house.ids().values())
    assert {target.port for target in route.a.targets} == {8080}


def test_in_a_rolling_upgrade_nobody_is_stopped_before_the_router_was_read_back_without_it(house: RoutedHouse) -> None:
    serving(house)
    house.synced(house.push({"shop/compose.yaml": routed("web:2")}), "shop")
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert house.engine().early == []
    assert house.answers() == {"web:2": "100 %"}


def test_without_a_route_no_router_is_looked_at(house: RoutedHouse) -> None:
    serving(house, "services: {web: {image: 'web:1', x-gitopsd: {min_ready: 0s}}}")
    assert (house.router.looks, house.router.applied) == (0, [])


def test_a_daemon_that_is_begun_anew_at_every_table_comes_to_the_same_end(house: RoutedHouse) -> None:
    serving(house)
    house.push({"shop/compose.yaml": routed("web:2")})
    begun = 0

    def upgraded() -> bool:
        nonlocal begun
        if len(house.router.applied) > begun + 1:
            house.again()
            begun = len(house.router.applied)
        return house.answers() == {"web:2": "100 %"} and house.ids(image="web:1") == {}

    house.eventually(upgraded)
    assert begun > 2
    assert house.engine().early == []
    assert len(house.ids()) == 2


def test_a_daemon_that_begins_takes_nobody_out_of_the_router(house: RoutedHouse) -> None:
    serving(house)
    before, tables = house.router.table, len(house.router.applied)
    house.again()
    house.eventually(lambda: len(house.router.applied) > tables)
    assert house.router.table == before


def test_while_no_router_answers_nothing_is_stopped_and_it_is_nobodys_fault(house: RoutedHouse) -> None:
    serving(house)
    old = house.ids()
    house.push(
        {"shop/compose.yaml": routed("web:2", more=f"{MORE}, progress_deadline: 301s, healthy_deadline: 300s}}")}
    )
    house.eventually(lambda: house.ids(image="web:2"))
    house.router.away = True
    house.eventually(lambda: "router" in house.guards("shop"))

    for _ in range(10):
        house.timer.tick(100)
        house.eventually(lambda: rollout(house).deadline > house.clock.now() + timedelta(seconds=200))

    assert "router" in house.guards("shop")
    assert set(old.values()) <= set(house.ids().values())
    assert len(house.told("RouterUnavailable")) == 1
    assert rollout(house).stage == "Progressing"

    house.router.away = False
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert house.engine().early == []
    assert house.eventually(lambda: "router" not in house.guards("shop"))
    assert [each.outcome for each in house.store.releases("shop")] == ["succeeded", "succeeded"]


def test_newer_content_is_not_begun_while_no_router_answers(house: RoutedHouse) -> None:
    serving(house)
    house.router.away = True
    house.eventually(lambda: "router" in house.guards("shop"))
    house.push({"shop/compose.yaml": routed("web:2")})
    house.eventually(lambda: "router" in house.guards("shop"))
    house.timer.tick(60)
    assert house.ids(image="web:2") == {}

    house.router.away = False
    house.eventually(lambda: house.answers() == {"web:2": "100 %"})


def test_a_share_that_was_changed_by_hand_is_put_back_and_told(house: RoutedHouse) -> None:
    serving(house)
    house.router.share_by_hand(RouteName("shop", "web"), 5_000)
    house.eventually(lambda: house.router.share() == 0)
    house.eventually(lambda: house.store.past_drift("shop"))
    (found,) = house.told("DriftFound")
    assert found == ("route shop/web modified: shop/web: the share of slot b is 50 %, should be 0 %: changed by hand")
    (past,) = house.store.past_drift("shop")
    assert (past.item.resource, past.end, past.by) == ("router", "healed", "the table was applied again")
    assert house.store.drift("shop").items == ()


def test_an_instance_that_was_taken_out_by_hand_is_let_in_again(house: RoutedHouse) -> None:
    serving(house)
    lost = min(house.ids().values())
    house.router.lose_by_hand(lost)
    house.eventually(lambda: house.router.has(lost))
    assert house.told("DriftFound")


def test_a_slow_drain_is_waited_for_until_its_time_is_over_and_then_cut(house: RoutedHouse) -> None:
    serving(house)
    old = house.ids()
    house.router.in_flight.update(dict.fromkeys(old.values(), 3))
    house.push({"shop/compose.yaml": routed("web:2")})
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert house.engine().early == []
    assert sorted(house.router.cuts) == sorted(old.values())
    told = [each for each in house.store.events(limit=10_000) if each.reason == "ConnectionsCut"]
    assert [(each.severity, each.environment, each.service) for each in told] == [("warning", "shop", "web")] * 2
    assert all(each.message.startswith("3 connections cut") for each in told)


def test_what_has_drained_in_time_is_not_cut(house: RoutedHouse) -> None:
    serving(house)
    old = house.ids()
    house.router.in_flight.update(dict.fromkeys(old.values(), 3))
    house.push({"shop/compose.yaml": routed("web:2", more=f"{MORE}, drain_timeout: 1h}}")})
    house.eventually(lambda: any(each.state == "draining" for each in house.router.route().a.targets))
    house.router.in_flight.clear()
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert (house.engine().early, house.router.cuts) == ([], [])


def test_the_first_table_of_a_daemon_has_also_the_routes_of_environments_that_had_no_pass_yet(
    house: RoutedHouse,
) -> None:
    house.start()
    here = {name: routed(more=more(port)) for name, port in (("shop", 80), ("store", 81))}
    commit = house.push({f"{name}/compose.yaml": text for name, text in here.items()})
    house.synced(commit, "shop", "store")
    before, tables = house.router.table, len(house.router.applied)
    house.again()
    house.eventually(lambda: len(house.router.applied) > tables)
    assert all(table == before for table in house.router.applied[tables:])
    assert {route.environment for route in before.routes} == {"shop", "store"}


def test_a_removed_environment_leaves_the_router_first(house: RoutedHouse) -> None:
    serving(house)
    house.router.in_flight.update(house.ids().values())
    number = house.store.submit(Operation("remove", "shop", "ada", NOON))
    house.watcher.changed("operations")
    house.eventually(lambda: any(each.state == "draining" for each in house.router.route().a.targets))
    house.router.in_flight.clear()
    house.eventually(lambda: done(house, number))
    assert house.engine().early == []
    assert (house.router.table.routes, house.ids()) == ((), {})


def test_without_a_daemon_a_removed_environment_leaves_the_router_first_too(house: RoutedHouse) -> None:
    house.start()
    here = {name: routed(more=more(port)) for name, port in (("shop", 80), ("store", 81))}
    house.synced(house.push({f"{name}/compose.yaml": text for name, text in here.items()}), "shop", "store")
    house.stop()
    house.router.in_flight.update(house.ids().values())

    result = remove(View(house.application()), "shop", "ada")

    assert result.startswith("2 containers removed")
    assert house.engine().early == []
    assert [str(route.name) for route in house.router.table.routes] == ["store/web"]
    assert len(house.told("ConnectionsCut")) == 1


def test_a_new_name_of_an_environment_cuts_nobody(house: RoutedHouse) -> None:
    serving(house)
    before = house.ids()
    house.router.in_flight.update(before.values())
    moved = "x-gitopsd: {moved_from: shop}\n"
    commit = house.push({"shop/compose.yaml": None, "store/compose.yaml": moved + routed()})
    house.synced(commit, "store")
    house.eventually(lambda: [str(route.name) for route in house.router.table.routes] == ["store/web"])
    assert house.ids() == before
    assert (house.router.cuts, house.engine().early) == ([], [])
    assert all(len(table.routes) == 1 for table in house.router.applied)


def test_a_service_that_is_not_routed_any_more_leaves_the_router_before_its_old_instances_are_stopped(
    house: RoutedHouse,
) -> None:
    serving(house)
    house.synced(house.push({"shop/compose.yaml": DIRECT}), "shop")
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert house.engine().early == []
    house.eventually(lambda: house.router.table.routes == ())


def test_a_route_is_not_forgotten_about_when_there_is_no_router_any_more(house: RoutedHouse) -> None:
    serving(house)
    house.edit(replace(SETTINGS, router=RouterSettings(mode="none")))
    house.push({"shop/compose.yaml": DIRECT})
    house.eventually(lambda: "router" in house.guards("shop"))
    assert house.ids(image="web:1")

    house.edit(SETTINGS)
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert house.engine().early == []
    house.eventually(lambda: house.router.table.routes == ())


def test_a_routed_environment_is_not_given_up(house: RoutedHouse) -> None:
    serving(house)
    number = house.store.submit(Operation("eject", "shop", "ada", NOON))
    house.watcher.changed("operations")
    house.eventually(lambda: done(house, number))
    operation = house.store.operation(number)
    assert operation is not None
    assert operation.result == (
        "refused: web is reached through the router, which only gitopsd keeps; take `traffic` out of the manifest, and "
        "eject once its containers publish their ports themselves"
    )


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (replace(SETTINGS, router=RouterSettings(mode="none")), "web cannot be routed: router.mode is none"),
        (replace(SETTINGS, engine=TargetEngine("ssh://far")), "web cannot be routed: ssh://far is a remote engine"),
    ],
)
def test_where_no_router_can_be_a_routed_service_is_held(house: RoutedHouse, settings: Settings, reason: str) -> None:
    house.edit_before_start(settings)
    house.start()
    house.push({"shop/compose.yaml": routed()})
    house.eventually(lambda: "router" in house.guards("shop"))
    status = house.status("shop")
    assert status is not None
    assert status.holds[0].reason.startswith(reason)
    assert (house.router.looks, house.engine(settings.engine.url).names()) == (0, [])


def test_tls_without_a_word_where_the_certificates_are_is_held(house: RoutedHouse) -> None:
    house.start()
    house.push({"shop/compose.yaml": routed(more=more(443))})
    house.eventually(lambda: "router" in house.guards("shop"))
    status = house.status("shop")
    assert status is not None
    assert status.holds[0].reason == (
        "web cannot be routed: it is reached with TLS, and nothing says where its certificates are; "
        "name their directory in gitopsd.yaml, `router: {certificates: DIRECTORY}`, or write `tls: false`"
    )


def test_an_inner_service_is_reached_at_the_hosts_own_address_among_its_instances(house: RoutedHouse) -> None:
    serving(house, routed(more="x-gitopsd: {min_ready: 0s, traffic: {expose: inner, target: 8080}}"))
    route = house.router.route()
    (address,) = {target.address.rpartition(".")[0].rpartition(".")[0] for target in route.a.targets}
    assert (route.host_address, route.listen) == (f"{address}.0.1", 8080)


@pytest.mark.parametrize(
    ("traffic", "reason"),
    [
        ("mode: tcp", "web cannot be routed: Traefik counts no TCP connections, and has no way to one slot; write"),
        ("proxy_protocol: true", "web cannot be routed: Traefik tells HTTP services of clients by X-Forwarded-For;"),
    ],
)
def test_what_traefik_cannot_serve_is_held_before_anything_is_done(
    house: RoutedHouse, traffic: str, reason: str
) -> None:
    house.edit_before_start(replace(SETTINGS, router=RouterSettings("traefik", directory=Path("/dynamic"))))
    house.start()
    house.push({"shop/compose.yaml": routed(more=f"x-gitopsd: {{traffic: {{listen: 80, target: 80, {traffic}}}}}")})
    house.eventually(lambda: "router" in house.guards("shop"))
    status = house.status("shop")
    assert status is not None
    assert status.holds[0].reason.startswith(reason)
    assert house.router.looks == 0


def test_a_route_that_the_router_does_not_take_holds_up_no_other(house: RoutedHouse) -> None:
    serving(house)
    house.router.against[RouteName("store", "web")] = "somebody else has port 81"
    house.push({"store/compose.yaml": routed(more=more(81))})
    house.eventually(lambda: "router" in house.guards("store"))
    house.synced(house.push({"shop/compose.yaml": routed("web:2")}), "shop")
    assert house.told("RouteRefused") == ["somebody else has port 81"]
    assert "router" not in house.guards("shop")

    house.router.against.clear()
    house.eventually(lambda: house.answers("store") == {"web:1": "100 %"})
    house.eventually(lambda: "router" not in house.guards("store"))


def test_the_image_of_the_router_is_pulled_where_the_engine_has_it_not(house: RoutedHouse) -> None:
    house.engine().remove_image_by_hand(house.engine().images[SETTINGS.router.image].image.id)
    house.engine().refuse_pull(SETTINGS.router.image)
    house.start()
    commit = house.push({"shop/compose.yaml": routed()})
    house.eventually(lambda: "router" in house.guards("shop"))
    assert house.told("RouterUnavailable")[0].startswith(
        "router of unix:///here: the router's image haproxy:lts is not at hand: pull haproxy:lts"
    )
    house.engine().publish(SETTINGS.router.image)
    house.synced(commit, "shop")


def test_old_and_new_are_each_asked_at_their_own_port_and_not_by_the_checks_of_the_other(house: RoutedHouse) -> None:
    serving(house)
    before = len(house.router.applied)
    checks = "health: {http: {port: 9090, path: /new}}"
    newer = f"x-gitopsd: {{min_ready: 0s, traffic: {{listen: 80, target: 9090}}, {checks}}}"
    house.synced(house.push({"shop/compose.yaml": routed("web:2", more=newer)}), "shop")
    house.eventually(lambda: house.ids(image="web:1") == {} and house.router.route().health.http is not None)

    ports = {(target.id, target.port) for table in house.router.applied[before:]
             for route in table.routes for slot in SLOTS for target in route.slot(slot).targets}  # fmt: skip
    assert {port for id, port in ports if id in house.ids().values()} == {9090}
    assert {port for id, port in ports if id not in house.ids().values()} == {8080}
    beside = [table.routes[0] for table in house.router.applied[before:] if len(ports_of(table)) == 2]
    assert beside
    assert all(route.health.http is None for route in beside)


def test_a_single_run_ends_when_everything_is_routed(house: RoutedHouse) -> None:
    house.push({"shop/compose.yaml": routed()})
    assert house.once() == 0
    assert house.answers() == {"web:1": "100 %"}


def test_a_single_run_does_not_wait_for_a_router_that_is_away(house: RoutedHouse) -> None:
    house.router.away = True
    house.push({"shop/compose.yaml": routed()})
    assert house.once() == 2
    assert "router" in house.guards("shop")


def ports_of(table: RoutingTable) -> set[int]:
    return {target.port for route in table.routes for slot in SLOTS for target in route.slot(slot).targets}


def rollout(house: RoutedHouse) -> Rollout:
    return house.store.journal("shop").rollouts["web"]


def more(port: int) -> str:
    return f"x-gitopsd: {{min_ready: 0s, traffic: {{listen: {port}, target: 8080}}}}"


def done(house: RoutedHouse, number: int) -> bool:
    operation = house.store.operation(number)
    return operation is not None and operation.done_at is not None

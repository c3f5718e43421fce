"""Two gitopsd on one engine: the router is that of the one which came first, and a person may give it to the other."""

from collections.abc import Iterator

import pytest

from gitopsd.controller.queries.operate import remove
from gitopsd.controller.queries.view import View
from gitopsd.controller.router_owner import RouterOwner
from gitopsd.model.live import LiveVolume
from gitopsd.model.route import RouteName
from tests.controller.routed import RoutedHouse, routed
from tests.controller.test_routing import serving

CLAIM = "gitopsd-owner-gitopsd-router"


@pytest.fixture
def house() -> Iterator[RoutedHouse]:
    made = RoutedHouse()
    yield made
    made.stop()


def given_to_another(house: RoutedHouse) -> None:
    house.engine().volumes[CLAIM] = LiveVolume(CLAIM, {"gitopsd.owner": "another-one"})


def test_the_router_of_another_gitopsd_is_not_written_to_until_a_person_says_that_it_is_gone(
    house: RoutedHouse,
) -> None:
    given_to_another(house)
    house.start()
    commit = house.push({"shop/compose.yaml": routed()})
    house.eventually(lambda: "router" in house.guards("shop"))
    status = house.status("shop")
    assert status is not None
    assert status.holds[0].reason == (
        "it belongs to another gitopsd (another-), whose routes would go; "
        "if that one is gone for good, remove the volume gitopsd-owner-gitopsd-router"
    )
    assert (house.router.looks, house.router.applied) == (0, [])

    house.engine().disclaim("gitopsd-router")
    house.synced(commit, "shop")
    assert house.answers() == {"web:1": "100 %"}
    assert house.engine().volumes[CLAIM].labels == {"gitopsd.owner": house.store.instance_id()}


def test_a_router_that_was_given_to_another_gitopsd_is_left_as_that_one_wants_it(house: RoutedHouse) -> None:
    serving(house)
    applied = len(house.router.applied)
    given_to_another(house)
    house.router.share_by_hand(RouteName("shop", "web"), 5_000)
    house.eventually(lambda: "router" in house.guards("shop"))
    assert (len(house.router.applied), house.router.share()) == (applied, 5_000)


def test_who_routes_nothing_any_more_gives_the_router_up(house: RoutedHouse) -> None:
    serving(house)
    assert CLAIM in house.engine().volumes
    house.push({"shop/compose.yaml": "services: {web: {image: 'web:2', x-gitopsd: {min_ready: 0s}}}"})
    house.eventually(lambda: CLAIM not in house.engine().volumes)
    assert house.router.table.routes == ()


@pytest.mark.parametrize(("others", "left"), [(False, []), (True, ["shop/web"])])
def test_without_a_daemon_it_is_given_up_with_the_last_route_and_that_of_another_is_left_alone(
    house: RoutedHouse, left: list[str], *, others: bool
) -> None:
    serving(house)
    house.stop()
    if others:
        given_to_another(house)
    remove(View(house.application()), "shop", "ada")
    assert [str(route.name) for route in house.router.table.routes] == left
    assert (CLAIM in house.engine().volumes) == others


def test_who_has_it_by_now_keeps_it_when_somebody_else_routes_nothing_any_more(house: RoutedHouse) -> None:
    given_to_another(house)
    RouterOwner(house.engine(), house.store).give_up()
    assert house.engine().volumes[CLAIM].labels == {"gitopsd.owner": "another-one"}

"""Requests of gitopsd's own to a canary on a swarm: it answers and is warm before its share, and is judged by them."""

from collections.abc import Iterator

import pytest

from tests.controller.swarm_street import SwarmStreet, swarm_street

HALF = "[{set_weight: 50}, {pause: {}}]"
WARM = "{paths: [/, /cart], rate: 20/s, until: {requests: 30}, max: 1m}"
SYNTHETIC = "{metrics: [{name: error-rate}], synthetic: {path: /, rate: 20/s}}"


@pytest.fixture
def house() -> Iterator[SwarmStreet]:
    with swarm_street() as made:
        yield made


def answers_badly(house: SwarmStreet) -> None:
    house.router.answers = {each.id: 500 for each in house.router.route().b.targets}


def test_a_canary_that_answers_nobody_through_the_routers_gets_nothing(house: SwarmStreet) -> None:
    house.released("web:1")
    house.push_web("web:2", steps=HALF)

    def failing() -> bool:
        answers_badly(house)
        return "rejected" in house.guards("shop")

    house.eventually(failing)

    house.eventually(lambda: house.canary == "")
    assert "it does not answer through the router: answered 500" in house.store.releases("shop", 1)[0].reason
    assert all(route.share == 0 for table in house.router.applied for route in table.routes)


def test_one_whose_routers_are_away_is_waited_for(house: SwarmStreet) -> None:
    house.released("web:1")
    house.router.away = True
    house.push_web("web:2", steps=HALF)
    for _ in range(60):
        house.swarm.step()
        house.timer.tick(1)

    house.router.restart()

    house.eventually(lambda: house.share() == 5000)
    assert house.outcome() is None


def test_its_caches_are_filled_before_its_first_share(house: SwarmStreet) -> None:
    house.released("web:1", pre_warm=WARM)
    shares: set[tuple[int, bool]] = set()
    house.push_web("web:2", steps=HALF, pre_warm=WARM)

    def half() -> bool:
        told = any("30 were wanted" in each.message for each in house.store.events(limit=1000))
        shares.add((house.share(), told))
        return house.share() == 5000

    house.eventually(half)

    asked = [path for _, slot, path in house.router.probed if slot == "b"]
    assert min(asked.count("/"), asked.count("/cart")) >= 15
    assert (5000, False) not in shares


def test_where_nobody_comes_it_is_judged_by_requests_of_gitopsds_own(house: SwarmStreet) -> None:
    steps = "[{set_weight: 50}, {analysis: {duration: 5s}}]"
    house.released("web:1", steps=steps, analysis=SYNTHETIC)

    house.released("web:2", steps=steps, analysis=SYNTHETIC)

    house.eventually(lambda: house.outcome() == "succeeded")
    assert {slot for _, slot, path in house.router.probed if path == "/"} == {"a", "b"}


def test_one_that_fails_those_goes_back_without_a_single_user(house: SwarmStreet) -> None:
    steps = "[{set_weight: 50}, {analysis: {duration: 60s}}]"
    house.released("web:1", steps=steps, analysis=SYNTHETIC)
    house.push_web("web:2", steps=steps, analysis=SYNTHETIC)
    house.eventually(lambda: house.share() == 5000)

    answers_badly(house)

    house.eventually(lambda: house.canary == "")
    assert "requests on the canary failed" in house.store.releases("shop", 1)[0].reason


def test_a_rolling_update_of_swarms_own_is_asked_for_nothing(house: SwarmStreet) -> None:
    house.released("web:1", strategy="rolling", scale_down_delay=None)
    house.router.probed.clear()
    house.released("web:2", strategy="rolling", scale_down_delay=None)
    house.eventually(lambda: house.outcome() == "succeeded")
    assert house.router.probed == []

"""Requests of gitopsd's own through the router, in a whole daemon over fakes."""

from collections.abc import Iterator

import pytest

from gitopsd.model.route import RouteName
from tests.controller.routed import RoutedHouse

WEB = """
services:
  web:
    image: '{image}'
    deploy: {{replicas: 2}}
    x-gitopsd:
      min_ready: 0s
      strategy: canary
      scale_down_delay: 1s
      drain_timeout: 10s
      traffic: {{listen: 80, target: 8080}}
      steps: [{{set_weight: 50}}, {steps}]
      {more}
"""
PAUSE = "{pause: {}}"
SYNTHETIC = "analysis: {metrics: [{name: error-rate}], synthetic: {path: /, rate: 20/s}}"
NAME = RouteName("shop", "web")


@pytest.fixture
def house() -> Iterator[RoutedHouse]:
    made = RoutedHouse()
    yield made
    made.stop()


def serving(house: RoutedHouse, steps: str = PAUSE, more: str = "") -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": WEB.format(image="web:1", steps=steps, more=more)}), "shop")
    house.router.probed.clear()


def upgraded(house: RoutedHouse, steps: str = PAUSE, more: str = "") -> str:
    return house.push({"shop/compose.yaml": WEB.format(image="web:2", steps=steps, more=more)})


def test_a_canary_is_asked_through_the_router_before_it_gets_a_share(house: RoutedHouse) -> None:
    serving(house)

    upgraded(house)

    house.eventually(lambda: house.answers() == {"web:1": "50 %", "web:2": "50 %"})
    assert set(house.router.probed) == {(NAME, "b", "")}
    assert house.told("NewInstancesReached")


def test_one_that_only_answers_with_errors_never_gets_a_share(house: RoutedHouse) -> None:
    serving(house)
    upgraded(house)
    shares = []

    def failing() -> bool:
        house.router.answers.update(dict.fromkeys(house.ids(image="web:2").values(), 500))
        shares.append(house.answers().get("web:2"))
        return bool(house.told("RolloutRolledBack"))

    house.eventually(failing)

    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "RolloutRollingBack"]
    assert "it does not answer through the router: answered 500, wanted 200-499, 3 times in a row" in told.message
    assert set(shares) == {None}
    assert house.answers() == {"web:1": "100 %"}


def test_a_router_that_is_away_says_nothing_against_a_canary(house: RoutedHouse) -> None:
    serving(house)
    house.router.away = True
    upgraded(house)
    for _ in range(60):
        house.timer.tick(1)

    house.router.restart()

    house.eventually(lambda: house.answers() == {"web:1": "50 %", "web:2": "50 %"})
    assert not house.told("RolloutRollingBack")


def test_one_that_has_answered_is_back_at_once_after_a_router_has_restarted(house: RoutedHouse) -> None:
    serving(house)
    upgraded(house)
    house.eventually(lambda: house.answers() == {"web:1": "50 %", "web:2": "50 %"})
    house.router.probed.clear()

    house.router.restart()
    for _ in range(20):
        house.timer.tick(1)

    assert house.answers() == {"web:1": "50 %", "web:2": "50 %"}
    assert house.router.probed == []


def test_caches_are_filled_before_the_first_share(house: RoutedHouse) -> None:
    warm = "pre_warm: {paths: [/, /cart], rate: 20/s, until: {requests: 30}, max: 1m}"
    serving(house, more=warm)

    upgraded(house, more=warm)

    house.eventually(lambda: house.answers() == {"web:1": "50 %", "web:2": "50 %"})
    asked = [path for _, slot, path in house.router.probed if slot == "b"]
    assert min(asked.count("/"), asked.count("/cart")) >= 15
    told = [each for each in house.store.events(limit=10_000) if "30 were wanted" in each.message][-1]
    assert told.data["pre_warm_requests"] >= 30


def test_where_nobody_comes_a_canary_is_judged_by_requests_of_its_own(house: RoutedHouse) -> None:
    steps = "{analysis: {duration: 5s}}"
    serving(house, steps, SYNTHETIC)

    house.synced(upgraded(house, steps, SYNTHETIC), "shop")

    house.eventually(lambda: house.answers() == {"web:2": "100 %"})
    assert {slot for _, slot, path in house.router.probed if path == "/"} == {"a", "b"}


def test_one_that_fails_those_goes_back_without_a_single_user(house: RoutedHouse) -> None:
    steps = "{analysis: {duration: 60s}}"
    serving(house, steps, SYNTHETIC)
    upgraded(house, steps, SYNTHETIC)
    house.eventually(lambda: house.answers().get("web:2"))

    house.router.answers.update(dict.fromkeys(house.ids(image="web:2").values(), 500))

    house.eventually(lambda: house.told("RolloutRolledBack"))
    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "RolloutRollingBack"]
    assert "requests on the canary failed" in told.message

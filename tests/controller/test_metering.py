"""What is measured beside the passes, in a whole daemon over fakes: it decides about a canary, and ends with it."""

from collections.abc import Iterator

import pytest

from gitopsd.model.analysis import Number
from tests.controller.routed import RoutedHouse
from tests.fakes.containers import Behaviour

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
      steps: [{{set_weight: 50}}, {{analysis: {{duration: 5s}}}}]
      analysis: {{metrics: [{metric}]}}
"""
CHECKOUT = "{name: checkout, source: prometheus, query: 'ok{slot=\"$slot\"}', min: 0.98, interval: 1s}"
SMOKE = "{name: smoke, source: job, command: [./smoke], interval: 1s}"
CPU = "{name: cpu, max_ratio: 2, interval: 1s}"


@pytest.fixture
def house() -> Iterator[RoutedHouse]:
    made = RoutedHouse()
    yield made
    made.stop()


def serving(house: RoutedHouse, metric: str) -> None:
    house.start()
    house.synced(house.push({"shop/compose.yaml": WEB.format(image="web:1", metric=metric)}), "shop")


def says(house: RoutedHouse, canary: float) -> None:
    """The first version is in slot a."""
    house.metrics.says = {'ok{slot="a"}': Number(1.0), 'ok{slot="b"}': Number(canary)}


def test_a_query_that_is_out_of_bounds_turns_a_canary_back(house: RoutedHouse) -> None:
    serving(house, CHECKOUT)
    says(house, 0.5)

    house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=CHECKOUT)})

    house.eventually(lambda: house.told("RolloutRolledBack"))
    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "RolloutRollingBack"]
    assert "checkout: 0.5, 1 on stable: below 0.98, 3 times in a row" in told.message


def test_a_query_within_its_bounds_lets_it_pass_and_is_asked_no_more(house: RoutedHouse) -> None:
    serving(house, CHECKOUT)
    says(house, 0.99)

    house.synced(house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=CHECKOUT)}), "shop")

    house.eventually(lambda: house.ids(image="web:1") == {})
    house.timer.tick(30)
    asked = len(house.metrics.asked)
    for _ in range(10):
        house.timer.tick(5)
    assert 0 < len(house.metrics.asked) == asked


def test_a_canary_that_needs_three_times_the_processors_is_turned_back(house: RoutedHouse) -> None:
    house.engine().add_image("web:1", Behaviour(cores=0.2))
    house.engine().add_image("web:2", Behaviour(cores=0.6))
    serving(house, CPU)

    house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=CPU)})

    house.eventually(lambda: house.told("RolloutRolledBack"))
    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "RolloutRollingBack"]
    assert "cores for an instance of the canary" in told.message


def test_a_release_that_nobody_could_judge_is_held_until_the_settings_name_a_prometheus(house: RoutedHouse) -> None:
    serving(house, CPU)
    house.metrics.lacking = "gitopsd.yaml names no Prometheus; write metrics: {prometheus: {url: ...}}"
    says(house, 0.99)
    house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=CHECKOUT)})

    [hold] = house.eventually(lambda: getattr(house.status("shop"), "holds", None))

    assert "web.x-gitopsd.analysis: checkout: gitopsd.yaml names no Prometheus" in hold.reason
    assert house.ids(image="web:2") == {}
    house.metrics.lacking = ""
    house.eventually(lambda: house.ids(image="web:2"))


def test_a_job_beside_the_canary_decides_by_its_exit_code(house: RoutedHouse) -> None:
    serving(house, SMOKE)
    house.probe.jobs["./smoke"] = (3, "cart: 2 items, wanted 3", 0.0)

    house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=SMOKE)})

    house.eventually(lambda: house.told("RolloutRolledBack"))
    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "RolloutRollingBack"]
    assert "smoke: exit code 3 (cart: 2 items, wanted 3): 0 is wanted" in told.message


def test_one_that_ends_well_lets_it_pass_and_is_run_beside_the_canary_alone(house: RoutedHouse) -> None:
    serving(house, SMOKE)

    house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=SMOKE)})

    canary = set(house.eventually(lambda: house.ids(image="web:2")).values())
    house.eventually(lambda: house.ids(image="web:1") == {})
    assert {beside for beside, _ in house.probe.ran} <= canary | set(house.ids(image="web:2").values())
    assert house.probe.ran


def test_one_that_cannot_be_run_never_lets_it_pass(house: RoutedHouse) -> None:
    serving(house, SMOKE)
    house.probe.apart = "no such command"

    house.push({"shop/compose.yaml": WEB.format(image="web:2", metric=SMOKE)})

    paused = house.eventually(lambda: getattr(house.store.journal("shop").rollouts.get("web"), "paused", None))
    assert "it could not be run: no such command" in paused.reason
    assert house.answers() == {"web:1": "50 %", "web:2": "50 %"}

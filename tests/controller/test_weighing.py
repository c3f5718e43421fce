"""A new version that takes too much memory, in a whole daemon over fakes: told with its numbers, and turned back."""

from gitopsd.model.errors import EngineUnavailable
from tests.controller.house import NearHouse
from tests.fakes.containers import Behaviour

WEB = """
services:
  web:
    image: {image}
    mem_limit: 64m
    deploy: {{update_config: {{monitor: 40s}}}}
    x-gitopsd: {{min_ready: 0s, memory_spike: {{for: 10s}}}}
"""
MIB = 1 << 20


def serving(**of_the_new: int) -> NearHouse:
    house = NearHouse()
    house.engine().add_image("web:2", Behaviour(log="caching everything\n", **of_the_new))
    house.start()
    house.synced(house.push({"shop/compose.yaml": WEB.format(image="web:1")}), "shop")
    return house


def test_a_new_version_near_its_limit_is_turned_back_with_its_numbers() -> None:
    house = serving(memory=62 * MIB)
    house.push({"shop/compose.yaml": WEB.format(image="web:2")})

    house.eventually(lambda: house.told("RolloutRolledBack"))

    [told] = [event for event in house.store.events(limit=10_000) if event.reason == "RolloutRollingBack"]
    assert "shop-web-1 uses 62 MiB of the 64 MiB that it may, 97 % (memory_spike, for " in told.message
    assert told.data["logs"] == "caching everything\n"
    assert [each.image.image.reference for each in house.engine().containers.values() if each.up] == ["web:1"]
    house.stop()


def test_a_new_version_that_takes_no_more_than_the_old_one_is_good() -> None:
    house = serving(memory=20 * MIB)

    commit = house.push({"shop/compose.yaml": WEB.format(image="web:2")})

    house.synced(commit, "shop")
    assert house.told("RolloutRollingBack") == []
    house.stop()


def test_an_engine_that_does_not_say_how_much_is_used_holds_nothing_up() -> None:
    house = serving(memory=62 * MIB)
    house.engine().fail("usage", EngineUnavailable("no answer"), times=10_000)

    commit = house.push({"shop/compose.yaml": WEB.format(image="web:2")})

    house.synced(commit, "shop")
    house.stop()


def test_nobody_is_weighed_while_nothing_is_rolled_out() -> None:
    house = serving()
    house.timer.tick(30)  # the last look of the release may be due still
    looks = house.engine().calls.count("usage")

    for _ in range(20):
        house.timer.tick(30)

    assert 0 < looks == house.engine().calls.count("usage")
    house.stop()

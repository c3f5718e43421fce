"""What drifted once: kept with how it ended, by whose doing, and when it was first and last seen."""

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from gitopsd.controller.daemon import Daemon
from gitopsd.drift import end_words
from gitopsd.model.canonical import Json
from gitopsd.model.drift import PastDrift
from gitopsd.model.operation import Operation
from tests.controller.house import HERE, SETTINGS, House
from tests.controller.test_drifting import MANIFEST, MEMORY, serve
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine


@pytest.fixture
def house() -> House:
    return House()


def past(house: House) -> PastDrift:
    """The one drift that is over, once it is."""
    house.eventually(lambda: house.store.past_drift("shop"))
    (found,) = house.store.past_drift("shop")
    return found


def test_what_was_mended_on_the_live_container_was_healed_in_place(house: House) -> None:
    serve(house)
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)

    over = past(house)

    assert (over.end, over.by) == ("healed", "repair: resources.memory changed by hand")
    assert over.item.first_seen <= over.item.last_seen <= over.ended_at
    assert [(each.path, each.applied, each.live) for each in over.item.changes] == [
        ("resources.memory", MEMORY, MEMORY // 2)
    ]
    house.eventually(lambda: house.told("DriftEnded"))
    assert house.told("DriftEnded") == [
        "shop-web-1 is no longer modified: healed in place (repair: resources.memory changed by hand)"
    ]


def test_what_took_a_new_container_was_replaced(house: House) -> None:
    serve(house)
    house.engine().update_by_hand("shop-web-1", NanoCpus=10**9)
    over = past(house)
    assert (over.end, over.by) == ("replaced", "repair: shop-web-1: resources.cpus changed by hand")


def test_what_was_removed_is_made_again(house: House) -> None:
    serve(house)
    house.engine().remove_by_hand("shop-web-1")
    over = past(house)
    assert (over.end, over.item.kind, end_words(over)) == ("replaced", "missing", "made again")


def test_what_somebody_brought_back_was_reverted_by_hand(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: house.told("DriftFound"))
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY)
    over = past(house)
    assert (over.end, over.by, end_words(over)) == ("reverted", "", "reverted by hand")


def test_what_git_wants_by_now_was_accepted_by_a_release(house: House) -> None:
    house.edit_before_start(replace(SETTINGS, mode="manual"))
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY * 2)
    house.eventually(lambda: house.told("DriftFound"))
    manifest = MANIFEST % ("", "x-gitopsd: {heal: report}")
    commit = house.push({"shop/compose.yaml": manifest.replace("64m", "128m")})
    house.store.submit(Operation("sync", "shop", "ada", house.clock.now()))
    house.watcher.changed("operations")

    house.synced(commit, "shop")

    house.eventually(lambda: not house.store.drift("shop").items)
    assert house.store.past_drift("shop")[0].end == "accepted"


def test_what_drifts_further_goes_on_as_another_drift(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: house.told("DriftFound"))
    house.engine().update_by_hand("shop-web-1", CpuShares=7)
    assert past(house).end == "changed"


def test_a_drift_that_outlives_the_daemon_ends_all_the_same(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().pause_by_hand("shop-web-1")
    house.eventually(lambda: house.told("DriftFound"))
    house.daemon.stop()
    house.engine().unpause("shop-web-1")
    house.daemon = Daemon(house.application())
    house.daemon.start()
    over = past(house)
    assert (over.item.kind, over.end) == ("paused", "reverted")


def test_what_a_release_is_only_just_making_is_not_missing(house: House) -> None:
    """The engine refuses the network for a while, so that passes see it missing."""
    house.engine().fail("create network shop_back", times=2)
    house.start()
    commit = house.push({"shop/compose.yaml": MANIFEST % ("", "")})
    house.synced(commit, "shop")
    assert house.told("DriftFound") == []
    assert house.store.past_drift("shop") == ()


class Slow(FakeEngine):
    """Says that an update is done only some time after it is."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.returned = threading.Event()

    def update(self, container: str, body: Mapping[str, Json]) -> tuple[str, ...]:
        ignored = super().update(container, body)
        self.returned.wait(10)
        return ignored


def test_a_heal_whose_effect_shows_before_its_outcome_is_known_is_a_heal_all_the_same(house: House) -> None:
    engine = house.engines[HERE] = Slow(house.clock)
    engine.add_image("web:1")
    serve(house)
    engine.update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: house.writes() == ["update shop-web-1"])
    number = house.store.submit(Operation("resume", "shop", "ada", house.clock.now()))
    house.watcher.changed("operations")
    house.eventually(lambda: getattr(house.store.operation(number), "done_at", None))
    engine.returned.set()
    assert past(house).end == "healed"

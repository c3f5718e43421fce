"""Files that are exchanged in the loop: once, told once, picked up after a death, and put back after a hand."""

import pytest

from gitopsd.controller.daemon import Daemon
from tests.controller.house import House
from tests.controller.test_contents import looks_again

MANIFEST = """
services:
  web:
    image: web:1
    configs: [{source: app, target: /etc/app.conf}]
    x-gitopsd: {min_ready: 0s, flags: flags.yaml, on_config_change: signal:SIGHUP}
configs: {app: {file: ./app.conf}}
"""
CONF, FLAGS = "/etc/app.conf", "/etc/gitopsd/flags.yaml"


@pytest.fixture
def house() -> House:
    house = House()
    commit = push(house, "one", "off")
    house.start()
    house.synced(commit, "shop")
    return house


def push(house: House, conf: str, flags: str) -> str:
    return house.push({"shop/compose.yaml": MANIFEST, "shop/app.conf": conf, "shop/flags.yaml": flags})


def there(house: House) -> tuple[str, bytes, bytes]:
    found = house.engine().container("shop-web-1")
    return found.id, found.files[CONF], found.files[FLAGS]


def test_what_changes_in_place_changes_there_and_is_told(house: House) -> None:
    id, *_ = there(house)

    house.synced(push(house, "two", "on"), "shop")

    house.eventually(lambda: house.engine().signals)
    assert there(house) == (id, b"two", b"on")
    assert house.engine().signals == [("shop-web-1", "SIGHUP")]


@pytest.mark.parametrize("call", ["exchange files of shop-web-1", "send SIGHUP to shop-web-1"])
@pytest.mark.parametrize("after", [True, False])
def test_a_daemon_that_ends_in_between_picks_it_up(house: House, call: str, after: bool) -> None:
    id, *_ = there(house)
    house.engine().fail(call, after=after)
    commit = push(house, "two", "on")
    house.eventually(lambda: any(each.startswith(call) for each in house.engine().writes))

    house.daemon.stop()
    house.daemon = Daemon(house.application())
    house.daemon.start()

    house.synced(commit, "shop")
    house.eventually(lambda: ("shop-web-1", "SIGHUP") in house.engine().signals)
    assert there(house) == (id, b"two", b"on")


def test_a_file_that_was_changed_by_hand_comes_back_and_is_told(house: House) -> None:
    id, *_ = there(house)
    house.eventually(lambda: house.store.baselines("shop"))
    house.clock.advance(11)
    looks_again(house)

    house.engine().edit_by_hand("shop-web-1", CONF, b"by hand")

    house.eventually(lambda: house.told("DriftEnded"))
    assert there(house) == (id, b"one", b"off")
    assert house.engine().signals == [("shop-web-1", "SIGHUP")]

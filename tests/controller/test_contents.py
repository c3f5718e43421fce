"""Delivered content in the loop: what a hand makes of it is told and put back; what a start makes is not."""

import pytest

from gitopsd.controller.contents import EVERY
from gitopsd.controller.daemon import Daemon
from gitopsd.model.drift import DriftItem
from gitopsd.model.errors import EngineRefused
from gitopsd.model.operation import Operation
from tests.controller.house import House

MANIFEST = """
services:
  web:
    image: web:1
    volumes: ["./pages:/www"]
    configs: [{source: app, target: /etc/app.conf}]
    x-gitopsd: {min_ready: 0s%s}
configs: {app: {file: ./app.conf}}
%s
"""
PAGE, CONF = "/www/index.html", "/etc/app.conf"


@pytest.fixture
def house() -> House:
    return House()


def serve(house: House, service: str = "", top: str = "") -> House:
    """Serving for long enough that its content was looked at."""
    files = {"shop/pages/index.html": "<p>\n", "shop/app.conf": "on\n"}
    commit = house.push({"shop/compose.yaml": MANIFEST % (service, top), **files})
    house.start()
    house.synced(commit, "shop")
    house.eventually(lambda: house.store.baselines("shop"))
    house.clock.advance(11)
    looks_again(house)
    house.engine().writes.clear()
    return house


def looks_again(house: House) -> None:
    """Wait for passes that began after this call."""
    for _ in range(2):
        number = house.store.submit(Operation("resume", "shop", "ada", house.clock.now()))
        house.watcher.changed("operations")
        house.eventually(lambda number=number: getattr(house.store.operation(number), "result", ""))


def found(house: House) -> list[tuple[str, str, str, str]]:
    return [(each.resource, each.name, each.kind, each.cure) for each in house.store.drift("shop").items]


def files(house: House) -> dict[str, bytes]:
    return dict(house.engine().container("shop-web-1").files)


@pytest.mark.parametrize(
    ("path", "data", "kind"), [(PAGE, b"by hand", "modified"), (CONF, b"by hand", "modified"), (CONF, None, "missing")]
)
def test_a_file_that_was_changed_in_a_container_is_put_back_while_it_runs(
    house: House, path: str, data: bytes | None, kind: str
) -> None:
    serve(house)
    container, before = house.engine().container("shop-web-1").id, files(house)
    house.engine().edit_by_hand("shop-web-1", path, data)

    house.eventually(lambda: house.told("DriftEnded"))

    assert (files(house), house.engine().container("shop-web-1").id) == (before, container)
    assert house.writes() == ["deliver to shop-web-1"]
    assert house.told("DriftFound")[0].startswith(f"shop-web-1:{path} {kind}: {path} was ")


def test_a_file_beside_delivered_ones_is_told_and_left(house: House) -> None:
    serve(house)
    house.engine().edit_by_hand("shop-web-1", "/www/more.html", b"by hand")

    house.eventually(lambda: found(house) == [("file", "shop-web-1:/www/more.html", "extra", "none")])
    looks_again(house)

    assert house.writes() == []


def test_what_a_container_makes_of_its_files_at_its_start_is_its_own(house: House) -> None:
    given = {"shop/pages/index.html": "<p>\n", "shop/app.conf": "on\n"}
    commit = house.push({"shop/compose.yaml": MANIFEST % ("", ""), **given})
    house.start()
    house.synced(commit, "shop")
    house.engine().edit_by_hand("shop-web-1", CONF, b"filled in by the entrypoint")
    house.clock.advance(11)
    looks_again(house)

    assert found(house) == []
    house.engine().edit_by_hand("shop-web-1", CONF, b"by hand")
    house.eventually(lambda: house.told("DriftFound"))


def test_what_nobody_said_is_seen_after_a_while(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().container("shop-web-1").files = {**files(house), CONF: b"by hand"}
    looks_again(house)
    assert found(house) == []

    house.clock.advance(EVERY.total_seconds())
    looks_again(house)

    assert found(house) == [("file", f"shop-web-1:{CONF}", "modified", "in-place")]


def test_a_new_process_remembers_what_was_delivered(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.daemon.stop()
    house.engine().container("shop-web-1").files = {**files(house), CONF: b"by hand"}
    house.daemon = Daemon(house.application())
    house.daemon.start()

    house.eventually(lambda: found(house) == [("file", f"shop-web-1:{CONF}", "modified", "in-place")])


def test_after_an_upgrade_of_the_engine_what_lies_there_is_taken_as_it_is(house: House) -> None:
    serve(house)
    before = files(house)
    house.engine().version = "Docker/27.5.1 (memory)"
    house.engine().edit_by_hand("shop-web-1", CONF, b"filled in by the entrypoint")
    for _ in range(3):
        looks_again(house)

    assert (found(house), house.writes()) == ([], [])
    house.engine().edit_by_hand("shop-web-1", CONF, before[CONF])
    looks_again(house)
    assert found(house) == []


def test_content_that_somebody_else_looks_after_is_left_to_them(house: House) -> None:
    serve(house, f", ignore_drift: [content.{CONF}]")
    house.engine().edit_by_hand("shop-web-1", CONF, b"by hand")
    looks_again(house)

    assert found(house) == []


def test_digests_of_content_tell_nothing_without_the_key(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().edit_by_hand("shop-web-1", CONF, b"by hand")
    house.eventually(lambda: found(house))

    item: DriftItem
    (item,) = house.store.drift("shop").items
    (change,) = item.changes
    assert change.path == f"content.{CONF}"
    assert {len(str(change.applied)), len(str(change.live))} == {12}


def test_a_proxy_that_denies_reading_is_no_drift(house: House) -> None:
    serve(house)
    house.engine().fail("read /www", EngineRefused("denied by the proxy", 403), times=1000)
    house.engine().edit_by_hand("shop-web-1", PAGE, b"by hand")
    looks_again(house)

    assert found(house) == []

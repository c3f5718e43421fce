"""Single fields in the loop: what a hand changes is told with its cause, mended in place, and never mended for ever."""

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.controller.daemon import Daemon
from gitopsd.model.operation import Operation
from gitopsd.model.release import HEALS_BEFORE_LOOP as LOOP
from tests.controller.house import SETTINGS, House

MANIFEST = """
services:
  web:
    image: web:1
    mem_limit: 64m
    restart: always
    networks: {back: {aliases: [shop]}}
    x-gitopsd: {min_ready: 0s%s}
networks: {back: }
%s
"""
MEMORY = 64 << 20


@pytest.fixture
def house() -> House:
    return House()


def serve(house: House, service: str = "", top: str = "") -> House:
    commit = house.push({"shop/compose.yaml": MANIFEST % (service, top)})
    house.start()
    house.eventually(lambda: house.status("shop"))
    if "manual" in house.guards("shop"):
        house.store.submit(Operation("sync", "shop", "ada", house.clock.now()))
        house.watcher.changed("operations")
    house.synced(commit, "shop")
    house.eventually(lambda: house.store.baselines("shop"))
    house.engine().writes.clear()
    return house


def fields(house: House) -> dict[str, Any]:
    return dict(house.engine().observe("shop").instances[0].fields)


def looks_again(house: House) -> None:
    """Wait for passes that began after this call."""
    for _ in range(2):
        number = house.store.submit(Operation("resume", "shop", "ada", house.clock.now()))
        house.watcher.changed("operations")
        house.eventually(lambda number=number: getattr(house.store.operation(number), "result", ""))


def test_a_limit_that_was_changed_by_hand_comes_back_in_place(house: House) -> None:
    serve(house)
    container = house.engine().container("shop-web-1")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)

    house.eventually(lambda: house.told("DriftEnded"))

    assert house.writes() == ["update shop-web-1"]
    assert (house.engine().container("shop-web-1").id, fields(house)["resources.memory"]) == (container.id, MEMORY)
    (found,) = house.told("DriftFound")
    assert found.startswith("shop-web-1 modified: resources.memory changed by hand")


def test_what_the_engine_saw_is_told_with_the_drift(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")

    house.engine().exec_by_hand("shop-web-1", "sh -c vi")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)

    def cause() -> str:
        return next((each.cause for each in house.store.drift("shop").items), "")

    house.eventually(lambda: "exec of sh -c vi at " in cause() and ", then update at " in cause())


def test_a_network_that_was_left_is_joined_again_with_all_names(house: House) -> None:
    serve(house)
    before = fields(house)["networks"]
    house.engine().disconnect_by_hand("shop-web-1", "shop_back")

    house.eventually(lambda: house.told("DriftEnded"))

    assert house.writes() == ["connect shop-web-1 to shop_back"]
    assert fields(house)["networks"] == before


def test_an_alias_that_was_lost_costs_a_short_disconnection(house: House) -> None:
    serve(house)
    house.engine().disconnect_by_hand("shop-web-1", "shop_back")
    house.engine().connect_by_hand("shop-web-1", "shop_back", Aliases=["web"])

    house.eventually(lambda: house.told("DriftEnded"))

    assert house.writes() == ["disconnect shop-web-1 from shop_back", "connect shop-web-1 to shop_back"]
    assert fields(house)["networks"]["shop_back"]["aliases"] == ["shop", "web"]


def test_a_network_that_was_left_while_it_was_stopped_is_joined_again_before_the_start(house: House) -> None:
    serve(house)
    house.engine().stop_by_hand("shop-web-1")
    house.engine().disconnect_by_hand("shop-web-1", "shop_back")

    house.eventually(lambda: "start shop-web-1" in house.writes())
    house.eventually(lambda: not house.store.drift("shop").items)

    assert house.writes() == ["connect shop-web-1 to shop_back", "start shop-web-1"]
    assert list(fields(house)["networks"]) == ["shop_back"]


def test_what_the_engine_takes_and_ignores_is_told_and_tried_once(house: House) -> None:
    serve(house)
    house.engine().ignored_updates = frozenset({"Memory"})
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)

    house.eventually(lambda: [each.state for each in house.store.drift("shop").items] == ["unenforceable"])
    house.clock.advance(300)
    looks_again(house)

    (item,) = house.store.drift("shop").items
    assert [(each.path, each.applied, each.live) for each in item.changes] == [
        ("resources.memory", MEMORY, MEMORY // 2)
    ]
    assert house.writes() == ["update shop-web-1"]


def test_a_new_process_knows_what_the_engine_ignores(house: House) -> None:
    serve(house)
    house.engine().ignored_updates = frozenset({"Memory"})
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: [each.state for each in house.store.drift("shop").items] == ["unenforceable"])
    house.daemon.stop()
    house.daemon = Daemon(house.application())
    house.daemon.start()
    looks_again(house)

    assert [each.state for each in house.store.drift("shop").items] == ["unenforceable"]
    assert house.writes() == ["update shop-web-1"]


def test_what_somebody_sets_right_that_the_engine_had_ignored_is_held_against_them_again(house: House) -> None:
    serve(house)
    house.engine().ignored_updates = frozenset({"Memory"})
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: [each.state for each in house.store.drift("shop").items] == ["unenforceable"])
    house.engine().ignored_updates = frozenset()
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY)
    house.eventually(lambda: not house.store.drift("shop").items)
    house.clock.advance(300)

    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 4)

    house.eventually(lambda: fields(house)["resources.memory"] == MEMORY)


def test_what_an_engine_cannot_take_away_takes_a_new_container(house: House) -> None:
    serve(house)
    old = house.engine().container("shop-web-1").id
    house.engine().update_by_hand("shop-web-1", NanoCpus=10**9)

    house.eventually(lambda: house.told("DriftEnded"))

    house.eventually(lambda: house.engine().names() == ["shop-web-1"])
    assert house.engine().container("shop-web-1").id != old
    assert "resources.cpus" not in fields(house)


def test_a_field_that_somebody_else_looks_after_is_left_to_them(house: House) -> None:
    serve(house, ", ignore_drift: [resources.memory]")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.engine().update_by_hand("shop-web-1", RestartPolicy={"Name": "no"})

    house.eventually(lambda: house.told("DriftEnded"))

    assert house.told("DriftFound") == [each for each in house.told("DriftFound") if "restart" in each]


def test_where_changes_are_only_reported_the_rest_is_healed_all_the_same(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: {modified: report}}")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: house.told("DriftFound"))
    house.engine().remove_by_hand("shop-web-1")

    house.eventually(lambda: house.engine().names(running=True) == ["shop-web-1"])

    assert not any(write.startswith("update") for write in house.writes())


def test_after_an_upgrade_of_the_engine_nothing_is_healed_at_the_first_look(house: House) -> None:
    serve(house)
    house.engine().version = "Docker/27.5.1 (memory)"
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2, CpuShares=7)

    house.eventually(lambda: house.told("DriftFound"))

    assert [each.made_by.partition(";")[0] for each in house.store.baselines("shop").values()] == [
        "Docker/27.5.1 (memory)"
    ]
    house.eventually(lambda: house.told("DriftEnded"))


def test_a_lost_baseline_is_made_again_and_replaces_nothing(house: House) -> None:
    serve(house)
    container = house.engine().container("shop-web-1").id
    house.daemon.stop()
    house.store.save_baselines("shop", {container: None})
    house.daemon = Daemon(house.application())
    house.daemon.start()

    house.eventually(lambda: house.store.baselines("shop"))

    assert house.writes() == []
    assert house.told("DriftFound") == []


def test_against_another_controller_gitopsd_gives_up_in_the_end_and_says_so(house: House) -> None:
    serve(house)
    for _ in range(LOOP):
        before = len(house.told("DriftEnded"))
        house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
        house.eventually(lambda before=before: len(house.told("DriftEnded")) > before)
        house.clock.advance(300)

    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)

    house.eventually(lambda: house.told("HealLoop"))
    (item,) = house.store.drift("shop").items
    assert item.state == "heal-loop"
    house.eventually(lambda: "update at" in house.store.drift("shop").items[0].cause)


def test_a_person_may_ask_for_heals_that_the_policy_would_only_report(house: House) -> None:
    serve(house, top="x-gitopsd: {heal: report}")
    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)
    house.eventually(lambda: house.told("DriftFound"))

    house.store.submit(Operation("heal", "shop", "ada", house.clock.now(), {"service": "web"}))

    house.eventually(lambda: house.told("DriftEnded"))
    assert house.writes() == ["update shop-web-1"]
    assert house.told("OperationHeal") == [
        "ada asked to heal: what drifted of web, or does within 10 minutes, is mended"
    ]


def test_a_field_that_git_changes_as_well_is_a_conflict_that_is_left_to_git(house: House) -> None:
    house.edit_before_start(replace(SETTINGS, mode="manual"))
    serve(house)
    commit = house.push({"shop/compose.yaml": (MANIFEST % ("", "")).replace("64m", "128m")})
    house.eventually(lambda: getattr(house.status("shop"), "desired_revision", "") == commit)

    house.engine().update_by_hand("shop-web-1", Memory=MEMORY // 2)

    house.eventually(lambda: house.told("DriftFound"))
    (item,) = house.store.drift("shop").items
    (change,) = item.changes
    assert item.state == "conflict"
    assert (change.desired, change.applied, change.live) == (2 * MEMORY, MEMORY, MEMORY // 2)
    assert house.writes() == []

"""Canary and blue-green on a swarm, over fakes of Swarm and of its routers."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from gitopsd.controller.queries.progress import rollout_progress
from gitopsd.controller.queries.view import View
from gitopsd.model.analysis import Number
from tests.controller.swarm_street import SHOP, SwarmStreet, swarm_street

HALF = "[{set_weight: 50}, {pause: {}}]"
ROLLING: dict[str, Any] = {"strategy": "rolling", "scale_down_delay": None}


@pytest.fixture
def house() -> Iterator[SwarmStreet]:
    with swarm_street() as made:
        yield made


def at_half(house: SwarmStreet) -> None:
    """The first version serves, and half of the requests go to the second one."""
    house.released("web:1")
    house.push_web("web:2", steps=HALF)
    house.eventually(lambda: house.share() == 5000 and house.step() == 1)


def test_a_first_release_is_behind_the_router_and_publishes_nothing_itself(house: SwarmStreet) -> None:
    house.released("web:1")
    route = house.router.route()
    assert (route.listen, route.a.found, route.b.found) == (
        80,
        "tasks.shop_web:8080",
        "tasks.shop_web-canary:8080",
    )
    assert len(route.a.targets) == 4
    assert "Ports" not in house.swarm.services["shop_web"].body["EndpointSpec"]
    assert house.canary == ""


def test_a_canary_stands_beside_what_serves_with_as_many_tasks_as_its_share_needs(house: SwarmStreet) -> None:
    at_half(house)
    assert (house.image(), house.canary) == ("web:1", "web:2")
    assert len(house.router.route().b.targets) == 2
    networks = house.swarm.services["shop_web-canary"].body["TaskTemplate"]["Networks"]
    assert [each.get("Aliases") for each in networks] == [["web-canary"], None]


def test_whoever_follows_a_rollout_sees_its_step_its_share_and_the_tasks_of_both(house: SwarmStreet) -> None:
    at_half(house)
    (shown,) = rollout_progress(View(house.application()), "shop").services
    assert (shown.share, shown.step) == (5000, "step 2 of 2: pause until promoted")
    assert [each.role for each in shown.instances].count("new") == 2
    assert "web-canary.1" in {each.name for each in shown.instances}
    begun = {task.at for kept in house.swarm.services.values() for task in kept.tasks if task.runs}
    assert {each.ready_since for each in shown.instances} == begun
    assert shown.serving == 2


def test_one_that_goes_well_is_what_serves_in_the_end_and_its_canary_is_gone(house: SwarmStreet) -> None:
    at_half(house)
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert (house.image(), house.canary, house.share()) == ("web:2", "", 0)
    assert house.swarm.early == []


def test_what_serves_is_not_touched_before_everything_went_to_the_canary(house: SwarmStreet) -> None:
    at_half(house)
    house.asks("promote")
    house.eventually(lambda: house.image() == "web:2")
    assert max(table.routes[0].share for table in house.router.applied if table.routes) == 10_000


def test_one_whose_tasks_fail_gets_nothing_and_goes(house: SwarmStreet) -> None:
    house.released("web:1")
    house.swarm.failing = {"web:2"}
    house.push_web("web:2", steps=HALF)
    house.eventually(lambda: "rejected" in house.guards("shop"))
    house.eventually(lambda: house.canary == "")
    assert (house.image(), house.outcome()) == ("web:1", "rolled-back")
    assert all(route.share == 0 for table in house.router.applied for route in table.routes)
    assert "task: non-zero exit (3)" in house.store.releases("shop", 1)[0].reason


def test_the_judge_throws_back_what_answers_badly_and_its_share_goes_before_its_service(house: SwarmStreet) -> None:
    at_half(house)
    house.requests = 20
    house.router.answers = {each.id: 500 for each in house.router.route().b.targets}
    house.eventually(lambda: "rejected" in house.guards("shop"))
    house.eventually(lambda: house.canary == "")
    assert (house.image(), house.share(), house.swarm.early) == ("web:1", 0, [])
    assert "error-rate" in house.store.releases("shop", 1)[0].reason


def test_a_revert_on_the_way_takes_the_canary_back(house: SwarmStreet) -> None:
    at_half(house)
    commit = house.push_web("web:1")
    house.synced(commit, "shop")
    house.eventually(lambda: house.canary == "")
    assert (house.image(), house.share(), house.swarm.early) == ("web:1", 0, [])


def test_newer_content_on_the_way_takes_the_place_of_the_canary_at_no_share(house: SwarmStreet) -> None:
    at_half(house)
    house.engine().add_image("web:3")
    house.push_web("web:3", steps=HALF)
    house.eventually(lambda: house.canary == "web:3" and house.share() == 5000)
    assert house.image() == "web:1"
    assert house.swarm.early == []


def test_a_person_aborts(house: SwarmStreet) -> None:
    at_half(house)
    house.asks("abort")
    house.eventually(lambda: house.canary == "")
    assert (house.image(), house.share(), house.outcome()) == ("web:1", 0, "cancelled")


def test_blue_green_has_all_tasks_at_no_share_until_it_is_promoted(house: SwarmStreet) -> None:
    house.released("web:1")
    house.push_web("web:2", strategy="blue-green", steps="[{pause: {}}]")
    house.eventually(lambda: house.step() == 1 and len(house.router.route().b.targets) == 4)
    assert (house.image(), house.share()) == ("web:1", 0)
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert (house.image(), house.canary) == ("web:2", "")


def test_no_router_is_replaced_on_the_way_of_a_canary(house: SwarmStreet) -> None:
    header = "{header: X-Canary}"
    house.released("web:1", traffic=header)
    house.push_web("web:2", steps=HALF, traffic=header)
    house.eventually(lambda: house.share() == 5000 and house.step() == 1)
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert len({table.ways for table in house.router.applied if table.routes}) == 1
    assert house.router.route().on_purpose[0].slot == "b"


def test_a_step_leads_a_header_to_the_canary_until_another_one_ends_that_and_no_router_is_replaced(
    house: SwarmStreet,
) -> None:
    steps = (
        "[{set_header_route: {header: X-Friend}}, {set_weight: 50}, {pause: {}}, {set_header_route: {}}, {pause: {}}]"
    )
    friend = {"X-Friend": "yes"}
    house.released("web:1", steps=steps)
    house.push_web("web:2", steps=steps)
    house.eventually(lambda: house.share() == 5000 and house.step() == 2)
    canary = {each.id for each in house.router.route().b.targets}
    assert {house.router.request(SHOP, headers=friend).by for _ in range(20)} <= canary

    house.asks("promote")
    house.eventually(lambda: house.step() == 4 and not house.router.route().on)
    assert not {house.router.request(SHOP, headers=friend).by for _ in range(40)} <= canary
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")

    tables = [table for table in house.router.applied if table.routes]
    assert len({table.ways for table in tables}) == 1
    assert {table.routes[0].on for table in tables} == {0, 1}


def test_a_step_leads_nobody_to_a_canary_that_has_not_answered(house: SwarmStreet) -> None:
    steps = "[{set_header_route: {header: X-Friend}}, {set_weight: 50}]"
    house.released("web:1", steps=steps)
    house.push_web("web:2", steps=steps)

    def failing() -> bool:
        house.router.answers = {each.id: 500 for each in house.router.route().b.targets}
        return "rejected" in house.guards("shop")

    house.eventually(failing)
    assert {route.on for table in house.router.applied for route in table.routes} == {0}


def test_what_serves_is_reached_at_its_own_port_while_newer_content_has_another_one(house: SwarmStreet) -> None:
    house.released("web:1")
    house.push_web("web:2", steps=HALF, port=9090)
    house.eventually(lambda: house.share() == 5000 and house.step() == 1)
    route = house.router.route()
    assert (route.a.found, route.b.found) == ("tasks.shop_web:8080", "tasks.shop_web-canary:9090")
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert house.router.route().a.found == "tasks.shop_web:9090"


def test_a_canary_waits_for_what_is_in_flight_and_is_cut_in_the_end(house: SwarmStreet) -> None:
    at_half(house)
    busy = house.router.route().b.targets[0].id
    house.router.in_flight[busy] = 1
    house.asks("abort")
    house.eventually(lambda: house.router.cuts)
    house.eventually(lambda: house.canary == "")
    assert house.router.cuts == [busy]
    assert "1 connection cut" in house.told("ConnectionsCut")[0]


def test_nothing_moves_and_nothing_fails_while_no_router_answers(house: SwarmStreet) -> None:
    at_half(house)
    house.router.away = True
    house.asks("promote")
    house.eventually(lambda: "router" in house.guards("shop"))
    for _ in range(5):
        house.timer.tick(60)
    assert (house.image(), house.canary) == ("web:1", "web:2")
    house.router.away = False
    house.eventually(lambda: house.outcome() == "succeeded")


def test_a_gitopsd_that_was_killed_in_the_midst_goes_on(house: SwarmStreet) -> None:
    at_half(house)
    house.daemon.stop()
    house.edit_before_start(house._load())
    house.daemon.start()
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert (house.image(), house.canary) == ("web:2", "")


def test_a_canary_that_somebody_removed_is_made_again(house: SwarmStreet) -> None:
    at_half(house)
    del house.swarm.services["shop_web-canary"]
    house.eventually(lambda: house.canary == "web:2")
    house.eventually(lambda: house.share() == 5000)


def test_what_serves_is_made_again_where_somebody_removed_it_beside_its_canary(house: SwarmStreet) -> None:
    at_half(house)
    del house.swarm.services["shop_web"]
    house.eventually(lambda: house.image() == "web:1")
    house.eventually(lambda: len(house.router.route().a.targets) == 4)
    assert (house.canary, house.share()) == ("web:2", 5000)
    assert house.told("UpdateToldAgain") == ["web: told again: shop_web is gone"]
    house.asks("promote")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert (house.image(), house.canary) == ("web:2", "")


def test_no_router_is_replaced_where_a_service_was_removed_and_comes_back(house: SwarmStreet) -> None:
    house.released("web:1")
    before = house.router.table.ways
    house.swarm.refuses = "create shop_web"
    del house.swarm.services["shop_web"]
    house.eventually(lambda: house.told("DriftFound"))
    for _ in range(3):
        house.timer.tick(60)
    house.swarm.refuses = ""
    house.eventually(lambda: house.image() == "web:1")
    house.eventually(lambda: len(house.router.route().a.targets) == 4)
    assert {table.ways for table in house.router.applied} == {before}


def test_a_share_that_somebody_moved_is_told_with_its_end(house: SwarmStreet) -> None:
    house.released("web:1")
    house.router.share_by_hand(SHOP, 5000)
    house.eventually(lambda: house.told("DriftEnded"))
    assert "the share of slot b is 50 %, should be 0 %: changed by hand" in house.told("DriftFound")[0]
    assert house.share() == 0


def test_a_port_that_the_router_still_has_is_waited_for(house: SwarmStreet) -> None:
    house.released("web:1", traffic="{}", **ROLLING)
    house.swarm.refuses = "update shop_web"
    house.swarm.refusal = "port '80' is already in use by service 'gitopsd-router' (id) as a host-published port"
    commit = house.push_web("web:2", **ROLLING)
    house.eventually(lambda: house.router.table.route(SHOP) is None)
    house.swarm.refuses = ""
    house.synced(commit, "shop")
    assert house.outcome() == "succeeded"


def test_an_environment_that_is_taken_down_leaves_the_router_first(house: SwarmStreet) -> None:
    at_half(house)
    house.push({"shop/compose.yaml": None})
    house.asks("remove")
    house.eventually(lambda: not house.swarm.services)
    assert house.router.table.route(SHOP) is None
    assert house.swarm.early == []


JUDGED = "[{set_weight: 50}, {analysis: {duration: 30s}}]"
ASKED = "{metrics: [{name: sold, source: prometheus, query: sold, min: 0.9, interval: 5s}]}"


def judged(house: SwarmStreet, analysis: str) -> None:
    """The second version gets half of the requests, and is judged."""
    house.released("web:1")
    house.requests = 20
    house.push_web("web:2", steps=JUDGED, analysis=analysis)
    house.eventually(lambda: house.share() == 5000 and house.step() == 1)


def test_what_a_query_gives_lets_a_canary_pass(house: SwarmStreet) -> None:
    house.metrics.says = {"sold": Number(0.97)}
    judged(house, ASKED)
    house.eventually(lambda: house.outcome() == "succeeded")
    assert (house.image(), house.canary) == ("web:2", "")


def test_what_a_query_gives_throws_a_canary_back(house: SwarmStreet) -> None:
    house.metrics.says = {"sold": Number(0.5)}
    judged(house, ASKED)
    house.eventually(lambda: house.outcome() == "rolled-back")
    assert "sold" in house.store.releases("shop", 1)[0].reason


def test_a_task_that_fails_once_counts_as_a_restart_where_none_is_allowed(house: SwarmStreet) -> None:
    judged(house, "{metrics: [{name: restarts, max: 0}]}")
    kept = house.swarm.services["shop_web-canary"]
    index, task = next((index, each) for index, each in enumerate(kept.tasks) if each.runs)
    kept.tasks[index] = replace(task, state="failed", wanted="shutdown", why="it crashed", at=house.clock.now())
    house.eventually(lambda: house.outcome() == "rolled-back")
    assert "1 restart of the canary's instances, 0 are allowed" in house.store.releases("shop", 1)[0].reason


def test_a_canary_whose_tasks_never_fail_passes_where_no_restart_is_allowed(house: SwarmStreet) -> None:
    judged(house, "{metrics: [{name: restarts, max: 0}]}")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert house.image() == "web:2"

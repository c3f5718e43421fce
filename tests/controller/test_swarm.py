"""An environment on a swarm, over a fake of one: what Swarm does by itself, and what gitopsd makes of that."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from gitopsd.engine_json.labels import FINGERPRINT
from gitopsd.engine_json.swarm_spec import STACK
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.settings import TargetEngine
from gitopsd.model.swarm import HeldObject, SwarmNode
from tests.controller.house import HERE, SETTINGS, NearHouse, compose
from tests.fakes.clock import NOON

Seen = TypeVar("Seen")
ON_SWARM = replace(SETTINGS, engine=TargetEngine(HERE, swarm=True))
TWO = "    deploy: {replicas: 2}\n"


class SwarmHouse(NearHouse):
    """A house on a swarm, which goes on as time does."""

    def eventually(self, check: Callable[[], Seen]) -> Seen:
        def going_on() -> Seen:
            self.swarm.step()
            return check()

        return super().eventually(going_on)

    def spec(self, name: str = "shop_web") -> dict[str, Any]:
        return self.swarm.services[name].body

    def image(self) -> str:
        return str(self.spec()["TaskTemplate"]["ContainerSpec"]["Image"]).partition("@")[0]

    def replicas(self) -> int:
        return int(self.spec()["Mode"]["Replicated"]["Replicas"])

    def outcome(self) -> str | None:
        return self.store.releases("shop", 1)[0].outcome

    def asks(self, verb: Verb, **arguments: Any) -> str:
        number = self.store.submit(Operation(verb, "shop", "ada", NOON, arguments))
        self.watcher.changed("operations")
        return self.eventually(lambda: (self.store.operation(number) or Operation(verb, "shop", "", NOON)).result)


@pytest.fixture
def house() -> Iterator[SwarmHouse]:
    made = SwarmHouse(ON_SWARM)
    made.start()
    yield made
    made.swarm.away = False
    made.stop()


def push(house: SwarmHouse, image: str = "web:1", more: str = TWO) -> str:
    return house.push({"shop/compose.yaml": compose(image, more)})


def released(house: SwarmHouse, image: str = "web:1", more: str = TWO) -> str:
    commit = push(house, image, more)
    house.synced(commit, "shop")
    return commit


def test_a_push_makes_networks_and_services_and_no_containers(house: SwarmHouse) -> None:
    released(house)
    assert (house.image(), house.replicas()) == ("web:1", 2)
    assert list(house.swarm.networks) == ["shop_default"]
    assert house.engine().names() == []
    assert house.status("shop").services[0].ready == 2  # type: ignore[union-attr]
    assert house.outcome() == "succeeded"


def test_an_upgrade_is_one_update_and_a_commit_that_changes_nothing_is_none(house: SwarmHouse) -> None:
    released(house)
    released(house, "web:2")
    assert house.image() == "web:2"
    calls = list(house.swarm.calls)
    released(house, "web:2", TWO + "# a note\n")
    assert house.swarm.calls == calls


def test_what_swarm_rolls_back_is_rejected_and_not_tried_again(house: SwarmHouse) -> None:
    good = released(house)
    house.swarm.failing = {"web:2"}
    push(house, "web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    assert house.outcome() == "rolled-back"
    assert "Swarm rolled it back: task: non-zero exit (3)" in house.store.releases("shop", 1)[0].reason
    updates = house.swarm.calls.count("update shop_web")
    for _ in range(5):
        house.timer.tick(60)
        house.swarm.step()
    assert (updates, house.swarm.calls.count("update shop_web")) == (1, 1)
    assert house.store.journal("shop").serving.revision == good  # type: ignore[union-attr]


def test_what_a_task_that_failed_wrote_last_is_beside_the_event_that_tells_of_it(house: SwarmHouse) -> None:
    released(house)
    house.swarm.failing, house.swarm.said = {"web:2"}, {"web:1": "all is well\n", "web:2": "no such table\n"}
    push(house, "web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    (event,) = (each for each in house.store.events() if each.reason == "RolloutRollingBack")
    assert (event.service, event.data["logs"]) == ("web", "no such table\n")
    assert event.data["task"] in {each.id for each in house.swarm.services["shop_web"].tasks}


def test_what_crashes_only_after_swarm_has_ended_its_watch_is_turned_back_all_the_same(house: SwarmHouse) -> None:
    released(house)
    house.swarm.late = {"web:2"}
    push(house, "web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    assert "of its tasks failed: task: non-zero exit (3)" in house.store.releases("shop", 1)[0].reason
    house.eventually(lambda: house.image() == "web:1")


def test_a_revert_after_a_rejection_is_good_again(house: SwarmHouse) -> None:
    released(house)
    house.swarm.failing = {"web:2"}
    push(house, "web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    released(house)
    assert house.guards("shop") == set()


def test_services_that_were_promoted_already_return_when_another_one_fails(house: SwarmHouse) -> None:
    more = TWO + "  last:\n    image: IMAGE\n    x-gitopsd: {min_ready: 0s}\n    depends_on: [web]\n"
    released(house, "web:1", more.replace("IMAGE", "web:1"))
    house.engine().add_image("web:3")
    house.swarm.failing = {"web:3"}
    push(house, "web:2", more.replace("IMAGE", "web:3"))
    house.eventually(lambda: "rejected" in house.guards("shop"))
    house.eventually(lambda: house.image() == "web:1")


def test_a_first_release_that_fails_is_rejected_and_stays_for_diagnosis(house: SwarmHouse) -> None:
    house.swarm.failing = {"web:1"}
    push(house, "web:1", "    deploy: {replicas: 4}\n")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    assert house.outcome() == "failed"
    assert "shop_web" in house.swarm.services


def test_what_a_manager_refuses_is_rejected_with_its_words(house: SwarmHouse) -> None:
    house.swarm.refuses = "create shop_web"
    push(house)
    house.eventually(lambda: "rejected" in house.guards("shop"))
    assert "create shop_web: invalid" in house.store.releases("shop", 1)[0].reason


def test_a_service_that_left_the_manifest_goes(house: SwarmHouse) -> None:
    other = TWO + "  other:\n    image: web:1\n    x-gitopsd: {min_ready: 0s}\n"
    released(house, "web:1", other)
    released(house, "web:1")
    assert list(house.swarm.services) == ["shop_web"]


def test_what_somebody_changes_is_told_with_its_cause_and_healed(house: SwarmHouse) -> None:
    released(house)
    before = house.spec()
    house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    house.eventually(lambda: house.told("DriftEnded"))
    assert "scaled by hand from 2 to 5" in house.told("DriftFound")[0]
    assert "repair: shop_web was scaled by hand from 2 to 5" in house.told("DriftEnded")[0]
    assert [each.data["end"] for each in house.store.events() if each.reason == "DriftEnded"] == ["healed"]
    assert house.spec()["Mode"] == before["Mode"]


def test_a_service_that_somebody_removed_comes_back(house: SwarmHouse) -> None:
    released(house)
    house.swarm.remove_service(house.swarm.services["shop_web"].id)
    house.eventually(lambda: "shop_web" in house.swarm.services)
    house.eventually(lambda: house.told("DriftEnded"))


def test_a_rollback_by_hand_is_told_as_one_and_taken_back(house: SwarmHouse) -> None:
    released(house)
    released(house, "web:2")
    previous = house.swarm.services["shop_web"].previous
    house.swarm.by_hand("shop_web", lambda spec: spec.update(previous))
    house.eventually(lambda: any("rolled back by hand" in each for each in house.told("DriftFound")))
    house.eventually(lambda: house.image() == "web:2")


def test_a_forced_update_is_told_and_makes_no_second_one(house: SwarmHouse) -> None:
    released(house)
    house.swarm.by_hand("shop_web", lambda spec: spec["TaskTemplate"].update(ForceUpdate=1))
    house.eventually(lambda: any("made anew by a forced update" in each for each in house.told("DriftFound")))
    house.timer.tick(60)
    assert house.swarm.calls.count("update shop_web") == 0
    assert house.status("shop").sync == "Synced"  # type: ignore[union-attr]


def test_a_stack_that_somebody_removed_comes_back_with_its_network(house: SwarmHouse) -> None:
    released(house)
    house.swarm.remove_service(house.swarm.services["shop_web"].id)
    del house.swarm.networks["shop_default"]
    house.eventually(lambda: "shop_web" in house.swarm.services)
    assert list(house.swarm.networks) == ["shop_default"]
    house.eventually(lambda: len(house.told("DriftEnded")) == 2)
    assert any("network shop_default is gone: removed, and not by gitopsd" in each for each in house.told("DriftFound"))
    assert any("repair: shop_default was removed by hand" in each for each in house.told("DriftEnded"))


def test_a_network_is_not_made_again_where_nothing_is_to_be_mended(house: SwarmHouse) -> None:
    released(house, more=TWO + "x-gitopsd: {heal: report}\n")
    del house.swarm.networks["shop_default"]
    house.timer.tick(60)
    house.eventually(lambda: house.told("DriftFound"))
    assert house.swarm.networks == {}


def test_a_field_that_others_look_after_is_neither_told_nor_taken_back(house: SwarmHouse) -> None:
    web = "services:\n  web:\n    image: web:1\n    deploy: {replicas: 2}\n"
    house.synced(
        house.push({"shop/compose.yaml": f"{web}    x-gitopsd: {{min_ready: 0s, ignore_drift: [deploy.replicas]}}\n"}),
        "shop",
    )
    house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    house.timer.tick(60)
    house.timer.tick(60)
    assert (house.replicas(), house.told("DriftFound")) == (5, [])
    house.swarm.by_hand("shop_web", lambda spec: spec["Labels"].update(note="mine"))
    house.eventually(lambda: house.told("DriftEnded"))
    assert house.replicas() == 5


def test_a_release_leaves_the_number_of_tasks_to_whom_the_manifest_leaves_it(house: SwarmHouse) -> None:
    def released_as(image: str) -> None:
        web = f"services:\n  web:\n    image: {image}\n    deploy: {{replicas: 2}}\n"
        keys = "    x-gitopsd: {min_ready: 0s, ignore_drift: [deploy.replicas, deploy.labels, environment]}\n"
        house.synced(house.push({"shop/compose.yaml": f"{web}{keys}"}), "shop")

    released_as("web:1")
    house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    house.swarm.by_hand("shop_web", lambda spec: spec["Labels"].update(note="mine"))
    house.swarm.by_hand("shop_web", lambda spec: spec["TaskTemplate"]["ContainerSpec"].update(Env=["COLOUR=red"]))
    released_as("web:2")
    assert (house.image(), house.replicas(), house.spec()["Labels"]["note"]) == ("web:2", 5, "mine")
    assert house.spec()["TaskTemplate"]["ContainerSpec"].get("Env", []) == []
    house.timer.tick(60)
    assert house.told("DriftFound") == []


def test_a_login_that_was_renewed_reaches_the_nodes_at_the_next_full_look_and_moves_no_task(house: SwarmHouse) -> None:
    house.swarm.login = "first"
    web = "services:\n  web:\n    image: web:1\n    deploy: {replicas: 2}\n"
    keys = "    x-gitopsd: {min_ready: 0s, ignore_drift: [deploy.replicas]}\n"
    house.synced(house.push({"shop/compose.yaml": f"{web}{keys}"}), "shop")
    house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=3))
    house.timer.tick(60)
    before = list(house.swarm.services["shop_web"].tasks)
    told = house.swarm.calls.count("update shop_web")
    house.swarm.login = "second"
    house.eventually(lambda: house.told("LoginRenewed"))
    house.timer.tick(60)
    house.timer.tick(60)
    assert (house.swarm.services["shop_web"].login, house.replicas()) == ("second", 3)
    assert house.swarm.services["shop_web"].tasks == before
    assert house.swarm.calls.count("update shop_web") == told + 1
    assert house.told("DriftFound") == []


@pytest.mark.parametrize("gone", ["", None])
def test_a_login_that_is_gone_or_cannot_be_read_renews_nothing(house: SwarmHouse, gone: str | None) -> None:
    house.swarm.login = "first"
    released(house)
    calls = list(house.swarm.calls)
    house.swarm.login = gone
    for _ in range(3):
        house.timer.tick(60)
    assert house.swarm.calls == calls


def test_a_job_is_not_run_anew_for_a_login(house: SwarmHouse) -> None:
    house.swarm.login = "first"
    released(house, more='    restart: "no"\n')
    calls = list(house.swarm.calls)
    house.swarm.login = "second"
    for _ in range(3):
        house.timer.tick(60)
    assert house.swarm.calls == calls


def test_an_object_that_somebody_made_for_the_stack_is_told_and_left_alone(house: SwarmHouse) -> None:
    released(house)
    house.swarm.objects["config/shop_mine"] = HeldObject("config", "c1", "shop_mine", ours=False), {STACK: "shop"}
    house.timer.tick(60)
    house.eventually(lambda: house.told("DriftFound"))
    assert "config shop_mine says that it is of this stack, and gitopsd did not make it" in house.told("DriftFound")[0]
    assert "config/shop_mine" in house.swarm.objects


def test_a_node_that_somebody_changed_is_told_of_on_the_service_that_it_could_have(house: SwarmHouse) -> None:
    house.swarm.nodes = (replace(house.swarm.nodes[0], labels={"disk": "ssd"}),)
    released(house, more="    deploy: {placement: {constraints: [node.labels.disk == ssd]}}\n")
    house.swarm.nodes = (replace(house.swarm.nodes[0], labels={}),)
    house.timer.tick(60)
    house.eventually(lambda: house.told("DriftFound"))
    why = "a node was changed, or is gone: no node can have it: alpha: not node.labels.disk == ssd"
    assert why in house.told("DriftFound")[0]
    assert house.swarm.calls.count("update shop_web") == 0
    house.swarm.nodes = (replace(house.swarm.nodes[0], labels={"disk": "ssd"}),)
    house.timer.tick(60)
    house.eventually(lambda: house.told("DriftEnded"))


def test_who_undoes_every_heal_is_given_up(house: SwarmHouse) -> None:
    released(house)

    def looping() -> bool:
        if house.replicas() == 2:
            house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
        house.timer.tick(30)
        repair = house.store.journal("shop").repairs.get("web")
        return repair is not None and repair.looping

    house.eventually(looping)
    healed = house.swarm.calls.count("update shop_web")
    house.timer.tick(600)
    assert house.swarm.calls.count("update shop_web") == healed


def test_a_suspended_environment_is_told_of_and_not_healed(house: SwarmHouse) -> None:
    released(house)
    house.asks("suspend")
    house.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    house.eventually(lambda: house.told("DriftFound"))
    house.asks("resume")
    house.eventually(lambda: house.replicas() == 2)


def test_services_of_somebody_else_hold_the_release(house: SwarmHouse) -> None:
    released(house)
    house.spec()["Labels"]["gitopsd.environment"] = "other"
    push(house, "web:2")
    house.eventually(lambda: "foreign" in house.guards("shop"))
    assert house.image() == "web:1"


def test_another_gitopsd_keeps_its_project(house: SwarmHouse) -> None:
    house.swarm.owners["shop"] = "somebody"
    push(house)
    house.eventually(lambda: "owner" in house.guards("shop"))
    assert house.swarm.services == {}


def test_a_node_that_is_down_is_a_warning_and_no_failed_release(house: SwarmHouse) -> None:
    released(house)
    house.swarm.nodes = (*house.swarm.nodes, SwarmNode("n2", "beta", "worker", "down", "active"))
    house.timer.tick(60)
    house.eventually(lambda: house.status("shop").warnings == ("node beta (worker) is down",))  # type: ignore[union-attr]
    assert house.status("shop").sync == "Synced"  # type: ignore[union-attr]


def test_what_becomes_of_a_node_is_told_once_however_many_environments_look(house: SwarmHouse) -> None:
    house.swarm.node("beta", role="worker", reachability="")
    released(house)
    house.synced(house.push({"store/compose.yaml": compose("web:1")}), "store")
    assert house.told("NodeJoined") == []
    house.swarm.lose("beta")
    house.timer.tick(60)
    house.eventually(lambda: house.told("NodeDown") == ["node beta (worker) is down: heartbeat failure"])
    house.swarm.node("beta", state="unknown")  # as all are after another manager has become the leader
    house.timer.tick(60)
    house.swarm.node("beta", state="ready", availability="drain")
    house.timer.tick(60)
    house.eventually(lambda: house.told("NodeDrained") == ["node beta (worker) is drained"])
    house.swarm.node("beta", availability="active")
    house.timer.tick(60)
    house.eventually(lambda: house.told("NodeReady") == ["node beta (worker) takes tasks again, and was drained"])
    assert len(house.told("NodeDown")) == 1


def test_a_node_that_went_while_no_daemon_ran_is_told_by_the_next_one(house: SwarmHouse) -> None:
    house.swarm.node("beta", role="worker", reachability="")
    released(house)
    house.swarm.lose("beta")
    house.upgrade("v2")
    house.eventually(lambda: house.told("NodeDown") == ["node beta (worker) is down: heartbeat failure"])


def loses_a_worker(house: SwarmHouse, image: str) -> None:
    """A worker goes with the first task of an update, and comes back: that is a failed task to Swarm."""
    house.swarm.node("beta", role="worker", reachability="")
    push(house, image)
    super(SwarmHouse, house).eventually(lambda: "update shop_web" in house.swarm.calls)
    house.swarm.begin("shop_web")
    house.timer.tick(5)
    house.swarm.lose("beta")
    house.timer.tick(20)
    house.swarm.back("beta")
    assert house.swarm.services["shop_web"].update == "rollback_completed"
    house.timer.tick(5)


def test_an_update_that_swarm_took_back_for_the_loss_of_a_node_is_told_again_and_not_rejected(
    house: SwarmHouse,
) -> None:
    released(house)
    loses_a_worker(house, "web:2")
    house.eventually(lambda: house.outcome() == "succeeded" and house.image() == "web:2")
    assert house.swarm.calls.count("update shop_web") == 2
    assert house.told("UpdateToldAgain") == ["web: told again: node beta went away, and Swarm rolled it back for that"]
    assert house.guards("shop") == set()


def test_a_bad_update_is_rejected_though_a_node_was_lost_as_well(house: SwarmHouse) -> None:
    released(house)
    house.swarm.failing = {"web:2"}
    loses_a_worker(house, "web:2")
    house.eventually(lambda: "rejected" in house.guards("shop"))
    assert house.told("UpdateToldAgain") == []


def test_tasks_that_swarm_finds_no_place_for_are_told_with_its_reason(house: SwarmHouse) -> None:
    released(house)
    kept = house.swarm.services["shop_web"]
    placed = kept.tasks
    kept.tasks = [placed[0], house.swarm.pending(placed[1], "no suitable node (insufficient resources on 1 node)")]
    house.timer.tick(60)
    said = "web: Swarm finds no place for 1 of its tasks: no suitable node (insufficient resources on 1 node)"
    super(SwarmHouse, house).eventually(lambda: house.told("TasksPending") == [said])
    service = house.status("shop").services[0]  # type: ignore[union-attr]
    assert (service.pending, service.health) == (1, "Degraded")
    kept.tasks = placed
    house.timer.tick(5)
    super(SwarmHouse, house).eventually(lambda: house.told("TasksPlaced") == ["web: every task has a place"])


def test_a_release_whose_time_is_over_waits_for_the_nodes_that_are_lost(house: SwarmHouse) -> None:
    released(house)
    house.swarm.node("beta", role="worker", reachability="", state="down")
    push(house, "web:2")
    super(SwarmHouse, house).eventually(lambda: "update shop_web" in house.swarm.calls)
    house.timer.tick(3600)
    house.timer.tick(3600)
    assert house.outcome() is None
    house.swarm.node("beta", state="ready")
    house.timer.tick(60)
    super(SwarmHouse, house).eventually(lambda: house.swarm.calls.count("update shop_web") == 2)
    house.eventually(lambda: house.outcome() == "rolled-back")


def test_configs_are_named_by_their_content_and_collected_when_nothing_has_them(house: SwarmHouse) -> None:
    def shop(content: str, image: str = "web:1") -> str:
        more = f"    configs: [page]\nconfigs: {{page: {{content: {content}}}}}\n"
        return released(house, image, more)

    shop("one")
    (first,) = house.swarm.objects
    shop("two")
    assert len(house.swarm.objects) == 2  # the first one is what a rollback needs
    shop("three")
    house.eventually(lambda: len(house.swarm.objects) == 2)
    assert first not in house.swarm.objects


def test_a_daemon_that_dies_in_an_update_goes_on_with_it(house: SwarmHouse) -> None:
    released(house)
    push(house, "web:2")
    super(SwarmHouse, house).eventually(lambda: "update shop_web" in house.swarm.calls)
    house.upgrade("v2")
    house.eventually(lambda: house.outcome() == "succeeded")
    assert house.swarm.calls.count("update shop_web") == 1


def test_an_environment_under_a_new_name_is_told_nothing_new(house: SwarmHouse) -> None:
    released(house)
    moved = compose("web:1", TWO + "x-gitopsd: {moved_from: shop}\nname: shop\n")
    commit = house.push({"shop/compose.yaml": None, "store/compose.yaml": moved})
    house.synced(commit, "store")
    assert house.swarm.calls.count("update shop_web") == 0
    assert house.guards("store") == set()


def test_a_removed_environment_leaves_nothing_behind(house: SwarmHouse) -> None:
    released(house)
    assert house.asks("remove").startswith("1 services removed")
    assert (house.swarm.services, house.swarm.networks, house.swarm.owners) == ({}, {}, {})


def test_tasks_carry_the_fingerprint_so_that_an_image_of_the_same_name_makes_new_ones(house: SwarmHouse) -> None:
    released(house)
    labels = house.spec()["TaskTemplate"]["ContainerSpec"]["Labels"]
    assert labels[FINGERPRINT] == house.store.journal("shop").stable["web"].fingerprint

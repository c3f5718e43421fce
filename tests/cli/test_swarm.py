"""What people read of an environment that is on a swarm, word for word, while no daemon runs."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from gitopsd.engine_json.swarm_spec import STACK
from gitopsd.model.settings import EnvironmentSettings, TargetEngine
from tests.cli.shop import Shop, compose, web

THERE = {"shop": EnvironmentSettings("shop", target=TargetEngine("unix:///swarm", swarm=True))}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path / "state", environments=THERE)


def test_a_plan_tells_what_swarm_will_replace_and_what_no_node_can_have(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    shop.commit(compose(web("web:2", "deploy: {replicas: 2, labels: {team: blue}}")))
    planned = shop.json("plan", "shop")["environments"][0]
    assert [(each["service"], each["change"], each["cause"]) for each in planned["changes"]] == [
        ("web", "replace", "image web:1 -> web:2")
    ]
    shop.commit(compose(web("web:1", "deploy: {placement: {constraints: [node.role == worker]}}")))
    assert [hold["guard"] for hold in shop.json("plan", "shop")["environments"][0]["holds"]] == ["placement"]


def test_a_plan_says_what_other_stacks_have_left_of_each_node(shop: Shop) -> None:
    reserved = {"Reservations": {"NanoCPUs": 1_500_000_000}}
    template = {"ContainerSpec": {"Image": "db:1"}, "Resources": reserved}
    body = {"Name": "other_db", "Labels": {STACK: "other"}, "TaskTemplate": template}
    shop.swarm.deployed("other_db", {**body, "Mode": {"Replicated": {"Replicas": 1}}})
    shop.commit(compose(web("web:1", "deploy: {resources: {reservations: {cpus: '1'}}}")))
    (hold,) = shop.json("plan", "shop")["environments"][0]["holds"]
    why = "web: no node can have it: alpha: it has 0.5 CPUs left of 2, and 1 are reserved"
    assert (hold["guard"], hold["reason"]) == ("placement", why)
    assert why in shop.text("plan", "shop")


def test_status_shows_the_tasks_and_swarms_own_reason(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    status = shop.json("status", "shop")["environments"][0]
    assert (status["sync"], status["health"]) == ("Synced", "Healthy")
    assert [(each["name"], each["ready"], each["desired"]) for each in status["services"]] == [("web", 2, 2)]
    kept = shop.swarm.services["shop_web"]
    kept.tasks = [shop.swarm.pending(each, "no suitable node (1 node is down)") for each in kept.tasks]
    status = shop.json("status", "shop")["environments"][0]
    assert status["health"] == "Degraded"
    assert status["services"][0]["reason"] == "0 of 2 tasks run; 2 are pending: no suitable node (1 node is down)"
    assert status["services"][0]["pending"] == 2


def test_status_names_the_nodes_and_how_many_managers_may_be_lost(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    shop.swarm.node("beta", reachability="unreachable", state="down", why="heartbeat failure")
    shop.swarm.node("gamma")
    shop.swarm.node("delta", role="worker", reachability="", availability="drain")
    status = shop.json("status", "shop")["environments"][0]
    assert [(each["name"], each["role"], each["standing"], each["reason"]) for each in status["nodes"]] == [
        ("alpha", "manager", "ready", None),
        ("beta", "manager", "unreachable", "heartbeat failure"),
        ("delta", "worker", "drained", None),
        ("gamma", "manager", "ready", None),
    ]
    assert status["quorum"] == {"managers": 3, "reachable": 2, "needed": 2, "spare": 0}
    text = shop.text("status", "shop")
    assert "swarm: 4 nodes: 2 ready, 1 unreachable, 1 drained; 2 of 3 managers reachable, 0 may be lost" in text
    assert "warning: node beta (manager) is unreachable: heartbeat failure" in text
    assert "warning: node delta (worker) is drained" in text
    assert "warning: 2 of 3 managers are reachable: if one more is lost, nothing can be changed" in text


def test_a_plain_engine_has_no_nodes(tmp_path: Path) -> None:
    shop = Shop(tmp_path / "state")
    shop.release(compose(web("web:1")))
    status = shop.json("status", "shop")["environments"][0]
    assert (status["nodes"], status["quorum"], status["services"][0]["pending"]) == ([], None, 0)
    assert "swarm:" not in shop.text("status", "shop")


def test_drift_names_the_service_the_field_and_who_did_it(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    shop.swarm.by_hand("shop_web", lambda spec: spec["Mode"]["Replicated"].update(Replicas=5))
    text = shop.text("drift", "shop")
    assert "shop_web" in text
    assert "scaled by hand from 2 to 5" in text
    (item,) = shop.json("drift", "shop")["environments"][0]["items"]
    assert (item["resource"], item["service"], item["changes"][0]["path"]) == (
        "service",
        "web",
        "Mode.Replicated.Replicas",
    )
    assert (item["changes"][0]["applied"], item["changes"][0]["live"]) == (2, 5)


def test_an_environment_is_given_up_as_a_stack_file_and_adopted_again_without_a_daemon(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    tasks = [each.id for each in shop.swarm.services["shop_web"].tasks]

    result = shop.ask("eject", "shop")

    assert result.exit_code == 0
    assert yaml.safe_load(result.stdout)["services"]["web"]["image"] == "web:1"
    assert "given up; 1 services of stack shop keep running" in result.stderr
    assert "docker stack deploy" not in result.stderr  # which makes nothing anew
    assert shop.swarm.owners == {}
    (again,) = shop.json("adopt", "shop")["projects"]
    assert (again["adopted"], again["result"]) == (True, "1 service of stack shop adopted as they run")
    assert [each.id for each in shop.swarm.services["shop_web"].tasks] == tasks


def test_all_stacks_that_environments_name_are_adopted_at_once(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    shop.ask("eject", "shop")
    shop.swarm.deployed("other_db", {**shop.swarm.services["shop_web"].body, "Labels": {STACK: "other"}})
    found = shop.json("adopt", "--all")["projects"]
    assert [(each["project"], each["adopted"]) for each in found] == [("shop", True)]
    assert shop.json("adopt", "--all")["projects"][0]["adopted"] is False


def test_doctor_says_which_swarm_it_is_and_when_it_has_lost_its_majority(shop: Shop) -> None:
    shop.release(compose(web()))
    alpha = shop.swarm.nodes[0]
    told = [each for each in shop.json("doctor")["checks"] if each["name"].startswith("swarm of")]
    assert [(each["ok"], each["found"]) for each in told] == [(True, "1 node, of which alpha manages")]
    assert [each["found"] for each in shop.json("doctor")["checks"] if each["name"] == "project shop"] == ["is ours"]
    others = (replace(alpha, id=name, hostname=name, reachability="unreachable") for name in ("beta", "gamma"))
    shop.swarm.nodes = (alpha, *others)
    (told_then,) = (
        each
        for each in json.loads(shop.ask("doctor", "-o", "json").stdout)["checks"]
        if each["name"].startswith("swarm of")
    )
    assert told_then["ok"] is False
    assert told_then["found"].startswith("3 nodes, of which alpha, beta, gamma manage; beta is unreachable")
    assert told_then["mend"] == "bring beta, gamma back: most managers have to be there"


def test_an_environment_is_taken_down_without_a_daemon(shop: Shop) -> None:
    shop.release(compose(web()))
    assert "1 services removed" in shop.text("remove", "shop")
    assert shop.swarm.services == {}


def test_drift_names_a_task_as_docker_does_and_says_what_no_manager_sees(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    kept, early = shop.swarm.services["shop_web"], shop.clock.now() - timedelta(minutes=5)
    waits = shop.swarm.pending(kept.tasks[1], "no suitable node (insufficient resources on 1 node)")
    kept.tasks, kept.changed = [kept.tasks[0], replace(waits, made=early)], early
    (item,) = shop.json("drift", "shop")["environments"][0]["items"]
    told = {key: item[key] for key in ("resource", "name", "instance", "service", "kind", "cure", "first_seen")}
    name = "shop_web.2"
    assert told == {
        "resource": "task",
        "name": name,
        "instance": name,
        "service": "web",
        "kind": "missing",
        "cure": "none",
        "first_seen": f"{early:%Y-%m-%dT%H:%M:%SZ}",
    }
    text = shop.text("drift", "shop")
    why = "Swarm finds no place for it: no suitable node (insufficient resources on 1 node)"
    assert f"  - task shop_web.2  missing, since 5m ago: {why}\n      not gitopsd's to mend\n" in text
    assert "what is done by hand to a container on its node, but to end it (docker update, pause, exec)" in text


def test_a_key_is_explained_by_what_it_means_on_a_swarm_or_why_it_is_refused_there(shop: Shop) -> None:
    means = "carried out by Swarm's own updater; what fails within monitor goes back by itself"
    assert shop.text("explain", "deploy.update_config").endswith(f"\n  on a swarm: {means}\n")
    (order,) = shop.json("explain", "deploy.update_config.order")["keys"]
    assert (order["key"], order["on_a_swarm"]) == ("services.*.deploy.update_config.order", means)
    assert shop.text("explain", "swarm").startswith("swarm in a manifest or gitopsd.yaml\n  on a swarm: the engine")
    assert "  on a swarm: refused: Swarm cannot size it; mount a tmpfs" in shop.text("explain", "shm_size")
    assert "  on a swarm: reservations are what Swarm places by;" in shop.text("explain", "resources.memory")
    assert shop.ask("explain", "nonsense").stderr.startswith("gitopsd: there is no field or key nonsense;")


ROUTED = """\
services:
  web:
    image: web
    ports: ["443:8080"]
    x-gitopsd:
      traffic: {hosts: [shop.example.com]}
      strategy: STRATEGY
      pre_warm: {paths: [/], max: 1m}
      KEYS
"""


@pytest.mark.parametrize(
    ("strategy", "keys", "told"),
    [
        (
            "canary",
            "steps: [{set_header_route: {header: X-Me}}, {analysis: {duration: 60s}}]\n"
            "      analysis: {metrics: [{name: error-rate}], synthetic: {path: /, rate: 5/s}}",
            [],
        ),
        (
            "rolling",
            "warm_up: 20s",
            [
                "pre_warm: Swarm's own updates wait for no caches; write `strategy: canary` or blue-green, or "
                "remove it",
                "warm_up: to a swarm's router a task that takes another one's place is as warm as that; remove it",
            ],
        ),
    ],
)
def test_what_newer_content_is_asked_before_users_come_is_valid_on_a_swarm_where_it_stands_beside_what_serves(
    shop: Shop, tmp_path: Path, strategy: str, keys: str, told: list[str]
) -> None:
    place = tmp_path / "shop"
    place.mkdir()
    (place / "compose.yaml").write_text(ROUTED.replace("STRATEGY", strategy).replace("KEYS", keys))
    result = shop.ask("validate", str(place))
    assert [line.partition(": services.web.x-gitopsd.")[2] for line in result.stdout.splitlines()] == told
    assert result.exit_code == bool(told)

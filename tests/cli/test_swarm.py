"""What people read of an environment that is on a swarm, word for word, while no daemon runs."""

from pathlib import Path

import pytest

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


def test_status_shows_the_tasks_and_swarms_own_reason(shop: Shop) -> None:
    shop.release(compose(web("web:1", "deploy: {replicas: 2}")))
    status = shop.json("status", "shop")["environments"][0]
    assert (status["sync"], status["health"]) == ("Synced", "Healthy")
    assert [(each["name"], each["ready"], each["desired"]) for each in status["services"]] == [("web", 2, 2)]
    kept = shop.swarm.services["shop_web"]
    kept.tasks = [shop.swarm.pending(each, "no suitable node (1 node is down)") for each in kept.tasks]
    status = shop.json("status", "shop")["environments"][0]
    assert status["health"] == "Degraded"
    assert (
        status["services"][0]["reason"]
        == "0 of 2 tasks run; one is pending on alpha: no suitable node (1 node is down)"
    )


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


def test_what_is_not_done_on_a_swarm_says_so(shop: Shop) -> None:
    shop.release(compose(web()))
    for words in (("eject", "shop"), ("adopt", "shop")):
        result = shop.ask(*words)
        assert result.exit_code == 1
        assert "is not done on a swarm yet" in result.output


def test_an_environment_is_taken_down_without_a_daemon(shop: Shop) -> None:
    shop.release(compose(web()))
    assert "1 services removed" in shop.text("remove", "shop")
    assert shop.swarm.services == {}

"""gitopsd on a swarm of three managers, with its state in PostgreSQL: its node is cut off, and another one goes on."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.deploy.stacks import FILTER, GITOPSD, Stack, filter_image, labelled
from tests.e2e.conftest import ONE, TWO
from tests.e2e.nodes import Node, Nodes
from tests.e2e.rig import web
from tests.postgres import postgres_image
from tests.waiting import eventually

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(900)]
PATIENCE = 180.0
DATABASE = "gitopsd-test/postgres:1"
SETTINGS = {
    "target": {"swarm": "tcp://engine:2375"},
    "images": {"min_free": 0},
    "store": {"url": "postgresql://postgres@db/postgres", "lease": "5s"},
}


@pytest.fixture
def managers(nodes: Nodes) -> Nodes:
    """All three decide, so that the other two still do without one."""
    for each in (nodes.beta, nodes.gamma):
        nodes.change(each, Role="manager")
    eventually(lambda: [reachable(nodes.api)] == [3], PATIENCE)
    return nodes  # which end with this story, as they are: nobody else needs them


def reachable(api: docker.APIClient) -> int:
    known = [each.get("ManagerStatus") or {} for each in api.nodes()]
    return sum(each.get("Reachability") == "reachable" for each in known)


@pytest.fixture
def stack(managers: Nodes, docker_api: docker.APIClient, gitopsd_image: str, tmp_path: Path) -> Stack:
    """The database is on gamma, and gitopsd on one of the other two. Each node's filter has its own engine's socket."""
    image = bytes(b"".join(docker_api.get_image(gitopsd_image)))
    sockets = tmp_path / "sockets"
    for node in managers.all:
        loaded(node, image)
        filter_image(node.engine.api(), gitopsd_image)
        (sockets / node.name).mkdir(parents=True)
        (sockets / node.name / "docker.sock").symlink_to(node.engine.url.removeprefix("unix://"))
    postgres_image(managers.gamma.engine.api(), DATABASE)
    labelled(managers.api, "gamma", database="true")
    for name in ("alpha", "beta"):
        labelled(managers.api, name, gitopsd="true")
    managers.api.create_secret("git_token", b"a token")
    made = Stack.make(tuple(each.engine.api() for each in managers.all), tmp_path)
    database: dict[str, Any] = {
        "image": DATABASE,
        "command": ["start-postgres"],
        "user": "postgres",
        "volumes": [{"type": "tmpfs", "target": "/data"}],
        "networks": {"default": {"aliases": ["db"]}},
        "deploy": {"placement": {"constraints": ["node.labels.database == true"]}, "endpoint_mode": "dnsrr"},
    }
    own = {
        "services": {
            "gitopsd": {"volumes": [f"{made.repository}:/repository:ro"]},
            "engine": {"image": FILTER},
            "db": database,
        }
    }
    socket = f"{sockets}/{{{{.Node.Hostname}}}}/docker.sock"
    made.deploy(managers.alpha.engine.url, socket, SETTINGS, own)
    return made


def loaded(node: Node, image: bytes) -> None:
    api: Any = node.engine.api()
    for line in api.load_image(image):
        assert "error" not in line, line


def shop(image: str) -> dict[str, Any]:
    """Two tasks beside the database, moved one after the other with time in between for a node to go."""
    update = {"parallelism": 1, "delay": "20s", "order": "start-first", "monitor": "1s"}
    placement = {"constraints": ["node.hostname == gamma"]}
    return {"services": {"web": web(image, deploy={"replicas": 2, "update_config": update, "placement": placement})}}


def has_gitopsd(node: Node) -> bool:
    label = f"com.docker.swarm.service.name={GITOPSD}"
    return bool(node.engine.api().containers(filters={"label": label}))


def tasks(api: docker.APIClient, image: str) -> list[str]:
    """Every task that there ever was of a version, by its state."""
    found = [each for each in api.tasks(filters={"service": "shop_web"}) if image in str(each["Spec"])]
    return sorted(str(each["Status"]["State"]) for each in found)


def test_a_rollout_goes_on_after_the_node_of_gitopsd_is_cut_off_and_swarm_has_started_it_elsewhere(
    stack: Stack, managers: Nodes
) -> None:
    eventually(partial(stack.serves, stack.commit(shop(ONE))), PATIENCE)
    (where,) = (each for each in managers.all if has_gitopsd(each))
    commit = stack.commit(shop(TWO))
    gamma = managers.gamma.engine.api()
    eventually(lambda: [tasks(gamma, TWO)] == [["running"]], PATIENCE)

    where.unplug()

    left = replace(stack, apis=tuple(each.engine.api() for each in managers.all if each is not where))
    eventually(partial(left.serves, commit), PATIENCE)
    assert tasks(gamma, TWO) == ["running", "running"]
    releases = left.says("history", "shop")["releases"]
    assert [(each["id"], each["outcome"]) for each in releases] == [(2, "succeeded"), (1, "succeeded")]
    told = [each["reason"] for each in left.says("events")["events"]]
    assert told.count("ReleaseStarted") == 2
    assert where is not managers.gamma
    assert [each.name for each in managers.all if has_gitopsd(each)] == [
        "alpha",
        "beta",
    ]  # the one that is cut off, too

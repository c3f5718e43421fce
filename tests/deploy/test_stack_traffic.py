"""gitopsd as a task of a swarm of three nodes, by deploy/stack.yaml: behind the filter it moves the traffic of all."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.deploy.stacks import FILTER, Stack, filter_image, labelled
from tests.e2e.app import APP, HAPROXY
from tests.e2e.nodes import Nodes
from tests.e2e.swarm_road import PORT, WITH_STEPS, nodes_with_routers
from tests.load import load_at
from tests.waiting import eventually

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(900)]
PATIENCE = 240.0
SETTINGS = {"target": {"swarm": "tcp://engine:2375"}, "images": {"min_free": 0}, "router": {"image": HAPROXY}}


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with nodes_with_routers() as made:
        yield made


@pytest.fixture
def stack(nodes: Nodes, docker_api: docker.APIClient, gitopsd_image: str, tmp_path: Path) -> Iterator[Stack]:
    """gitopsd is on alpha, which alone is a manager."""
    api: Any = nodes.api
    for line in api.load_image(docker_api.get_image(gitopsd_image)):
        assert "error" not in line, line
    filter_image(api, gitopsd_image)
    labelled(api, "alpha", gitopsd="true")
    api.create_secret("git_token", b"a token")
    made = Stack.make(tuple(each.engine.api() for each in nodes.all), tmp_path)
    services = {"gitopsd": {"volumes": [f"{made.repository}:/repository:ro"]}, "engine": {"image": FILTER}}
    url = nodes.alpha.engine.url
    made.deploy(url, url.removeprefix("unix://"), SETTINGS, {"services": services})
    yield made
    print(made.account())


def shop(version: str, *, errors: int = 0, **x: Any) -> dict[str, Any]:
    """A task on each node, behind the routers of all."""
    return {
        "services": {
            "web": {
                "image": APP,
                "ports": [f"{PORT}:8080"],
                "environment": {"VERSION": version, "ERRORS": errors, "TERM_MODE": "exit"},
                "deploy": {"replicas": 3, "update_config": {"order": "start-first", "monitor": "1s"}},
                "x-gitopsd": {"min_ready": "0s", "traffic": {}, **x},
            }
        }
    }


def services(stack: Stack) -> list[str]:
    api: Any = stack.apis[0]
    return sorted(str(each["Spec"]["Name"]) for each in api.services() if "shop" in each["Spec"]["Name"])


def test_a_canary_goes_well_and_the_next_is_thrown_back_while_clients_of_every_node_are_answered(
    stack: Stack, nodes: Nodes
) -> None:
    eventually(partial(stack.serves, stack.commit(shop("one"))), PATIENCE)
    with load_at([each.address for each in nodes.all], PORT) as seen:
        seen.more(100)
        good = stack.commit(shop("two", **WITH_STEPS))
        eventually(lambda: seen.answered["two"] > 0, PATIENCE)
        before = seen.so_far()
        seen.more(1000)
        assert 26 < seen.share("two", before) < 42
        assert services(stack) == ["shop_web", "shop_web-canary"]
        assert stack.inside("gitopsd", "rollout", "promote", "shop")[0] == 0
        eventually(partial(stack.serves, good), PATIENCE)
        eventually(lambda: services(stack) == ["shop_web"], PATIENCE)
        before = seen.so_far()
        seen.more(300)
        assert seen.share("two", before) == 100
        seen.none_lost()

        stack.commit(shop("three", errors=500, **WITH_STEPS))
        eventually(lambda: seen.answered["three"] > 0, PATIENCE)
        eventually(lambda: services(stack) == ["shop_web"], PATIENCE)
        before = seen.so_far()
        seen.more(300)
        assert seen.share("two", before) == 100
    assert all(how.endswith("500") for how in seen.failed), seen.failed
    outcomes = [each["outcome"] for each in stack.says("history", "shop")["releases"]]
    assert outcomes == ["rolled-back", "succeeded", "succeeded"]

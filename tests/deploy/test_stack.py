"""gitopsd on a swarm of one node, by deploy/stack.yaml: a push runs, and what no environment there needs is denied."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.deploy.allow_list import STACK, turned_away
from tests.deploy.stacks import FILTER, GITOPSD, Stack, filter_image, labelled
from tests.e2e.conftest import CRASHING, ONE, TWO, MakeRig, StartEngine
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.own_engine import OwnEngine
from tests.e2e.swarm_rig import SwarmRig, told
from tests.e2e.test_swarm import end_swarm
from tests.waiting import eventually

pytestmark = pytest.mark.engine
PATIENCE = 120.0
SETTINGS = {
    "target": {"swarm": "tcp://engine:2375"},
    "images": {"min_free": 0},
    "environments": {"shop": {"secrets": {"password": {"file": "/run/secrets/shop_password"}}}},
}


@pytest.fixture
def manager(start_engine: StartEngine) -> Iterator[OwnEngine]:
    """The one node of a swarm."""
    engine = start_engine(firewall=True)
    engine.inside("ip", "link", "set", "lo", "up")
    api = engine.api()
    api.init_swarm(advertise_addr="127.0.0.1")
    yield engine
    end_swarm(api)


@pytest.fixture
def stack(manager: OwnEngine, docker_api: docker.APIClient, gitopsd_image: str, tmp_path: Path) -> Iterator[Stack]:
    api: Any = manager.api()
    for line in api.load_image(docker_api.get_image(gitopsd_image)):
        assert "error" not in line, line
    filter_image(api, gitopsd_image)
    labelled(api, api.info()["Name"], gitopsd="true")
    for name, value in (("git_token", b"a token"), ("shop_password", b"a secret of Swarm")):
        api.create_secret(name, value)
    made = Stack.make((api,), tmp_path)
    own = {
        "services": {
            "gitopsd": {"volumes": [f"{made.repository}:/repository:ro"], "secrets": ["shop_password"]},
            "engine": {"image": FILTER},
        },
        "secrets": {"shop_password": {"external": True}},
    }
    made.deploy(manager.url, manager.url.removeprefix("unix://"), SETTINGS, own)
    yield made
    print(made.account())


def shop(image: str) -> dict[str, Any]:
    """An environment whose one service is given a secret."""
    service = {**told(image), "secrets": ["password"]}
    return {"services": {"web": service}, "secrets": {"password": {"external": True}}}


@pytest.mark.timeout(560)
def test_a_gitopsd_on_a_swarm_brings_a_push_to_the_swarm_through_the_filter_and_goes_on_when_swarm_restarts_it(
    stack: Stack,
) -> None:
    first = stack.commit(shop(ONE))
    eventually(partial(stack.serves, first), PATIENCE)
    (api,) = stack.apis
    web = api.containers(filters={"label": "com.docker.swarm.service.name=shop_web"})[0]["Id"]
    made = api.exec_create(web, ["cat", "/run/secrets/password"])["Id"]
    assert api.exec_start(made) == b"a secret of Swarm"
    assert stack.inside("cat", "/run/secrets/git_token") == (0, "a token")
    assert stack.inside("id", "-u") == (0, "10001")

    assert stack.denied("POST", "/containers/create")
    assert stack.denied("GET", "/swarm/unlockkey")
    assert stack.denied("POST", "/swarm/leave?force=1")
    assert stack.denied("PUT", "/containers/abc/archive")
    assert not stack.denied("GET", "/nodes")

    before = stack.container(GITOPSD)[1]
    api.kill(before)
    second = stack.commit(shop(TWO))
    eventually(partial(stack.serves, second), PATIENCE)
    assert stack.container(GITOPSD)[1] != before
    assert [each["outcome"] for each in stack.says("history", "shop")["releases"]] == ["succeeded", "succeeded"]


@pytest.mark.timeout(300)
def test_the_filter_lets_through_whatever_an_environment_on_a_swarm_needs_from_its_release_to_its_removal(
    manager: OwnEngine,
    make_rig: MakeRig,
) -> None:
    proxy = EngineProxy(manager.url)
    settings: dict[str, Any] = {"target": {"swarm": proxy.url}, "images": {"keep_releases": 1, "min_free": 0}}
    rig = make_rig(engine=manager.url, api=manager.api(), **settings)
    rig.at_end(proxy.close)
    swarm = SwarmRig(rig.start())
    page = {"configs": {"page": {"content": "one"}}}
    swarm.synced(rig.push_document({"services": {"web": told(ONE, configs=["page"])}, **page}))
    swarm.synced(rig.push(web=told(TWO)))
    for words in (("plan", "shop"), ("drift", "shop"), ("status",), ("doctor",)):
        rig.process.command(*words)
    swarm.scale(3)
    rig.told("DriftEnded", within=PATIENCE)
    rig.rejected(rig.push(web=told(CRASHING, monitor="5s")), within=PATIENCE)
    assert "services removed" in rig.ask("remove")

    paths = {url.partition("?")[0] for _, _, url in (call.partition(" ") for call in proxy.calls)}
    assert {path.rpartition("/")[2] for path in paths} >= {"events", "create", "update", "services", "nodes"}
    assert turned_away(proxy.calls, STACK) == []

"""What a person sees who pushes commits for a swarm: a real one, of one node."""

import json
from functools import partial
from typing import Any

import docker
import pytest

from tests.e2e.conftest import CRASHING, ONE, TWO, MakeRig, StartEngine
from tests.e2e.rig import Rig, web

pytestmark = pytest.mark.engine
PATIENCE = 90.0  # a task is some seconds on its way, and Swarm watches it for some more


class SwarmRig:
    """A rig whose environment is on a swarm, and eyes on that."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig

    def service(self, name: str = "web") -> dict[str, Any]:
        found: dict[str, Any] = self.rig.api.inspect_service(f"{self.rig.project}_{name}")
        return found

    def running(self, name: str = "web") -> list[str]:
        """The images of the tasks that run."""
        filters = {"service": f"{self.rig.project}_{name}", "desired-state": "running"}
        tasks = self.rig.api.tasks(filters=filters)
        return sorted(each["Spec"]["ContainerSpec"]["Image"] for each in tasks if each["Status"]["State"] == "running")

    def names(self, kind: str) -> list[str]:
        """The names of what the environment has of a kind, without the project."""
        label = {"label": [f"com.docker.stack.namespace={self.rig.project}"]}
        rows = getattr(self.rig.api, kind)(filters=label)
        found = [each.get("Name") or each["Spec"]["Name"] for each in rows]
        return sorted(each.removeprefix(f"{self.rig.project}_") for each in found)

    def scale(self, replicas: int, name: str = "web") -> None:
        """As `docker service scale` does."""
        service = self.service(name)
        spec = service["Spec"]
        spec["Mode"]["Replicated"]["Replicas"] = replicas
        url, version = f"/services/{service['ID']}/update", service["Version"]["Index"]
        answer = self.rig.api._post_json(self.rig.api._url(url), data=spec, params={"version": version})
        assert answer.ok, answer.text

    def synced(self, commit: str) -> None:
        self.rig.synced(commit, within=PATIENCE)


@pytest.fixture
def swarm(start_engine: StartEngine, make_rig: MakeRig, monkeypatch: pytest.MonkeyPatch) -> SwarmRig:
    monkeypatch.setenv("DOCKER_SERVICE_PREFER_OFFLINE_IMAGE", "1")  # nobody waits for a registry that is not there
    engine = start_engine(firewall=True)  # in a network of its own, where no other swarm is
    engine.inside("ip", "link", "set", "lo", "up")
    api = engine.api()
    api.init_swarm(advertise_addr="127.0.0.1")
    rig = make_rig(engine=engine.url, api=api, target={"swarm": engine.url})
    rig.at_end(partial(end_swarm, api))
    return SwarmRig(rig.start())


def end_swarm(api: docker.APIClient) -> None:
    """While it has tasks, or is one, an engine takes its time to end."""
    for service in api.services():
        api.remove_service(service["ID"])
    api.leave_swarm(force=True)


def told(image: str, monitor: str = "1s", **more: Any) -> dict[str, Any]:
    update = {"monitor": monitor, "order": "start-first", "parallelism": 0}
    return web(image, deploy={"replicas": 2, "update_config": update, **more.pop("deploy", {})}, **more)


def test_an_environment_on_a_swarm_is_released_upgraded_thrown_back_and_mended(swarm: SwarmRig) -> None:
    rig = swarm.rig
    first = rig.push_document(
        {
            "services": {"web": told(ONE, configs=[{"source": "page", "target": "/etc/page"}])},
            "configs": {"page": {"content": "one"}},
        }
    )
    swarm.synced(first)
    assert swarm.running() == [ONE, ONE]
    assert swarm.names("networks") == ["default"]
    assert swarm.names("configs")[0].startswith("page_")

    second = rig.push(web=told(TWO))
    swarm.synced(second)
    assert swarm.running() == [TWO, TWO]

    assert "non-zero exit (3)" in rig.rejected(rig.push(web=told(CRASHING, monitor="30s")), within=PATIENCE)
    assert rig.release().outcome == "rolled-back"
    rig.eventually(lambda: swarm.running() == [TWO, TWO], within=PATIENCE)

    swarm.synced(rig.push(web=told(TWO)))
    swarm.scale(3)
    assert "scaled by hand from 2 to 3" in rig.told("DriftFound", within=PATIENCE).message
    assert "healed" in rig.told("DriftEnded", within=PATIENCE).message
    assert swarm.service()["Spec"]["Mode"]["Replicated"]["Replicas"] == 2
    planned = json.loads(rig.process.command("plan", "shop", "-o", "json"))
    assert [each["change"] for each in planned["environments"][0]["changes"]] == ["unchanged"]

"""What a person sees who pushes commits for a swarm: a real one, of one node."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import docker
import pytest

from tests.e2e.conftest import CRASHING, DONE, FAILING, ONE, TWO, MakeRig, StartEngine
from tests.e2e.passage import passage
from tests.e2e.swarm_rig import PATIENCE, SwarmRig, filtered, told
from tests.registry import PASSWORD, USER, registries, remove_images

pytestmark = pytest.mark.engine


@pytest.fixture
def swarm(start_engine: StartEngine, make_rig: MakeRig) -> Iterator[SwarmRig]:
    engine = start_engine(firewall=True)  # in a network of its own, where no other swarm is
    engine.inside("ip", "link", "set", "lo", "up")
    api = engine.api()
    api.init_swarm(advertise_addr="127.0.0.1")
    with filtered(engine.url) as url:
        rig = make_rig(engine=engine.url, api=api, target={"swarm": url})
        rig.at_end(partial(end_swarm, api))
        yield SwarmRig(rig.start())
        rig.end()


def end_swarm(api: docker.APIClient) -> None:
    """While it has tasks, or is one, an engine takes its time to end."""
    for service in api.services():
        api.remove_service(service["ID"])
    api.leave_swarm(force=True)


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


def test_a_job_of_a_swarm_runs_once_for_a_content_and_stops_the_release_when_it_fails(swarm: SwarmRig) -> None:
    rig = swarm.rig

    def push(job: str, image: str) -> str:
        waits = {"migrate": {"condition": "service_completed_successfully"}}
        migrate = {"image": job, "stop_signal": "SIGKILL", "x-gitopsd": {"job": {"phase": "before"}}}
        return rig.push(migrate=migrate, web=told(image, depends_on=waits))

    def iteration() -> int:
        return int(swarm.service("migrate")["JobStatus"]["JobIteration"].get("Index", 0))

    swarm.synced(push(DONE, ONE))
    swarm.synced(push(DONE, TWO))
    assert (iteration(), swarm.running()) == (0, [TWO, TWO])
    assert "non-zero exit (4)" in rig.rejected(push(FAILING, ONE), within=PATIENCE)
    failed = rig.told("RolloutRollingBack", within=PATIENCE)
    assert (failed.data["exit_code"], failed.data["logs"]) == (4, "no table\n")
    assert swarm.running() == [TWO, TWO]
    assert rig.release().outcome == "rolled-back"


def test_a_node_without_the_image_pulls_the_pinned_one_with_the_credentials_that_came_with_the_service(
    start_engine: StartEngine, make_rig: MakeRig, tmp_path: Path
) -> None:
    engine = start_engine(firewall=True, pulls=True)
    engine.inside("ip", "link", "set", "lo", "up")
    api = engine.api()
    api.init_swarm(advertise_addr="127.0.0.1")
    with registries(api, tmp_path) as make_registry:
        registry = make_registry(closed=True)
        (tmp_path / "password").write_text(f"{PASSWORD}\n")
        login = {registry.host: {"username": USER, "password_file": str(tmp_path / "password")}}
        rig = make_rig(engine=engine.url, api=api, target={"swarm": engine.url}, registries=login, resync="5s")
        rig.at_end(partial(end_swarm, api))
        with passage(engine.pid, int(registry.host.rpartition(":")[2]), tmp_path):
            image = f"{registry.host}/shop/web:1"
            digest = registry.push("shop/web:1", "one")
            swarm = SwarmRig(rig.start())
            swarm.synced(rig.push(web=told(image, deploy={"replicas": 1})))
            assert swarm.running() == [f"{image}@{digest}"]
            registry.push("shop/web:1", "two")
            rig.looks_again()

            (before,) = api.containers()
            api.kill(before["Id"])
            api.remove_container(before["Id"], force=True)
            remove_images(api, registry.host)
            with pytest.raises(docker.errors.APIError, match="no basic auth credentials"):
                api.pull(f"{registry.host}/shop/web", tag="1")

            def anew() -> bool:
                there = [each["Id"] for each in api.containers()]
                return swarm.running() == [f"{image}@{digest}"] and there not in ([], [before["Id"]])

            rig.eventually(anew, within=PATIENCE)
            (row,) = api.images(name=f"{registry.host}/shop/web")
            assert row["RepoDigests"] == [f"{registry.host}/shop/web@{digest}"]

            (before,) = api.containers()
            (tmp_path / "password").write_text(registry.change_password())
            rig.eventually(lambda: rig.events("LoginRenewed"), within=PATIENCE)
            (same,) = api.containers()
            assert same["Id"] == before["Id"]
            api.kill(before["Id"])
            api.remove_container(before["Id"], force=True)
            remove_images(api, registry.host)
            rig.eventually(anew, within=PATIENCE)

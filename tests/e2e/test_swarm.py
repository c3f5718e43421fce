"""What a person sees who pushes commits for a swarm: a real one, of one node."""

import json
from functools import partial

import docker
import pytest

from tests.e2e.conftest import CRASHING, DONE, FAILING, ONE, TWO, MakeRig, StartEngine
from tests.e2e.swarm_rig import PATIENCE, SwarmRig, told

pytestmark = pytest.mark.engine


@pytest.fixture
def swarm(start_engine: StartEngine, make_rig: MakeRig) -> SwarmRig:
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

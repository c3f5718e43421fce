"""What others have of the nodes of a real swarm is known before a release starts, and counted as Swarm counts it."""

from typing import Any

import docker
import pytest

from tests.e2e.conftest import ONE, TWO
from tests.e2e.swarm_rig import PATIENCE, SwarmRig, told
from tests.e2e.test_swarm import swarm
from tests.waiting import eventually

__all__ = ("swarm",)
pytestmark = pytest.mark.engine


def states(swarm: SwarmRig, service: str) -> list[tuple[str, str]]:
    """How the tasks of a service stand, with Swarm's reasons."""
    tasks = swarm.rig.api.tasks(filters={"service": service})
    return [(each["Status"]["State"], each["Status"].get("Err", "")) for each in tasks]


@pytest.mark.timeout(300)
def test_a_release_waits_for_the_room_that_others_have_and_goes_on_when_they_leave(swarm: SwarmRig) -> None:
    rig, api = swarm.rig, swarm.rig.api
    cpus = int(api.info()["NCPU"])
    half = docker.types.Resources(cpu_reservation=cpus * 10**9 // 2)
    spec = docker.types.ContainerSpec(ONE, stop_signal="SIGKILL")
    other = api.create_service(docker.types.TaskTemplate(spec, resources=half), name="gitopsd-test-other")
    eventually(lambda: states(swarm, "gitopsd-test-other") == [("running", "")], PATIENCE)

    def service(image: str, share: float, **update: Any) -> dict[str, Any]:
        reserved = {"reservations": {"cpus": f"{cpus * share}"}}
        return told(image, deploy={"replicas": 1, "resources": reserved, "update_config": {"monitor": "1s", **update}})

    first = rig.push(web=service(ONE, 0.75))
    why = rig.held("placement", within=PATIENCE)
    assert f"it has {cpus / 2:g} CPUs left of {cpus}, and {cpus * 0.75:g} are reserved" in why
    assert api.services(filters={"name": rig.project}) == []
    api.remove_service(other["ID"])
    swarm.synced(first)
    assert swarm.running() == [ONE]

    # What starts first has no room beside what it replaces, and what stops first has.
    rig.push(web=service(TWO, 0.75, order="start-first"))
    assert "1 of it is to run beside those that are replaced" in rig.held("placement", within=PATIENCE)
    swarm.synced(rig.push(web=service(TWO, 0.75, order="stop-first")))
    assert swarm.running() == [TWO]


@pytest.mark.timeout(300)
def test_swarm_itself_finds_no_place_for_what_starts_first_where_a_node_has_as_many_as_it_may(swarm: SwarmRig) -> None:
    """What the plan holds is what would never end."""
    api = swarm.rig.api
    placement = docker.types.Placement(maxreplicas=1)

    def template(image: str) -> Any:
        return docker.types.TaskTemplate(docker.types.ContainerSpec(image, stop_signal="SIGKILL"), placement=placement)

    made = api.create_service(template(ONE), name="gitopsd-test-one")
    eventually(lambda: states(swarm, made["ID"]) == [("running", "")], PATIENCE)
    update = docker.types.UpdateConfig(order="start-first")
    version = api.inspect_service(made["ID"])["Version"]["Index"]
    api.update_service(made["ID"], version, template(TWO), name="gitopsd-test-one", update_config=update)
    eventually(
        lambda: any("max replicas per node limit exceed" in why for _, why in states(swarm, made["ID"])), PATIENCE
    )

"""Tasks of a real swarm that do not run as their service says: each is told with its cause, and so is its end."""

from functools import partial
from typing import Any

import pytest

from gitopsd.model.event import Event
from tests.e2e.conftest import ONE
from tests.e2e.swarm_rig import PATIENCE, SwarmRig, told
from tests.e2e.test_swarm import swarm
from tests.waiting import eventually

__all__ = ("swarm",)
pytestmark = pytest.mark.engine


def about(swarm: SwarmRig, reason: str, name: str) -> Event:
    """The one event that tells of a task, by its name without the project's."""
    name = f"{swarm.rig.project}_{name}"
    found = [each for each in swarm.rig.events(reason) if each.data.get("name") == name]
    assert len(found) == 1, found
    return found[0]


def kill(swarm: SwarmRig, service: str, times: int = 1) -> None:
    """As `docker kill` on the node; once more as soon as Swarm has begun another one."""
    killed: set[str] = set()
    label = {"label": f"com.docker.swarm.service.name={swarm.rig.project}_{service}"}

    def next_one() -> str:
        running = [each["Id"] for each in swarm.rig.api.containers(filters=label) if each["Id"] not in killed]
        assert len(running) == 1
        swarm.rig.api.kill(running[0])
        return str(running[0])

    for _ in range(times):
        killed.add(eventually(next_one, PATIENCE))


def availability(swarm: SwarmRig, availability: str) -> None:
    (node,) = swarm.rig.api.nodes()
    spec = {**node["Spec"], "Availability": availability}
    swarm.rig.api.update_node(node["ID"], node["Version"]["Index"], spec)


@pytest.mark.timeout(400)
def test_tasks_that_end_crash_or_have_no_place_are_told_and_what_swarm_replaces_is_not(swarm: SwarmRig) -> None:
    rig = swarm.rig

    def service(**policy: Any) -> dict[str, Any]:
        return told(ONE, deploy={"replicas": 1, "restart_policy": {"condition": "any", "delay": "1s", **policy}})

    swarm.synced(rig.push(once=service(max_attempts=1), often=service(), agent=service(), web=service()))
    kill(swarm, "once", times=2)
    kill(swarm, "often", times=4)  # the first one is of a node that Swarm has only just put on the network
    kill(swarm, "agent")  # Swarm begins it anew, which is nobody's drift
    once = rig.eventually(partial(about, swarm, "DriftFound", "once.1"), within=PATIENCE)
    often = rig.eventually(partial(about, swarm, "DriftFound", "often.1"), within=PATIENCE)
    assert (once.data["resource"], once.data["kind"], often.data["kind"]) == ("task", "stopped", "unhealthy")
    assert "Swarm does not begin it anew: task: non-zero exit (137) (killed, by hand" in str(once.data["cause"])
    assert "it fails again and again on " in str(often.data["cause"])

    availability(swarm, "drain")
    found = rig.eventually(partial(about, swarm, "DriftFound", "web.1"), within=PATIENCE)
    assert (found.data["kind"], str(found.data["cause"])[:28]) == ("missing", "Swarm finds no place for it:")
    assert "no suitable node" in str(found.data["cause"])
    availability(swarm, "active")
    ended = rig.eventually(lambda: about(swarm, "DriftEnded", "web.1"), within=PATIENCE)
    assert ended.message.endswith("is no longer missing: back without gitopsd")
    (first, *_) = [each for each in rig.events("DriftFound") if each.data["name"] == f"{rig.project}_agent.1"]
    assert first.data["kind"] == "missing"  # while the node was drained, and never before

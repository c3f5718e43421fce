"""What becomes of an environment on a real swarm of three nodes, and of the nodes."""

import errno
import re
import subprocess
import sys
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from gitopsd.model.status import EnvironmentStatus, Quorum
from tests.e2e.conftest import ONE, TWO
from tests.e2e.nodes import Nodes
from tests.e2e.own_engine import needs_root
from tests.e2e.swarm_load import clients
from tests.e2e.swarm_rig import PATIENCE, SwarmRig, told
from tests.e2e.wire import PLACE, Machine, Wire

pytestmark = pytest.mark.engine


def test_machines_on_a_wire_hear_each_other_until_one_is_unplugged_and_nothing_of_them_stays() -> None:
    needs_root()
    with closing(Wire()) as wire:
        one, other = (wire.machine(f"{wire.name}{letter}", letter) for letter in "ab")
        assert hears(one.enter, other)
        wire.unplug(other)
        assert not hears(one.enter, other)
        wire.plug(other)
        assert hears(one.enter, other)
        assert hears((), one)
    assert not [each for each in everything() if wire.name[-6:] in each]


ASKING = "import socket, sys; s = socket.socket(); s.settimeout(1); sys.exit(s.connect_ex((sys.argv[1], 9)))"


def hears(enter: tuple[str, ...], machine: Machine) -> bool:
    """Whether a machine says that nobody listens on one of its ports."""
    asked = [*enter, sys.executable, "-c", ASKING, machine.address]
    return subprocess.run(asked, check=False, capture_output=True).returncode == errno.ECONNREFUSED


def everything() -> list[str]:
    """The namespaces, the links and the directories of this computer."""
    listed = (
        subprocess.run(["ip", *what], check=True, capture_output=True, text=True) for what in (["netns"], ["link"])
    )
    return [*(line for each in listed for line in each.stdout.splitlines()), *map(str, PLACE.iterdir())]


# Told to end, it takes no more connections, and answers those that it has.
LEAVES = ["sh", "-c", "trap 'kill $$!; sleep 1; exit' TERM; httpd -f -p 8080 -h /www & wait"]
PORT = 8080


def published(image: str) -> dict[str, Any]:
    """Two replicas on two nodes, one after the other, on a port of the node."""
    return told(
        image,
        command=LEAVES,
        stop_signal="SIGTERM",
        ports=[{"target": 8080, "published": PORT, "mode": "host"}],
        deploy={
            "placement": {"constraints": ["node.role == worker"], "max_replicas_per_node": 1},
            "update_config": {"parallelism": 1, "order": "stop-first", "delay": "2s", "monitor": "1s"},
        },
    )


def stepping(image: str, *, delay: str = "4s", monitor: str = "8s") -> dict[str, Any]:
    """Four replicas on all nodes, one after the other."""
    update = {"parallelism": 1, "order": "start-first", "delay": delay, "monitor": monitor}
    return told(image, deploy={"replicas": 4, "update_config": update})


def one_in_each_slot(swarm: SwarmRig) -> bool:
    """True; AssertionError, with all that Swarm tells of tasks, unless one of the second version is in each of four."""
    api: Any = swarm.rig.api
    tasks = api.tasks(filters={"service": f"{swarm.rig.project}_web"})
    told = sorted(
        (each["Slot"], each["Spec"]["ContainerSpec"]["Image"], each["Status"]["State"], each["DesiredState"])
        for each in tasks
    )
    runs = [(slot, image) for slot, image, state, wanted in told if (state, wanted) == ("running", "running")]
    assert runs == [(slot, TWO) for slot in (1, 2, 3, 4)], told
    return True


def standings(swarm: SwarmRig) -> dict[str, str]:
    return {each.name: each.standing for each in swarm.rig.status().nodes}


@pytest.mark.long
def test_releases_and_a_revert_lose_no_request_where_two_replicas_are_on_two_nodes(
    nodes: Nodes, nodes_rig: SwarmRig
) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=published(ONE)))
    assert [each.running() for each in nodes.all] == [[], [ONE], [ONE]]
    with clients([nodes.beta.address, nodes.gamma.address], PORT) as client:
        client.more(50)
        nodes_rig.synced(rig.push(web=published(TWO)))
        client.more(50)
        nodes_rig.synced(rig.repository.revert())
        client.more(50)
    assert client.lost == {}, client.answered
    assert client.passed_over > 0  # the port of a node is closed while its replica is replaced, and somebody saw it
    assert {*client.answered} == {"one", "two"}
    assert [each.outcome for each in rig.store.releases("shop", 9)] == ["succeeded"] * 3


def test_a_worker_that_dies_in_mid_rollout_and_comes_back_fails_no_release(nodes: Nodes, nodes_rig: SwarmRig) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=stepping(ONE)))
    commit = rig.push(web=stepping(TWO))
    dying = rig.eventually(lambda: next((each for each in nodes.all[1:] if TWO in each.running()), None), PATIENCE)
    assert dying is not None
    dying.engine.cut_power()
    assert f"node {dying.name} (worker) is down: heartbeat failure" in rig.told("NodeDown", within=PATIENCE).message
    rig.eventually(lambda: standings(nodes_rig)[dying.name] == "down", PATIENCE)
    assert f"node {dying.name} (worker) is down: heartbeat failure" in rig.status().warnings
    dying.engine.start()
    rig.told("NodeReady", within=PATIENCE)
    nodes_rig.synced(commit)
    rig.eventually(lambda: nodes_rig.running() == [TWO] * 4, PATIENCE)  # what the node had is only just ending there
    assert [each.outcome for each in rig.store.releases("shop", 9)] == ["succeeded"] * 2
    assert rig.status().holds == ()


@pytest.mark.long
@pytest.mark.timeout(400)
def test_an_update_that_swarm_took_back_as_a_worker_died_is_told_again(nodes: Nodes, nodes_rig: SwarmRig) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=stepping(ONE, monitor="60s")))
    commit = rig.push(web=stepping(TWO, monitor="60s"))
    dying = rig.eventually(lambda: next((each for each in nodes.all[1:] if TWO in each.running()), None), PATIENCE)
    assert dying is not None
    dying.engine.cut_power()
    rig.told("NodeDown", within=PATIENCE)
    dying.engine.start()
    again = rig.told("UpdateToldAgain", within=PATIENCE)
    assert f"node {dying.name} went away, and Swarm rolled it back for that" in again.message
    rig.synced(commit, within=3 * PATIENCE)
    assert [each.outcome for each in rig.store.releases("shop", 9)] == ["succeeded"] * 2


@pytest.mark.long
def test_a_node_that_is_drained_gives_its_tasks_up_and_takes_new_ones_once_it_is_back(
    nodes: Nodes, nodes_rig: SwarmRig
) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=told(ONE, deploy={"replicas": 3})))
    nodes.change(nodes.beta, Availability="drain")
    rig.told("NodeDrained", within=PATIENCE)
    rig.eventually(lambda: nodes.beta.running() == [] and len(nodes_rig.running()) == 3, PATIENCE)
    status = rig.eventually(partial(healthy, nodes_rig), PATIENCE)
    assert status.warnings == ("node beta (worker) is drained",)
    said = rig.process.command("status", "shop")
    assert "swarm: 3 nodes: 2 ready, 1 drained; 1 of 1 managers reachable, 0 may be lost" in said
    nodes.change(nodes.beta, Availability="pause")
    rig.told("NodePaused", within=PATIENCE)
    nodes.change(nodes.beta, Availability="active")
    assert "takes tasks again, and was paused" in rig.told("NodeReady", within=PATIENCE).message
    nodes_rig.synced(rig.push(web=told(TWO, deploy={"replicas": 3})))
    rig.eventually(lambda: TWO in nodes.beta.running(), PATIENCE)


@pytest.mark.long
def test_a_release_goes_on_where_it_was_when_the_engine_of_the_manager_is_back(
    nodes: Nodes, nodes_rig: SwarmRig
) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=stepping(ONE)))
    commit = rig.push(web=stepping(TWO))
    rig.eventually(lambda: TWO in nodes_rig.running(), PATIENCE)
    nodes.alpha.engine.stop()
    rig.eventually(lambda: rig.status().sync == "Unknown", PATIENCE)
    nodes.alpha.engine.start()
    nodes_rig.synced(commit)
    # What ran on the manager ended with it, and may be told as running for a moment beside what replaced it.
    rig.eventually(partial(one_in_each_slot, nodes_rig), PATIENCE)
    assert [each.outcome for each in rig.store.releases("shop", 9)] == ["succeeded"] * 2
    assert not rig.events("NodeLeft")  # a worker that has not found it again within seconds, it calls down meanwhile


@pytest.mark.long
def test_while_the_workers_hear_nothing_of_the_manager_they_serve_on_and_tasks_wait_for_a_place(
    nodes: Nodes, nodes_rig: SwarmRig
) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=published(ONE)))
    with clients([nodes.beta.address, nodes.gamma.address], PORT) as client:
        client.more(20)
        nodes.alpha.unplug()
        pending = rig.told("TasksPending", within=PATIENCE)
        assert re.match("web: Swarm finds no place for [12] of its tasks: no suitable node", pending.message)
        rig.eventually(lambda: rig.status().services[0].pending == 2, PATIENCE)
        status = rig.status()
        assert (status.health, status.services[0].ready) == ("Degraded", 0)
        assert "0 of 2 tasks run; 2 are pending: no suitable node" in status.services[0].reason
        assert standings(nodes_rig) == {"alpha": "ready", "beta": "down", "gamma": "down"}
        client.more(50)
        assert client.lost == {}
        nodes.alpha.plug()
        rig.told("TasksPlaced", within=PATIENCE)
        rig.eventually(partial(healthy, nodes_rig), PATIENCE)
    assert nodes_rig.running() == [ONE, ONE]
    assert not rig.status().holds


@pytest.mark.long
def test_without_a_quorum_the_status_says_so_and_afterwards_all_goes_on(nodes: Nodes, nodes_rig: SwarmRig) -> None:
    rig = nodes_rig.rig
    nodes_rig.synced(rig.push(web=told(ONE)))
    for each in (nodes.beta, nodes.gamma):
        nodes.change(each, Role="manager")
    rig.eventually(lambda: rig.status().quorum == Quorum(3, 3), PATIENCE)
    nodes.gamma.unplug()
    rig.eventually(lambda: rig.status().quorum == Quorum(3, 2), PATIENCE)
    assert "2 of 3 managers are reachable: if one more is lost, nothing can be changed" in rig.status().warnings
    nodes.beta.unplug()
    commit = rig.push(web=told(TWO))
    rig.eventually(lambda: "too few managers of the swarm reach each other" in rig.status().reason, 2 * PATIENCE)
    assert (rig.status().sync, rig.status().health) == ("Unknown", "Unknown")
    nodes.beta.plug()
    nodes.gamma.plug()
    rig.synced(commit, within=2 * PATIENCE)
    assert nodes_rig.running() == [TWO, TWO]


def healthy(swarm: SwarmRig) -> EnvironmentStatus:
    status = swarm.rig.status()
    assert (status.sync, status.health) == ("Synced", "Healthy"), status
    return status

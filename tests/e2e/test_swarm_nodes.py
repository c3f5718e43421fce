"""What becomes of an environment on a real swarm of three nodes, and of the nodes."""

import errno
import subprocess
import sys
from contextlib import closing

import pytest

from tests.e2e.conftest import ONE
from tests.e2e.nodes import Nodes
from tests.e2e.own_engine import needs_root
from tests.e2e.swarm_rig import SwarmRig, told
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


def test_tasks_are_spread_over_the_nodes(nodes: Nodes, nodes_rig: SwarmRig) -> None:
    commit = nodes_rig.rig.push(web=told(ONE, deploy={"replicas": 3}))
    nodes_rig.synced(commit)
    assert [each.running() for each in nodes.all] == [[ONE]] * 3

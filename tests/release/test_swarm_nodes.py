"""What the loss of a machine explains of a swarm, and what it does not."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gitopsd.model.status import Quorum
from gitopsd.model.swarm import SwarmNode, SwarmService, SwarmState, SwarmTask
from gitopsd.release.swarm_nodes import lost_with, node_events, node_statuses, node_warnings, quorum_of
from tests.fakes.clock import NOON

ALPHA = SwarmNode("a", "alpha", "manager", "ready", "active", "reachable", changed=NOON - timedelta(hours=1))
BETA = SwarmNode("b", "beta", "worker", "ready", "active", changed=NOON - timedelta(hours=1))
TOLD = "went away"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def task(state: str, node: str, made: float, ended: float) -> SwarmTask:
    return SwarmTask("t", state, "shutdown", at(ended), 1, node, "v1:new", "task: non-zero exit (255)", at(made))


def displaced(node: str, ended: float) -> SwarmTask:
    return replace(task("rejected", node, 1, ended), why="assigned node no longer meets constraints")


@pytest.mark.parametrize(
    ("tasks", "beta", "lost"),
    [
        ([task("failed", "b", 1, 40)], replace(BETA, changed=at(41)), "node beta went away"),
        ([task("shutdown", "b", 1, 40)], replace(BETA, changed=at(41)), "node beta went away"),
        ([task("running", "b", 1, 3)], replace(BETA, state="down", changed=at(20)), "node beta went away"),
        ([task("failed", "c", 1, 40)], BETA, "a node that is no more went away"),
        # Somebody took the label from beta that it was placed by, and it may be long that managers noted it.
        ([displaced("b", 40)], BETA, "node beta was changed"),
        # It crashed by itself: on a machine of which nothing was noted, or long before, or once it was back.
        ([task("failed", "b", 1, 40)], BETA, ""),
        ([task("failed", "b", 1, 40)], replace(BETA, changed=at(200)), ""),
        ([task("failed", "b", 45, 50)], replace(BETA, changed=at(41)), ""),
        ([task("failed", "b", 1, 40), task("failed", "a", 1, 5)], replace(BETA, changed=at(41)), ""),
        # Nothing of this update has ended.
        ([task("running", "b", 1, 3)], BETA, ""),
        ([task("failed", "b", -100, -50)], replace(BETA, changed=at(-50)), ""),
        ([replace(task("failed", "b", 1, 40), fingerprint="v1:old")], replace(BETA, changed=at(41)), ""),
        ([], replace(BETA, state="down"), ""),
    ],
)
def test_only_what_ended_with_its_node_is_held_against_the_node(
    tasks: list[SwarmTask], beta: SwarmNode, lost: str
) -> None:
    service = SwarmService("id", "shop_web", 7, {}, tasks=tuple(tasks))
    assert lost_with(service, "v1:new", NOON, (ALPHA, beta)) == lost


@pytest.mark.parametrize(
    ("managers", "quorum", "spare", "warning"),
    [
        (["reachable"], Quorum(1, 1), 0, None),
        (["reachable"] * 3, Quorum(3, 3), 1, None),
        (["reachable", "reachable", "unreachable"], Quorum(3, 2), 0, "if one more is lost, nothing can be changed"),
        (["reachable", "unreachable", "unreachable"], Quorum(3, 1), 0, "nothing can be changed before 2 are"),
        (["reachable"] * 5, Quorum(5, 5), 2, None),
        ([], None, 0, None),
    ],
)
def test_more_than_half_of_the_managers_are_needed(
    managers: list[str], quorum: Quorum | None, spare: int, warning: str | None
) -> None:
    nodes = (BETA, *(replace(ALPHA, reachability=each) for each in managers))
    found = quorum_of(nodes)
    assert found == quorum
    assert found is None or found.spare == spare
    told = [each for each in node_warnings(SwarmState(nodes=nodes)) if "managers are reachable" in each]
    assert [each.endswith(str(warning)) for each in told] == ([] if warning is None else [True])


def test_a_node_that_comes_or_goes_for_good_is_told_and_the_first_look_tells_nothing() -> None:
    one, both = node_statuses([ALPHA]), node_statuses([ALPHA, BETA])
    assert node_events((), both, NOON) == ()
    assert [(each.reason, each.message) for each in node_events(one, both, NOON)] == [
        ("NodeJoined", "node beta (worker) is ready")
    ]
    assert [(each.reason, each.message) for each in node_events(both, one, NOON)] == [
        ("NodeLeft", "node beta (worker) is of the swarm no more")
    ]

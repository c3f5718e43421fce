"""When everything may come back from a canary to the service that serves."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from gitopsd.model.release import Journal
from gitopsd.model.rollout import Target
from gitopsd.model.route import ObservedRoute, ObservedTarget
from gitopsd.model.routing import Placing, Routed, Seen
from gitopsd.model.swarm import SwarmNode, SwarmService, SwarmTask
from gitopsd.model.traffic import Traffic
from gitopsd.release.swarm_routing import Pair, is_home
from gitopsd.rollout.traffic import InRouter

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
JOURNAL = Journal("shop", project="shop", stable={"web": Target("new", 1)})
NEW = SwarmTask("t2", "running", "running", NOON, 1, "n1", "new")
OLD = SwarmTask("t1", "running", "shutdown", NOON, 1, "n2", "old")
BODY = {"Mode": {"Replicated": {"Replicas": 1}}}


def pair(*tasks: SwarmTask, beta: str = "ready") -> Pair:
    nodes = (
        SwarmNode("n1", "alpha", "manager", "ready", "active"),
        SwarmNode("n2", "beta", "worker", beta, "active"),
    )
    routed = Routed(Traffic(80, 8080), places={"t2": Placing("a", "10.0.0.2", NOON)})
    shown = ObservedRoute("shop", "web", a=(ObservedTarget("t2", "10.0.0.2", 8080, 256, ready=True, in_flight=0),))
    service = SwarmService("s1", "shop_web", 7, BODY, tasks=tasks)
    return Pair("web", service, None, InRouter(routed, Seen(agreed=True, route=shown)), nodes)


def test_it_may_once_newer_tasks_alone_run() -> None:
    ended = replace(OLD, state="shutdown")

    assert is_home(JOURNAL, None, pair(NEW, ended))


def test_what_swarm_has_only_begun_to_end_may_be_asked_by_a_router_still() -> None:
    assert not is_home(JOURNAL, None, pair(NEW, OLD))


@pytest.mark.parametrize("state", ["down", "disconnected"])
def test_what_a_lost_node_may_run_keeps_nobody(state: str) -> None:
    assert is_home(JOURNAL, None, pair(NEW, OLD, beta=state))

"""Where Swarm could put a service is known before anything starts: what no node can have is told, node by node."""

from dataclasses import replace

import pytest

from gitopsd.model.desired import SealedState
from gitopsd.model.live import LiveNetwork, LiveState
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmNode
from gitopsd.plan.placement import placement_holds
from gitopsd.plan.planning import Applied, plan
from gitopsd.plan.swarm import STOPS_FIRST, TOLD_OTHERWISE, on_swarm
from gitopsd.release.opening import target_of
from tests.manifest.compose_builders import a_state, sealed

ALPHA = SwarmNode(
    "n1", "alpha", "manager", "ready", "active", labels={"disk": "ssd"}, platform="linux/x86_64", cpus=2, memory=1 << 30
)
BETA = SwarmNode("n2", "beta", "worker", "ready", "active", platform="linux/aarch64", cpus=4, memory=1 << 32)


def holds(keys: str, *nodes: SwarmNode) -> list[str]:
    state = sealed(a_state(f"services: {{web: {{image: nginx, {keys}}}}}", swarm=True))
    return [hold.reason for hold in placement_holds(state, nodes or (ALPHA, BETA))]


@pytest.mark.parametrize(
    "keys",
    [
        "deploy: {replicas: 2}",
        "deploy: {placement: {constraints: [node.labels.disk == ssd]}}",
        "deploy: {placement: {constraints: [node.role != manager, node.platform.arch == aarch64]}}",
        "deploy: {placement: {constraints: [node.something.else == x]}}",
        "deploy: {resources: {reservations: {cpus: '3', memory: 2g}}}",
        "platform: linux/amd64",
        "deploy: {replicas: 0, placement: {constraints: [node.hostname == nowhere]}}",
    ],
)
def test_what_some_node_can_have_is_not_held(keys: str) -> None:
    assert holds(keys) == []


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            "deploy: {placement: {constraints: [node.labels.disk == tape]}}",
            "alpha: not node.labels.disk == tape; beta:",
        ),
        (
            "deploy: {resources: {reservations: {cpus: '5'}}}",
            "alpha: it has 2 CPUs, and 5 are reserved; beta: it has 4",
        ),
        (
            "deploy: {resources: {reservations: {memory: 8g}}}",
            "alpha: it has 1024 MiB of memory, and 8192 are reserved",
        ),
        ("platform: linux/s390x", "alpha: it is linux/x86_64; beta: it is linux/aarch64"),
    ],
)
def test_what_no_node_can_have_is_held_and_says_what_keeps_it_away_from_each(keys: str, why: str) -> None:
    (reason,) = holds(keys)
    assert reason.startswith(f"web: no node can have it: {why}")


def test_a_node_that_takes_no_tasks_counts_for_nothing() -> None:
    drained = replace(BETA, availability="drain")
    (reason,) = holds("deploy: {placement: {constraints: [node.role == worker]}}", ALPHA, drained)
    assert reason == "web: no node can have it: alpha: not node.role == worker; beta: it is drained"


def test_what_a_plain_engine_changes_in_place_is_an_update_with_new_tasks_on_a_swarm() -> None:
    def state(keys: str) -> SealedState:
        return sealed(
            a_state(
                f"services: {{web: {{image: nginx, volumes: ['data:/d'], {keys}}}}}\nvolumes: {{data: }}", swarm=True
            )
        )

    before, after = state("restart: always"), state("restart: on-failure")
    journal = Journal("production", stable={"web": target_of(before.services["web"])})
    live = LiveState(networks=(LiveNetwork("n", "production_default", {}),))
    made = plan(after, Applied(journal.stable, before), journal, live, (("web",),))
    (change,) = on_swarm(made, after, (ALPHA,)).changes
    assert (change.change, change.cause, change.order) == ("update", TOLD_OTHERWISE, "stop-first")
    assert change.interruption == STOPS_FIRST

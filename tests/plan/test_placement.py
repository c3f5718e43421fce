"""Where Swarm could put a service is known before anything starts: what no node can have is told, node by node."""

from dataclasses import replace

import pytest

from gitopsd.model.desired import SealedState
from gitopsd.model.live import LiveNetwork, LiveState
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmNode, SwarmService, SwarmState
from gitopsd.plan.placement import placement_holds
from gitopsd.plan.planning import Applied, plan
from gitopsd.plan.swarm import MADE_ANEW, STOPS_FIRST, TOLD_OTHERWISE, on_swarm
from gitopsd.release.opening import target_of
from tests.manifest.compose_builders import a_state, sealed

PLUGINS = frozenset(("Volume/local", "Network/overlay", "Log/json-file"))
ALPHA = SwarmNode(
    *("n1", "alpha", "manager", "ready", "active"),
    labels={"disk": "ssd"},
    platform="linux/x86_64",
    cpus=2,
    memory=1 << 30,
    plugins=PLUGINS,
)
BETA = SwarmNode(
    *("n2", "beta", "worker", "ready", "active"), platform="linux/aarch64", cpus=4, memory=1 << 32, plugins=PLUGINS
)


def holds(keys: str, *nodes: SwarmNode) -> list[str]:
    text = f"services: {{web: {{image: nginx, {keys}}}}}\nvolumes: {{data: {{driver: netshare}}}}\n"
    state = sealed(a_state(f"{text}networks: {{far: {{driver: weave}}}}", swarm=True))
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
        (
            "deploy: {resources: {reservations: {generic_resources: [{discrete_resource_spec: "
            "{kind: gpu, value: 1}}]}}}",
            "alpha: it has 0 gpu, and 1 are reserved",
        ),
        ("logging: {driver: loki}", "alpha: it has no log plugin loki"),
        ("volumes: ['data:/data']", "alpha: it has no volume plugin netshare"),
        ("networks: [far]", "alpha: it has no network plugin weave"),
    ],
)
def test_what_no_node_can_have_is_held_and_says_what_keeps_it_away_from_each(keys: str, why: str) -> None:
    (reason,) = holds(keys)
    assert reason.startswith(f"web: no node can have it: {why}")


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            "deploy: {replicas: 3, placement: {max_replicas_per_node: 1}}",
            "3 of it are wanted, and the nodes have room for 2: alpha: 1, max_replicas_per_node; beta: 1, max_re",
        ),
        (
            "ports: [{target: 80, published: 80, mode: host}], deploy: {replicas: 3}",
            "3 of it are wanted, and the nodes have room for 2: alpha: 1, as each needs port 80 of its node;",
        ),
        (
            "deploy: {replicas: 7, resources: {reservations: {cpus: '1'}}}",
            "7 of it are wanted, and the nodes have room for 6: alpha: 2, by its CPUs; beta: 4, by its CPUs",
        ),
        (
            "deploy: {replicas: 2, placement: {max_replicas_per_node: 1, constraints: [node.role == worker]}}",
            "2 of it are wanted, and the nodes have room for 1: beta: 1, max_replicas_per_node",
        ),
    ],
)
def test_more_than_the_nodes_have_room_for_is_held_with_what_bounds_each(keys: str, why: str) -> None:
    (reason,) = holds(keys)
    assert reason.startswith(f"web: {why}")


@pytest.mark.parametrize(
    "keys",
    [
        "deploy: {mode: global, placement: {max_replicas_per_node: 1}}",
        "deploy: {replicas: 2, placement: {max_replicas_per_node: 1}}",
        "deploy: {replicas: 6, resources: {reservations: {cpus: '1'}}}",
        "ports: [{target: 80, published: 80, mode: host}], deploy: {replicas: 2}",
        "volumes: ['data:/data'], networks: [far], logging: {driver: loki}",
    ],
)
def test_what_the_nodes_just_have_room_for_is_not_held(keys: str) -> None:
    plugins = frozenset(("Volume/netshare:latest", "Network/weave", "Log/loki", "Log/json-file"))
    assert holds(keys, replace(ALPHA, plugins=plugins), replace(BETA, plugins=plugins)) == []


def test_an_image_that_is_known_for_one_platform_only_is_a_warning_where_a_node_is_of_another() -> None:
    wanted = sealed(a_state("services: {web: {image: nginx}}", swarm=True))
    image = replace(wanted.services["web"].image, platform="linux/amd64")
    wanted = replace(wanted, services={"web": replace(wanted.services["web"], image=image)})
    made = plan(wanted, Applied({}, None), Journal("production"), LiveState(), (("web",),))
    warning = on_swarm(made, wanted, SwarmState(nodes=(ALPHA, BETA))).warnings[-1]
    assert warning.startswith("web: the manager has nginx for linux/amd64, which beta is not;")
    assert on_swarm(made, wanted, SwarmState(nodes=(ALPHA,))).warnings == ()


@pytest.mark.parametrize(
    ("digest", "nodes", "warned"),
    [("", (ALPHA, BETA), True), ("", (ALPHA,), False), (f"nginx@sha256:{'a' * 64}", (ALPHA, BETA), False)],
)
def test_an_image_that_is_in_no_registry_is_a_warning_where_more_than_one_node_would_need_it(
    digest: str, nodes: tuple[SwarmNode, ...], warned: bool
) -> None:
    wanted = sealed(a_state("services: {web: {image: nginx}}", swarm=True))
    image = replace(wanted.services["web"].image, digest=digest)
    wanted = replace(wanted, services={"web": replace(wanted.services["web"], image=image)})
    made = plan(wanted, Applied({}, None), Journal("production"), LiveState(), (("web",),))
    warnings = on_swarm(made, wanted, SwarmState(nodes=nodes)).warnings
    assert [each.startswith("web: no registry tells a digest of nginx, so nodes") for each in warnings] == [
        True
    ] * warned


def test_a_service_whose_mode_changes_is_made_anew_which_the_plan_says() -> None:
    def state(mode: str) -> SealedState:
        return sealed(a_state(f"services: {{web: {{image: nginx, deploy: {{mode: {mode}}}}}}}", swarm=True))

    before, after = state("replicated"), state("global")
    target = target_of(before.services["web"])
    journal = Journal("production", stable={"web": target})
    made = plan(after, Applied({"web": target}, before), journal, LiveState(), (("web",),))
    there = SwarmService("s", "production_web", 1, {"Mode": {"Replicated": {"Replicas": 1}}})
    (change,) = on_swarm(made, after, SwarmState({"production_web": there}, nodes=(ALPHA,))).changes
    assert (change.change, change.cause, change.interruption) == ("replace", MADE_ANEW, MADE_ANEW)


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
    (change,) = on_swarm(made, after, SwarmState(nodes=(ALPHA,))).changes
    assert (change.change, change.cause, change.order) == ("update", TOLD_OTHERWISE, "stop-first")
    assert change.interruption == STOPS_FIRST

"""What others have of the nodes, and a service has itself, counts before anything starts, as Swarm will count it."""

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.model.desired import SealedState
from gitopsd.model.live import LiveNetwork, LiveState
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal
from gitopsd.model.swarm import Occupant, SwarmNode, SwarmState
from gitopsd.plan.planning import Applied, plan
from gitopsd.plan.swarm import on_swarm
from gitopsd.release.opening import target_of
from tests.manifest.compose_builders import a_state, sealed

ALPHA = SwarmNode(
    "n1", "alpha", "manager", "ready", "active", platform="linux/x86_64", cpus=4, memory=4 << 30, generic={"gpu": 2}
)
BETA = replace(ALPHA, id="n2", hostname="beta", role="worker")
CPUS = "deploy: {resources: {reservations: {cpus: '2'}}"
DB = Occupant("n1", "other_db", cpus=3, memory=3 << 30, generic={"gpu": 2}, ports=frozenset({("tcp", 80)}))


def state(keys: str, image: str = "nginx", more: str = "") -> SealedState:
    text = f"name: shop\nservices:\n  web: {{image: '{image}', {keys}}}\n{more}"
    return sealed(a_state(text, swarm=True), web=f"sha256:{image}")


def made(wanted: SealedState, before: SealedState | None, *there: Occupant, nodes: Any = (ALPHA, BETA)) -> Plan:
    stable = {name: target_of(each) for name, each in before.services.items()} if before is not None else {}
    journal = Journal("production", project="shop", stable=stable)
    live = LiveState(networks=(LiveNetwork("n", "shop_default", {}),))
    waves = (tuple(sorted(wanted.services)),)
    return on_swarm(plan(wanted, Applied(stable, before), journal, live, waves), wanted, SwarmState(nodes=nodes), there)


def holds(*found: Any, **more: Any) -> list[str]:
    return [each.reason for each in made(*found, **more).holds if each.guard == "placement"]


def own(count: int, node: str = "n1", **more: Any) -> list[Occupant]:
    return [Occupant(node, "shop_web", **more)] * count


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        (
            f"{CPUS}, replicas: 3}}",
            "3 of it are wanted, and the nodes have room for 2: beta: 2, by its CPUs",
        ),
        (
            "deploy: {replicas: 4, resources: {reservations: {memory: 1g}}}, mem_limit: 2g",
            "",
        ),
        (
            "deploy: {replicas: 6, resources: {reservations: {memory: 1g}}}",
            "6 of it are wanted, and the nodes have room for 5: alpha: 1, by what is left of its memory; "
            "beta: 4, by its memory",
        ),
        (
            "deploy: {replicas: 2, placement: {constraints: [node.hostname == alpha]}, "
            "resources: {reservations: {cpus: '2'}}}",
            "no node can have it: alpha: it has 1 CPUs left of 4, and 2 are reserved; beta: not node.hostname == alpha",
        ),
        (
            "deploy: {replicas: 1, placement: {constraints: [node.role == manager]}, resources: {reservations: "
            "{generic_resources: [{discrete_resource_spec: {kind: gpu, value: 1}}]}}}",
            "no node can have it: alpha: it has 0 gpu left of 2, and 1 are reserved; beta: not node.role == manager",
        ),
        (
            "deploy: {replicas: 2}, ports: [{target: 80, published: 80, mode: host}]",
            "2 of it are wanted, and the nodes have room for 1: beta: 1, as each needs port 80 of its node",
        ),
        (
            "deploy: {mode: global}, ports: [{target: 80, published: 80, mode: host}]",
            "one of it is to run on every node, and not each can have it: alpha: other_db has its port 80",
        ),
        ("deploy: {mode: global}, ports: [{target: 80, published: 80, mode: host, protocol: udp}]", ""),
        (
            "deploy: {mode: global, placement: {constraints: [node.role == worker]}, resources: {reservations: "
            "{cpus: '3'}}}",
            "",
        ),
    ],
)
def test_what_tasks_of_other_stacks_have_reserved_is_no_room_for_a_new_service(keys: str, why: str) -> None:
    assert holds(state(keys), None, DB) == ([f"web: {why}"] if why else [])


def test_what_a_service_has_itself_is_free_again_where_its_tasks_stop_first() -> None:
    keys = f"{CPUS}, replicas: 4, update_config: {{order: stop-first}}}}"
    there = (*own(2, cpus=2), *own(2, "n2", cpus=2))
    assert holds(state(keys, "nginx:2"), state(keys), *there) == []


def test_what_starts_first_needs_room_for_one_beside_all_that_run() -> None:
    keys = f"{CPUS}, replicas: 3, update_config: {{order: start-first, parallelism: 2}}}}"
    full = (*own(2, cpus=2), *own(1, "n2", cpus=2), Occupant("n2", "other_db", cpus=1))
    why = "web: 1 of it is to run beside those that are replaced: alpha: it has 0 CPUs left of 4, and 2 are reserved; "
    assert holds(state(keys, "nginx:2"), state(keys), *full) == [
        f"{why}beta: it has 1 CPUs left of 4, and 2 are reserved"
    ]
    assert holds(state(keys, "nginx:2"), state(keys), *full[:3]) == []  # what is replaced leaves its room to the next


def test_what_starts_first_finds_no_place_where_each_node_has_as_many_as_it_may() -> None:
    keys = "deploy: {replicas: 2, placement: {max_replicas_per_node: 1}, update_config: {order: start-first}}"
    there = (*own(1), *own(1, "n2"))
    (why,) = holds(state(keys, "nginx:2"), state(keys), *there)
    assert why.startswith("web: 1 of it is to run beside those that are replaced: alpha: it has 1 of it, and max_")
    stops_first = keys.replace("start-first", "stop-first")
    assert holds(state(stops_first, "nginx:2"), state(stops_first), *there) == []


def test_blue_and_green_are_there_at_once() -> None:
    keys = f"{CPUS}, replicas: 2}}, ports: ['80:80'], x-gitopsd: {{strategy: blue-green}}"
    there = own(2, cpus=2)
    assert holds(state(keys, "nginx:2"), state(keys), *there) == []
    (why,) = holds(state(keys, "nginx:2"), state(keys), *there, Occupant("n2", "other_db", cpus=1))
    assert why.startswith("web: 2 of it are to run beside those that are replaced: alpha: it has 0 CPUs left")


def test_a_second_service_of_the_canary_may_be_where_the_first_has_as_many_as_it_may() -> None:
    keys = (
        "deploy: {replicas: 1, placement: {max_replicas_per_node: 1}}, ports: ['80:80'], x-gitopsd: {strategy: canary}"
    )
    assert holds(state(keys, "nginx:2"), state(keys), *own(1), nodes=(ALPHA,)) == []


def test_a_larger_scale_counts_what_is_there_once() -> None:
    def scaled(replicas: int) -> SealedState:
        return state(f"{CPUS}, replicas: {replicas}}}")

    assert holds(scaled(4), scaled(2), *own(2, cpus=2)) == []
    (why,) = holds(scaled(5), scaled(2), *own(2, cpus=2))
    assert why.startswith("web: 5 of it are wanted, and the nodes have room for 4")


def test_what_leaves_or_changes_with_the_release_is_not_counted_and_what_stays_is() -> None:
    more = "  old: {image: nginx, deploy: {resources: {reservations: {cpus: '3'}}}}\n"
    there = [Occupant("n1", "shop_old", cpus=3)]
    web = f"{CPUS}, replicas: 2}}"
    assert holds(state(web), state(web.replace("2}", "1}"), more=more), *there, nodes=(ALPHA,)) == []
    (why,) = holds(state(web, "nginx:2", more), state(web, more=more), *there, nodes=(ALPHA,))
    assert why.startswith("web: no node can have it: alpha: it has 1 CPUs left of 4, and 2 are reserved")


def test_a_plan_with_nothing_to_do_is_held_by_nobody() -> None:
    same = state(f"{CPUS}, replicas: 2}}")
    assert made(same, same, DB, DB, nodes=(ALPHA,)).holds == ()

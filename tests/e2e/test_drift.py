"""What people do to single fields of live containers: each found with exactly its fields and cure, and then healed."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import docker
import pytest

from gitopsd.model.drift import DriftItem
from tests.e2e.conftest import ONE, RIGS
from tests.e2e.rig import Rig, web
from tests.e2e.witness import SERVICE_LABEL

MIB = 1 << 20
Mutate = Callable[["Hand"], object]


@dataclass(frozen=True)
class Hand:
    """Somebody at the engine, and the container that they are about to change."""

    api: docker.APIClient
    container: str
    project: str

    def update(self, **limits: Any) -> None:
        """As `docker update`, with fields that the SDK does not know."""
        url = self.api._url("/containers/{0}/update", self.container)  # type: ignore[no-untyped-call]
        self.api._raise_for_status(self.api._post_json(url, data=limits))  # type: ignore[no-untyped-call]

    def restart(self, policy: str, retries: int = 0) -> None:
        self.update(RestartPolicy={"Name": policy, "MaximumRetryCount": retries})

    def join(self, network: str, **endpoint: Any) -> None:
        self.api.connect_container_to_network(self.container, self.network(network), **endpoint)

    def leave(self, network: str) -> None:
        self.api.disconnect_container_from_network(self.container, self.network(network))

    def network(self, key: str) -> str:
        return f"{self.project}_{key}"


@dataclass(frozen=True)
class Case:
    """`paths` are the fields that differ afterwards; `same` tells whether the container survives its cure."""

    mutate: Mutate
    paths: tuple[str, ...]
    cure: str
    same: bool
    service: Mapping[str, Any] = field(default_factory=dict)
    kind: str = "modified"


def limits(**values: Any) -> dict[str, Any]:
    return {"deploy": {"resources": {"limits": values}}}


NAMES = ["address-changed"]
BACK, FRONT = "networks.PROJECT_back", "networks.PROJECT_front"
CASES: dict[str, Case] = {
    "memory-lowered": Case(
        lambda hand: hand.update(Memory=32 * MIB, MemorySwap=64 * MIB),
        ("resources.memory",),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "memory-raised": Case(
        lambda hand: hand.update(Memory=128 * MIB, MemorySwap=256 * MIB),
        ("resources.memory",),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "memory-without-swap": Case(
        lambda hand: hand.update(Memory=32 * MIB),
        ("resources.memory", "resources.memory_swap"),
        *("in-place", True),
        {"mem_limit": "64m"},
    ),
    "memory-that-nobody-limited": Case(
        lambda hand: hand.update(Memory=64 * MIB, MemorySwap=128 * MIB), ("resources.memory",), "recreate", False
    ),
    "reservation-changed": Case(
        lambda hand: hand.update(MemoryReservation=16 * MIB),
        ("resources.memory_reservation",),
        *("in-place", True),
        {"deploy": {"resources": {"reservations": {"memory": "32m"}}}},
    ),
    "cpus-changed": Case(
        lambda hand: hand.update(NanoCpus=10**9), ("resources.cpus",), "in-place", True, {"cpus": 0.5}
    ),
    "cpus-that-nobody-limited": Case(lambda hand: hand.update(NanoCpus=10**9), ("resources.cpus",), "recreate", False),
    "shares-that-nobody-gave": Case(
        lambda hand: hand.update(CpuShares=512), ("resources.cpu_shares",), "in-place", True
    ),
    "cpuset-that-nobody-gave": Case(lambda hand: hand.update(CpusetCpus="0"), ("resources.cpuset",), "recreate", False),
    "quota-that-nobody-gave": Case(
        lambda hand: hand.update(CpuQuota=50_000, CpuPeriod=100_000),
        ("resources.cpu_period", "resources.cpu_quota"),
        *("recreate", False),
    ),
    "pids-changed": Case(
        lambda hand: hand.update(PidsLimit=50), ("resources.pids",), "in-place", True, limits(pids=100)
    ),
    "pids-unlimited": Case(
        lambda hand: hand.update(PidsLimit=-1), ("resources.pids",), "in-place", True, limits(pids=100)
    ),
    "pids-that-nobody-limited": Case(lambda hand: hand.update(PidsLimit=50), ("resources.pids",), "in-place", True),
    "restart-taken-away": Case(lambda hand: hand.restart("no"), ("restart",), "in-place", True, {"restart": "always"}),
    "restart-that-nobody-wanted": Case(lambda hand: hand.restart("always"), ("restart",), "in-place", True),
    "restart-more-often": Case(
        lambda hand: hand.restart("on-failure", 5), ("restart",), "in-place", True, {"restart": "on-failure:3"}
    ),
    "two-limits-at-once": Case(
        lambda hand: (hand.update(PidsLimit=50), hand.restart("no")),
        ("resources.pids", "restart"),
        *("in-place", True),
        {"restart": "always", **limits(pids=100)},
    ),
    "network-left": Case(lambda hand: hand.leave("back"), (BACK,), "in-place", True, {"networks": ["back", "front"]}),
    "only-network-left": Case(lambda hand: hand.leave("back"), (BACK,), "in-place", True, {"networks": ["back"]}),
    "network-joined": Case(lambda hand: hand.join("front"), (FRONT,), "in-place", True, {"networks": ["back"]}),
    "aliases-lost": Case(
        lambda hand: (hand.leave("back"), hand.join("back")),
        (f"{BACK}.aliases",),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "alias-added": Case(
        lambda hand: (hand.leave("back"), hand.join("back", aliases=["aliased-1", "alias-added", "other"])),
        (f"{BACK}.aliases",),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "link-local-added": Case(
        lambda hand: (
            hand.leave("back"),
            hand.join("back", aliases=["link-local-added"], link_local_ips=["169.254.34.68"]),
        ),
        (f"{BACK}.link_local_ips",),
        *("in-place", True),
        {"networks": ["back"]},
    ),
    "address-changed": Case(
        lambda hand: (
            hand.leave("fixed"),
            hand.join("fixed", aliases=["address-changed"], ipv4_address="192.168.251.9"),
        ),
        ("networks.PROJECT_fixed.ipv4_address",),
        *("in-place", True),
        {"networks": {"fixed": {"ipv4_address": "192.168.251.8"}}},
    ),
    "renamed": Case(
        lambda hand: hand.api.rename(hand.container, f"{hand.project}-somebody"), ("name",), "in-place", True
    ),
    "paused": Case(lambda hand: hand.api.pause(hand.container), (), "in-place", True, kind="paused"),
    "stopped": Case(lambda hand: hand.api.stop(hand.container), (), "in-place", True, kind="stopped"),
    "killed": Case(lambda hand: hand.api.kill(hand.container), (), "in-place", True, kind="stopped"),
    "removed": Case(
        lambda hand: hand.api.remove_container(hand.container, force=True), (), "recreate", False, kind="missing"
    ),
}


@dataclass(frozen=True)
class Story:
    """What was found of each case, and its container before the change and after the heal."""

    project: str
    found: Mapping[str, list[DriftItem]]
    before: Mapping[str, str]
    after: Mapping[str, str]
    left: tuple[DriftItem, ...]


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, docker_api: docker.APIClient, engine_url: str) -> Iterator[Story]:
    """All cases at once, each with a service of its own; one daemon tells them, and then heals them on request."""
    rig = Rig(tmp_path_factory.mktemp("drift"), docker_api, engine_url, f"gitopsd-test-{uuid.uuid4().hex[:8]}")
    RIGS.append(rig)
    try:
        yield told(rig)
    finally:
        RIGS.remove(rig)
        rig.close()


def told(rig: Rig) -> Story:
    services = {name: web(ONE, **case.service) for name, case in CASES.items()}
    networks = {"back": {}, "front": {}, "fixed": {"ipam": {"config": [{"subnet": "192.168.251.0/24"}]}}}
    document = {"services": {**services, "other": web(ONE, networks=["front"])}, "networks": networks}
    rig.start()
    rig.synced(rig.push_document({**document, "x-gitopsd": {"heal": "report"}}), within=90)
    rig.eventually(lambda: len(rig.store.baselines("shop")) == len(services) + 1)
    before = containers(rig)
    for name, case in CASES.items():
        case.mutate(Hand(rig.api, before[name], rig.project))
    rig.eventually(lambda: {each.service for each in rig.store.drift("shop").items} == set(CASES), within=30)
    found = {name: [each for each in rig.store.drift("shop").items if each.service == name] for name in CASES}
    rig.ask("heal")
    rig.eventually(lambda: not rig.store.drift("shop").items and not rig.store.journal("shop").rollouts, within=60)
    return Story(rig.project, found, before, containers(rig), rig.store.drift("shop").items)


def containers(rig: Rig) -> dict[str, str]:
    return {row["Labels"][SERVICE_LABEL]: row["Id"] for row in rig.rows(environment="shop")}


@pytest.mark.parametrize("name", CASES)
def test_a_change_by_hand_is_found_with_exactly_its_fields_and_its_cure(story: Story, name: str) -> None:
    case, (item,) = CASES[name], story.found[name]

    wanted = tuple(path.replace("PROJECT", story.project) for path in case.paths)
    assert (item.kind, tuple(each.path for each in item.changes), item.cure) == (case.kind, wanted, case.cure)


@pytest.mark.parametrize("name", CASES)
def test_it_is_healed_in_place_where_an_engine_can_and_else_replaced(story: Story, name: str) -> None:
    assert (story.before[name] == story.after[name]) == CASES[name].same


def test_afterwards_nothing_differs(story: Story) -> None:
    assert story.left == ()

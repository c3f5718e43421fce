"""What people do to single fields of live containers: each found with exactly its fields and cure, and then healed."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import docker
import pytest

from gitopsd.model.drift import DriftItem
from tests.e2e import hand_on_containers, hand_on_content, hand_on_limits, hand_on_networks
from tests.e2e.conftest import ONE, RIGS
from tests.e2e.hand import Case, Hand
from tests.e2e.rig import Rig, web
from tests.e2e.witness import SERVICE_LABEL

CASES: dict[str, Case] = {
    **hand_on_limits.CASES,
    **hand_on_networks.CASES,
    **hand_on_containers.CASES,
    **hand_on_content.CASES,
}


@dataclass(frozen=True)
class Story:
    """What was found of each case; its container and its networks, before the change and after the heal."""

    project: str
    found: Mapping[str, list[DriftItem]]
    before: Mapping[str, str]
    after: Mapping[str, str]
    connected: Mapping[str, set[str]]
    reconnected: Mapping[str, set[str]]
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
    services["other"] = web(ONE, networks=["front"])
    document = {"services": services, "networks": hand_on_networks.NETWORKS, "configs": hand_on_content.CONFIGS}
    rig.start()
    rig.synced(rig.push_document({**document, "x-gitopsd": {"heal": "report"}}, **hand_on_content.FILES), within=90)
    rig.eventually(lambda: len(rig.store.baselines("shop")) == len(services))
    rig.eventually(lambda: rig.ask("resume") and rig.content_known() == len(hand_on_content.CASES))
    before = containers(rig)
    connected = networks(rig)
    changed = {name: case for name, case in CASES.items() if taken(rig, case)}
    for name, case in changed.items():
        case.mutate(Hand(rig.api, before[name], rig.project, before))
    found = rig.eventually(lambda: all_of(rig, changed), within=60)
    rig.ask("heal")
    rig.eventually(lambda: not rig.store.drift("shop").items and not rig.store.journal("shop").rollouts, within=90)
    return Story(rig.project, found, before, containers(rig), connected, networks(rig), rig.store.drift("shop").items)


def taken(rig: Rig, case: Case) -> bool:
    """Whether this engine takes such a change."""
    return tuple(int(part) for part in rig.api.api_version.split(".")) < case.until


def all_of(rig: Rig, changed: Mapping[str, Case]) -> dict[str, list[DriftItem]]:
    """What was found of each case, once there is as much of each as it comes to."""
    items = rig.store.drift("shop").items
    found = {name: [each for each in items if each.service == name] for name in changed}
    unlike = {name: each for name, each in found.items() if len(each) != 1 + len(changed[name].also)}
    assert not unlike
    return found


def containers(rig: Rig) -> dict[str, str]:
    return {row["Labels"][SERVICE_LABEL]: row["Id"] for row in rig.rows(environment="shop")}


def networks(rig: Rig) -> dict[str, set[str]]:
    rows = rig.rows(environment="shop")
    return {row["Labels"][SERVICE_LABEL]: set(row["NetworkSettings"]["Networks"]) for row in rows}


@pytest.mark.parametrize("name", CASES)
def test_a_change_by_hand_is_found_with_exactly_its_fields_and_its_cure(story: Story, name: str) -> None:
    case = CASES[name]
    if name not in story.found:
        pytest.skip("this engine takes no such change any more")

    wanted = {(case.kind, tuple(path.replace("PROJECT", story.project) for path in case.paths), case.cure)}
    wanted |= {(kind, (), case.cure) for kind in case.also}
    assert {(each.kind, tuple(one.path for one in each.changes), each.cure) for each in story.found[name]} == wanted


@pytest.mark.parametrize("name", CASES)
def test_it_is_healed_in_place_where_an_engine_can_and_else_replaced(story: Story, name: str) -> None:
    same = CASES[name].same or name not in story.found
    assert (story.before[name] == story.after[name]) == same


def test_afterwards_nothing_differs(story: Story) -> None:
    assert story.left == ()
    assert story.reconnected == story.connected

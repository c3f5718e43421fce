"""What people do beyond a container of ours: to networks, volumes and tags, and with containers like ours."""

import uuid
from collections.abc import Iterator
from functools import partial

import docker
import pytest

from gitopsd.model.drift import DriftItem
from tests.conftest import gone_is_fine
from tests.e2e.conftest import ONE, RIGS, TWO
from tests.e2e.hand import Hand
from tests.e2e.rig import Rig, web

Told = tuple[str, str, str, str]
NETWORKS = ("removed", "anew")
SERVICES = {
    "removed": {"networks": ["removed"]},
    "anew": {"networks": ["anew"]},
    "data": {"volumes": ["data:/data"]},
    "twin": {},
    "replaced": {},
}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, docker_api: docker.APIClient, engine_url: str) -> Iterator[Rig]:
    """A service for each test; what drifts is only reported until somebody asks."""
    rig = Rig(tmp_path_factory.mktemp("beyond"), docker_api, engine_url, f"gitopsd-test-{uuid.uuid4().hex[:8]}")
    RIGS.append(rig)
    rig.at_end(partial(gone_is_fine, partial(docker_api.remove_image, tag(rig), force=True)))
    docker_api.tag(ONE, tag(rig))
    try:
        rig.start()
        services = {name: web(ONE, **more) for name, more in SERVICES.items()}
        networks = {name: {} for name in NETWORKS}
        document = {"services": {**services, "tagged": web(tag(rig))}, "networks": networks, "volumes": {"data": {}}}
        rig.synced(rig.push_document({**document, "x-gitopsd": {"heal": "report"}}), within=60)
        rig.eventually(lambda: len(rig.store.baselines("shop")) == len(SERVICES) + 1)
        yield rig
    finally:
        RIGS.remove(rig)
        rig.close()


def tag(rig: Rig) -> str:
    return f"{rig.project}/web"


def hand(rig: Rig, service: str) -> Hand:
    return Hand(rig.api, rig.container(f"{service}-1")["Id"], rig.project)


def drifted(rig: Rig, service: str) -> list[DriftItem]:
    """What drifted of a service, and of the network or volume that is called as it is."""
    items = rig.store.drift("shop").items
    return [each for each in items if service in (each.service, each.name.rpartition("_")[2])]


def told(rig: Rig, service: str) -> set[Told]:
    """Resource, name, kind and cure of what drifted."""
    found = drifted(rig, service)
    return {(each.resource, each.name.removeprefix(rig.project), each.kind, each.cure) for each in found}


def heals(rig: Rig, service: str, left: set[Told] | None = None) -> None:
    rig.ask("heal", service=service)
    rig.eventually(
        lambda: told(rig, service) == (left or set()) and service not in rig.store.journal("shop").rollouts, within=60
    )


def test_a_network_that_was_removed_is_made_again_and_joined(shop: Rig) -> None:
    before = hand(shop, "removed")
    before.stop()
    before.leave("removed")
    shop.api.remove_network(before.network("removed"))

    shop.eventually(lambda: ("network", "_removed", "missing", "recreate") in told(shop, "removed"))
    heals(shop, "removed")

    assert list(shop.container("removed-1")["NetworkSettings"]["Networks"]) == [before.network("removed")]


def test_a_network_that_was_made_anew_with_other_settings_is_told_field_by_field_and_left_alone(shop: Rig) -> None:
    before = hand(shop, "anew")
    labels = shop.api.inspect_network(before.network("anew"))["Labels"]
    before.remove()
    shop.api.remove_network(before.network("anew"))
    made = shop.api.create_network(before.network("anew"), labels=labels, internal=True)["Id"]

    anew = ("network", "_anew", "modified", "none")
    shop.eventually(lambda: anew in told(shop, "anew"))
    heals(shop, "anew", {anew})

    (item,) = drifted(shop, "anew")
    assert [(each.path, each.applied, each.live) for each in item.changes] == [("internal", None, True)]
    assert shop.api.inspect_network(before.network("anew"))["Id"] == made


def test_a_volume_that_was_removed_is_told_with_its_loss_and_made_again(shop: Rig) -> None:
    hand(shop, "data").remove()
    shop.api.remove_volume(f"{shop.project}_data")

    gone = {("container", "-data-1", "missing", "recreate"), ("volume", "_data", "missing", "recreate")}
    shop.eventually(lambda: told(shop, "data") == gone)
    assert "its data with it" in next(each.cause for each in drifted(shop, "data") if each.resource == "volume")
    heals(shop, "data")
    assert shop.container("data-1")["State"]["Running"]


def test_a_twin_beside_ours_is_told_and_never_taken_for_ours(shop: Rig) -> None:
    ours = hand(shop, "twin")
    twin = ours.run_twin(f"{shop.project}-like-it")

    shop.eventually(lambda: told(shop, "twin") == {("container", "-like-it", "extra", "none")})
    shop.ask("heal", service="twin")
    shop.looks_again()

    assert {row["Id"] for row in shop.rows("twin")} == {ours.container, twin}
    assert "a copy made by hand" in drifted(shop, "twin")[0].cause


def test_a_container_of_the_project_that_nobody_wants_is_told_and_left_alone(shop: Rig) -> None:
    labels = {"com.docker.compose.project": shop.project, "com.docker.compose.service": "shell"}
    extra = shop.api.create_container(ONE, name=f"{shop.project}-shell", labels=labels)["Id"]

    shop.eventually(lambda: told(shop, "shell") == {("container", "-shell", "extra", "none")})
    shop.ask("heal", service="twin")
    shop.looks_again()

    assert shop.api.inspect_container(extra)["Name"] == f"/{shop.project}-shell"


def test_a_twin_in_the_place_of_ours_is_not_taken_for_it_and_ours_comes_back_once_it_is_gone(shop: Rig) -> None:
    by_hand, name = hand(shop, "replaced"), f"{shop.project}-replaced-1"
    twin = by_hand.run_twin()
    by_hand.remove()
    shop.api.rename(twin, name)

    both = {("container", "-replaced-1", "missing", "recreate"), ("container", "-replaced-1", "extra", "none")}
    shop.eventually(lambda: told(shop, "replaced") == both)
    shop.ask("heal", service="replaced")
    shop.told("ActionFailed")
    assert shop.api.inspect_container(name)["Id"] == twin
    shop.api.remove_container(twin, force=True)
    heals(shop, "replaced")

    assert shop.container("replaced-1")["Id"] not in (by_hand.container, twin)
    assert twin not in shop.store.journal("shop").inventory


def test_a_tag_that_was_moved_is_told_and_what_runs_goes_on(shop: Rig) -> None:
    before = shop.container("tagged-1")
    shop.api.tag(TWO, tag(shop), force=True)

    shop.eventually(lambda: told(shop, "tagged") == {("container", "-tagged-1", "image", "none")})
    ((change,),) = (each.changes for each in drifted(shop, "tagged"))
    assert (change.path, change.applied) == ("image.tag", before["Image"])
    assert shop.container("tagged-1")["Id"] == before["Id"]
    shop.api.tag(ONE, tag(shop), force=True)
    shop.eventually(lambda: not drifted(shop, "tagged"))

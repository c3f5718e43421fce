"""What people do beyond a container of ours: to networks, volumes and tags, and with containers like ours."""

from collections.abc import Callable
from functools import partial

import pytest

from gitopsd.model.drift import DriftItem
from tests.conftest import gone_is_fine
from tests.e2e.conftest import ONE, TWO, MakeRig
from tests.e2e.hand import Hand
from tests.e2e.rig import Rig, web

Told = tuple[str, str, str, str]


@pytest.fixture
def shop(make_rig: MakeRig) -> Rig:
    """One service with a network and a volume of its own; what drifts is only reported until somebody asks."""
    rig = make_rig().start()
    services = {"web": web(ONE, networks=["back"], volumes=["data:/data"]), "other": web(ONE)}
    document = {"services": services, "networks": {"back": {}}, "volumes": {"data": {}}}
    rig.synced(rig.push_document({**document, "x-gitopsd": {"heal": "report"}}))
    rig.eventually(lambda: len(rig.store.baselines("shop")) == 2)
    return rig


def hand(rig: Rig) -> Hand:
    return Hand(rig.api, rig.container()["Id"], rig.project)


def told(rig: Rig) -> set[Told]:
    """Resource, name, kind and cure of all that drifted."""
    return {(each.resource, each.name.removeprefix(rig.project), each.kind, each.cure) for each in drifted(rig)}


def drifted(rig: Rig) -> tuple[DriftItem, ...]:
    return rig.store.drift("shop").items


def heals(rig: Rig, left: Callable[[], bool]) -> None:
    rig.ask("heal")
    rig.eventually(lambda: left() and not rig.store.journal("shop").rollouts, within=60)


def test_a_network_that_was_removed_is_made_again_and_joined(shop: Rig) -> None:
    before = hand(shop)
    before.stop()
    shop.api.disconnect_container_from_network(before.container, before.network("back"))
    shop.api.remove_network(before.network("back"))

    shop.eventually(lambda: ("network", "_back", "missing", "recreate") in told(shop))
    heals(shop, lambda: not drifted(shop))

    assert list(shop.container()["NetworkSettings"]["Networks"]) == [before.network("back")]


def test_a_network_that_was_made_anew_with_other_settings_is_told_field_by_field_and_left_alone(shop: Rig) -> None:
    before = hand(shop)
    labels = shop.api.inspect_network(before.network("back"))["Labels"]
    before.remove()
    shop.api.remove_network(before.network("back"))
    made = shop.api.create_network(before.network("back"), labels=labels, internal=True)["Id"]

    shop.eventually(lambda: ("network", "_back", "modified", "none") in told(shop))
    heals(shop, lambda: told(shop) == {("network", "_back", "modified", "none")})

    (item,) = drifted(shop)
    assert [(each.path, each.applied, each.live) for each in item.changes] == [("internal", None, True)]
    assert shop.api.inspect_network(before.network("back"))["Id"] == made


def test_a_volume_that_was_removed_is_told_with_its_loss_and_made_again(shop: Rig) -> None:
    hand(shop).remove()
    shop.api.remove_volume(f"{shop.project}_data")

    shop.eventually(
        lambda: (
            told(shop) == {("container", "-web-1", "missing", "recreate"), ("volume", "_data", "missing", "recreate")}
        )
    )
    assert "its data with it" in next(each.cause for each in drifted(shop) if each.resource == "volume")
    heals(shop, lambda: not drifted(shop))
    assert shop.container()["State"]["Running"]


def test_a_twin_beside_ours_is_told_and_never_taken_for_ours(shop: Rig) -> None:
    before = shop.ids()
    twin = hand(shop).run_twin(f"{shop.project}-twin")

    shop.eventually(lambda: told(shop) == {("container", "-twin", "extra", "none")})
    shop.ask("heal")
    shop.looks_again()

    assert shop.ids() == {**before, f"/{shop.project}-twin": twin}
    assert "a copy made by hand" in drifted(shop)[0].cause


def test_a_container_of_the_project_that_nobody_wants_is_told_and_left_alone(shop: Rig) -> None:
    labels = {"com.docker.compose.project": shop.project, "com.docker.compose.service": "shell"}
    extra = shop.api.create_container(ONE, name=f"{shop.project}-shell", labels=labels)["Id"]

    shop.eventually(lambda: told(shop) == {("container", "-shell", "extra", "none")})
    shop.ask("heal")
    shop.looks_again()

    assert shop.api.inspect_container(extra)["Name"] == f"/{shop.project}-shell"


def test_a_twin_in_the_place_of_ours_is_not_taken_for_it_and_ours_comes_back_once_it_is_gone(shop: Rig) -> None:
    by_hand = hand(shop)
    twin = by_hand.run_twin()
    name = f"{shop.project}-web-1"
    by_hand.remove()
    shop.api.rename(twin, name)

    shop.eventually(
        lambda: told(shop) == {("container", "-web-1", "missing", "recreate"), ("container", "-web-1", "extra", "none")}
    )
    shop.ask("heal")
    shop.told("ActionFailed")
    assert shop.api.inspect_container(name)["Id"] == twin
    shop.api.remove_container(twin, force=True)
    heals(shop, lambda: not drifted(shop))

    assert shop.container()["Id"] not in (by_hand.container, twin)
    assert twin not in shop.store.journal("shop").inventory


def test_a_tag_that_was_moved_is_told_and_what_runs_goes_on(make_rig: MakeRig) -> None:
    rig = make_rig().start()
    tag = f"{rig.project}/web"
    rig.at_end(partial(gone_is_fine, partial(rig.api.remove_image, tag, force=True)))
    rig.api.tag(ONE, tag)
    rig.synced(rig.push(web=web(tag)))
    before = rig.container()
    rig.api.tag(TWO, tag, force=True)
    rig.looks_again()

    rig.eventually(lambda: told(rig) == {("container", "-web-1", "image", "none")})
    ((change,),) = (each.changes for each in drifted(rig))
    assert (change.path, change.applied) == ("image.tag", before["Image"])
    assert rig.container()["Id"] == before["Id"]
    rig.api.tag(ONE, tag, force=True)
    rig.looks_again()
    rig.eventually(lambda: not drifted(rig))

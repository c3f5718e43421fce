"""Images from a real registry: released, moved, superseded, returned to without it; and a registry in trouble."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import docker
import pytest

from tests.e2e.conftest import MakeRig
from tests.e2e.rig import Rig, web
from tests.registry import PASSWORD, USER, MakeRegistry, Registry, remove_images
from tests.registry_front import Busy, Front, Hang


@pytest.fixture
def registry(make_registry: MakeRegistry) -> Registry:
    return make_registry()


@pytest.fixture
def front(registry: Registry, docker_api: docker.APIClient) -> Iterator[Front]:
    made = Front(registry.host)
    yield made
    made.close()
    remove_images(docker_api, made.host)


def held(rig: Rig, guard: str, words: str) -> None:
    """Wait until a guard holds the environment with these words."""
    rig.eventually(lambda: words in rig.held(guard))


def shown(rig: Rig, release: int) -> Any:
    """What `gitopsd show RELEASE` says of the way back, while a daemon runs."""
    command = [sys.executable, "-m", "gitopsd", "show", str(release), "--config", str(rig.config), "-o", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)["offline"]


def test_a_tag_that_moved_is_released_when_somebody_asks_for_it(rig: Rig, registry: Registry) -> None:
    image = f"{registry.host}/shop/web:1"
    old = registry.push("shop/web:1", "one")
    rig.synced(rig.push(web=web(image)))
    assert rig.page() == "one\n"
    new = registry.push("shop/web:1", "two")
    assert "nothing to do" in rig.ask("sync")

    assert rig.ask("sync", pull=True) == "release 2 has begun"

    rig.eventually(lambda: rig.release().outcome == "succeeded" and not rig.store.journal("shop").rollouts)
    assert rig.page() == "two\n"
    assert rig.release().cause == f"asked for by ada; the tag moved: {image} {old[:19]} -> {new[:19]}"
    assert rig.release().services[0].digest == f"{registry.host}/shop/web@{new}"


def test_with_pull_policy_always_every_commit_takes_what_the_tag_says_then(rig: Rig, registry: Registry) -> None:
    image = f"{registry.host}/shop/web:latest"
    registry.push("shop/web:latest", "one")
    rig.synced(rig.push(web=web(image, pull_policy="always")))
    registry.push("shop/web:latest", "two")
    rig.looks_again()
    assert rig.page() == "one\n"

    rig.synced(rig.push(web=web(image, pull_policy="always", labels={"a": "b"})))

    assert rig.page() == "two\n"


def test_a_superseded_image_goes_and_a_kept_release_is_returned_to_while_the_registry_is_away(
    make_rig: MakeRig, registry: Registry, docker_api: docker.APIClient
) -> None:
    rig = make_rig(images={"keep_releases": 2, "min_free": 0}).start()
    images = [f"{registry.host}/shop/web:{number}" for number in (1, 2, 3)]
    for number, says in ((1, "one"), (2, "two"), (3, "three")):
        registry.push(f"shop/web:{number}", says)
        rig.synced(rig.push(web=web(images[number - 1])))
    assert images[0] in rig.told("ImageRemoved", "shop").message

    (lacks,) = shown(rig, 1)["lacks"]
    assert lacks.startswith(f"image {images[0]} (sha256:")
    assert shown(rig, 2) == {"possible": True, "lacks": []}
    registry.stop()
    rig.synced(rig.repository.revert())

    assert rig.page() == "two\n"
    held = {tag for image in docker_api.images() for tag in image["RepoTags"] or () if tag.startswith(registry.host)}
    assert held == {images[1], images[2]}


def test_a_login_that_is_added_to_the_settings_opens_the_registry_without_a_restart(
    rig: Rig, make_registry: MakeRegistry
) -> None:
    closed = make_registry(closed=True)
    closed.push("shop/web:1", "one")
    commit = rig.push(web=web(f"{closed.host}/shop/web:1"))
    held(rig, "image", "no basic auth credentials")
    password = rig.directory / "password"
    password.write_text(f"{PASSWORD}\n")

    rig.configure(registries={closed.host: {"username": USER, "password_file": str(password)}})

    rig.synced(commit)
    assert rig.page() == "one\n"


def test_a_registry_that_has_had_enough_is_left_alone_for_a_while(rig: Rig, registry: Registry, front: Front) -> None:
    registry.push("shop/web:1", "one")
    rig.synced(rig.push(web=web(f"{front.host}/shop/web:1")))
    before = rig.ids()
    registry.push("shop/web:2", "two")
    front.fault("manifests", Busy())
    commit = rig.push(web=web(f"{front.host}/shop/web:2"))
    rig.eventually(lambda: re.search(r"pull rate limit|429 Too Many", rig.held("image")))

    hold = rig.status().holds[0]
    assert hold.until is not None
    assert 45 < (hold.until - rig.told("RevisionSeen").at).total_seconds() < 90
    assert rig.ids() == before
    front.mend()
    rig.ask("sync")
    rig.synced(commit)


def test_an_image_that_the_registry_does_not_have_is_rejected_before_anything_was_stopped(
    rig: Rig, registry: Registry
) -> None:
    registry.push("shop/web:1", "one")
    rig.synced(rig.push(web=web(f"{registry.host}/shop/web:1")))
    before = rig.ids()

    assert re.search("manifest unknown|not found", rig.rejected(rig.push(web=web(f"{registry.host}/shop/web:2"))))

    assert rig.ids() == before


def test_a_registry_that_hangs_keeps_neither_a_repair_nor_the_end_waiting(
    rig: Rig, registry: Registry, front: Front
) -> None:
    registry.push("shop/web:1", "one")
    rig.synced(rig.push(web=web(f"{registry.host}/shop/web:1")))
    front.fault("", Hang())
    rig.push(web=web(f"{front.host}/shop/web:1"))
    held(rig, "image", "pulling")

    rig.api.remove_container(rig.container()["Id"], force=True)

    rig.eventually(lambda: rig.running() == {"web-1": f"{registry.host}/shop/web:1"})
    assert rig.process.stop() == 0


def test_too_little_room_holds_a_release_before_the_pull_until_there_is_more(
    make_rig: MakeRig, registry: Registry, docker_api: docker.APIClient
) -> None:
    if ["driver-type", "io.containerd.snapshotter.v1"] in (docker_api.info()["DriverStatus"] or ()):
        pytest.skip("a private engine's containerd keeps images where nobody looks for them")
    rig = make_rig(images={"min_free": "99.9%"}).start()
    registry.push("shop/web:1", "one")
    commit = rig.push(web=web(f"{registry.host}/shop/web:1"))
    held(rig, "disk", "images.min_free is 99.9%")
    assert rig.api.images(f"{registry.host}/shop/web") == []

    rig.configure(images={"min_free": 0})

    rig.synced(commit)

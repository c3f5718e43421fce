"""The image of probe containers: pulled where missing, kept as it first was, and no registry is asked too often."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitopsd.adapters.docker.connection import Connection
from gitopsd.adapters.docker.probe_image import ProbeImage
from gitopsd.model.errors import ImageUnavailable
from gitopsd.model.settings import TargetEngine
from tests.adapters.docker.scripted import Answer, Request, Said, ScriptedEngine

NAME = "tools/busybox:1"
DIGEST = f"tools/busybox@sha256:{'a' * 64}"
ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"


class Shelf:
    """An engine's images by name, and what a registry has of them."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.registry: dict[str, str] = {NAME: ONE, DIGEST: ONE}
        self.pulls: list[str] = []

    def __call__(self, request: Request) -> Said | None:
        path, _, query = request.path.partition("?")
        if path.endswith("/images/create"):
            return self._pulled(DIGEST if "sha256" in query else NAME)
        if "/images/" in path:
            name = path.partition("/images/")[2].removesuffix("/json").replace("%3A", ":")
            id = self.held.get(name, name if name in self.held.values() else "")
            return Answer(body=_image(id)) if id else Answer(404, {"message": f"No such image: {name}"})
        return None

    def _pulled(self, reference: str) -> Said:
        self.pulls.append(reference)
        if reference not in self.registry:
            return Answer(500, {"message": "dial tcp 192.0.2.1:443: i/o timeout"})
        self.held[reference] = self.registry[reference]
        return Answer(body={"status": "Pull complete"})


def _image(id: str) -> dict[str, Any]:
    return {"Id": id, "RepoDigests": [DIGEST], "Config": {}, "Os": "linux", "Architecture": "amd64"}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def image(shelf: Shelf, tmp_path: Path) -> Iterator[ProbeImage]:
    server = ScriptedEngine(tmp_path / "docker.sock", shelf)
    connection = Connection(TargetEngine(server.url), 5)
    yield ProbeImage(connection, lambda: NAME, {})
    connection.close()
    server.close()


def test_one_that_the_engine_has_is_not_pulled(shelf: Shelf, image: ProbeImage) -> None:
    shelf.held[NAME] = TWO

    assert image.at_hand() == TWO
    assert shelf.pulls == []


def test_one_that_is_missing_is_pulled_once(shelf: Shelf, image: ProbeImage) -> None:
    assert [image.at_hand(), image.at_hand()] == [ONE, ONE]
    assert shelf.pulls == [NAME]


def test_a_name_that_comes_to_stand_for_another_one_changes_nothing(shelf: Shelf, image: ProbeImage) -> None:
    image.at_hand()
    shelf.held = {NAME: TWO, "old": ONE}

    assert image.at_hand() == ONE


def test_what_is_taken_away_comes_back_by_its_digest(shelf: Shelf, image: ProbeImage) -> None:
    image.at_hand()
    shelf.held, shelf.registry[NAME] = {}, TWO

    assert image.at_hand() == ONE
    assert shelf.pulls == [NAME, DIGEST]


def test_a_registry_that_cannot_be_reached_is_told_and_not_asked_again_at_once(shelf: Shelf, image: ProbeImage) -> None:
    shelf.registry = {}

    for _ in range(3):
        with pytest.raises(
            ImageUnavailable, match=r"`probe_image` is not on the engine: pull tools/busybox:1: .*timeout"
        ):
            image.at_hand()
    assert shelf.pulls == [NAME]

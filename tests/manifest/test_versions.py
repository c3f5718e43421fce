"""A service's version in the ledger changes with what it is made of, and with nothing of any other service."""

from collections.abc import Mapping

import pytest

from gitopsd.manifest import load, seal
from gitopsd.model.desired import Image
from gitopsd.model.files import Files
from gitopsd.release.opening import released

KEY = b"a key"
COMPOSE = """
services:
  web: {image: i, environment: {A: "${A}"}, volumes: ["./page:/page"], secrets: [db]}
  other: {image: i}
secrets: {db: {file: ./db}}
"""
FIRST = {"compose.yaml": COMPOSE, "page": "one", "db": "secret", ".env": "A=1"}


def versions(files: Mapping[str, str], image: str = "sha256:1") -> dict[str, str]:
    contents = {f"shop/{path}": data for path, data in files.items()}
    desired = load(Files.of(contents), "shop", "shop")
    images = {"web": Image("i", image), "other": Image("i", "sha256:1")}
    state = seal(desired, images, KEY, "r", "inputs")
    return {name: released(sealed).version for name, sealed in state.services.items()}


@pytest.mark.parametrize("changed", [{"page": "two"}, {"db": "another"}, {".env": "A=2"}])
def test_another_environment_content_or_secret_is_another_version_of_whom_it_concerns(changed: dict[str, str]) -> None:
    before, after = versions(FIRST), versions({**FIRST, **changed})
    assert before["web"] != after["web"]
    assert before["other"] == after["other"]


def test_another_image_is_another_version() -> None:
    assert versions(FIRST)["web"] != versions(FIRST, "sha256:2")["web"]


def test_what_is_the_same_is_the_same_version() -> None:
    assert versions(FIRST) == versions({**FIRST, "README.md": "other"})

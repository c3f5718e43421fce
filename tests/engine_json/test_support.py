"""The support table: which rows an engine is in, by what it says of itself."""

import json
from pathlib import Path

import pytest

from gitopsd.engine_json import live
from gitopsd.engine_json.support import TABLE, newer_keys, support, table
from gitopsd.model.live import EngineFacts

INFOS = Path(__file__).parent / "infos"
V1, V2, STORE = "cgroup v1", "cgroup v2", "images in containerd's store"
NOW = "Docker 26 to 29 (API 1.45 to 1.52)"
ROWS = {
    "docker-19.03-constructed": ["Docker before 20.10 (API below 1.41)"],
    "docker-20.10": ["Docker 20.10 (API 1.41)", V1],
    "docker-24-constructed": ["Docker 23 to 25 (API 1.42 to 1.44)", V1],
    "docker-26.1": [NOW, V1],
    "docker-26.1-rootless": [NOW, "rootless", V1, "some limits missing"],
    "docker-28.5": [NOW, V1],
    "docker-28.5-containerd-store": [NOW, V1, STORE],
    "docker-29-constructed": [NOW, V1, STORE],
    "docker-30-constructed": ["a newer Docker (API above 1.52)", V1],
    "desktop-constructed": [NOW, "Docker Desktop", V2, STORE],
    "podman-5.4": ["Podman, by its Docker API", V1],
    "arm64-constructed": [NOW, V2, "arm64"],
    "windows-constructed": ["Windows containers"],
}


def facts_of(name: str) -> EngineFacts:
    said = json.loads((INFOS / f"{name}.json").read_text())
    major, minor = said["version"]["ApiVersion"].split(".")
    return live.facts(said["version"], said["info"], (int(major), int(minor)))


@pytest.mark.parametrize(("name", "rows"), ROWS.items(), ids=ROWS)
def test_an_engine_finds_its_rows(name: str, rows: list[str]) -> None:
    assert [row.name for row in support(facts_of(name))] == rows


def test_every_row_has_an_engine_and_every_recorded_engine_is_asked() -> None:
    assert {row.name for row in TABLE} == {name for rows in ROWS.values() for name in rows}
    assert {path.stem for path in INFOS.glob("*.json")} == set(ROWS)


def test_what_an_engine_says_of_itself_is_read() -> None:
    rootless, podman = facts_of("docker-26.1-rootless"), facts_of("podman-5.4")
    assert (rootless.rootless, rootless.unlimited) == (True, ("memory", "swap", "cpus", "pids"))
    assert (podman.product, podman.version, podman.api) == ("Podman", "5.4.2", (1, 41))
    assert facts_of("desktop-constructed").product == "Docker Desktop"


def test_an_engine_is_told_the_keys_that_it_lacks_with_the_api_that_they_need() -> None:
    assert "healthcheck.start_interval (1.44)" in newer_keys((1, 41))
    assert "healthcheck.start_interval" not in newer_keys((1, 44))
    assert newer_keys((1, 99)) == ""
    (age, *_) = support(facts_of("docker-24-constructed"))
    assert "healthcheck.start_interval (1.44)" in age.lacks
    assert support(facts_of("docker-29-constructed"))[0].lacks == ""


def test_only_what_works_without_exception_says_nothing() -> None:
    assert all(row.lacks for row in table() if row.verdict != "works")
    assert [row.name for row in table()] == [row.name for row in TABLE]

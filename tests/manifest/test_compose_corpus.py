"""Projects that the real `docker compose config` resolves to the same; together they use every key of Compose."""

import importlib.util
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gitopsd.manifest import load_all, resolved
from gitopsd.manifest.keys.service import ELSEWHERE, REFUSED, SERVICE
from gitopsd.manifest.node import plain
from gitopsd.manifest.yaml import parse
from gitopsd.model.files import Files
from tests.manifest.compose_schema import keys, schema_of, used

CORPUS = Path(__file__).parent / "corpus"
PROJECTS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())
# Keys that no file of the corpus can use, as they are refused; tests of refusals have each of them.
NOT_CARRIED_OUT = (
    "configs.*.labels",
    "configs.*.template_driver",
    "models",
    "secrets.*.driver",
    "secrets.*.driver_opts",
    "secrets.*.labels",
    "secrets.*.template_driver",
    *(f"services.*.{key}" for key in sorted(REFUSED)),
    "services.*.deploy.labels",
    "services.*.deploy.placement.constraints",
    "services.*.deploy.placement.max_replicas_per_node",
    "services.*.deploy.placement.preferences",
    "services.*.deploy.resources.reservations.generic_resources",
)


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_resolves_as_compose_resolves_it(name: str) -> None:
    loaded = load_all(corpus(), name, name, variables={}, for_config=True)

    assert resolved(loaded, str(CORPUS)) == as_compose_says(CORPUS / name)


def test_a_project_means_the_same_wherever_its_repository_lies() -> None:
    name = "realistic-shop"
    loaded = load_all(corpus(), name, name, variables={})

    here, there = (json.dumps(resolved(loaded, root)) for root in ("/here", "/there"))

    assert here.replace("/here/", "/there/") == there


def test_every_key_that_compose_knows_is_in_the_corpus_or_refused(compose_program: Path) -> None:
    schema = schema_of(compose_program)
    documents = [plain(parse(path.name, path.read_bytes())) for path in CORPUS.rglob("*.y*ml")]

    missing = keys(schema).difference(*(used(document, schema) for document in documents))

    assert {key for key in missing if not _is_refused(key)} == set()
    assert [key for key in NOT_CARRIED_OUT if key not in missing] == []


def test_every_key_of_a_service_that_compose_knows_is_read_or_refused(compose_program: Path) -> None:
    known = {key for key in keys(schema_of(compose_program)) if key.startswith("services.*.")}

    assert SERVICE.keys() | ELSEWHERE | REFUSED.keys() == {key.split(".")[2].removesuffix("[]") for key in known}


def _is_refused(key: str) -> bool:
    return any(key == refused or key.startswith((f"{refused}.", f"{refused}[")) for refused in NOT_CARRIED_OUT)


@cache
def corpus() -> Files:
    """The corpus as one revision."""
    paths = [path for path in CORPUS.rglob("*") if path.is_file()]
    return Files.of({str(path.relative_to(CORPUS)): path.read_bytes() for path in paths})


def as_compose_says(directory: Path) -> Any:
    """What the real binary prints in a directory; its environment is empty, so that only `.env` counts."""
    package = importlib.util.find_spec("compose")
    assert package is not None
    assert package.origin is not None
    done = subprocess.run(
        [Path(package.origin).parent / "docker-compose", "config", "--format", "json"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": "/root"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert not done.returncode, done.stderr.decode()
    return json.loads(done.stdout)

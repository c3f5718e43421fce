"""Every project of the corpus resolves to what the real `docker compose config` prints for it."""

import importlib.util
import json
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gitopsd.manifest import load_all, resolved
from gitopsd.model.files import Files

CORPUS = Path(__file__).parent / "corpus"
PROJECTS = sorted(path.name for path in CORPUS.iterdir() if path.is_dir())


@pytest.mark.parametrize("name", PROJECTS)
def test_a_project_resolves_as_compose_resolves_it(name: str) -> None:
    loaded = load_all(corpus(), name, name, variables={}, for_config=True)

    assert resolved(loaded, str(CORPUS)) == as_compose_says(CORPUS / name)


def test_a_project_means_the_same_wherever_its_repository_lies() -> None:
    name = "realistic-shop"
    loaded = load_all(corpus(), name, name, variables={})

    here, there = (json.dumps(resolved(loaded, root)) for root in ("/here", "/there"))

    assert here.replace("/here/", "/there/") == there


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

"""Holds what gitopsd makes of a project against what the real Compose command makes of it, many projects at a time."""

import json
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gitopsd.manifest import load_all, resolved
from gitopsd.model.errors import ManifestError, Problem
from gitopsd.model.files import Files

DIRECTORY = "shop"  # of the project, within the repository
CALLS_AT_ONCE = 4  # Compose sleeps for half of the 70 ms that a call takes
SHORT_LIVED = {"GOGC": "off"}  # a third of the time that a call costs is spent on memory that its end gives back

Contents = Mapping[str, str | bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a project means, or why it is refused."""

    document: Any = None
    refusal: str = ""
    problems: tuple[Problem, ...] = ()

    def __str__(self) -> str:
        return self.refusal or json.dumps(self.document, sort_keys=True)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Both answers to one project."""

    contents: Contents
    gitopsd: Answer
    compose: Answer

    @property
    def alike(self) -> bool:
        """Whether both refuse, or both print the same, number for number."""
        if self.gitopsd.refusal or self.compose.refusal:
            return bool(self.gitopsd.refusal) == bool(self.compose.refusal)
        return str(self.gitopsd) == str(self.compose)

    def __str__(self) -> str:
        files = "\n".join(f"--- {path}\n{_text(data)}" for path, data in self.contents.items())
        return f"{files}\n=== gitopsd: {self.gitopsd}\n=== compose: {self.compose}"


def verdicts(program: Path, projects: Iterable[Contents]) -> Iterator[Verdict]:
    """A verdict for each project, in order. Paths are relative to the project's directory, which has a parent."""
    with ThreadPoolExecutor(CALLS_AT_ONCE) as pool:
        yield from pool.map(lambda contents: verdict(program, contents), projects)


def verdict(program: Path, contents: Contents) -> Verdict:
    """Both answers to the project that these files are."""
    with tempfile.TemporaryDirectory(prefix="parity-") as name:
        root = Path(name).resolve()
        directory = root / DIRECTORY
        files: dict[str, str | bytes] = {}
        for path, data in contents.items():
            place = (directory / path).parent.resolve() / Path(path).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data.encode() if isinstance(data, str) else data)
            files[place.relative_to(root).as_posix()] = data
        directory.mkdir(exist_ok=True)
        return Verdict(contents, gitopsd_says(files, str(root)), compose_says(program, directory))


def gitopsd_says(files: Contents, root: str) -> Answer:
    """What `gitopsd config` prints for the project in `shop`."""
    try:
        loaded = load_all(Files.of(files), DIRECTORY, DIRECTORY, variables={}, for_config=True)
    except ManifestError as error:
        return Answer(refusal=str(error), problems=error.problems)
    return Answer(resolved(loaded, root))


def compose_says(program: Path, directory: Path) -> Answer:
    """What the real command prints in a directory; its environment is empty, so that only `.env` counts."""
    done = subprocess.run(
        [program, "config", "--format", "json"],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "HOME": "/root", **SHORT_LIVED},
        capture_output=True,
        check=False,
        timeout=600,
    )
    if done.returncode:
        return Answer(refusal=done.stderr.decode(errors="replace").strip() or "refused")
    return Answer(json.loads(done.stdout))


def _text(data: str | bytes) -> str:
    return data if isinstance(data, str) else repr(data)

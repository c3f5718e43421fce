"""Which environments there are: those that gitopsd.yaml names, and the directories that `discover` finds."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from gitopsd.manifest.choose import CANDIDATES
from gitopsd.model.files import Files
from gitopsd.model.settings import EnvironmentSettings, Settings, TargetEngine
from gitopsd.model.status import Mode

DEFAULT_HOST_DIR = "/srv/gitopsd"


@dataclass(frozen=True, slots=True)
class Environment:
    """A name, a path in a repository, a target engine, a mode.

    `path` "": its directory vanished (orphaned); `was` is where that lay at the last release, "" if nobody knows.
    """

    name: str
    repository: str
    path: str
    engine: TargetEngine
    mode: Mode
    host_dir: str
    project: str = ""
    vars_file: Path | None = None
    was: str = ""


def discovered(settings: Settings, heads: Mapping[str, Files]) -> tuple[dict[str, Environment], tuple[str, ...]]:
    """Environments by name, and what is wrong with the set of them (a name found twice).

    `heads` are the files of each repository that has answered at least once.
    """
    problems: list[str] = []
    found: dict[str, tuple[str, str]] = {}
    for repository, files in sorted(heads.items()):
        for path in _directories(settings, files):
            name = posixpath.basename(path)
            if name in found:
                problems.append(_twice(name, found[name], (repository, path)))
            elif not _placed_elsewhere(settings, name, repository, path):
                found[name] = (repository, path)
    for name, named in settings.environments.items():
        if named.path:
            found[name] = (named.repository or _only(settings.repositories), named.path)
    return {name: _environment(settings, name, *found[name]) for name in sorted(found)}, tuple(problems)


def orphan(settings: Settings, name: str, then: Mapping[str, Files] = MappingProxyType({})) -> Environment:
    """An environment that the journal knows and no repository has any more; `then` are the files that it came from."""
    known, _ = discovered(settings, then)
    last = known.get(name) or _environment(settings, name, "", "")
    return replace(last, path="", was=last.path)


def _directories(settings: Settings, files: Files) -> Iterator[str]:
    """Directories with a Compose file that match a pattern, each once."""
    patterns = [pattern.replace("$HOST", settings.host).strip("/") for pattern in settings.discover]
    candidates = {posixpath.dirname(path) for path in files.named(CANDIDATES)}
    for directory in sorted(candidates):
        if any(_matches(directory, pattern) for pattern in patterns):
            yield directory


def _matches(directory: str, pattern: str) -> bool:
    """Shell pattern, in which `*` does not cross a slash."""
    parts, wanted = directory.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(fnmatchcase(part, want) for part, want in zip(parts, wanted, strict=True))


def _placed_elsewhere(settings: Settings, name: str, repository: str, path: str) -> bool:
    """gitopsd.yaml gives the environment another path or repository, or the directory to another name."""
    named = settings.environments.get(name, EnvironmentSettings(name))
    other_path = bool(named.path) and named.path != path
    other_repository = bool(named.repository) and named.repository != repository
    return other_path or other_repository or _renamed(settings.environments.values(), name, repository, path)


def _renamed(environments: Iterable[EnvironmentSettings], name: str, repository: str, path: str) -> bool:
    return any(each.path == path and each.name != name and each.repository in ("", repository) for each in environments)


def _twice(name: str, first: tuple[str, str], second: tuple[str, str]) -> str:
    places = " and ".join(f"{path} of repository {repository}" for repository, path in (first, second))
    return f"environment {name} is found twice, at {places}; rename one, or give it a `path` in gitopsd.yaml"


def _environment(settings: Settings, name: str, repository: str, path: str) -> Environment:
    named = settings.environments.get(name, EnvironmentSettings(name))
    return Environment(
        name=name,
        repository=repository,
        path=path,
        engine=named.target or settings.engine,
        mode=named.mode or settings.mode,
        host_dir=str(named.host_dir or f"{DEFAULT_HOST_DIR}/{name}"),
        project=named.project,
        vars_file=named.vars_file,
    )


def _only(repositories: Mapping[str, object]) -> str:
    return next(iter(repositories), "")

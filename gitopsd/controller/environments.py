"""Which environments there are: those that gitopsd.yaml names, and the directories that `discover` finds."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType

from gitopsd.manifest import Moved, moved_from
from gitopsd.manifest.choose import CANDIDATES
from gitopsd.model.errors import Problem
from gitopsd.model.files import Files
from gitopsd.model.guards import NO_POLICY, OperatorPolicy, strictest
from gitopsd.model.mode import Mode
from gitopsd.model.release import Former
from gitopsd.model.settings import (
    EnvironmentSettings,
    ImageKeeping,
    RestartStorm,
    RouterSettings,
    SecretPlaces,
    Settings,
    TargetEngine,
)
from gitopsd.model.traffic import Traffic

DEFAULT_HOST_DIR = "/srv/gitopsd"


@dataclass(frozen=True, slots=True)
class Environment:
    """A name, a path in a repository, a target engine, a mode.

    `path` "": its directory vanished (orphaned); `was` is where that lay at the last release, "" if nobody knows.
    `formerly` are its earlier names, from which its defaults come. `moved` is what its own files say of the last one.
    `refused`: why it cannot be what they say.
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
    secrets: SecretPlaces = field(default_factory=SecretPlaces)
    images: ImageKeeping = field(default_factory=ImageKeeping)
    restart_storm: RestartStorm = field(default_factory=RestartStorm)
    router: RouterSettings = field(default_factory=RouterSettings)
    policy: OperatorPolicy = NO_POLICY
    formerly: tuple[Former, ...] = ()
    moved: Moved | None = field(default=None, compare=False)
    refused: Problem | None = None

    @property
    def first_name(self) -> str:
        """The name that the project and the host's directory are called by, unless something else is said."""
        return self.formerly[0].name if self.formerly else ""

    @property
    def unroutable(self) -> str:
        """Why there can be no router for it, "" where there can."""
        if self.router.mode == "none":
            return "router.mode is none"
        if self.engine.swarm and self.router.mode == "traefik":
            return "Traefik has no way yet to be told of a swarm's tasks; write `router: {mode: managed}`"
        if self.engine.swarm:
            return ""
        if not self.engine.url.startswith("unix://"):
            return f"{self.engine.url} is a remote engine, and the files of a router there are out of reach"
        return ""

    def unroutable_of(self, traffic: Traffic) -> str:
        """Why the router that there is cannot serve such traffic, with the mend; "" where it can."""
        if self.router.mode == "traefik":
            if traffic.inner:
                return "Traefik is a proxy of your own, and the port is its; remove `expose: inner`"
            if traffic.mode == "tcp":
                return "Traefik counts no TCP connections, and has no way to one slot; write `mode: http`"
            if traffic.proxy_protocol:
                return "Traefik tells HTTP services of clients by X-Forwarded-For; remove proxy_protocol"
        elif traffic.tls and self.router.certificates is None:
            mend = "name their directory in gitopsd.yaml, `router: {certificates: DIRECTORY}`, or write `tls: false`"
            return f"it is reached with TLS, and nothing says where its certificates are; {mend}"
        return ""

    def at(self, files: Files) -> "Environment":
        """The environment with the place where its directory lies in these files, of whatever time they are."""
        places = (self.path, *(former.path for former in reversed(self.formerly)), self.was)
        there = next((path for path in places if path and files.is_directory(path)), self.path or self.was)
        return replace(self, path=there)


NOTHING: Mapping[str, tuple[Former, ...]] = MappingProxyType({})


def discovered(
    settings: Settings, heads: Mapping[str, Files], formerly: Mapping[str, tuple[Former, ...]] = NOTHING
) -> tuple[dict[str, Environment], tuple[str, ...]]:
    """Environments by name, and what is wrong with the set of them (a name found twice).

    `heads` are the files of each repository that has answered at least once. `formerly` are the earlier names that the
    journals know of; where they know of none, an environment's own word counts.
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
    made = {
        name: _environment(settings, name, *found[name], formerly.get(name, ()), _moved(heads, *found[name]))
        for name in sorted(found)
    }
    return made, tuple(problems)


def _moved(heads: Mapping[str, Files], repository: str, path: str) -> Moved | None:
    files = heads.get(repository)
    return moved_from(files.again(), path) if files is not None and files.is_directory(path) else None


def orphan(settings: Settings, name: str, then: Mapping[str, Files] = MappingProxyType({})) -> Environment:
    """An environment that the journal knows and no repository has any more; `then` are the files that it came from."""
    known, _ = discovered(settings, then)
    last = known.get(name) or _environment(settings, name, "", "", (), None)
    return replace(last, path="", was=last.path)


def settled_in(environment: Environment, host_dir: str) -> Environment:
    """The environment with its host data in the directory of the project that was adopted, if one was.

    What gitopsd.yaml says goes before.
    """
    given = environment.host_dir != _default_host_dir(environment.first_name or environment.name)
    return environment if given or not host_dir else replace(environment, host_dir=host_dir)


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


def _environment(
    settings: Settings,
    name: str,
    repository: str,
    path: str,
    formerly: tuple[Former, ...],
    moved: Moved | None,
) -> Environment:
    """What gitopsd.yaml says of an earlier name counts until it says something of the present one."""
    earlier = formerly or ((Former(moved.name),) if moved is not None and moved.name != name else ())
    names = (name, *(former.name for former in reversed(earlier)))
    named = next((settings.environments[each] for each in names if each in settings.environments), None)
    named = named or EnvironmentSettings(name)
    return Environment(
        name=name,
        repository=repository,
        path=path,
        engine=named.target or settings.engine,
        mode=named.mode or settings.mode,
        host_dir=str(named.host_dir or _default_host_dir(names[-1])),
        project=named.project,
        vars_file=named.vars_file,
        formerly=earlier,
        moved=moved,
        secrets=named.secrets,
        images=settings.images,
        restart_storm=settings.restart_storm,
        router=settings.router,
        policy=replace(settings.policy, guards=strictest(settings.policy.guards, named.guards)),
    )


def _default_host_dir(name: str) -> str:
    return f"{DEFAULT_HOST_DIR}/{name}"


def _only(repositories: Mapping[str, object]) -> str:
    return next(iter(repositories), "")

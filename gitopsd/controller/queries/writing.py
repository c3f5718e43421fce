"""A repository of everything that runs: each Compose project an environment, from its own files or from its containers.

A project's own files are taken where they can be read here and mean just what runs; else its containers tell.
"""

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from gitopsd.controller.adoption import WORKING_DIR, compared
from gitopsd.controller.environments import DEFAULT_HOST_DIR
from gitopsd.controller.ports import Engine
from gitopsd.controller.queries.view import View
from gitopsd.controller.queries.writing_stacks import binds_of, stacks_to_write, write_stack
from gitopsd.controller.states import Loaded
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.labels import CONFIG_HASH, FINGERPRINT
from gitopsd.engine_json.project_document import TELLING, document_of
from gitopsd.manifest import dotenv, load, waves
from gitopsd.manifest.choose import CANDIDATES
from gitopsd.model.adoption import AdoptionReport
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentMount
from gitopsd.model.errors import GitopsdError, NotFound
from gitopsd.model.files import Files
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal

CONFIG_FILES = "com.docker.compose.project.config_files"
MOST = 32 << 20  # of a work tree; what holds more is data, and no repository
ENVIRONMENTS = "environments"
VARIABLES = "variables"
SETTINGS = "gitopsd.yaml"
IGNORE = ".gitignore"
_VARIABLE = re.compile(r"^\s*(?:export\s+)?(\w+)=", re.MULTILINE)
_KEY = b"nothing that it makes is kept"


@dataclass(frozen=True, slots=True)
class Found:
    """One project: its environment's files, by path within it, and where they come from.

    `secrets` are the variables that stay on the host, `notes` what a person should know, `host_dir` where its relative
    host data lies.
    """

    name: str
    source: str
    files: Mapping[str, bytes]
    secrets: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    host_dir: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """What of the host something that runs needs; `binds` are the paths that are mounted and not of the repository."""

    binds: tuple[str, ...] = ()
    privileged: bool = False
    host_network: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A whole repository: every file by its path, those that nobody else may read, and the projects in it."""

    files: Mapping[str, bytes]
    private: frozenset[str]
    projects: tuple[Found, ...]


def repository_of(view: View, directory: Path, project: str = "") -> Written:
    """What `directory` is to hold of one project, or of all. Reads the engine and work trees; writes nothing."""
    engine = view.application.connect(view.settings.engine)
    if view.settings.engine.swarm:
        found, used = _stacks(view, engine, project)
    else:
        lives = dict(_projects(engine, (project,) if project else engine.projects()))
        found = tuple(_found(view, engine, live, name) for name, live in lives.items())
        used = _used(found, lives)
    if project and not found:
        raise GitopsdError(f"project {project} does not run here, or is gitopsd's already")
    files: dict[str, bytes] = {}
    private = set()
    for each in found:
        files |= {f"{ENVIRONMENTS}/{each.name}/{path}": data for path, data in each.files.items()}
        if each.secrets:
            path = f"{VARIABLES}/{each.name}.env"
            files[path] = _dotenv(each.secrets)
            private.add(path)
    files[SETTINGS] = _settings(view, directory, found, used).encode()
    files[IGNORE] = f"/{VARIABLES}/\n".encode()
    return Written(files, frozenset(private), found)


def _stacks(view: View, engine: Engine, stack: str) -> tuple[tuple[Found, ...], Used]:
    """Those of a swarm, each written from its services: none has files that say which they are."""
    swarm = view.application.connect_swarm(view.settings.engine)
    lives = dict(stacks_to_write(swarm, stack))
    made = {name: write_stack(name, live, engine, swarm, _KEY) for name, live in lives.items()}
    found = tuple(Found(name, "services", each.files, each.secrets, each.notes) for name, each in made.items())
    return found, Used(binds=tuple(path for live in lives.values() for path in binds_of(live)))


def _projects(engine: Engine, names: Iterable[str]) -> Iterator[tuple[str, LiveState]]:
    """Those of them that Compose runs, and no gitopsd has."""
    for name in names:
        live = engine.observe(name)
        ours = live.owner or any(FINGERPRINT in each.labels for each in live.instances)
        if not ours and any(CONFIG_HASH in each.labels and not each.one_off for each in live.instances):
            yield name, live


def _found(view: View, engine: Engine, live: LiveState, name: str) -> Found:
    """From the project's own files where they mean what runs, else from its containers."""
    place = next((each.labels[WORKING_DIR] for each in live.instances if WORKING_DIR in each.labels), "")
    why = "its files are not on this machine"
    if place and Path(place).is_dir():
        try:
            return _from_files(view, engine, live, name, Path(place))
        except GitopsdError as error:
            why = f"its files in {place} cannot be taken: {error}"
    return _from_containers(view, engine, live, name, place, why)


def _from_files(view: View, engine: Engine, live: LiveState, name: str, place: Path) -> Found:
    """The files that the loader looks at, less the secrets in `.env`. GitopsdError: they mean something else."""
    files = view.application.directory(place, tuple(_written_to(live, place)), MOST)
    contents = {path: files.read(path) for path in files.below("")}
    kept, secrets = _parted(contents.get(".env", b""))
    chosen = _chosen(live, place)
    if chosen:
        kept += f"COMPOSE_FILE={':'.join(chosen)}\n".encode()
    if kept or ".env" in contents:
        contents[".env"] = kept
    taken = Files.of(contents)
    loaded, report = _compared(view, engine, live, taken, name, str(place), secrets)
    wrong = [f"{service} differs in {change.path}" for service, changes in _unlike(report) for change in changes]
    wrong += [f"{service} does not run" for service in report.missing]
    wrong += [f"{each} is not in them" for each, reason in report.left.items() if "manifest" in reason]
    if wrong:
        raise GitopsdError("; ".join(wrong[:3]))
    asked = {path: contents[path] for path in _asked(taken)}
    given = {
        mount.source
        for service in loaded.desired.services.values()
        for mount in service.mounts
        if isinstance(mount, ContentMount) and mount.content.secret
    }
    telling = [path for path in sorted(asked) if path in given or _tells(path, asked[path])]
    notes = [f"{path} holds secret values in the clear" for path in telling]
    return Found(name, f"files of {place}", asked, secrets, tuple(notes), str(place))


def _written_to(live: LiveState, place: Path) -> Iterator[Path]:
    """Directories that containers write to: data of the host, however close to the files it lies."""
    for instance in live.instances:
        for mount in map(mapping, mapping(instance.fields.get("volumes")).values()):
            source = Path(str(mount.get("source")))
            if (
                mount.get("type") == "bind"
                and not mount.get("read_only")
                and place in source.parents
                and source.is_dir()
            ):
                yield source


def _chosen(live: LiveState, place: Path) -> tuple[str, ...]:
    """The Compose files, where they are not those that Compose finds by itself. GitopsdError: one lies elsewhere."""
    written = next((each.labels[CONFIG_FILES] for each in live.instances if CONFIG_FILES in each.labels), "")
    paths = [Path(each) for each in written.split(",") if each]
    for path in paths:
        if place not in path.parents:
            raise GitopsdError(f"{path} lies outside of {place}")
    names = tuple(path.relative_to(place).as_posix() for path in paths)
    usual = bool(names) and names[0] in CANDIDATES and all(".override." in each for each in names[1:])
    return () if usual else names


def _asked(files: Files) -> Iterator[str]:
    for path in files.asked:
        if path.endswith("/"):
            yield from files.again().below(path)
        elif files.again().entry(path) is not None:
            yield path


def _tells(path: str, data: bytes) -> bool:
    """Whether a file looks as if it held secrets: by its name, or by the names of variables in it."""
    if TELLING.search(posixpath.basename(path)):
        return True
    return any(TELLING.search(name) for name in _VARIABLE.findall(data.decode(errors="replace")))


def _from_containers(view: View, engine: Engine, live: LiveState, name: str, place: str, why: str) -> Found:
    """A Compose file that asks for what runs, and what of it could not be said."""
    made = document_of(name, live, {each.image_id: _defaults(engine, each.image_id) for each in live.instances})
    text = yaml.safe_dump(made.document, sort_keys=False, allow_unicode=True)
    contents = {"compose.yaml": text.encode()}
    notes = [f"written from its containers, as {why}"]
    ended = [each.name for each in live.instances if each.state == "exited" and not each.one_off]
    if ended:
        notes.append(
            f"{', '.join(ended)} had ended; one that ended well and has no restart policy counts as a one-shot"
        )
    try:
        _, report = _compared(view, engine, live, Files.of(contents), name, place, made.secrets)
        notes += [
            f"{service}: {change.path} could not be said" for service, changes in _unlike(report) for change in changes
        ]
    except GitopsdError as error:
        notes += str(error).splitlines()
    return Found(name, "containers", contents, made.secrets, tuple(notes), place)


def _defaults(engine: Engine, image: str) -> Mapping[str, Json]:
    try:
        return engine.image_defaults(image)
    except NotFound:
        return {}


def _compared(
    view: View, engine: Engine, live: LiveState, files: Files, name: str, host_dir: str, variables: Mapping[str, str]
) -> tuple[Loaded, AdoptionReport]:
    """How what runs compares with the files, as an environment of this name would want them."""
    desired = load(
        files, "", name, variables=variables, project=name, host_dir=host_dir or f"{DEFAULT_HOST_DIR}/{name}"
    )
    if desired.unset:
        raise GitopsdError(str(desired.unset[0]))
    loaded = Loaded(desired, files.revision, "", files.asked, frozenset(), waves(desired), variables)
    _, report = compared(loaded, Journal(name), live, engine, _KEY, view.fingerprints)
    return loaded, report


def _unlike(report: AdoptionReport) -> list[tuple[str, Any]]:
    return [*report.unlike.items(), *report.in_place.items()]


def _parted(env: bytes) -> tuple[bytes, dict[str, str]]:
    """A `.env` without what looks like a secret, and that; where nothing does, the file as it is."""
    found = dotenv.parse(".env", env, {}, [])
    secrets = {name: each.value for name, each in found.items() if TELLING.search(name)}
    if not secrets:
        return env, {}
    return _dotenv({name: each.value for name, each in found.items() if name not in secrets}), secrets


def _dotenv(variables: Mapping[str, str]) -> bytes:
    return "".join(f"{name}={_quoted(value)}\n" for name, value in variables.items()).encode()


def _quoted(value: str) -> str:
    for plain, escaped in (("\\", "\\\\"), ('"', '\\"'), ("$", "\\$"), ("\n", "\\n"), ("\r", "\\r")):
        value = value.replace(plain, escaped)
    return f'"{value}"'


def _settings(view: View, directory: Path, found: tuple[Found, ...], used: Used) -> str:
    """gitopsd.yaml. It names this repository and every project, and tells in a comment what a policy would allow."""
    environments: dict[str, Any] = {}
    for each in found:
        known = {"path": f"{ENVIRONMENTS}/{each.name}", "project": each.name, "host_dir": each.host_dir}
        known["vars_file"] = str(directory / VARIABLES / f"{each.name}.env") if each.secrets else ""
        environments[each.name] = {key: value for key, value in known.items() if value}
    engine = view.settings.engine
    settings = {
        "repository": {"url": str(directory)},
        "target": {"swarm" if engine.swarm else "docker": engine.url},
        "mode": "manual",
        "environments": environments,
    }
    allowed = yaml.safe_dump({"policy": _policy(used)}, sort_keys=False)
    comment = "".join(f"# {line}\n" for line in ["What runs needs no more than this:", *allowed.splitlines()])
    return yaml.safe_dump(settings, sort_keys=False) + comment


def _policy(used: Used) -> dict[str, Json]:
    """What may be denied as nothing that runs needs it, and the paths of the host that something mounts."""
    needs = {
        "privileged": used.privileged,
        "host-network": used.host_network,
        "docker-socket": any(path.endswith("docker.sock") for path in used.binds),
        "host-path": bool(used.binds),
    }
    return {
        "enforce": "deny",
        "deny": [name for name, needed in needs.items() if not needed],
        "allow_paths": sorted(set(used.binds)),
    }


def _used(found: tuple[Found, ...], lives: Mapping[str, LiveState]) -> Used:
    fields = [each.fields for live in lives.values() for each in live.instances if not each.one_off]
    return Used(
        tuple(path for project in found for path in _binds(lives[project.name]) if not _delivered(path, project)),
        privileged=any(each.get("privileged") for each in fields),
        host_network=any(each.get("network_mode") == "host" for each in fields),
    )


def _binds(live: LiveState) -> Iterator[str]:
    for instance in live.instances:
        for mount in map(mapping, mapping(instance.fields.get("volumes")).values()):
            if mount.get("type") == "bind" and not instance.one_off:
                yield str(mount.get("source"))


def _delivered(path: str, project: Found) -> bool:
    """Whether it is content of the repository from now on, and no path of the host."""
    inside = posixpath.relpath(path, project.host_dir or "/")
    return any(name == inside or name.startswith(f"{inside}/") for name in project.files)

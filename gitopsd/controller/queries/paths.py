"""What a PATH on disk means to `validate` and `config`: one environment, or else all that a repository holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gitopsd.controller.ground import Ground
from gitopsd.controller.variables import read_variables
from gitopsd.manifest import Loaded, load_all, resolved
from gitopsd.manifest.choose import CANDIDATES
from gitopsd.model.canonical import Json
from gitopsd.model.errors import GitopsdError, Problem
from gitopsd.model.files import Files
from gitopsd.model.guards import NO_POLICY, Workload
from gitopsd.model.settings import EnvironmentSettings

if TYPE_CHECKING:
    from gitopsd.controller.ports import Secrets


@dataclass(frozen=True, slots=True)
class OnDisk:
    """An environment in a work tree. `path` is a directory or a Compose file, relative to `root`."""

    name: str
    root: Path
    path: str
    files: Files
    variables: Mapping[str, str]
    project: str = ""
    host_dir: str = ""
    first_name: str = ""
    refused: Problem | None = None
    workload: Workload = NO_POLICY.workload
    swarm: bool = False


def alone(ground: Ground, path: Path) -> OnDisk | None:
    """The one environment that PATH means; None: it means a repository. GitopsdError when it does not exist."""
    place = path.absolute()
    if not place.exists():
        raise GitopsdError(f"{path} does not exist; name an environment's directory, a Compose file or a repository")
    if place.is_dir() and not any((place / name).is_file() for name in (*CANDIDATES, ".env")):
        return None
    root = _work_tree(place)
    inside = place.relative_to(root).as_posix()
    return _one(ground, place, root, "" if inside == "." else inside)


def _work_tree(place: Path) -> Path:
    """The enclosing Git work tree, so that files that several environments share are found; else the directory."""
    directory = place if place.is_dir() else place.parent
    return next((each for each in (directory, *directory.parents) if (each / ".git").exists()), directory)


def _one(ground: Ground, place: Path, root: Path, inside: str) -> OnDisk:
    settings, files = ground.settings, ground.directory(root)
    directory = inside if place.is_dir() else str(Path(inside).parent)
    named = [each for each in settings.environments.values() if each.path and each.path == directory]
    name = named[0].name if named else (place if place.is_dir() else place.parent).name
    known = settings.environments.get(name, EnvironmentSettings(name))
    host_dir = str(known.host_dir) if known.host_dir is not None else ""
    variables = variables_here(ground.secrets, known.vars_file)
    files = files.unlocked_by(ground.secrets.unlock)
    workload = settings.policy.workload
    swarm = (known.target or settings.engine).swarm
    return OnDisk(name, root, inside, files, variables, known.project, host_dir, workload=workload, swarm=swarm)


def variables_here(secrets: "Secrets", path: Path | None) -> Mapping[str, str]:
    """The host's variables where this is the host; elsewhere they count as unset."""
    return read_variables(secrets, path)[0] if path is not None and secrets.file(path) is not None else {}


def configured(found: OnDisk, *, defaults: bool) -> Mapping[str, Json]:
    """The resolved manifest as `docker compose config` prints it. ManifestError."""
    return resolved(loaded(found, for_config=True), str(found.root), defaults=defaults)


def loaded(found: OnDisk, *, for_config: bool) -> Loaded:
    """The environment as the daemon would load it, or as `config` shows it. ManifestError."""
    return load_all(
        found.files,
        found.path,
        found.name,
        variables=found.variables,
        project=found.project,
        host_dir=found.host_dir,
        first_name=found.first_name,
        for_config=for_config,
        swarm=found.swarm,
    )

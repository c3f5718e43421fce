"""What a PATH on disk means to `validate` and `config`: one environment, or all that a repository holds."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gitopsd.controller.application import Application
from gitopsd.controller.arrangement import Known, arrangement
from gitopsd.controller.environments import Environment
from gitopsd.controller.host import read_variables
from gitopsd.controller.ports import Secrets
from gitopsd.manifest import Loaded, load_all, resolved
from gitopsd.manifest.choose import CANDIDATES
from gitopsd.model.canonical import Json
from gitopsd.model.errors import GitopsdError, Problem, ProblemsError
from gitopsd.model.files import Files
from gitopsd.model.settings import EnvironmentSettings, Repository, Settings
from gitopsd.plan.claims import duplicate_claims
from gitopsd.plan.requirements import impossible
from gitopsd.plan.shifting import alone_problems


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


def on_disk(application: Application, path: Path) -> tuple[tuple[OnDisk, ...], tuple[str, ...]]:
    """The environments that PATH means, and what is wrong with the set of them. GitopsdError when there are none."""
    place = path.absolute()
    if not place.exists():
        raise GitopsdError(f"{path} does not exist; name an environment's directory, a Compose file or a repository")
    if place.is_file() or any((place / name).is_file() for name in (*CANDIDATES, ".env")):
        root = _work_tree(place)
        inside = place.relative_to(root).as_posix()
        inside = "" if inside == "." else inside
        return (_one(application, place, root, inside),), ()
    return _all(application, place)


def _work_tree(place: Path) -> Path:
    """The enclosing Git work tree, so that files that several environments share are found; else the directory."""
    directory = place if place.is_dir() else place.parent
    return next((each for each in (directory, *directory.parents) if (each / ".git").exists()), directory)


def _one(application: Application, place: Path, root: Path, inside: str) -> OnDisk:
    settings, files = application.settings, application.directory(root)
    directory = inside if place.is_dir() else str(Path(inside).parent)
    named = [each for each in settings.environments.values() if each.path and each.path == directory]
    name = named[0].name if named else (place if place.is_dir() else place.parent).name
    known = settings.environments.get(name, EnvironmentSettings(name))
    host_dir = str(known.host_dir) if known.host_dir is not None else ""
    variables = _variables(application.secrets, known.vars_file)
    return OnDisk(name, root, inside, files.again(), variables, known.project, host_dir)


def _all(application: Application, place: Path) -> tuple[tuple[OnDisk, ...], tuple[str, ...]]:
    settings, files = application.settings, application.directory(place)
    name = next(iter(settings.repositories), "default")
    alone = Settings(
        host=settings.host,
        state_dir=settings.state_dir,
        repositories={name: settings.repositories.get(name, Repository(name, str(place)))},
        discover=settings.discover,
        environments=settings.environments,
    )
    found = arrangement(Known(alone, {name: files}, {}, "", lambda _: {}))
    if not found.environments:
        raise GitopsdError(
            f"no environment found in {place}: no directory that holds a Compose file matches "
            f"{', '.join(settings.discover)}; name one, or set `discover` in gitopsd.yaml"
        )
    all_of_them = found.environments.values()
    return tuple(_discovered(application.secrets, each, place, files) for each in all_of_them), found.problems


def _discovered(secrets: Secrets, environment: Environment, root: Path, files: Files) -> OnDisk:
    variables = _variables(secrets, environment.vars_file)
    return OnDisk(
        environment.name,
        root,
        environment.path,
        files.again(),
        variables,
        environment.project,
        environment.host_dir,
        environment.first_name,
        environment.refused,
    )


def _variables(secrets: Secrets, path: Path | None) -> Mapping[str, str]:
    """The host's variables where this is the host; elsewhere they count as unset."""
    return read_variables(secrets, path)[0] if path is not None and secrets.file(path) is not None else {}


@dataclass(frozen=True, slots=True)
class Validated:
    """What is wrong with an environment on disk. `warnings` also tell variables that have no value here."""

    name: str
    path: str
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def validated(found: OnDisk) -> Validated:
    """Load it as the daemon would, and collect everything that is wrong with it."""
    refused = (found.refused,) if found.refused is not None else ()
    try:
        desired = _load(found, for_config=False).desired
    except ProblemsError as error:
        return Validated(found.name, found.path, (*refused, *error.problems), ())
    problems = (*refused, *duplicate_claims(desired), *impossible(desired), *alone_problems(desired))
    return Validated(found.name, found.path, problems, (*desired.warnings, *desired.unset))


def configured(found: OnDisk, *, defaults: bool) -> Mapping[str, Json]:
    """The resolved manifest as `docker compose config` prints it. ManifestError."""
    return resolved(_load(found, for_config=True), str(found.root), defaults=defaults)


def _load(found: OnDisk, *, for_config: bool) -> Loaded:
    return load_all(
        found.files,
        found.path,
        found.name,
        variables=found.variables,
        project=found.project,
        host_dir=found.host_dir,
        first_name=found.first_name,
        for_config=for_config,
    )

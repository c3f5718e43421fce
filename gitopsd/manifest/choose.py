"""Chooses what an environment is made of: its Compose files, its project directory, its variables and profiles."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.manifest.interpolate import Variable, Variables, substitute
from gitopsd.manifest.node import Scalar
from gitopsd.manifest.source import Source, merged
from gitopsd.model.errors import Place

# In the order in which Compose looks for them; the first that exists is taken, with its override.
CANDIDATES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
PROJECT_VARIABLE = "COMPOSE_PROJECT_NAME"
_SUFFIXES = (".yaml", ".yml")
_NOT_IN_NAMES = re.compile(r"[^-_a-z0-9]")
_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Choice:
    """What is loaded. `place` is where the files are named: `.env`, or the directory itself."""

    directory: str
    paths: tuple[str, ...]
    variables: Variables
    profiles: frozenset[str]
    place: Place


def choose(source: Source, directory_or_file: str, variables: Mapping[str, str]) -> Choice | None:
    """The choice for a directory, or for one Compose file by its name; None when there is none, which is a problem.

    `variables` come from the host and win over those of `.env`; all of them are hidden.
    """
    outside: Variables = {name: Variable(value, hidden=True) for name, value in variables.items()}
    path = posixpath.normpath(directory_or_file).lstrip("/")
    path = "" if path == "." else path
    given = path.endswith(_SUFFIXES) and source.exists(path)
    directory = posixpath.dirname(path) if given else path
    known = merged(outside, _dotenv(source, directory, outside))
    named = _named_files(source, directory, known)
    if given:
        return _choice(directory, (path,), known, Place(path))
    if named:
        first = posixpath.dirname(named[0])
        known = known if first == directory else merged(known, _dotenv(source, first, known))
        return _choice(first, named, known, Place(posixpath.join(directory, ".env")))
    paths = _found(source, directory)
    if not paths:
        where = f"'{directory}'" if directory else "the root of the repository"
        message = f"there is no Compose file in {where}; add {CANDIDATES[0]}, or mend the path of the environment"
        source.problems.add(Place(directory or "."), "", message)
        return None
    return _choice(directory, paths, known, Place(directory or "."))


def project_name(source: Source, choice: Choice, settings: str, environment: str) -> str:
    """The Compose project: settings, COMPOSE_PROJECT_NAME, `name:` of the last file that has one, the environment."""
    variable = choice.variables.get(PROJECT_VARIABLE)
    for name, place in (
        (settings, Place("gitopsd.yaml")),
        (variable.value if variable else "", choice.place),
    ):
        if name:
            if not _PROJECT.fullmatch(name):
                source.problems.add(place, "", f"'{name}' is no project name; use a-z, 0-9, '-' and '_'")
            return name
    written = _written_name(source, choice)
    if written is None:
        return _as_project(environment)
    name = _as_project(str(written.value))
    if not name:
        source.problems.add(written.place, "name", "has no letter or digit; a project name needs a-z, 0-9, '-' or '_'")
    return name


def _written_name(source: Source, choice: Choice) -> Scalar | None:
    found: Scalar | None = None
    for path in choice.paths:
        document = source.document(path, choice.place, "")
        node = document.fields.get("name") if document is not None else None
        if isinstance(node, Scalar) and isinstance(node.value, str) and node.value:
            try:
                found = Scalar(substitute(node.value, choice.variables).text, node.place)
            except ValueError:
                continue  # told again, with its place, when the whole file is filled in
    return found


def _as_project(name: str) -> str:
    """A name as Compose makes it fit for a project."""
    return _NOT_IN_NAMES.sub("", name.lower()).lstrip("_-")


def _choice(directory: str, paths: tuple[str, ...], variables: Variables, place: Place) -> Choice:
    named = variables.get("COMPOSE_PROFILES", Variable("")).value.split(",")
    return Choice(directory, paths, variables, frozenset(profile.strip() for profile in named), place)


def _dotenv(source: Source, directory: str, variables: Variables) -> dict[str, Variable]:
    path = posixpath.join(directory, ".env")
    return source.dotenv(path, Place(path), "", variables) if source.exists(path) else {}


def _named_files(source: Source, directory: str, variables: Variables) -> tuple[str, ...]:
    """The files that COMPOSE_FILE names, relative to the environment's directory."""
    named = variables.get("COMPOSE_FILE")
    if named is None:
        return ()
    separator = variables.get("COMPOSE_PATH_SEPARATOR", Variable(":")).value or ":"
    place = Place(posixpath.join(directory, ".env"))
    names = named.value.split(separator)
    if not all(names):
        message = f"names an empty file; write {CANDIDATES[0]}, several with {separator} between them, or remove it"
        source.problems.add(place, "COMPOSE_FILE", message)
    paths = (source.path(directory, name, place, "COMPOSE_FILE") for name in names if name)
    return tuple(path for path in paths if path is not None)


def _found(source: Source, directory: str) -> tuple[str, ...]:
    """The Compose file and its override. Every candidate is asked for, so that a new one changes the input digest."""
    files = [path for name in CANDIDATES if source.exists(path := posixpath.join(directory, name))]
    overrides = [path for name in OVERRIDES if source.exists(path := posixpath.join(directory, name))]
    if len(files) > 1:
        message = f"there are several Compose files, {posixpath.basename(files[0])} is used; remove the others"
        source.problems.warn(Place(files[1]), "", message)
    return (files[0], *overrides[:1]) if files else ()

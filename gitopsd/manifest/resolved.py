"""The resolved manifest as `docker compose config --format json` prints it."""

import posixpath
from collections.abc import Iterable, Mapping

from gitopsd.manifest.compose import EXTENSION
from gitopsd.manifest.keys.build import REMOTE
from gitopsd.manifest.keys.shapes import Entry
from gitopsd.manifest.loading import HIDDEN, Loaded
from gitopsd.manifest.node import Fields, Items, Node, Scalar
from gitopsd.model.canonical import Json

_PRINTED_WHOLE = 1e21  # from here on Compose prints an exponent


def resolved(loaded: Loaded, root: str, *, defaults: bool = False) -> dict[str, Json]:
    """The resolved manifest. `root` is the absolute path of the repository, which relative paths are printed under.

    With `defaults` every value of `x-gitopsd` is there with its origin. Values of secret origin are `(hidden)`.
    """
    directory = posixpath.normpath(posixpath.join(root, loaded.directory))
    shown = _printed(loaded, directory)
    if defaults:
        _add_defaults(shown, loaded)
    return shown


def _printed(loaded: Loaded, directory: str) -> dict[str, Json]:
    composition = loaded.composition
    document: dict[str, Json] = {
        "name": composition.project,
        "services": {
            name: _masked(
                {key: _service_value(key, value, directory) for key, value in service.canonical.items()},
                service.hidden,
            )
            for name, service in composition.services.items()
        },
    }
    for kind, entries in (
        ("networks", composition.networks),
        ("volumes", composition.volumes),
        ("configs", composition.configs),
        ("secrets", composition.secrets),
    ):
        if entries:
            document[kind] = {
                name: _masked(_definition(entry, directory), composition.hidden(kind, name))
                for name, entry in entries.items()
            }
    extensions = {key: _without_empty_lists(_shown(node)) for key, node in composition.extensions().items()}
    escaped = _escaped({**document, **extensions})
    assert isinstance(escaped, dict)
    return escaped


def _without_empty_lists(value: Json) -> Json:
    """An extension as Compose prints it, to which a list without items is nothing."""
    match value:
        case []:
            return None
        case list():
            return [_without_empty_lists(inner) for inner in value]
        case dict():
            return {key: _without_empty_lists(inner) for key, inner in value.items()}
        case _:
            return value


def _masked(values: dict[str, Json], hidden: Iterable[tuple[str, ...]]) -> dict[str, Json]:
    """The values with `(hidden)` at every hidden path."""
    found = dict(values)
    for name, *rest in hidden:
        value = found.get(name)
        if rest and isinstance(value, Mapping):
            found[name] = _masked(dict(value), [tuple(rest)])
        elif value is not None:
            found[name] = HIDDEN
    return found


def _shown(node: Node) -> Json:
    """What an extension says, but for values of secret origin; whole numbers as Compose prints them."""
    match node:
        case Scalar(hidden=True):
            return HIDDEN
        case Scalar(value=float() as value) if value.is_integer() and abs(value) < _PRINTED_WHOLE:
            return int(value)
        case Scalar(value=value):
            return value
        case Items(items=items):
            return [_shown(item) for item in items]
        case Fields(fields=fields):
            return {key: _shown(child) for key, child in fields.items()}


def _service_value(key: str, value: Json, directory: str) -> Json:
    if key == "volumes" and isinstance(value, list):
        return [_mount(entry, directory) for entry in value if isinstance(entry, Entry)]
    if key == "build" and isinstance(value, dict):
        return _build(value, directory)
    if key == "develop" and isinstance(value, dict):
        return {name: [_watch(entry, directory) for entry in entries] for name, entries in value.items()}
    return value


def _build(build: Mapping[str, Json], directory: str) -> dict[str, Json]:
    contexts = build.get("additional_contexts")
    shown = {**build, "context": _local(str(build["context"]), directory)}
    if isinstance(contexts, Mapping):
        shown["additional_contexts"] = {name: _local(str(path), directory) for name, path in contexts.items()}
    return shown


def _local(path: str, directory: str) -> str:
    return path if REMOTE.match(path) else _absolute(path, directory)


def _watch(entry: Mapping[str, Json], directory: str) -> dict[str, Json]:
    return {**entry, "path": _absolute(str(entry.get("path", ".")), directory)}


def _mount(entry: Entry, directory: str) -> dict[str, Json]:
    if entry.get("type") != "bind":
        return dict(entry)
    return {**entry, "source": _absolute(str(entry["source"]), directory)}


def _definition(entry: Entry, directory: str) -> dict[str, Json]:
    shown = {key: value for key, value in entry.items() if (key, value) != ("content", "")}
    if "file" in entry:
        shown["file"] = _absolute(str(entry["file"]), directory)
    ipam = entry.get("ipam")
    if isinstance(ipam, Mapping):
        # Compose reads the options, but neither prints them nor passes them on.
        shown["ipam"] = {key: value for key, value in ipam.items() if key != "options"}
    return shown


def _absolute(path: str, directory: str) -> str:
    """As Compose joins paths: an absolute one stays as it is written."""
    return path if path.startswith("/") else posixpath.normpath(posixpath.join(directory, path))


def _escaped(value: Json) -> Json:
    """Compose doubles dollar signs, so that what it prints can be loaded again."""
    match value:
        case str():
            return value.replace("$", "$$")
        case Mapping():
            return {key.replace("$", "$$"): _escaped(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_escaped(inner) for inner in value]
        case _:
            return value


def _add_defaults(shown: dict[str, Json], loaded: Loaded) -> None:
    shown[EXTENSION] = loaded.chosen[""].shown()
    services = shown["services"]
    assert isinstance(services, dict)
    for name, service in services.items():
        assert isinstance(service, dict)
        service[EXTENSION] = loaded.chosen[name].shown()

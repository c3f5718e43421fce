"""A resolved manifest as a plain Compose file, for a person who goes on with `docker compose` alone."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from gitopsd.manifest.compose import EXTENSION
from gitopsd.manifest.loading import Loaded
from gitopsd.manifest.resolved import resolved
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Bind, Service

# What only says how an image comes about: each service has the one that it runs.
_LEFT_OUT = frozenset((EXTENSION, "build", "develop", "pull_policy"))
_GRANTS = ("configs", "secrets")
_KINDS = ("networks", "volumes", *_GRANTS)

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plain:
    """The file. `secrets` are the variables that stand in it for values of secret origin: whoever uses it sets them.

    `content` are the files and directories of the revision that it names, relative to the environment's directory.
    """

    document: Mapping[str, Json]
    secrets: tuple[str, ...] = ()
    content: tuple[str, ...] = ()


def plain(loaded: Loaded, images: Mapping[str, str]) -> Plain:
    """The manifest without gitopsd in it, with `images` by service, and no secret value.

    Paths of the revision are relative to the environment's directory; host data has the path that it has on the host.
    """
    shown = resolved(replace(loaded, directory=""), ".")
    names: dict[Path, str] = {}
    services = _mapping(shown["services"])
    document: dict[str, Json] = {
        **{key: value for key, value in shown.items() if key != EXTENSION},
        "services": {
            name: _service(_mapping(service), loaded.desired.services[name], images[name], names)
            for name, service in services.items()
            if name in images
        },
    }
    for kind in _KINDS:
        if kind in shown:
            document[kind] = {
                name: _definition(kind, name, _mapping(entry), loaded, names)
                for name, entry in _mapping(shown[kind]).items()
            }
    return Plain(document, tuple(sorted(set(names.values()))), tuple(sorted(set(_content(document)))))


def _service(shown: Mapping[str, Json], service: Service, image: str, names: dict[Path, str]) -> dict[str, Json]:
    found = {key: value for key, value in shown.items() if key not in _LEFT_OUT}
    found["image"] = image
    if "volumes" in found:
        hosts = {mount.target: mount.source for mount in service.mounts if isinstance(mount, Bind)}
        found["volumes"] = [_mount(_mapping(each), hosts) for each in _items(found["volumes"])]
    return _named(found, service.hidden, ("services", service.name), names)


def _mount(mount: Mapping[str, Json], hosts: Mapping[str, str]) -> dict[str, Json]:
    """A bind of host data by its path there, one of content by its path in the directory."""
    if mount.get("type") != "bind":
        return dict(mount)
    target, source = str(mount["target"]), str(mount["source"])
    return {**mount, "source": hosts.get(target) or _relative(source)}


def _definition(
    kind: str, name: str, entry: Mapping[str, Json], loaded: Loaded, names: dict[Path, str]
) -> dict[str, Json]:
    if entry.get("external") is True and kind in _GRANTS:
        names[(kind, name)] = _variable((kind[:-1], kind[:-1], name))
        return {"environment": names[(kind, name)]}
    found = {**entry, "file": _relative(str(entry["file"]))} if "file" in entry else dict(entry)
    return _named(found, loaded.composition.hidden(kind, name), (kind, name), names)


def _relative(path: str) -> str:
    return path if path.startswith(("/", "../")) else f"./{posixpath.normpath(path)}"


def _named(values: dict[str, Json], hidden: Iterable[Path], where: Path, names: dict[Path, str]) -> dict[str, Json]:
    """The values with a variable in place of each hidden one, which has to be set."""
    found = values
    for path in hidden:
        if _at(found, path) is None:
            continue
        names[(*where, *path)] = _variable((*where, *path))
        found = _put(found, path, f"${{{names[(*where, *path)]}:?it is secret, and not in this file}}")
    return found


def _variable(path: Path) -> str:
    """`WEB_PASSWORD` for `services.web.environment.PASSWORD`: two services may have two values under one name."""
    parts = (part for part in path[1:] if part != "environment")
    return "_".join("".join(c if c.isascii() and c.isalnum() else "_" for c in part).upper() for part in parts)


def _at(value: Json, path: Path) -> Json:
    for part in path:
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _put(values: Mapping[str, Json], path: Path, value: str) -> dict[str, Json]:
    inner = values.get(path[0])
    rest = path[1:]
    return {**values, path[0]: _put(inner, rest, value) if rest and isinstance(inner, Mapping) else value}


def _content(document: Mapping[str, Json]) -> Iterator[str]:
    services = (_mapping(service) for service in _mapping(document["services"]).values())
    sources = (str(_mapping(each).get("source", "")) for service in services for each in _items(service.get("volumes")))
    files = (
        str(_mapping(entry).get("file", "")) for kind in _GRANTS for entry in _mapping(document.get(kind)).values()
    )
    return (path for path in (*sources, *files) if path.startswith("."))


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _items(value: Json) -> Iterable[Json]:
    return value if isinstance(value, list | tuple) else ()

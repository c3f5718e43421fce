"""`volumes` of a service: short strings and long mappings; paths stay as they are written."""

import posixpath

from gitopsd.manifest.keys.json_schema import STRING, either, listed, mapping_of, one_of, takes
from gitopsd.manifest.keys.quantities import byte_size, whole
from gitopsd.manifest.keys.shapes import (
    Entry,
    Read,
    choice,
    closed,
    flag,
    is_empty,
    once,
    pairs,
    read_fields,
    text,
    wrong,
)
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

_PROPAGATIONS = frozenset(("rprivate", "private", "rshared", "shared", "rslave", "slave"))
_WITHOUT_EFFECT = frozenset(("rw", "cached", "delegated", "consistent"))
_MAX_PARTS = 3


class _Malformed(ValueError):
    """What is wrong with a mount, and how to mend it."""


@takes(lambda: listed(either(STRING, mapping_of(_KEYS))))
def volumes(node: Node, path: str, problems: Problems) -> Json:
    """The mounts; of two whose targets are written alike the later counts."""
    if not isinstance(node, Items):
        wrong(node, path, problems, 'a list such as ["data:/data"]')
        return None
    found: dict[Json, Json] = {}
    items: dict[Json, Node] = {}
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        entry = _entry(item, where, problems)
        if entry is None:
            continue
        before = items.get(entry["target"])
        if before is not None and not _alike(before, item):
            mend = "remove one of them, or write both targets alike: then the later one counts"
            problems.add(item.place, where, f"another mount at {before.place} has the same target; {mend}")
        found[entry["target"]], items[entry["target"]] = entry, item
    return list(found.values()) or None


def _alike(before: Node, after: Node) -> bool:
    """Whether Compose sees before it tidies paths that both have one target: it tidies short ones of each file first.

    What it does not see then is two mounts at one place, which it refuses.
    """
    tidied = before.place.file != after.place.file
    return not _written(before, tidied=tidied).isdisjoint(_written(after, tidied=False))


def _written(mount: Node, *, tidied: bool) -> set[object]:
    match mount:
        case Fields(fields=fields):
            target = fields.get("target")
            return {target.value} if isinstance(target, Scalar) else set()
        case Scalar(value=str(value)):
            target_of_short = (value.split(":")[1:2] or [value])[0]
            return {posixpath.normpath(target_of_short)} | (set() if tidied else {target_of_short})
        case _:
            return set()


def is_path(source: str) -> bool:
    """Whether a short mount's source is a path of the host and not a volume's name."""
    return source.startswith((".", "/", "~"))


def _entry(node: Node, path: str, problems: Problems) -> Entry | None:
    match node:
        case Fields():
            return _long(node, path, problems)
        case Scalar(value=str(value)):
            try:
                return Entry(_short(value), node.place, path)
            except _Malformed as error:
                why = "a hidden value" if node.hidden else f"'{value}'; {error}"
                problems.add(node.place, path, f"expected SOURCE:TARGET or SOURCE:TARGET:ro, got {why}")
        case _:
            wrong(node, path, problems, "a mount such as data:/data")
    return None


def _short(value: str) -> dict[str, Json]:
    parts = value.split(":")
    if not all(parts):
        raise _Malformed("fill in the empty part")
    if len(parts) > _MAX_PARTS:
        raise _Malformed("there are too many colons")
    if len(parts[0]) == 1 and parts[0].isalpha() and len(parts) > 1:
        raise _Malformed(f"Compose reads '{parts[0]}:' as a Windows drive, give the volume a longer name")
    source, target = (parts[0], parts[1]) if len(parts) > 1 else ("", parts[0])
    _absolute(target)
    entry: dict[str, Json] = {"type": "bind" if is_path(source) else "volume", "target": posixpath.normpath(target)}
    if source:
        entry["source"] = source
    bind, volume = _short_options(parts[2].split(",") if len(parts) == _MAX_PARTS else [], entry)
    if entry["type"] == "bind":
        bind["create_host_path"] = True
    if bind:
        entry["bind"] = bind
    if volume or entry["type"] == "volume":
        entry["volume"] = volume
    return entry


def _short_options(words: list[str], entry: dict[str, Json]) -> tuple[dict[str, Json], dict[str, Json]]:
    """The options of `bind` and of `volume` that the words stand for; `ro` goes to the entry itself."""
    bind: dict[str, Json] = {}
    volume: dict[str, Json] = {}
    for word in words:
        if word == "ro":
            entry["read_only"] = True
        elif word == "nocopy":
            volume["nocopy"] = True
        elif word in _PROPAGATIONS:
            bind["propagation"] = word
        elif word in ("z", "Z"):
            bind["selinux"] = word
        elif word not in _WITHOUT_EFFECT:
            raise _Malformed(f"the option '{word}' is unknown, known are ro, rw, z, Z, nocopy and propagations")
    return bind, volume


def _absolute(target: str) -> None:
    if not target.startswith("/"):
        raise _Malformed(f"the target '{target}' must be an absolute path inside the container; begin it with /")


def _long(node: Fields, path: str, problems: Problems) -> Entry | None:
    entry = Entry(read_fields(node, path, problems, _KEYS), node.place, path)
    kind, target = entry.get("type"), entry.get("target")
    missing = next((key for key in ("type", "target") if is_empty(node.fields.get(key))), "")
    if missing:
        problems.add(node.place, path, f"has no {missing}; add it")
        return None
    if kind in _SOURCES and "source" not in entry:
        problems.add(node.place, path, f"has no source; add {_SOURCES[kind]} as source")
        return None
    if kind is None or not isinstance(target, str):
        return None
    _check_options(node, kind, path, problems)
    try:
        _absolute(target)
    except _Malformed as error:
        problems.add(node.fields["target"].place, f"{path}.target", str(error))
    entry["target"] = posixpath.normpath(target)
    return entry


def _check_options(node: Fields, kind: Json, path: str, problems: Problems) -> None:
    for other in _TYPES:
        if other != kind and other in node.fields:
            message = f"ignored, as Compose does: the mount is of type {kind}; remove it"
            problems.warn(node.keys[other], f"{path}.{other}", message)
    if kind == "tmpfs" and "read_only" in node.fields:
        message = "ignored: a tmpfs that nobody can write to stays empty; remove it"
        problems.warn(node.keys["read_only"], f"{path}.read_only", message)


@takes(lambda: one_of(*_TYPES))
def _type(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and node.value in _REFUSED:
        problems.add(node.place, path, _REFUSED[str(node.value)])
        return None
    return choice(*_TYPES)(node, path, problems)


@takes({"type": "number", "minimum": 0, "maximum": 0o7777})
def _mode(node: Node, path: str, problems: Problems) -> int | None:
    value = whole(node) if isinstance(node, Scalar) and not isinstance(node.value, str) else None
    if value is None or not 0 <= value <= 0o7777:
        problems.add(node.place, path, "expected a mode such as 0o1777, written as a number")
        return None
    return value or None


_TYPES: tuple[str, ...] = ("bind", "volume", "tmpfs", "image")
_SOURCES: dict[Json, str] = {"bind": "the path on the host", "image": "the image"}
_REFUSED = {
    "npipe": "named pipes are there on Windows only; mount a socket with type: bind",
    "cluster": "cluster volumes need Swarm and its storage plugins; write type: volume, with a driver under volumes",
}
_KEYS: dict[str, Read] = {
    "type": _type,
    "source": text,
    "target": text,
    "read_only": flag,
    "consistency": text,
    "bind": closed(
        {
            "propagation": choice("", *sorted(_PROPAGATIONS)),
            "create_host_path": flag,
            "selinux": choice("z", "Z"),
            "recursive": choice("enabled", "disabled", "writable", "readonly"),
        }
    ),
    "volume": closed({"nocopy": flag, "subpath": text, "labels": once(pairs)}),
    "tmpfs": closed({"size": byte_size, "mode": _mode}),
    "image": closed({"subpath": text}),
}

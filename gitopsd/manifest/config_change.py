"""`x-gitopsd.on_config_change` and `flags`: files that are exchanged while a service runs, and what it is told."""

import posixpath
import signal
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from gitopsd.manifest.compose import EXTENSION, ComposedService
from gitopsd.manifest.content import Ground, file_of
from gitopsd.manifest.keys.json_schema import STRING, Schema, by_name, either, mapping_of, one_of, takes
from gitopsd.manifest.keys.shapes import Read, read_fields, shown, text, wrong
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.desired import EXCHANGED, ContentMount, Mount
from gitopsd.model.errors import Place

RESTART: Final = "restart"  # a new container, as for every other change
FLAGS_DIRECTORY: Final = "/etc/gitopsd"
_SIGNALS: Final = frozenset(each.name for each in signal.Signals) - {"SIGKILL", "SIGSTOP"}
_EXPECTED: Final = "restart, update, or signal:NAME such as signal:SIGHUP"
_WORD: Final[Schema] = either(one_of(RESTART, EXCHANGED), {**STRING, "pattern": "^signal:[A-Za-z0-9]+$"})


@takes(either(_WORD, by_name(_WORD)))
def on_config_change(node: Node, path: str, problems: Problems) -> Json:
    """One word for all configs, or a word for each by its name."""
    if isinstance(node, Fields):
        return {name: _word(child, f"{path}.{name}", problems) for name, child in node.fields.items()}
    return _word(node, path, problems)


@takes(lambda: either(STRING, mapping_of(_FLAGS)))
def flags(node: Node, path: str, problems: Problems) -> Json:
    """`flags.yaml`, or `{file: flags.yaml, target: /etc/gitopsd/flags.yaml}`."""
    if isinstance(node, Scalar):
        named = text(node, path, problems)
        return None if named is None else {"file": named, "target": _target(named)}
    if not isinstance(node, Fields) or "file" not in node.fields:
        return wrong(node, path, problems, "a file, or a mapping such as {file: flags.yaml, target: /etc/flags.yaml}")
    values = read_fields(node, path, problems, _FLAGS)
    file = values.get("file")
    return {"target": _target(file), **values} if isinstance(file, str) else None


def exchanged(
    ground: Ground,
    service: ComposedService,
    mounts: tuple[Mount, ...],
    values: Mapping[str, Json],
    places: Mapping[str, Place],
) -> tuple[Mount, ...]:
    """The mounts with what other content of each config means, and with the file of flags."""
    problems, said = ground.source.problems, values.get("on_config_change", RESTART)
    where = f"{service.path}.{EXTENSION}"
    configs = {_config(mount) for mount in mounts} - {""}
    if isinstance(said, Mapping):
        for name in said.keys() - configs:
            message = f"no config of this service is called {name}; it has {', '.join(sorted(configs)) or 'none'}"
            problems.add(places["on_config_change"], f"{where}.on_config_change.{name}", message)
    marked = (replace(each, on_change=_way(each, said)) if isinstance(each, ContentMount) else each for each in mounts)
    return (*marked, *_flags_mount(ground, mounts, values, places, f"{where}.flags"))


def _flags_mount(
    ground: Ground, mounts: tuple[Mount, ...], values: Mapping[str, Json], places: Mapping[str, Place], path: str
) -> Iterator[ContentMount]:
    said = values.get("flags")
    if not isinstance(said, Mapping):
        return
    place, target = places["flags"], posixpath.normpath(str(said["target"]))
    if any(mount.target == target for mount in mounts):
        ground.source.problems.add(place, path, f"two mounts have the target {target}; give one of them another target")
        return
    content = file_of(ground, str(said["file"]), place, path)
    if content is not None:
        yield ContentMount(target, content, str(said["file"]), on_change=EXCHANGED)


def _config(mount: Mount) -> str:
    """The name of the config that it is; "" for anything else."""
    kind, _, name = mount.grant.partition(" ") if isinstance(mount, ContentMount) else ("", "", "")
    return name if kind == "config" else ""


def _way(mount: ContentMount, said: Json) -> str:
    name = _config(mount)
    word = str(said.get(name) or RESTART) if isinstance(said, Mapping) else str(said)
    return "" if word == RESTART or not name else word.removeprefix("signal:")


@takes(_WORD)
def _word(node: Node, path: str, problems: Problems) -> Json:
    value = node.value if isinstance(node, Scalar) else None
    if value in (RESTART, EXCHANGED):
        return value
    kind, _, name = str(value).partition(":")
    name = name.upper() if name.upper().startswith("SIG") else f"SIG{name.upper()}"
    if kind == "signal" and name in _SIGNALS:
        return f"signal:{name}"
    return wrong(node, path, problems, _EXPECTED)


@takes(STRING)
def _absolute(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is not None and not value.startswith("/"):
        problems.add(node.place, path, f"expected an absolute path in the container, got {shown(node)}")
        return None
    return value


def _target(file: str) -> str:
    return f"{FLAGS_DIRECTORY}/{posixpath.basename(file)}"


_FLAGS: Final[Mapping[str, Read]] = {"file": text, "target": _absolute}

"""Rewrites the relative paths of a service or a definition that comes from another directory, as seen from this one."""

import posixpath
from dataclasses import replace

from gitopsd.manifest.keys.volumes import is_path
from gitopsd.manifest.node import Fields, Items, Node, Scalar


def anchored_service(node: Node, directory: str) -> Node:
    """The service with every relative path prefixed by `directory` ("." leaves it as it is)."""
    if directory == "." or not isinstance(node, Fields):
        return node
    fields = dict(node.fields)
    for key, rewrite in _SERVICE.items():
        if key in fields:
            fields[key] = rewrite(fields[key], directory)
    return replace(node, fields=fields)


def anchored_definition(node: Node, directory: str) -> Node:
    """A config or secret with its `file` prefixed by `directory`."""
    if directory == "." or not isinstance(node, Fields) or "file" not in node.fields:
        return node
    return replace(node, fields={**node.fields, "file": _path(node.fields["file"], directory)})


def _path(node: Node, directory: str) -> Node:
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or node.value.startswith(("/", "~")):
        return node
    whole = posixpath.normpath(posixpath.join(directory, node.value))
    return replace(node, value=whole if whole.startswith(".") else f"./{whole}")


def _each(node: Node, directory: str) -> Node:
    if isinstance(node, Items):
        return replace(node, items=tuple(_each(item, directory) for item in node.items))
    return _within(node, directory, "path") if isinstance(node, Fields) else _path(node, directory)


def _within(node: Node, directory: str, key: str) -> Node:
    if not isinstance(node, Fields) or key not in node.fields:
        return node
    return replace(node, fields={**node.fields, key: _path(node.fields[key], directory)})


def _extends(node: Node, directory: str) -> Node:
    return _within(node, directory, "file")


def _build(node: Node, directory: str) -> Node:
    return _within(node, directory, "context") if isinstance(node, Fields) else _path(node, directory)


def _develop(node: Node, directory: str) -> Node:
    if not isinstance(node, Fields) or not isinstance(watch := node.fields.get("watch"), Items):
        return node
    watched = replace(watch, items=tuple(_within(item, directory, "path") for item in watch.items))
    return replace(node, fields={**node.fields, "watch": watched})


def _volumes(node: Node, directory: str) -> Node:
    if not isinstance(node, Items):
        return node
    return replace(node, items=tuple(_volume(item, directory) for item in node.items))


def _volume(node: Node, directory: str) -> Node:
    match node:
        case Scalar(value=str(value)) if is_path(value) and ":" in value:
            source, colon, rest = value.partition(":")
            path = _path(replace(node, value=source), directory)
            return replace(node, value=f"{path.value}{colon}{rest}") if isinstance(path, Scalar) else node
        case Fields(fields=fields):
            kind = fields.get("type")
            if isinstance(kind, Scalar) and kind.value == "bind":
                return _within(node, directory, "source")
    return node


_SERVICE = {
    "volumes": _volumes,
    "env_file": _each,
    "label_file": _each,
    "extends": _extends,
    "build": _build,
    "develop": _develop,
}

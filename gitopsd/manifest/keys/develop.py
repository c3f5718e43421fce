"""`develop`: never acted on, as by `docker compose up`; kept in the shape in which Compose prints it."""

from collections.abc import Mapping

from gitopsd.manifest.keys.command import command
from gitopsd.manifest.keys.json_schema import nullable, schema_of, takes
from gitopsd.manifest.keys.shapes import (
    Read,
    boolean,
    choice,
    closed,
    each,
    flag,
    is_empty,
    once,
    optional_pairs,
    string_or_strings,
    text,
)
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json


@takes(lambda: nullable(schema_of(_DEVELOP)))
def develop(node: Node, path: str, problems: Problems) -> Json:
    """What to do when files change on a machine on which people develop."""
    problems.warn(node.place, path, "ignored: it concerns machines on which people develop")
    if isinstance(node, Scalar) and node.value is None:
        return None
    return _DEVELOP(node, path, problems)


@takes(lambda: schema_of(_WATCH))
def _watch(node: Node, path: str, problems: Problems) -> Json:
    found = _WATCH(node, path, problems)
    if not isinstance(node, Fields) or not isinstance(found, Mapping):
        return None
    for missing in (key for key in ("path", "action") if key not in found and is_empty(node.fields.get(key))):
        problems.add(node.place, path, f"has no {missing}; add it")
    return {"exec": {"command": None}, **found}


@takes(lambda: schema_of(_EXEC))
def _exec(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Fields) and "command" not in node.fields:
        problems.add(node.place, path, "has no command; add it")
    found = _EXEC(node, path, problems)
    return {"command": None, **found} if isinstance(found, Mapping) else None


_EXEC: Read = closed(
    {
        "command": command,
        "user": text,
        "privileged": flag,
        "working_dir": text,
        "environment": once(optional_pairs),
    }
)
_WATCH: Read = closed(
    {
        "path": text,
        "action": choice("rebuild", "sync", "restart", "sync+restart", "sync+exec"),
        "target": text,
        "ignore": once(string_or_strings),
        "include": once(string_or_strings),
        "initial_sync": boolean,
        "exec": _exec,
    }
)
_DEVELOP: Read = closed({"watch": each(_watch, "mappings with path and action")})

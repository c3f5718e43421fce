"""`build`: never acted on; kept in the shape in which Compose prints it."""

import re
from collections.abc import Mapping

from gitopsd.manifest.keys.attachments import grants
from gitopsd.manifest.keys.hosts import extra_hosts
from gitopsd.manifest.keys.json_schema import PAIRS, STRING, either, schema_of, takes
from gitopsd.manifest.keys.limits import ulimits
from gitopsd.manifest.keys.quantities import byte_size
from gitopsd.manifest.keys.shapes import (
    Read,
    closed,
    each,
    flag,
    optional_pairs,
    pairs,
    strings,
    text,
)
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json

REMOTE = re.compile(r"[a-z][a-z+.-]*://|git@|service:")


@takes(lambda: either(STRING, schema_of(_BUILD)))
def build(node: Node, path: str, problems: Problems) -> Json:
    """A directory, or a mapping that names one."""
    match node:
        case Scalar(value=str(directory)):
            return {"context": directory, "dockerfile": "Dockerfile"}
        case Fields(fields=fields):
            if "dockerfile" in fields and "dockerfile_inline" in fields:
                message = "dockerfile and dockerfile_inline exclude each other; keep one of them"
                problems.add(node.keys["dockerfile_inline"], f"{path}.dockerfile_inline", message)
            found = _BUILD(node, path, problems)
            written = found if isinstance(found, Mapping) else {}
            named = fields.keys() & {"dockerfile", "dockerfile_inline"}
            return {"context": ".", **({} if named else {"dockerfile": "Dockerfile"}), **written}
        case _:
            problems.add(node.place, path, "expected a directory or a mapping; remove the key, images are not built")
            return None


@takes(PAIRS)
def _arguments(node: Node, path: str, problems: Problems) -> Json:
    """Those with a value; another would come from who builds."""
    found = optional_pairs(node, path, problems) or {}
    return {key: value for key, value in found.items() if value is not None} or None


@takes(PAIRS)
def _keys_of_ssh(node: Node, path: str, problems: Problems) -> Json:
    found = optional_pairs(node, path, problems) or {}
    return [key if value is None else f"{key}={value}" for key, value in found.items()] or None


@takes({"type": ["string", "boolean"]})
def _statement(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return str(node.value).lower()
    return text(node, path, problems)


_STRINGS = each(text, "strings")
_BUILD: Read = closed(
    {
        "context": text,
        "dockerfile": text,
        "dockerfile_inline": text,
        "args": _arguments,
        "ssh": _keys_of_ssh,
        "cache_from": _STRINGS,
        "cache_to": _STRINGS,
        "no_cache": flag,
        "additional_contexts": pairs,
        "network": text,
        "provenance": _statement,
        "sbom": _statement,
        "pull": flag,
        "target": text,
        "shm_size": byte_size,
        "extra_hosts": extra_hosts,
        "isolation": text,
        "privileged": flag,
        "secrets": grants(""),
        "tags": strings,
        "ulimits": ulimits,
        "platforms": _STRINGS,
        "entitlements": _STRINGS,
        "labels": pairs,
    }
)

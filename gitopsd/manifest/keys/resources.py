"""The top-level networks, volumes, configs and secrets, each definition in canonical form."""

import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network

from gitopsd.manifest.keys.json_schema import BOOLEAN, NULL, STRING, Schema, either, listed, mapping_of, takes
from gitopsd.manifest.keys.shapes import (
    NONE,
    Entry,
    Read,
    boolean,
    checked,
    flag,
    once,
    options,
    pairs,
    read_fields,
    shown,
    text,
    texts,
    wrong,
)
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.secret import SECRET_NAME_MEND, is_secret_name

NAME = re.compile(r"[a-zA-Z0-9._-]+")
_SOURCES = ("file", "environment", "content", "external")


def networks(node: Node, path: str, problems: Problems, project: str) -> dict[str, Entry]:
    """Each network; without `name` it is PROJECT_KEY."""
    found = _definitions(node, path, problems, _NETWORK)
    for key, entry in found.items():
        _named(entry, key, project, problems)
        entry.setdefault("ipam", {})
    return found


def volumes(node: Node, path: str, problems: Problems, project: str) -> dict[str, Entry]:
    """Each volume; without `name` it is PROJECT_KEY."""
    found = _definitions(node, path, problems, _VOLUME)
    for key, entry in found.items():
        others = sorted(set(entry) - {"name", "external"})
        if entry.get("external") and others:
            problems.add(entry.place, entry.path, f"external and {others[0]} exclude each other; remove one of them")
        if _is_relative_bind(entry):
            message = "is relative, but a volume lies on the engine's host; write an absolute path"
            problems.add(entry.place, f"{entry.path}.driver_opts.device", message)
        _named(entry, key, project, problems)
    return found


def _is_relative_bind(entry: Entry) -> bool:
    """Whether the local driver would bind a relative path of the host."""
    opts = entry.get("driver_opts")
    if not isinstance(opts, Mapping) or "bind" not in str(opts.get("o", "")).split(","):
        return False
    return entry.get("driver", "local") == "local" and not str(opts.get("device", "/")).startswith("/")


def configs(node: Node, path: str, problems: Problems, project: str) -> dict[str, Entry]:
    """Each config with exactly one source: a file, content, a variable, or the host (`external`)."""
    return _sourced(node, path, problems, project, _CONFIG)


def secrets(node: Node, path: str, problems: Problems, project: str) -> dict[str, Entry]:
    """Each secret with exactly one source: a file, a variable, or the host (`external`)."""
    return _sourced(node, path, problems, project, _SECRET)


def _sourced(node: Node, path: str, problems: Problems, project: str, table: Mapping[str, Read]) -> dict[str, Entry]:
    found = _definitions(node, path, problems, table, _REFUSED)
    sources = [source for source in _SOURCES if source in table]
    for key, entry in found.items():
        given = [source for source in sources if entry.get(source) is not None]
        if not given:
            problems.add(entry.place, entry.path, f"has no source; add one of {', '.join(sources)}")
        elif len(given) > 1:
            problems.add(entry.place, entry.path, f"{' and '.join(given)} exclude each other; keep one of them")
        _named(entry, key, project, problems)
        if entry.get("external") and not is_secret_name(str(entry["name"])):
            message = f"'{entry['name']}' cannot be the name of a secret of the host; {SECRET_NAME_MEND}"
            problems.add(entry.place, f"{entry.path}.name", message)
    return found


def _definitions(
    node: Node, path: str, problems: Problems, table: Mapping[str, Read], refused: Mapping[str, str] = NONE
) -> dict[str, Entry]:
    if not isinstance(node, Fields):
        wrong(node, path, problems, "a mapping")
        return {}
    found: dict[str, Entry] = {}
    for key, child in node.fields.items():
        where = f"{path}.{key}"
        place = node.keys.get(key, child.place)
        if key.startswith("x-"):
            continue
        if not NAME.fullmatch(key):
            problems.add(place, where, "expected a name of letters, digits, '.', '_' and '-'")
        elif isinstance(child, Scalar) and child.value is None and table in (_NETWORK, _VOLUME):
            found[key] = Entry({}, place, where)
        elif isinstance(child, Fields):
            found[key] = Entry(read_fields(child, where, problems, table, refused), place, where)
        else:
            wrong(child, where, problems, "a mapping")
    return found


def _named(entry: Entry, key: str, project: str, problems: Problems) -> None:
    external = entry.get("external")
    if isinstance(external, Mapping):
        if "name" in external and external["name"] != entry.get("name", external["name"]):
            problems.add(entry.place, entry.path, "name and external.name say different names; keep name")
        entry["name"] = external.get("name", entry.get("name", key))
        entry["external"] = True
    if "name" not in entry:
        entry["name"] = key if entry.get("external") else f"{project}_{key}"


@takes(lambda: either(BOOLEAN, mapping_of(_NAMED)))
def _external(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Fields):
        problems.warn(node.place, path, "external.name is deprecated; write name beside external: true")
        return read_fields(node, path, problems, _NAMED)
    return boolean(node, path, problems) or None


@takes(STRING)
def _network_name(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if isinstance(node, Scalar) and node.value == "":
        problems.add(node.place, path, "is empty, and then Compose asks for a network without a name; remove it")
    return value


@takes(lambda: mapping_of(_IPAM))
def _ipam(node: Node, path: str, problems: Problems) -> Json:
    if not isinstance(node, Fields):
        return wrong(node, path, problems, "a mapping")
    return read_fields(node, path, problems, _IPAM) or None


@takes(lambda: listed(mapping_of(_POOL)))
def _pools(node: Node, path: str, problems: Problems) -> Json:
    if not isinstance(node, Items):
        return wrong(node, path, problems, "a list of address pools")
    pools: list[Json] = []
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        if isinstance(item, Fields):
            pools.append(read_fields(item, where, problems, _POOL))
        else:
            wrong(item, where, problems, "a mapping with subnet")
    return pools or None


@takes(STRING)
def _content(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return node.value
    return wrong(node, path, problems, "a string")


@takes(STRING)
def _variable(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is None or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        problems.add(node.place, path, f"expected the name of a variable, got {shown(node)}")
    return value


_RANGE = checked(lambda written: ip_network(written, strict=False), "a range of addresses such as 10.0.0.0/24")
_POOL: dict[str, Read] = {
    "subnet": _RANGE,
    "ip_range": _RANGE,
    "gateway": checked(ip_address, "an IP address such as 10.0.0.1"),
    "aux_addresses": texts,
}
_NAMED: dict[str, Read] = {"name": text}
_IPAM: dict[str, Read] = {"driver": text, "config": _pools, "options": texts}
_NETWORK: dict[str, Read] = {
    "name": _network_name,
    "driver": text,
    "driver_opts": options,
    "ipam": _ipam,
    "external": _external,
    "internal": flag,
    "attachable": flag,
    "enable_ipv4": boolean,
    "enable_ipv6": boolean,
    "labels": pairs,
}
_VOLUME: dict[str, Read] = {
    "name": text,
    "driver": text,
    "driver_opts": options,
    "external": _external,
    "labels": once(pairs),
}
_CONFIG: dict[str, Read] = {
    "name": text,
    "file": text,
    "environment": _variable,
    "content": _content,
    "external": _external,
}
_REFUSED = {
    "labels": "labels an object of Swarm, but here it is a file in the container; remove it",
    "driver": "needs Swarm and its plugins; write file or environment",
    "driver_opts": "needs Swarm and its plugins; write file or environment",
    "template_driver": "needs Swarm, which fills templates in; write the finished text, or use variables in content",
}
_SECRET: dict[str, Read] = {"name": text, "file": text, "environment": _variable, "external": _external}


def definitions_schema() -> Mapping[str, Schema]:
    """What stands under each of the four top-level keys; a network or volume may be there without a word."""
    written = {
        "networks": either(NULL, mapping_of(_NETWORK)),
        "volumes": either(NULL, mapping_of(_VOLUME)),
        "configs": mapping_of(_CONFIG, _REFUSED),
        "secrets": mapping_of(_SECRET, _REFUSED),
    }
    return {kind: resources_schema(one) for kind, one in written.items()}


def resources_schema(one: Schema) -> Schema:
    """A mapping by names that Compose allows."""
    names = {rf"^(?!x-)({NAME.pattern})$": one, "^x-": {}}
    return {"type": "object", "patternProperties": names, "additionalProperties": False}

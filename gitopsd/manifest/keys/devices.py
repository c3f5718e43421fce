"""Devices of the host: `devices`, their cgroup rules, and the requests for GPUs and the like."""

import re
from collections.abc import Mapping

from gitopsd.manifest.keys.json_schema import STRING, either, listed, mapping_of, one_of, takes, whole_number
from gitopsd.manifest.keys.quantities import whole
from gitopsd.manifest.keys.shapes import (
    Read,
    described,
    distinct_strings,
    each,
    once,
    pairs,
    read_fields,
    shown,
    text,
    wrong,
)
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

ALL = -1
_MAX_PARTS = 3
_CDI = re.compile(r"[A-Za-z][A-Za-z0-9._-]*/[A-Za-z][A-Za-z0-9_-]*=[A-Za-z0-9][A-Za-z0-9._:-]*")
_PERMISSIONS = re.compile(r"(?!.*(.).*\1)[rwm]{1,3}")
_RULE = re.compile(r"[acb] ([0-9]+|\*):([0-9]+|\*) [rwm]{1,3}")


@takes(lambda: listed(either(STRING, mapping_of(_DEVICE))))
def devices(node: Node, path: str, problems: Problems) -> Json:
    """Devices of the host, each with its path inside; of two with one path inside the later counts."""
    if not isinstance(node, Items):
        return wrong(node, path, problems, 'a list such as ["/dev/ttyUSB0"]')
    found: dict[Json, Json] = {}
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        device = _device(item, where, problems)
        if device is not None:
            _check(device, item, where, problems)
            found[device.get("target")] = device
    return list(found.values()) or None


def _device(node: Node, path: str, problems: Problems) -> dict[str, Json] | None:
    match node:
        case Scalar(value=str(written)):
            parts = written.split(":")
            if len(parts) > _MAX_PARTS:
                message = f"expected SOURCE:TARGET:PERMISSIONS, got {shown(node)}; write source, target and permissions"
                problems.add(node.place, path, message)
                return None
            source, target, permissions = (*parts, *["", "rwm"][len(parts) - 1 :])[:_MAX_PARTS]
            mapping = {"source": source, "target": target or source, "permissions": permissions}
            return {key: value for key, value in mapping.items() if value}
        case Fields():
            missing = [key for key in ("source", "target") if key not in node.fields]
            for key in missing:
                problems.add(node.place, path, f"has no {key}; add it")
            found = read_fields(node, path, problems, _DEVICE)
            return None if missing else found
        case _:
            wrong(node, path, problems, "a device such as /dev/ttyUSB0")
            return None


def _check(device: Mapping[str, Json], node: Node, path: str, problems: Problems) -> None:
    source, target, permissions = (str(device.get(key, "")) for key in ("source", "target", "permissions"))

    def wrong_one(key: str, message: str) -> None:
        child = node.fields[key] if isinstance(node, Fields) else node
        problems.add(
            child.place, f"{path}.{key}" if isinstance(node, Fields) else path, f"{message}, got {shown(child)}"
        )

    if not source.startswith("/") and not (source == target and _CDI.fullmatch(source)):
        wrong_one(
            "source", "expected an absolute path such as /dev/ttyUSB0, or a CDI device such as vendor.com/class=name"
        )
    elif source.startswith("/") and not target.startswith("/"):
        wrong_one("target", "expected an absolute path inside, and after it the permissions, such as /dev/a:/dev/a:rw")
    if permissions and not _PERMISSIONS.fullmatch(permissions):
        wrong_one("permissions", "expected permissions of the letters r, w and m")


@takes(listed(STRING))
def device_cgroup_rules(node: Node, path: str, problems: Problems) -> Json:
    """Rules as the kernel writes them: type, major and minor number, permissions."""
    found = distinct_strings(node, path, problems)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Scalar) and isinstance(item.value, str) and not _RULE.fullmatch(item.value):
            problems.add(item.place, f"{path}[{index}]", f'expected a rule such as "c 188:* rmw", got {shown(item)}')
    return found


@takes(lambda: either(one_of("all"), listed(mapping_of(_REQUEST))))
def gpus(node: Node, path: str, problems: Problems) -> Json:
    """`all`, or a list of requests."""
    if isinstance(node, Scalar):
        if node.value == "all":
            return [{"count": ALL}]
        problems.add(node.place, path, f"expected all, or a list of requests, got {shown(node)}")
        return None
    return each(_request, "requests such as {driver: nvidia, count: 1}")(node, path, problems)


@takes(lambda: listed(mapping_of(_REQUEST)))
def reservations(node: Node, path: str, problems: Problems) -> Json:
    """`deploy.resources.reservations.devices`: requests that name their capabilities."""
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Fields) and "capabilities" not in item.fields:
            problems.add(item.place, f"{path}[{index}]", "has no capabilities; add them, such as [gpu]")
    return each(_request, "requests such as {capabilities: [gpu], count: 1}")(node, path, problems)


@takes(lambda: mapping_of(_REQUEST))
def _request(node: Node, path: str, problems: Problems) -> Json:
    """A request for devices; without number and names it is for all there are."""
    if not isinstance(node, Fields):
        problems.add(
            node.place, path, f"expected a mapping such as {{driver: nvidia, count: 1}}, got {described(node)}"
        )
        return None
    found = read_fields(node, path, problems, _REQUEST)
    if "count" in node.fields and "device_ids" in node.fields:
        problems.add(node.place, path, "count and device_ids exclude each other; keep one of them")
    if "count" not in node.fields and "device_ids" not in node.fields:
        found["count"] = ALL
    return found


@takes(either(one_of("all"), whole_number(ALL)))
def _count(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and node.value == "all":
        return ALL
    value = whole(node)
    if value is None or value < ALL or (isinstance(node, Scalar) and isinstance(node.value, float)):
        problems.add(node.place, path, f"expected a number, or all, got {shown(node)}")
        return None
    return value or None


_DEVICE: dict[str, Read] = {"source": text, "target": text, "permissions": text}
_REQUEST: dict[str, Read] = {
    "capabilities": distinct_strings,
    "count": _count,
    "device_ids": distinct_strings,
    "driver": text,
    "options": once(pairs),
}

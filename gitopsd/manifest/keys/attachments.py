"""What ties a service to others: `networks`, `depends_on`, `configs` and `secrets`."""

import re
from ipaddress import IPv4Address, IPv6Address, ip_address

from gitopsd.manifest.keys.json_schema import (
    STRING,
    by_name,
    either,
    listed,
    mapping_of,
    matching,
    nullable,
    schema_of,
    takes,
)
from gitopsd.manifest.keys.quantities import nonzero, truncated, whole
from gitopsd.manifest.keys.shapes import (
    Entry,
    Read,
    boolean,
    checked,
    choice,
    closed,
    described,
    flag,
    is_empty,
    options,
    read_fields,
    shown,
    strings,
    text,
    wrong,
)
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json


@takes(lambda: either(listed(STRING), by_name(nullable(schema_of(_NETWORK)))))
def networks(node: Node, path: str, problems: Problems) -> Json:
    """Names, or names with options; None stands for no options."""
    match node:
        case Fields(fields=fields):
            return {
                name: None if _is_null(child) else _NETWORK(child, f"{path}.{name}", problems)
                for name, child in fields.items()
            } or None
        case Items():
            return dict.fromkeys(_names(node, path, problems)) or None
        case _:
            return wrong(node, path, problems, "a list of networks, or a mapping")


@takes(lambda: either(listed(STRING), by_name(mapping_of(_DEPENDENCY))))
def depends_on(node: Node, path: str, problems: Problems) -> Json:
    """Names, or names with a condition."""
    match node:
        case Items():
            return {
                name: {"condition": "service_started", "required": True} for name in _names(node, path, problems)
            } or None
        case Fields(fields=fields):
            found: dict[str, Json] = {}
            for name, child in fields.items():
                where = f"{path}.{name}"
                if not isinstance(child, Fields) or "condition" not in child.fields:
                    problems.add(child.place, where, "has no condition; add condition: service_started")
                    continue
                found[name] = {"required": True, **read_fields(child, where, problems, _DEPENDENCY)}
            return found or None
        case _:
            return wrong(node, path, problems, "a list of services, or a mapping")


def _names(node: Items, path: str, problems: Problems) -> list[str]:
    found: list[str] = []
    for index, item in enumerate(node.items):
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            wrong(item, f"{path}[{index}]", problems, "a name")
        elif item.value in found:
            problems.add(item.place, f"{path}[{index}]", f"'{item.value}' is in the list twice; remove one")
        else:
            found.append(item.value)
    return found


def _is_null(node: Node) -> bool:
    return isinstance(node, Scalar) and node.value is None


def grants(default_directory: str) -> Read:
    """`configs` or `secrets` of a service: names, or mappings with source and target; the last of a target counts.

    Compose writes down where a secret goes by default, but not where a config does (`default_directory` is "").
    """

    @takes(lambda: listed(schema_of(_grant)))
    def read(node: Node, path: str, problems: Problems) -> Json:
        if not isinstance(node, Items):
            return wrong(node, path, problems, "a list of names")
        found: dict[str, Json] = {}
        for index, item in enumerate(node.items):
            entry = _grant(item, f"{path}[{index}]", problems)
            if entry is not None:
                if default_directory and not (isinstance(item, Fields) and "target" in item.fields):
                    entry["target"] = f"{default_directory}/{entry['source']}"
                found[str(entry.get("target") or f"{default_directory}/{entry['source']}")] = entry
        return list(found.values()) or None

    return read


@takes(lambda: either(STRING, mapping_of(_GRANT)))
def _grant(node: Node, path: str, problems: Problems) -> Entry | None:
    match node:
        case Scalar(value=str(source)) if source:
            return Entry({"source": source}, node.place, path)
        case Fields():
            entry = Entry(read_fields(node, path, problems, _GRANT), node.place, path)
            if "source" in entry:
                return entry
            if is_empty(node.fields.get("source")):
                problems.add(node.place, path, "has no source; add the name under which it is defined")
        case _:
            problems.add(node.place, path, f"expected a name, or a mapping with source, got {described(node)}")
    return None


@takes(STRING)
def _owner(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value is not None and not _ID.fullmatch(value):
        problems.add(node.place, path, f'expected a number in quotes such as "1000", got {shown(node)}')
        return None
    return value


@takes({"type": ["string", "integer"]})
def _mode(node: Node, path: str, problems: Problems) -> Json:
    """The canonical form is an octal string; digits in quotes are octal, too."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        digits = node.value.removeprefix("0o")
        value = int(digits, 8) if digits.isascii() and digits.isdigit() and not set(digits) & {"8", "9"} else None
    else:
        value = None if isinstance(node, Scalar) and isinstance(node.value, float) else whole(node)
    if value is None or not 0 <= value <= 0o7777:
        problems.add(node.place, path, "expected a mode such as 0o440")
        return None
    return f"0{value:o}"


@takes({"type": "number"})
def _priority(node: Node, path: str, problems: Problems) -> Json:
    """Compose takes no string here, also not one that a variable gave."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        return wrong(node, path, problems, "a whole number without quotes")
    return nonzero(truncated(-1 << 31, 1 << 31))(node, path, problems)


@takes(lambda: matching(_MAC))
def mac_address(node: Node, path: str, problems: Problems) -> Json:
    """Six bytes: `02:42:ac:11:65:43`."""
    value = text(node, path, problems)
    if value is not None and not _MAC.fullmatch(value):
        problems.add(node.place, path, f"expected an address such as 02:42:ac:11:65:43, got {shown(node)}")
    return value


@takes(listed(STRING))
def _link_local_ips(node: Node, path: str, problems: Problems) -> Json:
    found = strings(node, path, problems)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        if isinstance(item, Scalar) and isinstance(item.value, str):
            _ADDRESS(item, f"{path}[{index}]", problems)
    return found


_ID = re.compile(r"[0-9]{1,9}")
_MAC: re.Pattern[str] = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5}")
_ADDRESS = checked(ip_address, "an IP address such as 169.254.34.68")
_NETWORK: Read = closed(
    {
        "aliases": strings,
        "ipv4_address": checked(IPv4Address, "an IPv4 address such as 10.0.0.2"),
        "ipv6_address": checked(IPv6Address, "an IPv6 address such as 2001:db8::2"),
        "priority": _priority,
        "gw_priority": _priority,
        "link_local_ips": _link_local_ips,
        "mac_address": mac_address,
        "driver_opts": options,
        "interface_name": text,
    }
)
_DEPENDENCY: dict[str, Read] = {
    "condition": choice("service_started", "service_healthy", "service_completed_successfully"),
    "restart": flag,
    "required": boolean,
}
_GRANT: dict[str, Read] = {"source": text, "target": text, "uid": _owner, "gid": _owner, "mode": _mode}

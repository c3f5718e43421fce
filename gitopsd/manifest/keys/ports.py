"""`ports` and `expose`: short strings and long mappings, ranges written out as Compose writes them out."""

import ipaddress

from gitopsd.manifest.keys.json_schema import STRING, either, listed, mapping_of, takes, whole_number
from gitopsd.manifest.keys.quantities import whole
from gitopsd.manifest.keys.shapes import Entry, Read, choice, read_fields, shown, text, wrong
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.manifest.yaml import text_of
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place

MAX_PORT = 65535
_PROTOCOLS = ("tcp", "udp", "sctp")


class _Malformed(ValueError):
    """What is wrong with a port, and how to mend it."""


@takes(lambda: listed(either({"type": ["string", "integer"]}, mapping_of(_KEYS))))
def ports(node: Node, path: str, problems: Problems) -> Json:
    """The published ports; one that is written twice counts once."""
    if not isinstance(node, Items):
        wrong(node, path, problems, 'a list such as ["80:8080"]')
        return None
    found: dict[tuple[Json, ...], Json] = {}
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        try:
            for port in _entry(item, where, problems):
                key = (port.get("host_ip", "0.0.0.0"), port.get("published"), port.get("target"), port["protocol"])
                found[key] = port
        except _Malformed as error:
            problems.add(item.place, where, str(error))
    return list(found.values()) or None


@takes(listed({"type": ["string", "integer"]}))
def expose(node: Node, path: str, problems: Problems) -> Json:
    """Container ports that are not published, as strings: `80`, `80/udp`, `80-90`."""
    if not isinstance(node, Items):
        wrong(node, path, problems, 'a list such as ["8080"]')
        return None
    found: dict[str, None] = {}
    for index, item in enumerate(node.items):
        where = f"{path}[{index}]"
        if not isinstance(item, Scalar) or not isinstance(item.value, str | int) or isinstance(item.value, bool):
            wrong(item, where, problems, "a port")
            continue
        value = text_of(item.value)
        said = "a hidden value" if item.hidden else value
        try:
            target, _, protocol = value.partition("/")
            _range(target, said)
            _protocol(protocol or "tcp", said)
        except _Malformed as error:
            problems.add(item.place, where, str(error))
        found[value] = None
    return list(found) or None


def _entry(node: Node, path: str, problems: Problems) -> list[Entry]:
    match node:
        case Fields():
            return _long(node, path, problems)
        case Scalar(value=str(value)):
            return _short("a hidden value" if node.hidden else value, value, node.place, path)
        case Scalar(value=int(value)) if not isinstance(value, bool):
            return _short(str(value), str(value), node.place, path)
        case _:
            wrong(node, path, problems, "a port such as 80:8080, or a mapping with target")
            return []


def _long(node: Fields, path: str, problems: Problems) -> list[Entry]:
    entry = Entry(read_fields(node, path, problems, _KEYS), node.place, path)
    if "target" not in node.fields:
        raise _Malformed("has no target; add the port inside the container as target")
    entry.setdefault("mode", "ingress")
    entry.setdefault("protocol", "tcp")
    return [entry]


def _short(said: str, value: str, place: Place, path: str) -> list[Entry]:
    """`[HOST_IP:][PUBLISHED:]TARGET[/PROTOCOL]`, PUBLISHED and TARGET each a port or a range."""
    rest, slash, protocol = value.rpartition("/")
    if not slash:
        rest, protocol = value, "tcp"
    _protocol(protocol, said)
    before, _, target = rest.rpartition(":")
    host, _, published = before.rpartition(":")
    if not target:
        raise _Malformed(f"expected HOST:CONTAINER, got '{said}'; write the container's port after the colon")
    first, last = _range(target, said)
    common: dict[str, Json] = {"mode": "ingress"}
    if host:
        common["host_ip"] = _address(host, said)
    outside = _range(published, said) if published else None
    if outside is not None and first != last and outside[1] - outside[0] != last - first:
        raise _Malformed(f"ranges of different length in '{said}'; give both sides the same number of ports")
    found: list[Entry] = []
    for port in sorted(range(first, last + 1), key=str):  # the order in which Compose prints a range
        entry = Entry({**common, "target": port, "protocol": protocol.lower()}, place, path)
        if outside is not None:
            start, end = outside
            many = first == last and start != end
            entry["published"] = f"{start}-{end}" if many else str(start + port - first)
        found.append(entry)
    return found


def _range(value: str, said: str) -> tuple[int, int]:
    first, dash, last = value.partition("-")
    start, end = _port(first, said), _port(last if dash else first, said)
    if end < start:
        raise _Malformed(f"the range in '{said}' ends before it begins; write the lower port first")
    return start, end


def _port(value: str, said: str) -> int:
    if not value.isascii() or not value.isdigit() or int(value) > MAX_PORT:
        raise _Malformed(f"expected ports from 0 to {MAX_PORT}, got '{said}'; write HOST:CONTAINER such as 80:8080")
    return int(value)


def _protocol(value: str, said: str) -> None:
    if value.lower() not in _PROTOCOLS:
        raise _Malformed(f"expected the protocol tcp, udp or sctp, got '{said}'")


def _address(value: str, said: str) -> str:
    bare = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    try:
        ipaddress.ip_address(bare)
    except ValueError:
        raise _Malformed(f"expected an IP address before the ports, got '{said}'") from None
    return bare


@takes(whole_number(1, MAX_PORT))
def one_port(node: Node, path: str, problems: Problems) -> int | None:
    """A single port, as a number or a string of digits."""
    value = None if isinstance(node, Scalar) and isinstance(node.value, float) else whole(node)
    if value is None or not 0 < value <= MAX_PORT:
        problems.add(node.place, path, f"expected a port from 1 to {MAX_PORT}, got {shown(node)}")
        return None
    return value


@takes(STRING)
def _host_ip(node: Node, path: str, problems: Problems) -> str | None:
    value = text(node, path, problems)
    if isinstance(node, Scalar) and isinstance(node.value, str):
        try:
            ipaddress.ip_address(node.value)
        except ValueError:
            problems.add(node.place, path, f"expected an IP address such as 127.0.0.1, got {shown(node)}")
    return value


@takes({"type": ["string", "integer"]})
def _published(node: Node, path: str, problems: Problems) -> str | None:
    if isinstance(node, Scalar) and isinstance(node.value, str | int) and not isinstance(node.value, bool):
        value = text_of(node.value)
        if not value:
            return None
        try:
            _range(value, "a hidden value" if node.hidden else value)
        except _Malformed as error:
            problems.add(node.place, path, str(error))
        return value or None
    wrong(node, path, problems, "a port or a range such as 8000-8010")
    return None


_KEYS: dict[str, Read] = {
    "name": text,
    "mode": choice("ingress", "host"),
    "host_ip": _host_ip,
    "target": one_port,
    "published": _published,
    "protocol": choice(*_PROTOCOLS),
    "app_protocol": text,
}

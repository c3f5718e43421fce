"""The names of routes and slots within HAProxy, and the way back from them."""

import re

from gitopsd.model.route import SLOTS, Route, RouteName, SlotName

_ESCAPED = re.compile(r"_([0-9a-f]{2})")
_CERTIFICATE, _ON = "certificate-", "on"
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-")


def way(name: RouteName) -> str:
    """`environment:service`, in the characters that HAProxy allows in names. Two names never become one."""
    return f"{_escaped(name.environment)}:{_escaped(name.service)}"


def backend(name: RouteName, slot: SlotName) -> str:
    return f"{way(name)}:{slot}"


def switch(name: RouteName) -> str:
    """Beside the share of a way, which of its switched ways past that is on."""
    return f"{way(name)}:{_ON}"


def switch_of(key: str) -> RouteName | None:
    """Whose switch it is; None: no route's."""
    parts = key.split(":")
    return RouteName(_plain(parts[0]), _plain(parts[1])) if len(parts) == 3 and parts[2] == _ON else None


def slot_of(backend: str) -> tuple[RouteName, SlotName] | None:
    """Whose backend it is; None: no slot's."""
    parts = backend.split(":")
    if len(parts) != 3 or parts[2] not in SLOTS:
        return None
    return RouteName(_plain(parts[0]), _plain(parts[1])), parts[2]


def name_of(way: str) -> RouteName | None:
    parts = way.split(":")
    return RouteName(_plain(parts[0]), _plain(parts[1])) if len(parts) == 2 else None


def listener(route: Route) -> str:
    """The address and port where a route is reached, as the name of a file too."""
    return entrance(route.host_address, route.listen)


def entrance(address: str, port: int) -> str:
    return f"{address.replace(':', '-')}.{port}" if address else str(port)


def copied(certificate: str) -> str:
    """The file among the router's that holds what a certificate's file holds."""
    return f"{_CERTIFICATE}{_escaped(certificate)}"


def original(file: str) -> str:
    """The way back from `copied`; "" for any other file."""
    return _plain(file.removeprefix(_CERTIFICATE)) if file.startswith(_CERTIFICATE) else ""


def _escaped(text: str) -> str:
    return "".join(each if each in _PLAIN else "".join(f"_{byte:02x}" for byte in each.encode()) for each in text)


def _plain(text: str) -> str:
    return (
        _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text).encode("latin-1", "replace").decode(errors="replace")
    )

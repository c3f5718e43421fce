"""Which addresses are taken: on a network of the engine, and among the subnets of engine and host."""

import ipaddress
from pathlib import Path
from typing import Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.model.canonical import canonical
from gitopsd.model.errors import NotFound
from gitopsd.model.live import NetworkAddresses

_ROUTES: Final = Path("/proc/net/route")


def addresses(connection: Connection, network: str) -> NetworkAddresses | None:
    """Those of a network; None where there is none."""
    doing = f"look up the addresses of network {network}"
    try:
        answer = connection.json("GET", f"/networks/{escaped(network)}", doing=doing)
    except NotFound:
        return None
    # The network itself names only the containers that run.
    params = {"all": 1, "filters": canonical({"network": [network]}).decode()}
    rows = connection.json("GET", "/containers/json", doing=doing, params=params)
    with understood(doing):
        return live.network_addresses(answer, rows)


def subnets(connection: Connection) -> tuple[str, ...]:
    """Those of all its networks, and of the routes that this host has, which is the engine's own behind a socket."""
    doing = "look up the subnets of all networks"
    answer = connection.json("GET", "/networks", doing=doing)
    with understood(doing):
        return (*live.subnets(answer), *routes())


def routes(table: Path = _ROUTES) -> tuple[str, ...]:
    """The IPv4 routes but the default one; none where there is no such table."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()[1:]
    except OSError:
        return ()
    found = (line.split() for line in lines)
    return tuple(sorted({_route(fields[1], fields[7]) for fields in found if fields[7] != "00000000"}))


def _route(destination: str, mask: str) -> str:
    """Both are written as hexadecimal numbers of a little-endian machine."""
    address, netmask = (ipaddress.IPv4Address(bytes.fromhex(each)[::-1]) for each in (destination, mask))
    return f"{address}/{ipaddress.IPv4Network(f'0.0.0.0/{netmask}').prefixlen}"

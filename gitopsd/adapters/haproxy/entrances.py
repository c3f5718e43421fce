"""Where clients come in: the ports at which the router listens, and where each host and path there leads to."""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from gitopsd.adapters.haproxy.names import entrance, way
from gitopsd.model.route import Route, RoutingTable

Place = tuple[str, int]
"""An address of the host, "" for all of them, and a port there."""

HTTPS = 443
_FIRST_INSIDE, _INSIDE = 20_000, 40_000
_ASKED_BY_AUTHORITIES = "/.well-known/acme-challenge"


@dataclass(frozen=True, slots=True)
class Entrance:
    """A port of an address. `routes` listen there; to those that are `elsewhere`, at a port with TLS, it sends on."""

    address: str
    port: int
    routes: tuple[Route, ...]
    elsewhere: tuple[Route, ...] = ()

    @property
    def all(self) -> tuple[Route, ...]:
        return (*self.routes, *self.elsewhere)

    @property
    def name(self) -> str:
        return entrance(self.address, self.port)

    @property
    def mode(self) -> Literal["http", "tcp"]:
        return self.all[0].mode

    @property
    def tls(self) -> bool:
        return any(route.tls for route in self.routes)

    @property
    def map(self) -> str:
        """The name of the file with its paths."""
        return f"listen-{self.name}.map"

    def paths(self) -> Iterator[str]:
        """Each host and path with the way that it goes, or with `=PORT` where a client shall come to that port."""
        found = {place: way(route.name) for route in self.routes for place in _places(route)}
        for route in self.elsewhere:
            for place in _places(route):
                if place.endswith("/") and place.count("/") == 1 and place not in found:
                    found.setdefault(f"{place[:-1]}{_ASKED_BY_AUTHORITIES}/", way(route.name))
                found.setdefault(place, onward(route.listen))
        return (f"{place} {leads}" for place, leads in found.items())


def onward(port: int) -> str:
    """What no way can be called."""
    return f"={port}"


def entrances(routes: Iterable[Route]) -> list[Entrance]:
    """In the order of their ports."""
    own: dict[tuple[int, str], list[Route]] = {}
    sent_on: dict[tuple[int, str], list[Route]] = {}
    for route in sorted(routes, key=lambda route: route.name):
        own.setdefault((route.listen, route.host_address), []).append(route)
        if route.redirect_from:
            sent_on.setdefault((route.redirect_from, route.host_address), []).append(route)
    return [
        Entrance(place[1], place[0], tuple(own.get(place, ())), tuple(sent_on.get(place, ())))
        for place in sorted(own.keys() | sent_on.keys())
    ]


def places(table: RoutingTable) -> frozenset[Place]:
    return frozenset((each.address, each.port) for each in entrances(table.routes))


def port_inside(address: str, port: int) -> int:
    """The port of a router on a bridge to which this one of the host leads at any time; inside is one address."""
    return _FIRST_INSIDE + zlib.crc32(f"{address}:{port}".encode()) % _INSIDE if address else port


def _places(route: Route) -> Iterator[str]:
    named = (*route.hosts, *(each.value for each in route.on_purpose if each.by == "host"))
    hosts = named if route.hosts else ("*", *named)
    for host in sorted(set(map(str.lower, hosts))):
        yield f"{host}{route.path.rstrip('/')}/"

"""The table of a router made of what the journals want of it; who must be let go first, and what is otherwise there."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from gitopsd.engine_json.routed import inner_address
from gitopsd.model.route import (
    SLOTS,
    ObservedRoute,
    ObservedRouting,
    Route,
    RouteName,
    RoutingTable,
    Slot,
    SlotName,
    Target,
    differences,
    problems,
)
from gitopsd.model.routing import Placing, Routed

Routes = Mapping[str, Routed]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A table that a router can have, and why some routes are not in it."""

    table: RoutingTable
    refused: Mapping[RouteName, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Late:
    """Who is still answering, and is not to be in the router any more."""

    route: RouteName
    slot: SlotName
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Departure:
    """How the router differs from what it was told. `route` None: as a whole."""

    route: RouteName | None
    words: tuple[str, ...]


def rendered(wanted: Mapping[str, Routes], there: Collection[RouteName], barred: Mapping[RouteName, str]) -> Rendered:
    """One table of all environments' routes. Where two want the same, the one that is `there` already keeps it."""
    routes = [route_of(name, service, each) for name in wanted for service, each in wanted[name].items()]
    free = sorted((each for each in routes if each.name not in barred), key=lambda route: route.name)
    refused = dict(barred)
    if not problems(RoutingTable(tuple(free))):
        return Rendered(RoutingTable(tuple(free)), refused)
    kept: tuple[Route, ...] = ()
    for route in sorted(free, key=lambda route: (route.name not in there, route.name)):
        found = problems(RoutingTable((*kept, route)))
        if found:
            refused[route.name] = found[0]
        else:
            kept = (*kept, route)
    return Rendered(RoutingTable(tuple(sorted(kept, key=lambda route: route.name))), refused)


def route_of(environment: str, service: str, routed: Routed) -> Route:
    traffic = routed.traffic
    return Route(
        environment=environment,
        service=service,
        listen=traffic.listen,
        host_address=inner_address(routed) if traffic.inner else traffic.host_address,
        mode=traffic.mode,
        hosts=traffic.hosts,
        path=traffic.path,
        sticky=traffic.sticky,
        on_purpose=routed.on_purpose,
        proxy_protocol=traffic.proxy_protocol,
        tls=traffic.tls,
        redirect_from=traffic.redirect_from,
        health=routed.health,
        a=_slot(routed, "a"),
        b=_slot(routed, "b"),
        share=routed.share,
        switched=routed.switched,
        on=routed.on,
    )


def _slot(routed: Routed, slot: SlotName) -> Slot:
    places = sorted((id, place) for id, place in routed.places.items() if place.slot == slot)
    targets = tuple(_target(id, place, routed.traffic.target) for id, place in places)
    if routed.names is None:
        return Slot(targets)
    return Slot(targets, routed.names.a if slot == "a" else routed.names.b, routed.names.room)


def _target(id: str, place: Placing, port: int) -> Target:
    state: Literal["serving", "draining"] = "serving" if place.leaving is None else "draining"
    return Target(id, place.address, place.port or port, place.weight, state)


def departures(table: RoutingTable, ways: str, observed: ObservedRouting) -> tuple[Departure, ...]:
    """In what the router differs from its table, route by route. `ways` are the table's, which take a while to tell."""
    if observed.ways == ways and _shown(table) == {each.name: _there(each) for each in observed.routes}:
        return ()
    words = differences(table, observed)
    return (tuple(_departures(table, observed)) or (Departure(None, words),)) if words else ()


def _shown(table: RoutingTable) -> Mapping[RouteName, object]:
    """A table as a router that has it shows it."""
    return {
        each.name: (
            each.share,
            each.on,
            {t.id: (slot, t.address, t.port, t.takes) for slot in SLOTS for t in each.slot(slot).targets},
        )
        for each in table.routes
    }


def _there(seen: ObservedRoute) -> object:
    there = {t.id: (slot, t.address, t.port, t.weight) for slot in SLOTS for t in seen.slot(slot)}
    return seen.share, seen.on, there


def _departures(table: RoutingTable, observed: ObservedRouting) -> Iterator[Departure]:
    names = {*(route.name for route in table.routes), *(route.name for route in observed.routes)}
    for name in sorted(names):
        wanted, seen = table.route(name), observed.route(name)
        own = RoutingTable((wanted,) if wanted is not None else ())
        words = differences(own, ObservedRouting("", own.ways, (seen,) if seen is not None else ()))
        if words:
            yield Departure(name, words)


def late(table: RoutingTable, observed: ObservedRouting) -> tuple[Late, ...]:
    """Who would have to be forgotten while answering. Under another name of its environment one is not forgotten."""
    kept = frozenset(each.id for route in table.routes for slot in SLOTS for each in route.slot(slot).targets)
    return tuple(found for seen in observed.routes for found in _late(kept, seen))


def _late(kept: frozenset[str], seen: ObservedRoute) -> Iterator[Late]:
    for slot in SLOTS:
        ids = tuple(each.id for each in seen.slot(slot) if each.in_flight and each.id not in kept)
        if ids:
            yield Late(seen.name, slot, ids)


def draining(table: RoutingTable) -> frozenset[tuple[RouteName, str]]:
    """Who gets nothing new, and still answers what it has."""
    targets = ((route.name, each) for route in table.routes for slot in SLOTS for each in route.slot(slot).targets)
    return frozenset((name, each.id) for name, each in targets if each.state == "draining")

"""What HAProxy's workers show, put together to what is routed."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from gitopsd.adapters.haproxy.config import BAD_PROBES, BOUNDS, EVERY, PROBES, SHARES
from gitopsd.adapters.haproxy.names import slot_of, switch, way
from gitopsd.adapters.haproxy.runtime import Process, Row
from gitopsd.model.route import (
    ObservedRoute,
    ObservedRouting,
    ObservedTarget,
    Route,
    RouteName,
    RoutingTable,
    SlotName,
    SlotSample,
)

NO_SAMPLES: Final = (0,) * (BAD_PROBES + 1)
EVERY_S: Final = 0.01
Key = tuple[RouteName, SlotName, str]


@dataclass(frozen=True, slots=True)
class Look:
    """What the worker that takes requests showed in one go."""

    process: Process
    rows: tuple[Row, ...]
    shares: Mapping[RouteName, int]
    switches: Mapping[RouteName, int] = field(default_factory=dict)


def observed(look: Look, older: Iterable[Row] = ()) -> ObservedRouting:
    """With what `older` workers are still answering."""
    has, left = _servers(look.rows), _servers(row for row in older if row.current > 0)
    targets = {key: _target(row, sum(each.current for each in left.pop(key, []))) for key, (row,) in has.items()}
    targets |= {key: _left(found) for key, found in left.items()}
    here = {found[0] for row in look.rows if (found := slot_of(row.backend))}
    names = here | {name for name, _, _ in left}
    routes = (_route(look, name, targets, leaving=name not in here) for name in sorted(names))
    return ObservedRouting(look.process.epoch, ways(look.process.stamp), tuple(routes))


def _servers(rows: Iterable[Row]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = {}
    for row in rows:
        slot = slot_of(row.backend)
        if slot is not None and row.server != "BACKEND":
            found.setdefault((*slot, row.server), []).append(row)
    return found


def _target(row: Row, elsewhere: int) -> ObservedTarget:
    return ObservedTarget(row.server, row.address, row.port, row.takes, row.ready, row.current + elsewhere)


def _left(found: list[Row]) -> ObservedTarget:
    row = found[0]
    return ObservedTarget(row.server, row.address, row.port, 0, False, sum(each.current for each in found))


def _route(look: Look, name: RouteName, targets: Mapping[Key, ObservedTarget], leaving: bool) -> ObservedRoute:
    a, b = (tuple(target for key, target in sorted(targets.items()) if key[:2] == (name, slot)) for slot in ("a", "b"))
    share, on = look.shares.get(name, 0), look.switches.get(name, 0)
    return ObservedRoute(name.environment, name.service, share, a, b, leaving, on)


def to_move(table: RoutingTable, look: Look) -> Iterator[str]:
    """What is to be told where a share, or what leads past it, is another one than the router has."""
    for route in table.routes:
        pairs = ((way(route.name), look.shares.get(route.name), route.share),)
        for key, has, wanted in (*pairs, *_switch(route, look)):
            if has != wanted:
                yield f"{'add' if has is None else 'set'} map {SHARES} {key} {wanted}"


def _switch(route: Route, look: Look) -> Iterator[tuple[str, int, int]]:
    if route.switched:
        yield switch(route.name), look.switches.get(route.name, 0), route.on


def ways(stamp: str) -> str:
    match stamp.split():
        case ["gitopsd", ways, _]:
            return ways
        case _:
            return ""


def parted(said: str) -> tuple[str, str, str]:
    """Three answers to three commands; the first two end with an empty line."""
    first, _, rest = said.partition("\n\n")
    second, _, third = rest.partition("\n\n")
    return first, second, third.strip("\n")


def sample(epoch: str, row: Row, counted: tuple[int, ...]) -> SlotSample:
    probes, bad_probes = counted[PROBES], counted[BAD_PROBES]
    if row.mode == "tcp":
        return SlotSample(epoch, row.sessions - probes, row.failed_connections)
    within = (*counted[: len(BOUNDS)], counted[EVERY])
    return SlotSample(epoch, row.answers - probes, row.answers_5xx - bad_probes, within)


def eventually(check: Callable[[], bool], within: float, every: float = EVERY_S) -> bool:
    until = time.monotonic() + within
    while not check():
        if time.monotonic() > until:
            return False
        time.sleep(every)
    return True

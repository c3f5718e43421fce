"""What several routers show of one table, as one: what one of them lacks, all lack, and what is in flight adds up."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from gitopsd.adapters.haproxy.names import backend, slot_of
from gitopsd.adapters.haproxy.observing import Look, ways
from gitopsd.adapters.haproxy.runtime import Row
from gitopsd.model.route import (
    SLOTS,
    ObservedRoute,
    ObservedRouting,
    ObservedTarget,
    RouteName,
    RoutingTable,
    SlotName,
    SlotSample,
)

Ids = Mapping[tuple[RouteName, SlotName, str], str]


class Named(Protocol):
    @property
    def task(self) -> str: ...


def together(table: RoutingTable, looks: Sequence[tuple[Named, Look]], ids: Ids) -> ObservedRouting:
    """`ids` are by route, slot and address. Whom the table lacks is shown while something is in flight there; in slot a
    as long as it may get more, too: Swarm has taken it out, and not every router has heard of that.
    """
    epoch = " ".join(sorted(f"{named.task} {look.process.epoch}" for named, look in looks))
    found = {ways(look.process.stamp) for _, look in looks}
    names = {slot[0] for _, look in looks for row in look.rows if (slot := slot_of(row.backend))}
    seen = [look for _, look in looks]
    routes = tuple(_route(table, name, seen, ids) for name in sorted(names))
    return ObservedRouting(epoch, found.pop() if len(found) == 1 else "", routes)


def _route(table: RoutingTable, name: RouteName, looks: Sequence[Look], ids: Ids) -> ObservedRoute:
    wanted = table.route(name)
    shares = {look.shares.get(name, 0) for look in looks}
    strays = shares - {wanted.share} if wanted is not None else shares
    a, b = (tuple(_targets(table, name, slot, looks, ids)) for slot in SLOTS)
    on = {look.switches.get(name, 0) for look in looks}
    other = on - {wanted.on} if wanted is not None else on
    return ObservedRoute(name.environment, name.service, min(strays or shares), a, b, on=min(other or on))


def _targets(
    table: RoutingTable, name: RouteName, slot: SlotName, looks: Sequence[Look], ids: Ids
) -> Iterator[ObservedTarget]:
    wanted = table.route(name)
    kept = {each.id: each for each in wanted.slot(slot).targets} if wanted is not None else {}
    known = {address: id for (route, of, address), id in ids.items() if (route, of) == (name, slot)}
    rows = [_by_address(look, backend(name, slot)) for look in looks]
    for address in sorted({address for each in rows for address in each}):
        id, there = known.get(address, address), [each[address] for each in rows if address in each]
        in_flight = sum(row.current for row in there)
        more = slot == "a" and any(row.ready for row in there)
        if id in kept or in_flight or more:
            ready = len(there) == len(looks) and all(row.ready for row in there)
            yield ObservedTarget(id, address, there[0].port, kept[id].takes if id in kept else 0, ready, in_flight)


def _by_address(look: Look, backend: str) -> Mapping[str, Row]:
    own = (row for row in look.rows if row.backend == backend and row.server != "BACKEND")
    return {row.address: row for row in own if row.address and not row.status.startswith("MAINT")}


def summed(samples: Sequence[SlotSample], epoch: str) -> SlotSample:
    """What several routers counted of one slot."""
    within = tuple(map(sum, zip(*(each.within for each in samples), strict=True)))
    requests, errors = sum(each.requests for each in samples), sum(each.errors for each in samples)
    return replace(samples[0], epoch=epoch, requests=requests, errors=errors, within=within)

"""What the looks at a router told, and what passes are shown of that. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from gitopsd.controller.route_table import Rendered, Routes, draining, route_of
from gitopsd.model.certificate import Certificates
from gitopsd.model.route import (
    SLOTS,
    ObservedRoute,
    ObservedRouting,
    RouteName,
    RoutingTable,
    SlotName,
    SlotSample,
)
from gitopsd.model.routing import Seen

APART_S = 0.05  # so far apart are two looks that find nothing in flight, before anybody counts on it
Counts = Mapping[tuple[RouteName, SlotName], SlotSample]


@dataclass(frozen=True, slots=True)
class Known:
    """`table` is what the router shows, with its `ways`; None: it was not brought to any for sure.

    `refused` are the routes that it lacks though they are wanted. `counts` are what slots have answered, while that is
    asked; `bounds` those of their latencies. `quiet` are those with nothing in flight, by the monotonic clock at which
    that was first seen; `calm` have been seen so twice. `certificates` are those that were taken over, and `warnings`
    what is to be said of them, by file. `trouble` is why it is not as it should be, after so many
    `attempts`; `away`: as no router answers.
    """

    table: RoutingTable | None = None
    ways: str = ""
    observed: ObservedRouting | None = None
    refused: Mapping[RouteName, str] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)
    bounds: tuple[float, ...] = ()
    quiet: Mapping[tuple[RouteName, str], float] = field(default_factory=dict)
    calm: frozenset[tuple[RouteName, str]] = frozenset()
    certificates: Certificates = field(default_factory=Certificates)
    warnings: Mapping[str, str] = field(default_factory=dict)
    trouble: str = ""
    away: bool = False
    attempts: int = 0

    @property
    def there(self) -> frozenset[RouteName]:
        """The routes that the router was last seen to have."""
        return frozenset(route.name for route in self.observed.routes) if self.observed is not None else frozenset()

    def looked(self, wanted: Rendered, ways: str, observed: ObservedRouting, now: float) -> "Known":
        """After one more look, at which the router was as wanted."""
        targets = [(route.name, each) for route in observed.routes for slot in SLOTS for each in route.slot(slot)]
        idle = {(name, each.id) for name, each in targets if not each.in_flight} & draining(wanted.table)
        quiet = {each: self.quiet.get(each, now) for each in idle}
        calm = frozenset(each for each, since in quiet.items() if now - since >= APART_S)
        return Known(wanted.table, ways, observed, wanted.refused, quiet=quiet, calm=calm)

    def failed(self, reason: str, *, away: bool) -> "Known":
        """After the router could not be brought to what is wanted."""
        unsure = replace(self, table=None, counts={}, quiet={}, calm=frozenset())
        return replace(unsure, trouble=reason, away=away, attempts=self.attempts + 1)

    def refused_of(self, environment: str) -> dict[str, str]:
        return {name.service: why for name, why in self.refused.items() if name.environment == environment}

    def sight(self, environment: str, routes: Routes) -> dict[str, Seen]:
        """What is known of these routes; `agreed` where the router was read back after it took over all of them."""
        found = {}
        for service, routed in routes.items():
            name = RouteName(environment, service)
            seen = self.observed.route(name) if self.observed is not None else None
            agreed = self.table is not None and self.table.route(name) == route_of(environment, service, routed)
            found[service] = Seen(agreed, self._steady(seen), self._counts_of(name), self.bounds)
        return found

    def _steady(self, seen: ObservedRoute | None) -> ObservedRoute | None:
        """With one in flight wherever it was not seen twice that there is nothing."""
        if seen is None:
            return None
        a, b = (
            tuple(
                each if (seen.name, each.id) in self.calm else replace(each, in_flight=max(1, each.in_flight))
                for each in seen.slot(slot)
            )
            for slot in SLOTS
        )
        return replace(seen, a=a, b=b)

    def _counts_of(self, name: RouteName) -> dict[SlotName, SlotSample]:
        both = all((name, slot) in self.counts for slot in SLOTS)
        return {slot: self.counts[name, slot] for slot in SLOTS} if both else {}


def telling(sight: Mapping[str, Seen]) -> object:
    """What of a view makes a difference to a pass, beside what it asks for by the clock."""
    return {service: (seen.agreed, _told(seen.route)) for service, seen in sight.items()}


def _told(route: ObservedRoute | None) -> object:
    if route is None:
        return None
    return route.share, {each.id: (each.ready, each.in_flight > 0) for each in (*route.a, *route.b)}

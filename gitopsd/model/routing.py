"""What the journal wants of the router for a service, and what the router was seen to do about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitopsd.model.health import NOT_ASKED, Checks
from gitopsd.model.route import FULL, ObservedRoute, OnPurpose, SlotName, SlotSample
from gitopsd.model.traffic import Traffic


@dataclass(frozen=True, slots=True)
class Placing:
    """An instance in the router: its slot there, and where it is reached. `since` is when it was let in.

    `leaving`: since when it gets nothing new; None while it serves. `weight` grows to FULL while it warms up.
    `port` is that of the content that it runs; 0: the one of the service's traffic.
    """

    slot: SlotName
    address: str
    since: datetime
    leaving: datetime | None = None
    weight: int = FULL
    port: int = 0


@dataclass(frozen=True, slots=True)
class Names:
    """By what names a router finds the instances of both slots itself, and how many of each at most."""

    a: str
    b: str
    room: int


@dataclass(frozen=True, slots=True)
class Routed:
    """A routed service. `share` goes to slot b, in basis points; `places` are by the id of a container or task.

    `on_purpose` leads requests to newer content whatever the share, while that is let in. `health` is how the router
    asks the instances. `names` None: it is told their addresses. Of the ways of steps, `switched`,
    the one of the number `on` leads to newer content, too; 0: none does.
    """

    traffic: Traffic
    share: int = 0
    places: Mapping[str, Placing] = field(default_factory=dict)
    on_purpose: tuple[OnPurpose, ...] = ()
    health: Checks = NOT_ASKED
    names: Names | None = None
    switched: tuple[OnPurpose, ...] = ()
    on: int = 0

    def serving(self, slot: SlotName) -> tuple[str, ...]:
        """Who takes new requests in a slot."""
        return tuple(id for id, each in self.places.items() if each.slot == slot and each.leaving is None)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a router showed of a service. `agreed`: after it had taken over all that is wanted now.

    `counts` is what its slots have answered, of both or of none; `bounds` are those of the latencies, in seconds.
    """

    agreed: bool
    route: ObservedRoute | None = None
    counts: Mapping[SlotName, SlotSample] = field(default_factory=dict)
    bounds: tuple[float, ...] = ()

    def ready(self, id: str) -> bool:
        """It has the instance, and the instance answers it."""
        found = self.route.target(id) if self.route is not None else None
        return found is not None and found.ready

    def has(self, id: str) -> bool:
        return self.route is not None and self.route.target(id) is not None

    def in_flight(self, id: str) -> int:
        found = self.route.target(id) if self.route is not None else None
        return found.in_flight if found is not None else 0


UNSEEN = Seen(agreed=False)

"""The router as the controller needs it: a whole table in, and what became of it read back."""

from collections.abc import Collection, Mapping
from datetime import timedelta
from typing import Protocol

from gitopsd.model.certificate import Certificates
from gitopsd.model.health import Answer
from gitopsd.model.route import (
    ObservedRouting,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    SlotName,
    SlotSample,
)


class Router(Protocol):
    """One router of one engine. Safe to use from several threads; writes come one after the other."""

    @property
    def capabilities(self) -> RouterCapabilities: ...

    def apply(self, table: RoutingTable) -> None:
        """Route as the table says, and in no other way; returns once the router shows it. Twice is as good as once.

        The table is on the router's disk before anything else happens, so that a router which restarts at any moment
        has it. An instance that is new there gets nothing before its first good check in the router. One that the table
        lacks is forgotten, which needs that it answers nothing any more: drain it, or `cut`.

        RouterError names what is not so: the router goes on as it did, or part of the way; apply again, or another
        table. RouterUnavailable: no router answers, and the table awaits it on its disk.
        """
        ...

    def certificates(self) -> Certificates:
        """Those for clients that speak TLS, as their keeper has them now; `apply` takes them over. Cheap to ask."""
        ...

    def renew(self, table: RoutingTable) -> bool:
        """Apply, and have another router take over, without a break where one can run beside the other, where this one
        is not what the settings say.

        Whether one did; counters then begin a new epoch. Takes seconds. RouterError: it did not, and the old one stays.
        """
        ...

    def news(self) -> tuple[str, ...]:
        """What the calls before did that people are to know, such as a break, in words; each once."""
        ...

    def observe(self) -> ObservedRouting | None:
        """What the router routes now, by its own word; None: no router answers.

        An instance may be stopped once this shows it no more: one that was forgotten may still be answering.
        """
        ...

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        """Send one request through the router to a slot, whatever its share, and weigh the answer.

        `path` "" is that of its health check, which then weighs the answer; any other is good without a 5xx. A slot
        without a ready instance fails. Raises nothing.
        """
        ...

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        """End what instances are still answering, the last way to have them drained; how much that was."""
        ...

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        """What each slot has answered. RouterUnavailable: no router answers."""
        ...

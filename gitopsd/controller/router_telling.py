"""What is told of a router: what was changed on it by hand and put back, connections that were cut, and troubles."""

import logging
import threading
from collections.abc import Iterable, Mapping, Sequence

from gitopsd.controller.ports import Clock, Store
from gitopsd.controller.route_table import Departure, Late
from gitopsd.model.canonical import Json
from gitopsd.model.certificate import Certificate
from gitopsd.model.drift import DriftItem, PastDrift
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event, Severity
from gitopsd.model.route import RouteName

_log = logging.getLogger(__name__)


class Teller:
    """Writes to the ledger, each thing once. Passes take what has drifted and is over into the history of drift."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._lock = threading.Lock()
        self._open: dict[RouteName, DriftItem] = {}
        self._mended: dict[str, list[PastDrift]] = {}
        self._refused: Mapping[RouteName, str] = {}
        self._warned: Mapping[str, str] = {}

    def departed(self, found: Sequence[Departure], *, started_anew: bool) -> None:
        """The router is not as it was left."""
        cause = "the router was started anew" if started_anew else "changed by hand"
        now = self._clock.now()
        events = []
        for each in found:
            words = f"{'; '.join(each.words)}: {cause}"
            if each.route is None:
                events.append(Event(now, "DriftFound", f"router modified: {words}", "warning"))
            elif each.route not in self._open:
                item = DriftItem("router", str(each.route), each.route.service, "", "modified", words, now, now)
                self._open[each.route] = item
                events.append(_found(item, each.route))
        self._append(events)

    def brought_back(self, found: Sequence[Departure]) -> frozenset[str]:
        """The router is as it should be again. Whose routes were otherwise: passes note the end of that."""
        now, done, self._open = self._clock.now(), self._open, {}
        for route, item in done.items():
            with self._lock:
                past = PastDrift(item, now, "healed", "the table was applied again")
                self._mended.setdefault(route.environment, []).append(past)
        if any(each.route is None for each in found):
            self._append([Event(now, "DriftEnded", "router is no longer modified: its table was applied again")])
        return frozenset(route.environment for route in done)

    def mended(self, environment: str) -> tuple[PastDrift, ...]:
        with self._lock:
            return tuple(self._mended.pop(environment, ()))

    def cut(self, late: Late, count: int) -> None:
        if not count:
            return
        what = "1 connection" if count == 1 else f"{count} connections"
        instances = ", ".join(each[:12] for each in late.ids)
        message = f"{what} cut: the time to drain {instances} was over, or it is gone"
        data: dict[str, Json] = {"connections": count, "instances": list(late.ids), "slot": late.slot}
        event = Event(
            *(self._clock.now(), "ConnectionsCut", message, "warning"),
            environment=late.route.environment,
            service=late.route.service,
            data=data,
        )
        self._append([event])

    def trouble(self, word: str, message: str, severity: Severity = "warning") -> None:
        self._append([Event(self._clock.now(), word, message, severity)])

    def refused(self, refused: Mapping[RouteName, str]) -> None:
        """Routes that the router does not have, though they are wanted."""
        now, before, self._refused = self._clock.now(), self._refused, refused
        new = {name: reason for name, reason in refused.items() if before.get(name) != reason}
        self._append(
            Event(now, "RouteRefused", reason, "warning", environment=name.environment, service=name.service)
            for name, reason in sorted(new.items())
        )

    def certificates(self, warnings: Mapping[str, str], renewed: Iterable[Certificate]) -> None:
        """Each warning when it is new, and the certificates that clients are shown from now on."""
        now, before, self._warned = self._clock.now(), self._warned, warnings
        new = [words for file, words in warnings.items() if before.get(file) != words]
        events = [Event(now, "CertificateWarning", words, "warning") for words in new]
        if names := ", ".join(each.file for each in renewed):
            events.append(
                Event(now, "CertificatesRenewed", f"clients are shown the certificates that are there now: {names}")
            )
        self._append(events)

    def _append(self, events: Iterable[Event]) -> None:
        """The disk may be full: that is no reason to let the router be."""
        told = list(events)
        try:
            if told:
                self._store.append(told)
        except StoreError:
            _log.exception("could not be noted: %s", "; ".join(each.message for each in told))


def _found(item: DriftItem, route: RouteName) -> Event:
    return Event(
        item.first_seen,
        "DriftFound",
        f"route {item.name} {item.kind}: {item.cause}",
        "warning",
        environment=route.environment,
        service=route.service,
        data={
            "resource": item.resource,
            "name": item.name,
            "instance": "",
            "kind": item.kind,
            "state": item.state,
            "cause": item.cause,
            "story": "",
            "fields": [],
        },
    )

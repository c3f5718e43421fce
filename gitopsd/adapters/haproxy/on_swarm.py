"""The router port over the HAProxys of a swarm, one a node: what one of them has not, nobody counts on.

Each starts from the same files, which say what ways there are and give everything to slot a. Tasks they find by
themselves; shares alone are told at run time, to each over TLS.
"""

import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from gitopsd.adapters.haproxy.config import BOUNDS, CONFIGURATION, TABLE, Tuning, rendered
from gitopsd.adapters.haproxy.desks import Desks, router_trouble
from gitopsd.adapters.haproxy.entrances import places
from gitopsd.adapters.haproxy.front_desk import front_desk
from gitopsd.adapters.haproxy.names import backend, copied, slot_of
from gitopsd.adapters.haproxy.observing import NO_SAMPLES, parted, sample, to_move
from gitopsd.adapters.haproxy.probing import probe
from gitopsd.adapters.haproxy.proof import derived, proof
from gitopsd.adapters.haproxy.runtime import counters, process, rows, sessions
from gitopsd.adapters.haproxy.service import RouterService
from gitopsd.adapters.haproxy.shown import ShownCertificates
from gitopsd.adapters.haproxy.together import summed, together
from gitopsd.controller.swarm_port import Swarm
from gitopsd.engine_json.swarm_router import LEAVES_S, RUN, router_spec
from gitopsd.model.certificate import Certificates
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import Answer, Unknown
from gitopsd.model.route import (
    ObservedRouting,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    SlotName,
    SlotSample,
    differences,
)
from gitopsd.model.swarm import SwarmSpec

_TUNING: Final = Tuning(farewell=timedelta(seconds=LEAVES_S), bridged=True, heir=False)


class SwarmHaproxy:
    """Implements `controller.router_port.Router`. `key` is the store's, `root` a directory of gitopsd's own.

    `certificates` is the directory of those that clients with TLS are shown.
    """

    def __init__(self, swarm: Swarm, image: str, key: bytes, root: Path, certificates: Path | None = None) -> None:
        self._image, self._pem, self._salt = image, proof(key), derived(key, "sticky")
        self._desks = Desks(swarm, self._pem)
        self._shown = ShownCertificates(certificates, root, self._desks)
        self._service = RouterService(swarm, self._desks)
        self._guard = threading.Lock()
        self._table: RoutingTable | None = None
        self._ids: Mapping[tuple[RouteName, SlotName, str], str] = {}  # by address; of slot b also those of before

    @property
    def capabilities(self) -> RouterCapabilities:
        return RouterCapabilities(
            kept=False, latency_bounds=BOUNDS, new_route_needs_reload=True, finds=True, remembers=False
        )

    def apply(self, table: RoutingTable) -> None:
        with self._guard, router_trouble():
            if not table.routes:
                self._remember(table)
                self._service.clear()
                return
            texts = self._shown.needed(table)
            spec, stamp = self._told(table, texts)
            self._remember(table)  # and never one that no router can have
            self._service.bring(spec, stamp)
            self._shown.tell(texts)
            for desk, look in self._desks.looks():
                if moved := tuple(to_move(table, look)):
                    self._desks.ask(desk, *moved)
            if wrong := differences(table, self._observed()):
                raise RouterError("the routers show something else: " + "; ".join(wrong))

    def certificates(self) -> Certificates:
        with self._guard:
            return self._shown.read()

    def renew(self, table: RoutingTable) -> bool:
        """Whatever makes another router of it is in what Swarm is told, so that `apply` has done it."""
        self.apply(table)
        return False

    def news(self) -> tuple[str, ...]:
        return self._service.news()

    def observe(self) -> ObservedRouting | None:
        with suppress(RouterUnavailable):  # `apply` says why
            if self._desks.all():
                return self._observed()
            if self._table is not None and not self._table.routes:
                return ObservedRouting("", RoutingTable().ways)
        return None

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        """By one router after the other: an instance counts as ready in all of them before anybody asks."""
        try:
            return probe(self._desks.way, route, slot, timeout, path)
        except RouterError as error:
            return Unknown(str(error))

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        """Those of a canary alone: whatever else leaves a swarm's routers, Swarm gives its time to end."""
        name, ended = backend(route, slot), 0
        if slot == "a":
            return 0
        with self._guard:
            for desk, look in self._desks.looks():
                mine = (row for row in look.rows if row.backend == name and row.server != "BACKEND")
                servers = frozenset(row.server for row in mine if self._ids.get((route, slot, row.address)) in ids)
                for pointer in sessions(self._desks.ask(desk, "show sess"), name, servers):
                    ended += not self._desks.ask(desk, f"shutdown session {pointer}").strip()
        return ended

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        found: dict[tuple[RouteName, SlotName], list[SlotSample]] = {}
        desks = self._desks.all()
        epochs: list[str] = []
        for desk in desks:
            info, stat, table = parted(self._desks.ask(desk, "show info", "show stat", f"show table {TABLE}"))
            epochs.append(f"{desk.task} {process(info).epoch}")
            counted = counters(table)
            for row in rows(stat):
                name = slot_of(row.backend)
                if name is not None and row.server == "BACKEND":
                    found.setdefault(name, []).append(sample("", row, counted.get(row.backend, NO_SAMPLES)))
        epoch = " ".join(sorted(epochs))
        return {name: summed(each, epoch) for name, each in found.items() if len(each) == len(desks)}

    def _told(self, table: RoutingTable, texts: Mapping[str, str]) -> tuple[SwarmSpec, str]:
        """What Swarm is told of the routers, and the stamp of those that run from that."""
        bare, names = RoutingTable(tuple(each.bare for each in table.routes)), dict.fromkeys(texts, "")
        made = rendered(bare, RUN, self._salt, _TUNING, names)
        shown = {copied(name): text for name, text in texts.items()}
        files = {name: text for name, text in made.files.items() if name not in shown}
        files[CONFIGURATION] += front_desk(bare)
        return router_spec(self._image, files, self._pem, [port for _, port in places(table)], shown), made.stamp

    def _remember(self, table: RoutingTable) -> None:
        """Whose address is whose. Who is left of a canary keeps its name until nothing is in flight there."""
        self._table = table
        known = {key: id for key, id in self._ids.items() if key[1] == "b"}
        self._ids = known | {
            (route.name, slot, target.address): target.id
            for route in table.routes
            for slot in ("a", "b")
            for target in route.slot(slot).targets
        }

    def _observed(self) -> ObservedRouting:
        looks = tuple(self._desks.looks())
        return together(self._table or RoutingTable(), looks, self._ids)

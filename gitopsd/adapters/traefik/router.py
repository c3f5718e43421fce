"""The router port over Traefik: its file first, then its API until that shows the same.

Traefik has no call by which one thing is changed: each change is a new document, which it loads as a whole and without
a break. It says neither what an instance is answering nor that it has ended, so instances drain by time; what was under
way goes on, as it forgets nobody in mid-answer.
"""

import threading
import time
from collections.abc import Collection, Mapping
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Final

from gitopsd.adapters.traefik.api import Api
from gitopsd.adapters.traefik.config import Place, Standing, document, place_of, word
from gitopsd.adapters.traefik.counting import Counts, counted
from gitopsd.adapters.traefik.disk import Disk
from gitopsd.adapters.traefik.entry_points import EntryPoints
from gitopsd.adapters.traefik.loaded import Loaded
from gitopsd.adapters.traefik.names import instance
from gitopsd.adapters.traefik.probing import Door
from gitopsd.model.certificate import Certificates
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import Answer, Fail, Pass, Unknown
from gitopsd.model.route import (
    SLOTS,
    ObservedRouting,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    SlotName,
    SlotSample,
    Target,
    differences,
)

_LOADING_S: Final = 15.0  # it takes changes up every two seconds at most, where its settings say nothing else
_EVERY_S: Final = 0.02
_AGAIN_S: Final = 0.2


class TraefikRouter:
    """Implements `controller.router_port.Router`. Traefik watches `directory`, and `api` is where its API answers.

    `entry_points` are ports by name, where clients know others than those that it listens at itself.
    """

    def __init__(
        self, directory: Path, api: str, metrics: str = "", entry_points: Mapping[str, int] | None = None
    ) -> None:
        self._disk, self._api = Disk(directory), Api(api, metrics)
        self._named = {port: name for name, port in (entry_points or {}).items()}
        self._has = EntryPoints()
        self._guard = threading.RLock()
        self._table: RoutingTable | None = None
        self._ready: set[Place] | None = None
        self._asked: dict[Place, float] = {}
        self._counts = Counts("")
        self._turns = count()

    @property
    def capabilities(self) -> RouterCapabilities:
        return RouterCapabilities(
            switches=False,
            in_flight=False,
            sticky_moves=False,
            kept=False,
            tcp=False,
            latency_bounds=self._counts.bounds,
        )

    def apply(self, table: RoutingTable) -> None:
        with self._guard:
            self._enter(table)
            self._put(table)

    def renew(self, table: RoutingTable) -> bool:
        """It is people's own: they start it, and another one in its place."""
        self.apply(table)
        return False

    def news(self) -> tuple[str, ...]:
        return ()

    def observe(self) -> ObservedRouting | None:
        """Those that answer for the first time come into their slots with this."""
        with self._guard:
            try:
                observed = self._look()
                if self._table is not None and self._meet(observed):
                    self._put(self._table)
                    observed = self._look()
            except RouterUnavailable:
                return None
            return observed

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        try:
            seen = self._look().route(route.name)
        except RouterError as error:
            return Unknown(str(error))
        ready = [each for each in seen.slot(slot) if each.ready and each.weight] if seen is not None else []
        if not ready:
            return Fail(f"slot {slot} of {route.name} through Traefik: 503 (no ready instance)")
        one = ready[next(self._turns) % len(ready)]
        return Door(route).ask(self._word(route.name, slot, one.id), timeout, path)

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        """Nothing: it has no way to end what an instance is answering."""
        return 0

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        table = self._table or RoutingTable()
        slots = ((route.name, side) for route in table.routes for side in SLOTS)
        self._counts = counted(self._api.metrics(), slots, self._counts.bounds)
        return self._counts.samples

    def certificates(self) -> Certificates:
        """Traefik keeps its own."""
        return Certificates()

    def _enter(self, table: RoutingTable) -> None:
        """What is known of its entry points and instances as it is now, as far as it answers."""
        try:
            self._has = EntryPoints(self._api.entry_points(), self._named)
            self._look()
        except RouterUnavailable:
            if not self._has.has:
                self._has = EntryPoints({name: "" for name in self._named.values()}, self._named)
            if not self._has.has:
                raise

    def _put(self, table: RoutingTable) -> None:
        places = {place_of(target) for route in table.routes for side in SLOTS for target in route.slot(side).targets}
        self._ready = (self._ready or set()) & places
        self._disk.write(document(table, Standing(self._has, self._disk.secret(), self._ready)))
        self._table = table
        self._prove(table)

    def _prove(self, table: RoutingTable) -> None:
        until = time.monotonic() + _LOADING_S
        while True:
            loaded, given = Loaded(self._api.loaded()), self._disk.read()
            wrong = differences(table, loaded.observed("", given, ())) or loaded.lacks(given)
            if not wrong:
                self._epoch()  # who cannot be counted cannot be judged
                return
            if time.monotonic() > until:
                said = loaded.errors() or wrong
                raise RouterError("Traefik shows something else than its file says: " + "; ".join(said[:3]))
            time.sleep(_EVERY_S)

    def _look(self) -> ObservedRouting:
        loaded = Loaded(self._api.loaded())
        with self._guard:
            if self._ready is None:
                self._ready = loaded.serving()
            self._ready -= loaded.failing()
            return loaded.observed(self._epoch(), self._disk.read(), self._ready)

    def _epoch(self) -> str:
        return counted(self._api.metrics(), iter(())).epoch

    def _meet(self, observed: ObservedRouting) -> bool:
        """Ask those that have not answered yet. Whether somebody can come into a slot now."""
        assert self._table is not None
        met = False
        for route in self._table.routes:
            seen = observed.route(route.name)
            for side in SLOTS if seen is not None else ():
                for target in route.slot(side).targets:
                    if self._is_due(route, target) and isinstance(self._asked_of(route, side, target), Pass):
                        assert self._ready is not None
                        self._ready.add(place_of(target))
                        met = True
        return met

    def _is_due(self, route: Route, target: Target) -> bool:
        place, now = place_of(target), time.monotonic()
        if place in (self._ready or ()):
            return False
        if now < self._asked.get(place, 0.0):
            return False
        self._asked[place] = now + min(route.health.interval.total_seconds(), _AGAIN_S)
        return True

    def _asked_of(self, route: Route, side: SlotName, target: Target) -> Answer:
        return Door(route).ask(self._word(route.name, side, target.id), route.health.timeout)

    def _word(self, name: RouteName, side: SlotName, id: str) -> str:
        return word(self._disk.secret(), instance(name, side, id))

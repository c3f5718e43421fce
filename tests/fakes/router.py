"""A router that routes in memory: what it is told, what it is asked, and whatever goes wrong with routers."""

import hashlib
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from gitopsd.model.certificate import Certificates
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import Answer, Fail, Pass, Unknown
from gitopsd.model.route import (
    ALL,
    SLOTS,
    ObservedRoute,
    ObservedRouting,
    ObservedTarget,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    SlotName,
    SlotSample,
    Target,
    differences,
    problems,
)

BOUNDS = (0.1, 1.0)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer through the router: by which instance ("": by the router itself), and the cookie that it set."""

    status: int
    by: str = ""
    cookie: str = ""


class FakeRouter:
    """Implements `controller.router_port.Router`. Its checks run whenever somebody looks; `failing` fail.

    `answers` are statuses by instance, else 200; `in_flight` what each is answering; `seconds` how long they take.
    `refuses` is why nothing new is taken; `away`: nobody answers; `stuck`: it takes a table to its disk, and stays as
    it is; `outdated`: another one is to take over, and cannot for the reason that `no_successor` gives. `kept` is the
    directory of certificates, `told` what it has to tell. `applied` are the tables that it was told, `probed` the
    slots that were asked, each with the path.
    """

    def __init__(self) -> None:
        self.failing: set[str] = set()
        self.answers: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.in_flight: Counter[str] = Counter()
        self.refuses = self.no_successor = ""
        self.away = self.stuck = self.outdated = False
        self.kept = Certificates()
        self.told: tuple[str, ...] = ()
        self.applied: list[RoutingTable] = []
        self.probed: list[tuple[RouteName, SlotName, str]] = []
        self.disk = RoutingTable()
        self._running = RoutingTable()
        self._shares: dict[RouteName, int] = {}
        self._ready: set[tuple[str, str]] = set()
        self._epoch = 1
        self._counts: Counter[tuple[RouteName, SlotName, str]] = Counter()
        self._random = random.Random(7)

    @property
    def capabilities(self) -> RouterCapabilities:
        return RouterCapabilities(latency_bounds=BOUNDS, new_route_needs_reload=True)

    def apply(self, table: RoutingTable) -> None:
        wrong = "; ".join(problems(table)) or self.refuses
        if any(route.tls for route in table.routes) and not self.kept.good:
            wrong = wrong or "clients speak TLS, and there is no certificate"
        if wrong:
            raise RouterError(wrong)
        self.applied.append(table)
        self.disk = table
        if self.away:
            raise RouterUnavailable("no router answers")
        if not self.stuck:
            self._take(table)
        found = differences(table, self._shown())
        if found:
            raise RouterError("the router shows something else: " + "; ".join(found))

    def certificates(self) -> Certificates:
        return self.kept

    def renew(self, table: RoutingTable) -> bool:
        self.apply(table)
        if self.outdated and self.no_successor:
            raise RouterError(self.no_successor)
        was_outdated, self.outdated = self.outdated, False
        if was_outdated:
            self._epoch += 1
            self._counts.clear()
        return was_outdated

    def news(self) -> tuple[str, ...]:
        told, self.told = self.told, ()
        return told

    def observe(self) -> ObservedRouting | None:
        if self.away:
            return None
        shown = self._shown()
        self._check()
        return shown

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        if self.away:
            return Unknown("no router answers")
        target = self._pick(route.name, slot)
        if target is None:
            return Fail("answered 503 (no ready instance), wanted 200-399")
        status = self.answers.get(target.id, 200)
        self.probed.append((route.name, slot, path))
        most = 499 if path or route.health.http is None else 399
        return Pass() if status <= most else Fail(f"answered {status}, wanted 200-{most}")

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        return sum(self.in_flight.pop(id, 0) for id in ids)

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        if self.away:
            raise RouterUnavailable("no router answers")
        return {(route.name, slot): self._sample(route.name, slot) for route in self._running.routes for slot in SLOTS}

    def restart(self) -> None:
        """As after a crash: it starts from its disk, with new counters."""
        self._running, self._shares, self.away = self.disk, {}, False
        self._shares = {route.name: route.share for route in self.disk.routes}
        self._epoch += 1
        self._counts.clear()
        self._ready = {_at(target) for _, target in _targets(self._running)}

    def lose_disk(self) -> None:
        """Somebody removes its volume, and it starts anew with nothing."""
        self.disk = RoutingTable()
        self.restart()

    def share_by_hand(self, name: RouteName, share: int) -> None:
        self._shares[name] = share

    def request(self, name: RouteName, user: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        """One request of somebody with this cookie, from begin to end."""
        route = self._running.route(name)
        if self.away or route is None:
            return Reply(0 if self.away else 404)
        cookie = f"user-{self._random.random()}" if route.sticky and not user else ""
        slot = self._slot(route, user or cookie, headers or {})
        target = self._pick(name, slot)
        status = self.answers.get(target.id, 200) if target else 503
        self._count(name, slot, status, self.seconds.get(target.id, 0.01) if target else 0.0)
        return Reply(status, target.id if target else "", cookie)

    def _take(self, table: RoutingTable) -> None:
        ids = {target.id for _, target in _targets(table)}
        left = [
            target.id for _, target in _targets(self._running) if target.id not in ids and self.in_flight[target.id]
        ]
        if left:
            raise RouterError(f"{left[0]} cannot be forgotten yet (it is answering): drain or cut it first")
        if table.ways != self._running.ways:
            self._epoch += 1
            self._counts.clear()
        self._running = table
        self._shares = {route.name: route.share for route in table.routes}
        self._ready &= {_at(target) for _, target in _targets(table)}

    def _shown(self) -> ObservedRouting:
        routes = tuple(self._route(route) for route in sorted(self._running.routes, key=lambda route: route.name))
        return ObservedRouting(str(self._epoch), self._running.ways, routes)

    def _route(self, route: Route) -> ObservedRoute:
        a, b = (tuple(self._target(target) for target in _sorted(route, slot)) for slot in SLOTS)
        return ObservedRoute(route.environment, route.service, self._shares[route.name], a, b, on=route.on)

    def _target(self, target: Target) -> ObservedTarget:
        ready = _at(target) in self._ready
        return ObservedTarget(target.id, target.address, target.port, target.takes, ready, self.in_flight[target.id])

    def _check(self) -> None:
        self._ready = {_at(target) for _, target in _targets(self._running) if target.id not in self.failing}

    def _slot(self, route: Route, user: str, headers: Mapping[str, str]) -> SlotName:
        draw = int(hashlib.sha256(user.encode()).hexdigest(), 16) % ALL if route.sticky else self._random.randrange(ALL)
        slot: SlotName = "b" if draw < self._shares[route.name] else "a"
        for way in (*route.on_purpose, *route.switched[route.on - 1 : route.on]):
            if way.by == "header" and headers.get(way.name, "") == (way.value or headers.get(way.name)):
                slot = way.slot
        other: SlotName = "a" if slot == "b" else "b"
        alone = self._pick(route.name, slot) is None and self._pick(route.name, other) is not None
        return other if alone else slot

    def _pick(self, name: RouteName, slot: SlotName) -> Target | None:
        route = self._running.route(name)
        targets = route.slot(slot).targets if route else ()
        fit = [target for target in targets if _at(target) in self._ready and target.takes]
        return self._random.choices(fit, [target.takes for target in fit])[0] if fit else None

    def _count(self, name: RouteName, slot: SlotName, status: int, seconds: float) -> None:
        self._counts[name, slot, "requests"] += 1
        self._counts[name, slot, "errors"] += status >= 500
        for bound in BOUNDS:
            self._counts[name, slot, f"{bound}"] += seconds <= bound

    def _sample(self, name: RouteName, slot: SlotName) -> SlotSample:
        requests, errors = (self._counts[name, slot, what] for what in ("requests", "errors"))
        within = tuple(self._counts[name, slot, f"{bound}"] for bound in BOUNDS)
        return SlotSample(str(self._epoch), requests, errors, (*within, requests))


def _at(target: Target) -> tuple[str, str]:
    """An instance that is somewhere else now has not been checked there."""
    return target.id, f"{target.address}:{target.port}"


def _sorted(route: Route, slot: SlotName) -> list[Target]:
    return sorted(route.slot(slot).targets, key=lambda target: target.id)


def _targets(table: RoutingTable) -> Iterator[tuple[Route, Target]]:
    for route in table.routes:
        for slot in SLOTS:
            for target in route.slot(slot).targets:
                yield route, target

"""Who answers at which port: the routes of an engine, their two slots, and what a router shows of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from typing import Any, Literal

from gitopsd.model.canonical import Json, digest
from gitopsd.model.health import NOT_ASKED, Checks

SlotName = Literal["a", "b"]
SLOTS: tuple[SlotName, SlotName] = ("a", "b")
OTHER: Mapping[SlotName, SlotName] = {"a": "b", "b": "a"}
ALL = 10_000  # basis points
FULL = 256


@dataclass(frozen=True, slots=True, order=True)
class RouteName:
    """A service has at most one route."""

    environment: str
    service: str

    def __str__(self) -> str:
        return f"{self.environment}/{self.service}"


@dataclass(frozen=True, slots=True)
class Target:
    """An instance, by its container, where the router reaches it.

    `weight` is from 0 to FULL, against its like in the slot. With 0, and while `draining`, it is checked and gets
    nothing new; what a draining one is answering goes on.
    """

    id: str
    address: str
    port: int
    weight: int = FULL
    state: Literal["serving", "draining"] = "serving"

    @property
    def takes(self) -> int:
        """The weight that it has in the router."""
        return self.weight if self.state == "serving" else 0


@dataclass(frozen=True, slots=True)
class Slot:
    """Instances that share the slot's traffic among them; no two with one id, and none in both slots of a route.

    With `found` the router finds them by that name itself, `room` at most; `targets` are then those that are known of,
    and what it has beside them is no difference.
    """

    targets: tuple[Target, ...] = ()
    found: str = ""
    room: int = 0

    @property
    def bare(self) -> "Slot":
        """Without what changes at run time."""
        return Slot(found=self.found, room=self.room)


@dataclass(frozen=True, slots=True)
class OnPurpose:
    """Requests that bear this go to `slot`, whatever the share and however it is with the slot. `value` "": any value.

    `host` is a host name of its own, in addition to those of the route, and has only a value.
    """

    by: Literal["header", "cookie", "host"]
    name: str
    value: str
    slot: SlotName


@dataclass(frozen=True, slots=True)
class Patience:
    """`response` bounds the silence of an instance that has a request, `idle` that of an open stream or connection."""

    response: timedelta = timedelta(seconds=60)
    idle: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Route:
    """The way to a service: a port of the host, and in mode `http` hosts and a path there; without hosts, all of them.

    `host_address` "" is every address of the host. `*.example.com` is any host right below example.com. The longest
    path wins, of an exact host before one with a star, before all hosts. `path` covers whole parts: `/api` has
    `/api/v2`, not `/apis`.

    Beside those that lead somewhere `on_purpose`, one of `switched` does, the one of the number `on`, from 1; 0: none.

    `share` goes to slot b, in basis points, the rest to slot a. A slot without a ready instance leaves its traffic to
    the other one. `sticky` is the cookie by which a user stays on one side while the share grows, "" for none. `health`
    is how the router asks the instances, over TCP where it says nothing. With `proxy_protocol` they are told the
    client's address in that way too.

    With `tls` clients speak TLS at the port, and only there. What comes without to port `redirect_from` (0: to none) is
    sent to it, where no route of its own is there; but a certificate authority's question goes to the service.
    """

    environment: str
    service: str
    listen: int
    host_address: str = ""
    mode: Literal["http", "tcp"] = "http"
    hosts: tuple[str, ...] = ()
    path: str = "/"
    health: Checks = NOT_ASKED
    sticky: str = ""
    on_purpose: tuple[OnPurpose, ...] = ()
    proxy_protocol: bool = False
    tls: bool = False
    redirect_from: int = 0
    patience: Patience = Patience()
    a: Slot = Slot()
    b: Slot = Slot()
    share: int = 0
    switched: tuple[OnPurpose, ...] = ()
    on: int = 0

    @property
    def name(self) -> RouteName:
        return RouteName(self.environment, self.service)

    @property
    def ports(self) -> tuple[int, ...]:
        """Those of the host that it needs."""
        return (self.listen, self.redirect_from) if self.redirect_from else (self.listen,)

    @property
    def bare(self) -> "Route":
        """The way alone, without what changes at run time."""
        return replace(self, a=self.a.bare, b=self.b.bare, share=0, on=0)

    def slot(self, name: SlotName) -> Slot:
        return self.a if name == "a" else self.b


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All that one router routes. Their order says nothing; `problems` are what makes a table useless."""

    routes: tuple[Route, ...] = ()

    @property
    def digest(self) -> str:
        """Equal for tables that route alike."""
        by_name = sorted(self.routes, key=lambda route: route.name)
        return digest([_plain(route) for route in by_name])

    @property
    def ways(self) -> str:
        """Equal for tables that differ in shares and instances only."""
        return RoutingTable(tuple(route.bare for route in self.routes)).digest

    def route(self, name: RouteName) -> Route | None:
        return next((route for route in self.routes if route.name == name), None)


@dataclass(frozen=True, slots=True)
class ObservedTarget:
    """An instance as the router has it. `ready`: its checks there are good.

    `in_flight` is what it is answering now; always 1 where the router does not know that.
    """

    id: str
    address: str
    port: int
    weight: int
    ready: bool
    in_flight: int


@dataclass(frozen=True, slots=True)
class ObservedRoute:
    """A route as the router has it. `leaving`: it has it no more, and is still answering what came before that."""

    environment: str
    service: str
    share: int = 0
    a: tuple[ObservedTarget, ...] = ()
    b: tuple[ObservedTarget, ...] = ()
    leaving: bool = False
    on: int = 0

    @property
    def name(self) -> RouteName:
        return RouteName(self.environment, self.service)

    def slot(self, name: SlotName) -> tuple[ObservedTarget, ...]:
        return self.a if name == "a" else self.b

    def target(self, id: str) -> ObservedTarget | None:
        return next((target for target in (*self.a, *self.b) if target.id == id), None)


@dataclass(frozen=True, slots=True)
class ObservedRouting:
    """What a router routes now. Its counters began with its `epoch`, so those of two epochs have no difference.

    `ways` is that of the table which it has loaded.
    """

    epoch: str
    ways: str
    routes: tuple[ObservedRoute, ...] = ()

    def route(self, name: RouteName) -> ObservedRoute | None:
        return next((route for route in self.routes if route.name == name), None)


@dataclass(frozen=True, slots=True)
class SlotSample:
    """What a slot has answered since the epoch began, probes apart. `errors`: with 5xx, by instances or by the router.

    `within` counts answers that came within each of the router's latency bounds, each including the ones before, and
    at last all; answers that the router made itself may be missing there. Empty: the router measures no times.
    """

    epoch: str
    requests: int = 0
    errors: int = 0
    within: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class RouterCapabilities:
    """What can be asked of a router. `share_step` in basis points; `latency_bounds` in seconds, going up.

    Without `in_flight` nobody knows when an instance has drained: it is given all of its time, and then nothing is cut.
    With `sticky_moves` users with a cookie come over one by one while the share grows; else those that are new do, and
    the others at the end. `switches`: what leads past the share in a step is turned on and off as a share is moved.
    `kept`: gitopsd runs it, and `renew` has another one take over. `tcp`: it routes connections that are not HTTP.

    One that `finds` instances by itself (`Slot.found`) knows no weights of them, hears a moment later who came or went,
    and checks those who came while they get something already. One that `remembers` has its shares also after a crash;
    another one gives everything to slot a then, until a table is applied.
    """

    in_flight: bool = True
    sticky_moves: bool = True
    kept: bool = True
    tcp: bool = True
    switches: bool = True
    share_step: int = 1
    latency_bounds: tuple[float, ...] = ()
    new_route_needs_reload: bool = False
    finds: bool = False
    remembers: bool = True


def problems(table: RoutingTable) -> tuple[str, ...]:
    """Why no router can have this table, in words that name the routes; nothing when it can."""
    by_name = sorted(table.routes, key=lambda route: route.name)
    return tuple(sorted({*_each(by_name), *_among(by_name)}))


def differences(table: RoutingTable, observed: ObservedRouting) -> tuple[str, ...]:
    """In what the router differs from the table, in words.

    Readiness and what is in flight are no difference, nor what gets nothing new and is not in the table.
    """
    has = {route.name: route for route in observed.routes if not route.leaving}
    wanted = {route.name: route for route in table.routes}
    if has.keys() == wanted.keys() and observed.ways != table.ways:
        return ("it routes by another configuration",)
    found = [f"{name}: it is routed, and should not be" for name in sorted(has.keys() - wanted.keys())]
    for name, route in sorted(wanted.items()):
        found += [f"{name}: it is not routed"] if name not in has else _route_differences(route, has[name])
    return tuple(found)


def _route_differences(route: Route, has: ObservedRoute) -> Iterator[str]:
    if route.share != has.share:
        yield f"{route.name}: the share of slot b is {percent(has.share)}, should be {percent(route.share)}"
    if route.on != has.on:
        yield f"{route.name}: {_switched(route, has.on)} leads past the share, should be {_switched(route, route.on)}"
    for slot in SLOTS:
        if route.slot(slot).found:
            continue
        wanted = {target.id: (target.address, target.port, target.takes) for target in route.slot(slot).targets}
        there = {target.id: (target.address, target.port, target.weight) for target in has.slot(slot)}
        for id in sorted(wanted.keys() | there.keys()):
            if wanted.get(id) != there.get(id) and (id in wanted or there[id][2] > 0):
                is_so, should = _described(there.get(id)), _described(wanted.get(id))
                yield f"{route.name}: slot {slot}: {id[:12]} is {is_so}, should be {should}"


def _switched(route: Route, on: int) -> str:
    return f"{route.switched[on - 1].by} {route.switched[on - 1].name}" if 0 < on <= len(route.switched) else "nothing"


def _described(target: tuple[str, int, int] | None) -> str:
    return "absent" if target is None else "at {}:{} with weight {}".format(*target)


def percent(share: int) -> str:
    return f"{share / 100:g} %"


def _each(routes: Iterable[Route]) -> Iterator[str]:
    for route in routes:
        targets = [target for slot in SLOTS for target in route.slot(slot).targets]
        if not 0 <= route.share <= ALL:
            yield f"{route.name}: a share of {route.share} basis points; it is from 0 to {ALL}"
        if len({target.id for target in targets}) < len(targets):
            yield f"{route.name}: an instance is there twice"
        if not 0 <= route.on <= len(route.switched):
            yield f"{route.name}: of {len(route.switched)} ways past the share number {route.on} is on"
        for target in targets:
            if not 0 <= target.weight <= FULL:
                yield f"{route.name}: {target.id[:12]}: a weight of {target.weight}; it is from 0 to {FULL}"
        by_request = route.hosts or route.sticky or route.on_purpose or route.switched
        if route.mode == "tcp" and (by_request or route.path != "/"):
            yield f"{route.name}: hosts, paths and cookies need mode http"
        if route.mode == "tcp" and (route.tls or route.redirect_from):
            yield f"{route.name}: TLS that ends in the router needs mode http"
        if route.redirect_from and (not route.tls or route.redirect_from == route.listen):
            yield f"{route.name}: what comes to port {route.redirect_from} can only be sent to another port, with TLS"


def _among(routes: Iterable[Route]) -> Iterator[str]:
    claims: dict[tuple[object, ...], Route] = {}
    spoken: dict[tuple[str, int], tuple[Route, str]] = {}
    names: set[RouteName] = set()
    for route in routes:
        if route.name in names:
            yield f"{route.name}: it has two routes"
        names.add(route.name)
        for claim in _claims(route):
            first = claims.setdefault(claim, route)
            if first.name != route.name:
                yield f"{first.name} and {route.name} both want {_claimed(claim)}"
        for port, way in _ports(route):
            first, before = spoken.setdefault((route.host_address, port), (route, way))
            if first.name != route.name and ("tcp" in (before, way) or before != way):
                but = "" if "tcp" in (before, way) else ", one with TLS and one without"
                yield f"{first.name} and {route.name} both want {_claimed((route.host_address, port))}{but}"


def _ports(route: Route) -> Iterator[tuple[int, str]]:
    """Where it listens, and how it speaks there."""
    yield route.listen, "tcp" if route.mode == "tcp" else "tls" if route.tls else "plain"
    if route.redirect_from:
        yield route.redirect_from, "plain"


def _claims(route: Route) -> Iterator[tuple[object, ...]]:
    hosts = (*route.hosts, *(way.value for way in route.on_purpose if way.by == "host"))
    for host in hosts or ("",) if route.mode == "http" else ():
        yield route.host_address, route.listen, host.lower(), route.path.rstrip("/")


def _claimed(claim: tuple[object, ...]) -> str:
    address, port, *where = claim
    place = f"port {port} of {address}" if address else f"port {port}"
    if not where:
        return place
    host, path = where
    return f"{host or 'all hosts'}{path or '/'} on {place}"


def _plain(value: Any) -> Json:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    plain: Json = value
    return plain

"""A routing table as Traefik's dynamic configuration: the same document for the same table, at any time.

A slot is a service with those of its instances that have answered gitopsd through Traefik, which takes an instance for
ready when it first hears of it, and again whenever its configuration changes. Who is not known to be ready is in the
document too, as a service of its own that only gitopsd reaches, and comes into the slot once it has answered there.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gitopsd.adapters.traefik.entry_points import EntryPoints
from gitopsd.adapters.traefik.names import first, instance, members, slot, way
from gitopsd.model.canonical import Json, digest
from gitopsd.model.errors import RouterError
from gitopsd.model.health import HttpCheck
from gitopsd.model.route import ALL, OTHER, SLOTS, OnPurpose, Route, RoutingTable, SlotName, Target, problems

PROBE: Final = "X-Gitopsd-Probe"
STAMP: Final = "gitopsd:ways:"
_WITHOUT_PROBE: Final = "gitopsd:without-probe"
_ABOVE_ALL: Final = 1_000_000
_USUAL: Final = ((200, 399),)
_TOKEN: Final = re.compile(r"[A-Za-z0-9_.-]+")

Document = dict[str, dict[str, dict[str, Json]]]
Place = tuple[str, str]  # an instance's id, and where it is


@dataclass(frozen=True, slots=True)
class Standing:
    """What a document depends on beside the table: who is known to be `ready`, and a word that only gitopsd knows."""

    entry_points: EntryPoints
    secret: str
    ready: Collection[Place] = ()


def place_of(target: Target) -> Place:
    return target.id, url_of(target)


def url_of(target: Target) -> str:
    host = f"[{target.address}]" if ":" in target.address else target.address
    return f"http://{host}:{target.port}"


def word(secret: str, name: str) -> str:
    """What the header of a probe says to reach the instance of this name; nobody else can make it."""
    return digest([secret, name])[:32]


def document(table: RoutingTable, standing: Standing) -> Document:
    """RouterError: Traefik cannot have such a table."""
    wrong = (*problems(table), *_unfit(table, standing.entry_points))
    if wrong:
        raise RouterError("; ".join(wrong))
    routes = sorted(table.routes, key=lambda route: route.name)
    low = 2 * sum(len(route.hosts or ("",)) + len(route.on_purpose) for route in routes)
    routers: dict[str, Json] = {}
    services: dict[str, Json] = {}
    middlewares = {_WITHOUT_PROBE: _headers({PROBE: ""}), f"{STAMP}{table.ways}": _headers({PROBE: ""})}
    for route in routes:
        routers |= _routers(route, standing, _Order(routes, low))
        services |= _services(route, standing)
        if route.redirect_from:
            middlewares[f"{way(route.name)}:secure"] = _secure(route)
    if not routes:
        return {"http": {"middlewares": middlewares}}
    transports: dict[str, Json] = {way(route.name): _transport(route) for route in routes}
    parts = {"routers": routers, "services": services, "middlewares": middlewares, "serversTransports": transports}
    return {"http": parts}


@dataclass(frozen=True, slots=True)
class _Order:
    """Which router comes first: Traefik takes the one of the highest priority that fits.

    An exact host comes before one with a star, that before all hosts, each by the longest path. Rules that people wrote
    have the lengths of their texts as priorities; those of an exact host are about as high here, the others low.
    """

    routes: list[Route]
    low: int

    def of(self, route: Route, host: str, rule: str) -> int:
        if host and not host.startswith("*."):
            return self.low + 2 + 2 * len(rule)
        ranked = sorted({(each.startswith("*."), len(other.path)) for other in self.routes for each in _wide(other)})
        return 1 + 2 * ranked.index((host.startswith("*."), len(route.path)))


def _wide(route: Route) -> tuple[str, ...]:
    return tuple(host for host in route.hosts if host.startswith("*.")) if route.hosts else ("",)


def _routers(route: Route, standing: Standing, order: _Order) -> dict[str, Json]:
    name, at = way(route.name), standing.entry_points.at(route)
    found: dict[str, Json] = {}
    for index, host in enumerate(route.hosts or ("",)):
        rule = _rule(host, route.path)
        priority = order.of(route, host, rule)
        found[f"{name}:way-{index}"] = _router(route, at, rule, priority, name)
        for number, each in enumerate(way_ for way_ in route.on_purpose if way_.by != "host"):
            narrow = f"{rule} && {_purpose(each)}"
            service = first(route.name, each.slot)
            found[f"{name}:way-{index}-{number}"] = _router(route, at, narrow, priority + 1, service)
        if route.redirect_from:
            found[f"{name}:plain-{index}"] = {
                "entryPoints": [standing.entry_points.plain(route)],
                "rule": f"({rule}) && !PathPrefix(`/.well-known/acme-challenge/`)",
                "priority": priority,
                "service": name,
                "middlewares": [f"{name}:secure"],
            }
    for number, each in enumerate(way_ for way_ in route.on_purpose if way_.by == "host"):
        rule = _rule(each.value, route.path)
        service = first(route.name, each.slot)
        found[f"{name}:host-{number}"] = _router(route, at, rule, order.of(route, each.value, rule), service)
    for side, target in _targets(route):
        reached = instance(route.name, side, target.id)
        rule = f"Header(`{PROBE}`, `{word(standing.secret, reached)}`)"
        probed = _router(route, at, rule, _ABOVE_ALL, reached)
        found[reached] = {**probed, "middlewares": [_WITHOUT_PROBE]}
    return found


def _router(route: Route, at: str, rule: str, priority: int, service: str) -> dict[str, Json]:
    secure: dict[str, Json] = {"tls": {}} if route.tls else {}
    return {"entryPoints": [at], "rule": rule, "priority": priority, "service": service, **secure}


def _rule(host: str, path: str) -> str:
    parts = []
    if host.startswith("*."):
        parts.append(f"HostRegexp(`^[^.]+{re.escape(host[1:].lower())}$`)")
    elif host:
        parts.append(f"Host(`{host.lower()}`)")
    whole = path.rstrip("/")
    if whole:
        parts.append(f"(Path(`{whole}`) || PathPrefix(`{whole}/`))")
    return " && ".join(parts) or "PathPrefix(`/`)"


def _purpose(each: OnPurpose) -> str:
    match each.by:
        case "header":
            return f"Header(`{each.name}`, `{each.value}`)" if each.value else f"HeaderRegexp(`{each.name}`, `.`)"
        case _:
            value = re.escape(each.value) if each.value else "[^;]*"
            return f"HeaderRegexp(`Cookie`, `(^|;) *{re.escape(each.name)}={value}(;|$)`)"


def _services(route: Route, standing: Standing) -> dict[str, Json]:
    name = route.name
    found: dict[str, Json] = {}
    shares = {"a": ALL - route.share, "b": route.share}
    serving = {side: _serving(route, side, standing) for side in SLOTS}
    for side in SLOTS:
        has: list[Json] = [
            {"name": instance(name, side, each.id), "weight": each.takes} for each in _sorted(route, side)
        ]
        for each in _sorted(route, side):
            found[instance(name, side, each.id)] = {"loadBalancer": _balanced(route, (each,), weights=False)}
        if has:
            found[members(name, side)] = _weighted(has)
        found[slot(name, side)] = {"loadBalancer": _balanced(route, serving[side]) | _checked(route, side)}
        found[first(name, side)] = _first(route, side, serving)
    both: list[Json] = [{"name": first(name, side), "weight": shares[side]} for side in SLOTS]
    sticky: dict[str, Json] = {"sticky": {"cookie": _cookie(route)}} if route.sticky else {}
    found[way(name)] = {"weighted": {"services": both, **sticky}}
    return found


def _serving(route: Route, side: SlotName, standing: Standing) -> tuple[Target, ...]:
    return tuple(each for each in _sorted(route, side) if each.takes and place_of(each) in standing.ready)


def _first(route: Route, side: SlotName, serving: Mapping[SlotName, tuple[Target, ...]]) -> Json:
    """Traefik knows of a slot that nobody is ready in only by its checks; where there are none, or it is empty, not."""
    own, other = slot(route.name, side), slot(route.name, OTHER[side])
    if not serving[side] and serving[OTHER[side]]:
        return _weighted([{"name": other, "weight": 1}])
    if not serving[OTHER[side]] or route.health.http is None:
        return _weighted([{"name": own, "weight": 1}])
    return {"failover": {"service": own, "fallback": other}}


def _weighted(services: list[Json]) -> dict[str, Json]:
    return {"weighted": {"services": services}}


def _balanced(route: Route, targets: Collection[Target], *, weights: bool = True) -> dict[str, Json]:
    servers: list[Json] = [
        {"url": url_of(each), **({"weight": each.takes} if weights else {})} for each in targets
    ]  # fmt: skip
    return {"servers": servers, "serversTransport": way(route.name)} if servers else {"servers": []}


def _checked(route: Route, side: SlotName) -> dict[str, Json]:
    check = route.health.http
    if check is None or not route.slot(side).targets:
        return {}
    exact = next((host for host in route.hosts if "*" not in host), "localhost")
    said: dict[str, Json] = {
        "path": check.path,
        "interval": _time(route.health.interval),
        "unhealthyInterval": _time(route.health.interval),
        "timeout": _time(route.health.timeout),
        "hostname": exact,
        "followRedirects": False,
        "headers": {"User-Agent": "gitopsd"},
    }
    if check.port and any(each.port != check.port for each in route.slot(side).targets):
        said["port"] = check.port
    if check.status != _USUAL:
        said["status"] = check.status[0][0]
    return {"healthCheck": said}


def _cookie(route: Route) -> Json:
    return {"name": route.sticky, "httpOnly": True, "sameSite": "lax", "secure": route.tls, "path": "/"}


def _transport(route: Route) -> Json:
    quiet = _time(route.patience.response)
    return {"forwardingTimeouts": {"dialTimeout": "1s", "responseHeaderTimeout": quiet}}


def _secure(route: Route) -> Json:
    return {"redirectScheme": {"scheme": "https", "port": str(route.listen), "permanent": True}}


def _headers(headers: Mapping[str, Json]) -> Json:
    return {"headers": {"customRequestHeaders": dict(headers)}}


def _sorted(route: Route, side: SlotName) -> list[Target]:
    return sorted(route.slot(side).targets, key=lambda target: target.id)


def _targets(route: Route) -> Iterator[tuple[SlotName, Target]]:
    for side in SLOTS:
        yield from ((side, target) for target in _sorted(route, side))


def _unfit(table: RoutingTable, entry_points: EntryPoints) -> Iterator[str]:
    for route in table.routes:
        if route.mode == "tcp":
            yield f"{route.name}: Traefik counts no TCP connections, and has no way to one slot; write mode: http"
        elif route.proxy_protocol:
            yield f"{route.name}: Traefik tells HTTP services of clients by X-Forwarded-For; remove proxy_protocol"
        else:
            yield from entry_points.lacking(route)
        if (check := route.health.http) is not None and not _can_check(check):
            yield f"{route.name}: Traefik checks for one status, or 200-399; write one of these as health.http.status"
        texts = (*route.hosts, route.path, *(text for each in route.on_purpose for text in (each.name, each.value)))
        for text in texts:
            if "`" in text or not text.isprintable():
                yield f"{route.name}: {text!r} cannot be part of a rule"
        if route.sticky and not _TOKEN.fullmatch(route.sticky):
            yield f"{route.name}: {route.sticky!r} cannot be the name of a cookie"


def _can_check(check: HttpCheck) -> bool:
    return check.status == _USUAL or (len(check.status) == 1 and check.status[0][0] == check.status[0][1])


def _time(duration: timedelta) -> str:
    return f"{max(1, round(duration.total_seconds() * 1000))}ms"

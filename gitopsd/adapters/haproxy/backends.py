"""The backends of HAProxy's configuration: each slot of a route with its servers, and how those are checked."""

from collections.abc import Iterator
from datetime import timedelta

from gitopsd.adapters.haproxy.names import backend
from gitopsd.adapters.haproxy.syntax import milliseconds, word
from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.route import Route, SlotName, Target

RESOLVERS = "engine"
_SOON = timedelta(milliseconds=500)


def slot_backend(route: Route, slot: SlotName) -> Iterator[str]:
    yield f"backend {backend(route.name, slot)} from {route.mode}"
    yield f"    timeout server {milliseconds(route.patience.response if route.mode == 'http' else route.patience.idle)}"
    yield f"    timeout tunnel {milliseconds(route.patience.idle)}"
    here = route.slot(slot)
    if route.mode == "http":
        yield "    option forwardfor"
        yield from _moving(slot) if here.found else ()
    if route.sticky:
        secure = "; Secure" if route.tls else ""
        cookie = f"{route.sticky}=%[var(txn.user)]; Path=/; HttpOnly; SameSite=Lax{secure}"
        yield f'    http-response add-header Set-Cookie "{cookie}" if {{ var(txn.new) -m bool }}'
    yield f"    timeout check {milliseconds(route.health.timeout)}"
    if route.health.http is not None:
        yield from _http_check(route, route.health.http)
    for target in () if here.found else sorted(here.targets, key=lambda target: target.id):
        yield f"    server {target.id} {server(route, target)}"
    if here.found:
        found = f"{here.found} init-addr none resolvers {RESOLVERS} resolve-prefer ipv4"
        yield f"    server-template {slot} {here.room} {' '.join((found, *_checking(route), *_proxied(route)))}"


def _moving(slot: SlotName) -> Iterator[str]:
    """For servers whose addresses become those of other instances without a word from gitopsd, which may be away."""
    yield "    # HAProxy would send more over an idle connection to the address before, which ends with its instance."
    yield "    option http-server-close"
    if slot == "a":
        yield "    # What had no answer, because its instance ended, is asked again where that changes nothing."
        yield "    # A canary answers for what it loses, and what is cut there must not begin anew."
        yield "    retry-on conn-failure empty-response"
        yield "    http-request disable-l7-retry unless { method GET HEAD OPTIONS }"


def _http_check(route: Route, check: HttpCheck) -> Iterator[str]:
    host = next((host for host in route.hosts if "*" not in host), "localhost")
    statuses = ",".join(str(low) if low == high else f"{low}-{high}" for low, high in check.status)
    yield "    option httpchk"
    sent = f"meth GET uri {word(check.path)} ver HTTP/1.1 hdr Host {word(host)} hdr User-Agent gitopsd"
    yield f"    http-check send {sent}"
    yield f"    http-check expect status {statuses}"


def server(route: Route, target: Target, weight: int | None = None) -> str:
    """What follows a server's name, in the configuration and in `add server`: the latter knows no defaults."""
    takes = target.takes if weight is None else weight
    return " ".join((f"{target.address}:{target.port} weight {takes}", *_checking(route, target), *_proxied(route)))


def _checking(route: Route, target: Target | None = None) -> Iterator[str]:
    health: Checks = route.health
    soon = milliseconds(min(health.interval, _SOON))
    yield f"check inter {milliseconds(health.interval)} fastinter {soon} downinter {soon}"
    yield f"fall {health.failure_threshold} rise {health.success_threshold}"
    asked = health.http or health.tcp
    if asked is not None and target is not None and asked.port != target.port:
        yield f"port {asked.port}"


def _proxied(route: Route) -> Iterator[str]:
    if route.proxy_protocol:
        yield "send-proxy-v2"
        asked = route.health.http or route.health.tcp
        if asked is None:
            yield "check-send-proxy"

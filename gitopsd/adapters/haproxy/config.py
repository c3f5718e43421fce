"""A routing table as HAProxy's configuration and maps: the same text for the same table, at any time.

Shares and instances are in it like all the rest, so that a router which starts from these files routes as the table
says; they alone are changed at run time. Each slot is a backend. A listener has sockets of its own beside its port:

    next    where a worker that is stopping sends what still comes to it, so that its successor decides on it
    a, b    where a probe enters, bound for that slot of the route in its header; nobody but root can reach them, so
            that there is nothing to forge
"""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_address
from types import MappingProxyType

from gitopsd.adapters.haproxy.backends import slot_backend
from gitopsd.adapters.haproxy.entrances import HTTPS, Entrance, entrances, onward, port_inside
from gitopsd.adapters.haproxy.names import copied, switch, way
from gitopsd.adapters.haproxy.syntax import lines, milliseconds, text, word
from gitopsd.model.canonical import digest
from gitopsd.model.errors import RouterError
from gitopsd.model.route import SLOTS, OnPurpose, Route, RoutingTable, problems

CONFIGURATION = "haproxy.cfg"
SHARES = "share.map"
CERTIFICATES = "certificates.list"
SOCKETS = "sockets"
STATES = "servers.state"
TABLE = "latency"
WAY = "x-gitopsd-route"
BOUNDS = (
    *(0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75),
    *(1.0, 1.5, 2.0, 3.0, 5.0, 10.0),
)
# Counters of a slot beside one for each bound: all answers, and of those to probes all and the bad ones.
EVERY, PROBES, BAD_PROBES = len(BOUNDS), len(BOUNDS) + 1, len(BOUNDS) + 2

_NEXT, _PROBE = 2, {"a": 3, "b": 4}  # by what a socket is known in the rules
_PROBED = "so_id 3 4"
_TOKEN = re.compile(r"[A-Za-z0-9_.-]+")
_ID = re.compile(r"[A-Za-z0-9_.:-]+")


@dataclass(frozen=True, slots=True)
class Tuning:
    """What does not depend on the table.

    `connections` are how many at once; each costs two file descriptors. `farewell` bounds the life of a worker that was
    replaced. `keep_alive` is how long a client's connection may be idle between two requests, and `loading` how long a
    worker may take to start. `ipv6`: the host has it, so that every address of it includes those. `bridged`: it has
    addresses of its own, to which the ports of the host lead. `heir`: one that stops hands on.
    """

    connections: int = 4_000
    farewell: timedelta = timedelta(minutes=30)
    keep_alive: timedelta = timedelta(seconds=30)
    loading: timedelta = timedelta(seconds=20)
    ipv6: bool = False
    bridged: bool = False
    heir: bool = True


DEFAULT = Tuning()
NO_FILES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rendered:
    """Files by name. `stamp` is shown by a router that has loaded them, and changes with all that needs a reload."""

    files: Mapping[str, str]
    stamp: str


def rendered(
    table: RoutingTable, root: str, salt: bytes, tuning: Tuning = DEFAULT, certificates: Mapping[str, str] = NO_FILES
) -> Rendered:
    """The files for a table. `root` is their directory as HAProxy sees it, `salt` a secret that sticky users fall by.

    `certificates` are those that clients with TLS may be shown, with their keys, by the names of their files.
    RouterError: no router can have such a table.
    """
    wrong = (*problems(table), *_unfit(table.routes), *(_met(table.routes) if tuning.bridged else ()))
    if wrong:
        raise RouterError("; ".join(wrong))
    routes = sorted(table.routes, key=lambda route: route.name)
    bare = [route.bare for route in routes]
    shown = _certificates(certificates) if any(route.tls for route in routes) else {}
    stamp = f"gitopsd {table.ways} {digest(_files(bare, root, salt, tuning, '') | shown)[:16]}"
    return Rendered(_files(routes, root, salt, tuning, stamp) | shown, stamp)


def _certificates(by_file: Mapping[str, str]) -> dict[str, str]:
    """The first one is shown to who asks for no host, or for one that none is for."""
    files = {copied(name): by_file[name] for name in sorted(by_file)}
    return {**files, CERTIFICATES: lines(files)}


def _files(routes: list[Route], root: str, salt: bytes, tuning: Tuning, stamp: str) -> dict[str, str]:
    places = entrances(routes)
    blocks = [_global(root, tuning, stamp), _defaults(tuning)]
    blocks += [_http_frontend(each, root, salt, tuning) for each in places if each.mode == "http"]
    blocks += [_tcp_frontend(each, root, tuning) for each in places if each.mode == "tcp"]
    blocks += [slot_backend(route, slot) for route in routes for slot in SLOTS]
    maps = {each.map: lines(each.paths()) for each in places if each.mode == "http"}
    shares = [f"{way(route.name)} {route.share}" for route in routes]
    shares += [f"{switch(route.name)} {route.on}" for route in routes if route.switched]
    return {CONFIGURATION: "\n".join(map(lines, blocks)), SHARES: lines(shares), **maps}


def _global(root: str, tuning: Tuning, stamp: str) -> Iterator[str]:
    yield "global"
    yield "    # Paths are relative to this file, so that a configuration and its maps change places as one."
    yield "    default-path config"
    yield f"    stats socket {root}/admin.sock mode 600 level admin expose-fd listeners"
    yield f"    server-state-file {root}/{STATES}"
    yield f"    hard-stop-after {milliseconds(tuning.farewell)}"
    yield f"    maxconn {tuning.connections}"
    yield f'    description "{stamp}"'


def _defaults(tuning: Tuning) -> Iterator[str]:
    common = (
        "    retries 2",
        "    option redispatch 1",
        "    timeout connect 1s",
        "    timeout queue 5s",
        "    load-server-state-from-file global",
    )
    yield "defaults http"
    yield "    mode http"
    yield from common
    yield "    # What was not sent may be sent again, whatever the method."
    yield "    retry-on conn-failure"
    yield "    # A worker that is stopping closes an idle connection with an answer, not while a request is on its way."
    yield "    option idle-close-on-response"
    yield "    timeout http-request 10s"
    yield f"    timeout http-keep-alive {milliseconds(tuning.keep_alive)}"
    yield ""
    yield "defaults tcp"
    yield "    mode tcp"
    yield from common
    yield ""
    yield f"backend {TABLE} from http"
    yield "    timeout server 1s"
    yield f"    stick-table type string len 256 size 4k store gpc({BAD_PROBES + 1})"


def _http_frontend(at: Entrance, root: str, salt: bytes, tuning: Tuning) -> Iterator[str]:
    quiet = max(route.patience.response for route in at.all)
    yield f"frontend listen:{at.name} from http"
    yield f"    timeout client {milliseconds(quiet)}"
    yield from _binds(at, root, tuning)
    yield "    http-request set-var(txn.begun) date(0,us)"
    yield from _choice_of_route(at)
    yield f"    http-request return status 404 {text('no such route')} unless {{ var(txn.way) -m found }}"
    yield from _security(at)
    yield "    http-request set-var(txn.draw) rand(10000)"
    for route in at.all:
        yield from _sticky(route, salt)
    yield from _choice_of_slot("http-request", "txn")
    for route in at.all:
        yield from (_on_purpose(route, each) for each in route.on_purpose)
        yield from _switched(route)
    yield from _fallback("http-request", "txn")
    yield "    http-request set-var(txn.backend) var(txn.way),concat(:,txn.slot)"
    nobody = f"{{ {_PROBED} }} {{ var(txn.backend),nbsrv eq 0 }}"
    yield f"    http-request return status 503 {text('no ready instance')} if {nobody}"
    yield f"    http-request track-sc0 var(txn.backend) table {TABLE} unless {{ stopping }}"
    yield from _counting()
    if tuning.heir:
        yield f"    use_backend next:{at.name} if {{ stopping }}"
    yield "    use_backend %[var(txn.backend)]"
    if not tuning.heir:
        return
    yield ""
    yield f"backend next:{at.name} from http"
    yield f"    timeout server {milliseconds(quiet)}"
    yield f"    timeout tunnel {milliseconds(max(route.patience.idle for route in at.all))}"
    yield f"    server next unix@{_socket(at, root, 'next')} send-proxy-v2"


def _binds(at: Entrance, root: str, tuning: Tuning) -> Iterator[str]:
    tls = f" ssl crt-list {CERTIFICATES} alpn h2,http/1.1" if at.tls else ""
    if tuning.bridged:
        yield f"    bind :{port_inside(at.address, at.port)}{tls}"
    else:
        yield f"    bind {at.address}:{at.port}{tls}"
    if tuning.ipv6 and not at.address and not tuning.bridged:
        # One socket for both would tell services of clients at ::ffff:192.0.2.1.
        yield f"    bind :::{at.port} v6only{tls}"
    if at.mode == "http" and tuning.heir:
        yield f"    bind unix@{_socket(at, root, 'next')} mode 600 id {_NEXT} accept-proxy"
    for slot, number in _PROBE.items():
        yield f"    bind unix@{_socket(at, root, slot)} mode 600 id {number}"


def _choice_of_route(at: Entrance) -> Iterator[str]:
    """Every path ends with a slash in the look-up, so that a prefix is one of whole parts."""
    found = f"map_beg({at.map})"
    otherwise = "unless { var(txn.way) -m found }"
    yield "    http-request set-var(txn.host) req.hdr(host),field(1,:),lower"
    yield "    http-request set-var(txn.path) path,concat(/)"
    yield f"    http-request set-var(txn.way) var(txn.host),concat(,txn.path),{found}"
    if any(host.startswith("*.") for route in at.all for host in route.hosts):
        yield f"    http-request set-var(txn.way) var(txn.host),regsub(^[^.]*,*),concat(,txn.path),{found} {otherwise}"
    yield f"    http-request set-var(txn.way) str(*),concat(,txn.path),{found} {otherwise}"
    yield f"    http-request set-var(txn.way) req.hdr({WAY}) if {{ {_PROBED} }}"
    yield f"    http-request del-header {WAY}"


def _security(at: Entrance) -> Iterator[str]:
    """Who comes without TLS goes to where it is; services learn that it was there, by a word no client can forge."""
    for port in sorted({route.listen for route in at.elsewhere}):
        there = "req.hdr(host),regsub(:[0-9]*$,)"
        place = f"https://%[{there}]{'' if port == HTTPS else f':{port}'}%[pathq]"
        yield f"    http-request redirect code 308 location {place} if {{ var(txn.way) -m str {onward(port)} }}"
    if at.tls:
        yield "    http-request set-header X-Forwarded-Proto https"


def _sticky(route: Route, salt: bytes) -> Iterator[str]:
    """A user's draw is a hash of their cookie that only the router can make; it stays while the share grows past it."""
    if not route.sticky:
        return
    here, has = f"{{ var(txn.way) -m str {way(route.name)} }}", f"{{ req.cook({route.sticky}) -m len gt 0 }}"
    key = base64.b64encode(salt).decode()
    yield f"    http-request set-var(txn.user) req.cook({route.sticky}) if {here} {has}"
    yield f"    http-request set-var(txn.user) uuid() if {here} !{has}"
    yield f"    http-request set-var(txn.new) bool(true) if {here} !{has}"
    yield f"    http-request set-var(txn.draw) var(txn.user),hmac(sha256,{key}),xxh32,mod(10000) if {here}"


def _choice_of_slot(rule: str, scope: str) -> Iterator[str]:
    yield f"    {rule} set-var({scope}.share) var({scope}.way),map_str_int({SHARES},0)"
    yield f"    {rule} set-var({scope}.slot) str(a)"
    yield f"    {rule} set-var({scope}.slot) str(b) if {{ var({scope}.draw),sub({scope}.share) lt 0 }}"


def _on_purpose(route: Route, each: OnPurpose) -> str:
    fetch = {"header": f"req.hdr({each.name})", "cookie": f"req.cook({each.name})", "host": "var(txn.host)"}[each.by]
    value = each.value.lower() if each.by == "host" else each.value
    match = f"{fetch} -m str -- {word(value)}" if value else f"{fetch} -m found"
    here = f"{{ var(txn.way) -m str {way(route.name)} }}"
    return f"    http-request set-var(txn.slot) str({each.slot}) if {here} {{ {match} }}"


def _switched(route: Route) -> Iterator[str]:
    """The same while it is on, which can be told at any time."""
    if route.switched:
        yield f"    http-request set-var(txn.on) str({switch(route.name)}),map_str_int({SHARES},0)"
    for number, each in enumerate(route.switched, 1):
        yield f"{_on_purpose(route, each)} {{ var(txn.on) -m int {number} }}"


def _fallback(rule: str, scope: str) -> Iterator[str]:
    """Only to a slot that has a ready instance: a worker that is stopping counts none in either. A probe stays."""
    for slot, other in (("b", "a"), ("a", "b")):
        empty = f"{{ var({scope}.way),concat(:{slot}),nbsrv eq 0 }} {{ var({scope}.way),concat(:{other}),nbsrv gt 0 }}"
        yield f"    {rule} set-var({scope}.slot) str({other}) if {{ var({scope}.slot) -m str {slot} }} {empty}"
    for slot, number in _PROBE.items():
        yield f"    {rule} set-var({scope}.slot) str({slot}) if {{ so_id {number} }}"


def _counting() -> Iterator[str]:
    yield "    http-response set-var(txn.took) date(0,us),sub(txn.begun)"
    for index, bound in enumerate(BOUNDS):
        took = f"{{ var(txn.took) -m int le {round(bound * 1_000_000)} }}"
        yield f"    http-response sc-inc-gpc({index},0) if {took} !{{ {_PROBED} }}"
    yield f"    http-response sc-inc-gpc({EVERY},0) unless {{ {_PROBED} }}"
    yield f"    http-response sc-inc-gpc({PROBES},0) if {{ {_PROBED} }}"
    yield f"    http-response sc-inc-gpc({BAD_PROBES},0) if {{ {_PROBED} }} {{ status ge 500 }}"


def _tcp_frontend(at: Entrance, root: str, tuning: Tuning) -> Iterator[str]:
    rule, scope, route = "tcp-request content", "sess", at.routes[0]
    yield f"frontend listen:{at.name} from tcp"
    yield f"    timeout client {milliseconds(route.patience.idle)}"
    yield from _binds(at, root, tuning)
    yield f"    {rule} set-var({scope}.way) str({way(route.name)})"
    yield f"    {rule} set-var({scope}.draw) rand(10000)"
    yield from _choice_of_slot(rule, scope)
    yield from _fallback(rule, scope)
    yield f"    {rule} set-var({scope}.backend) var({scope}.way),concat(:,{scope}.slot)"
    yield f"    {rule} reject if {{ {_PROBED} }} {{ var({scope}.backend),nbsrv eq 0 }}"
    yield f"    {rule} track-sc0 var({scope}.backend) table {TABLE}"
    yield f"    {rule} sc-inc-gpc({PROBES},0) if {{ {_PROBED} }}"
    yield f"    use_backend %[var({scope}.backend)]"


def _unfit(routes: Iterable[Route]) -> Iterator[str]:
    """What a route holds that the configuration has no way to say."""
    for route in routes:
        if route.host_address and not _is_address(route.host_address):
            yield f"{route.name}: {route.host_address!r} is no address"
        named = [*route.hosts, *(each.value for each in route.on_purpose if each.by == "host")]
        words = [*named, route.path, *([route.health.http.path] if route.health.http else [])]
        for each in words:
            if not each or not each.isprintable() or " " in each or "#" in each:
                yield f"{route.name}: {each!r} cannot be part of a host or a path"
        tokens = [
            *([route.sticky] if route.sticky else []),
            *(way.name for way in (*route.on_purpose, *route.switched) if way.by != "host"),
        ]
        for token in tokens:
            if not _TOKEN.fullmatch(token):
                yield f"{route.name}: {token!r} cannot be the name of a header or cookie"
        for slot in SLOTS:
            for target in route.slot(slot).targets:
                if not _ID.fullmatch(target.id) or not _is_address(target.address):
                    yield f"{route.name}: {target.id!r} at {target.address!r} cannot be an instance"


def _met(routes: Iterable[Route]) -> Iterator[str]:
    """Which addresses of the host would lead to one port of a router on a bridge."""
    inside: dict[int, Entrance] = {}
    for each in entrances(routes):
        other = inside.setdefault(port_inside(each.address, each.port), each)
        if other is not each:
            yield f"{each.all[0].name}: {each.name} and {other.name} meet in the router; take another port for one"


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _socket(at: Entrance, root: str, name: str) -> str:
    return f"{root}/{SOCKETS}/{at.name}.{name}"

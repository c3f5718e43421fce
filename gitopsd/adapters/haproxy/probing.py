"""One request through the router to one slot, by the socket that only probes come through."""

import io
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final

from gitopsd.adapters.asking import Until, silent, weighed
from gitopsd.adapters.haproxy.config import WAY
from gitopsd.adapters.haproxy.names import listener, way
from gitopsd.model.health import Answer, Fail, HttpCheck, Pass, TcpCheck, Unknown
from gitopsd.model.route import Route, SlotName

# A router that reaches no instance closes the connection that it took; one that does keeps it open.
_KEPT_OPEN_S: Final = 0.3
_ANY_GOOD = ((200, 499),)


Way = Callable[[str, float], socket.socket]
"""Connects to a socket of the router, by its name and within so many seconds. OSError: there is no router."""


def probe(way: Way, route: Route, slot: SlotName, timeout: timedelta, path: str) -> Answer:
    """A GET, or in mode `tcp` a connection that stays."""
    begun = time.monotonic()
    asked = route.health.http or HttpCheck(route.listen, status=_ANY_GOOD)
    check = HttpCheck(route.listen, path, _ANY_GOOD) if path else replace(asked, port=route.listen)
    try:
        opened = way(f"{listener(route)}.{slot}", timeout.total_seconds())
    except OSError as error:
        return Unknown(_words(check, error))
    try:
        with opened as wire:
            if route.mode == "tcp":
                return _stays(wire, route)
            wire.sendall(_request(route, check.path))
            said = io.BufferedReader(Until(wire, begun + timeout.total_seconds()))
            return weighed(check, said, lambda: time.monotonic() - begun)
    except TimeoutError:
        return silent(check, timeout)
    except OSError as error:
        return Fail(_words(check, error))


def _words(check: HttpCheck, error: OSError) -> str:
    return f"{check} through the router: {(error.strerror or str(error)).lower()}"


def _request(route: Route, path: str) -> bytes:
    host = next((host for host in route.hosts if "*" not in host), "localhost")
    head = (f"GET {path} HTTP/1.1", f"Host: {host}", f"{WAY}: {way(route.name)}", "User-Agent: gitopsd")
    return "\r\n".join((*head, "Accept: */*", "Connection: close", "", "")).encode()


def _stays(wire: socket.socket, route: Route) -> Answer:
    check = TcpCheck(route.listen)
    wire.settimeout(_KEPT_OPEN_S)
    try:
        return Pass() if wire.recv(1) else Fail(f"{check} through the router: it reaches no instance")
    except TimeoutError:
        return Pass()

"""Asks an address once: over HTTP, or whether a port is open. No call lasts longer than its timeout."""

import errno
import io
import re
import socket
import time
from collections.abc import Callable
from datetime import timedelta
from http.client import HTTPException, HTTPResponse
from typing import Any, Final, cast

from gitopsd.model.health import Answer, Check, Fail, HttpCheck, Pass, TcpCheck, Unknown

MOST_BYTES: Final = 64 << 10
_SHOWN: Final = 80
# Trouble on this side: it says nothing of who was to be asked.
_OURS: Final = frozenset(
    (errno.ENETUNREACH, errno.EMFILE, errno.ENFILE, errno.EACCES, errno.EPERM, errno.EADDRNOTAVAIL, errno.ENOBUFS)
)


def ask(address: str, check: Check, timeout: timedelta) -> Answer:
    """One attempt over the network that this process is in."""
    begun = time.monotonic()
    try:
        with socket.create_connection((address, check.port), timeout.total_seconds()) as wire:
            match check:
                case TcpCheck():
                    return Pass()
                case HttpCheck():
                    wire.sendall(request(address, check))
                    said = io.BufferedReader(Until(wire, begun + timeout.total_seconds()))
                    return weighed(check, said, lambda: time.monotonic() - begun)
    except TimeoutError:
        return silent(check, timeout)
    except OSError as error:
        reason = f"{check}: {(error.strerror or str(error)).lower()}"
        return Unknown(reason) if error.errno in _OURS else Fail(reason)


def request(address: str, check: HttpCheck) -> bytes:
    """What is sent. The connection ends with the answer, so that nothing is left open between two checks."""
    host = f"[{address}]" if ":" in address else address
    lines = (
        f"GET {check.path} HTTP/1.1",
        f"Host: {host}:{check.port}",
        "User-Agent: gitopsd",
        "Accept: */*",
        "Connection: close",
    )
    return "\r\n".join((*lines, "", "")).encode()


def weighed(check: HttpCheck, said: io.BufferedIOBase, elapsed: Callable[[], float]) -> Answer:
    """What an HTTP answer is worth; `elapsed` are the seconds that it took when it is there whole."""
    try:
        response = HTTPResponse(cast("Any", _Given(said)))
        response.begin()
        body = response.read(MOST_BYTES).decode(errors="replace")
    except HTTPException as error:
        return Fail(f"{check}: what answers does not speak HTTP ({type(error).__name__})")
    took = elapsed()
    if not any(low <= response.status <= high for low, high in check.status):
        return Fail(f"{check} answered {response.status}{_beginning(body)}, wanted {_statuses(check)}")
    if check.body and not re.search(check.body, body):
        return Fail(f"{check} answered {response.status}{_beginning(body)}, which does not match {check.body!r}")
    if check.latency is not None and took > check.latency.total_seconds():
        return Fail(f"{check} took {took * 1000:.0f} ms, allowed are {check.latency.total_seconds() * 1000:.0f} ms")
    return Pass()


def silent(check: Check, timeout: timedelta) -> Fail:
    """No answer in time."""
    return Fail(f"{check} did not answer within {timeout.total_seconds():g} s")


def _beginning(body: str) -> str:
    words = " ".join(body.split())
    return f" ({words[:_SHOWN]})" if words.isprintable() and words else ""


def _statuses(check: HttpCheck) -> str:
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in check.status)


class _Given:
    """As much of a socket as an HTTP answer is read from."""

    def __init__(self, said: io.BufferedIOBase) -> None:
        self._said = said

    def makefile(self, _: str) -> io.BufferedIOBase:
        return self._said


class Until(io.RawIOBase):
    """A socket's bytes until a moment: one that sends a byte now and then gets no more time than one that is silent."""

    def __init__(self, wire: socket.socket, until: float) -> None:
        self._wire, self._until = wire, until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._wire.settimeout(left)
        return self._wire.recv_into(buffer)

"""The engine's events as a stream that always ends: when the engine goes, goes silent, or `close` is called."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

import requests

from gitopsd.adapters.docker.connection import Connection
from gitopsd.adapters.docker.translate import translated
from gitopsd.engine_json import live
from gitopsd.model.canonical import canonical
from gitopsd.model.errors import EngineError, EngineUnavailable
from gitopsd.model.live import EngineEvent

KINDS: Final = ("container", "network", "volume", "image", "service", "node")
# Looking into a container is no change of it; of a command run in it, beginning and end are enough.
_NOISE: Final = (
    "exec_create",
    "exec_detach",
    "top",
    "attach",
    "detach",
    "resize",
    "archive-path",
    "copy",
    "export",
)
ASK_EVERY: Final = 20.0
ANSWER_WITHIN: Final = 10.0
LONGEST_LINE: Final = 1 << 20


class Events:
    """Subscriptions to one engine's events, over connections of their own."""

    def __init__(self, connection: Connection, ask_every: float = ASK_EVERY) -> None:
        self._connection = connection
        self._ask_every = ask_every
        self._lock = threading.Lock()
        self._subscriptions: set[_Subscription] = set()

    def read(self, since: datetime | None) -> Iterator[EngineEvent]:
        """Events from `since` on; ends silently. EngineUnavailable, EngineRefused: there was no subscribing.

        Subscribed when this returns: what happens from then on is told.
        """
        wire = Connection(self._connection.target, self._connection.timeout, pool_size=1)
        try:
            subscription = _Subscription(_subscribe(wire, since), self._connection, self._ask_every)
        except BaseException:
            wire.close()
            raise
        with self._lock:
            self._subscriptions.add(subscription)
        return self._followed(subscription, wire)

    def _followed(self, subscription: "_Subscription", wire: Connection) -> Iterator[EngineEvent]:
        try:
            yield from subscription.events()
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)
            subscription.end()
            wire.close()

    def close(self) -> None:
        """End every stream; whoever reads one sees its end."""
        with self._lock:
            for subscription in self._subscriptions:
                subscription.end()


def _subscribe(wire: Connection, since: datetime | None) -> requests.Response:
    params: dict[str, str | int] = {"filters": canonical({"type": list(KINDS)}).decode()}
    if since is not None:
        params["since"] = f"{since.timestamp():.6f}"
    response = wire.call("GET", "/events", doing="subscribe to the engine's events", params=params, stream=True)
    _socket(response).settimeout(None)
    return response


def _socket(response: requests.Response) -> socket.socket:
    """The socket below a streamed answer: only shutting it down wakes a reader in another thread."""
    below: Any = response.raw
    found = below._fp.fp.raw._sock
    assert isinstance(found, socket.socket)
    return found


class _Subscription:
    """One stream, and a watch that asks the engine for a sign of life, as a dead one looks like a quiet one."""

    def __init__(self, response: requests.Response, connection: Connection, ask_every: float) -> None:
        self._response = response
        self._socket = _socket(response)
        self._connection = connection
        self._ended = threading.Event()
        self._watch = threading.Thread(target=self._ask, args=(ask_every,), name="engine-watch", daemon=True)

    def events(self) -> Iterator[EngineEvent]:
        self._watch.start()
        try:
            with translated("read the engine's events"):
                for line in _lines(_pieces(self._response)):
                    if (event := _event(line)) is not None:
                        yield event
        except EngineUnavailable:
            return

    def end(self) -> None:
        self._ended.set()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return

    def _ask(self, every: float) -> None:
        while not self._ended.wait(every):
            try:
                patience = min(ANSWER_WITHIN, self._connection.timeout)
                self._connection.call("GET", "/_ping", doing="ask for a sign of life", timeout=patience)
            except EngineError:
                self.end()


def _pieces(response: requests.Response) -> Iterator[bytes]:
    """What came, as it comes. A proxy may pass the stream on without chunks; requests would wait for all of that."""
    while piece := response.raw.read1(1 << 16):
        yield piece


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines; one that grows without end is dropped."""
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        yield from lines
        if len(rest) > LONGEST_LINE:
            rest = b""


def _event(line: bytes) -> EngineEvent | None:
    """None for noise, and for what is no event: the look that follows sees what it may have meant."""
    try:
        event = live.event(json.loads(line))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    return None if event.action.startswith(_NOISE) else event

"""Clients that count every request that did not get its answer, as nobody else does.

Several kinds go on at once, because each sees what others are spared: GETs over connections that are kept, and POSTs
over a new connection each, which no router may send twice; on demand also websockets, several POSTs at a time over one
connection of HTTP/2, and GETs that take 0.3 to 1.5 seconds, which a drain has to wait for.
"""

import socket
import ssl
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Final, Literal

from tests.http2 import Http2
from tests.waiting import eventually

Kind = Literal["GET", "POST", "websocket", "HTTP/2", "slow"]

USUAL: Final[tuple[Kind, ...]] = ("GET", "POST")
WEBSOCKET: Final = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SENT: Final[Counter[str]] = Counter()
"""What was sent since somebody cleared it, by kind; `tests.conftest` tells it at the end."""
PROVEN: Final[Counter[str]] = Counter()
"""Of those, the ones that stories were told with of which none may be lost."""
_PATIENCE_S: Final = 30.0
_BODY: Final = b"x" * 64
_LINES: Final = 5  # that a websocket says before it ends
_AT_A_TIME: Final = 12
_MOMENTS: Final = 10


class Load:
    """What became of the requests so far: by version for the good ones, by what went wrong for the others."""

    def __init__(self) -> None:
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.kinds: Counter[str] = Counter()
        self.moments: list[str] = []  # of the first failures, to be found again in the daemon's log
        self._guard = threading.Lock()

    @property
    def total(self) -> int:
        with self._guard:
            return self.answered.total() + self.failed.total()

    def more(self, count: int, within: float = 180.0) -> None:
        """Wait until so many more were answered, or not."""
        enough = self.total + count
        eventually(lambda: self.total >= enough, within)

    def reach(self, count: int, within: float = 180.0) -> None:
        """Wait until there are so many in all, or one of them has failed."""
        eventually(lambda: self.total >= count or self.failed, within)

    def share(self, version: str, before: Counter[str]) -> float:
        """What part of the answers since `before` a version gave, in percent."""
        with self._guard:
            new = self.answered - before
        return 100 * new[version] / max(1, new.total())

    def so_far(self) -> Counter[str]:
        """The answers by version."""
        with self._guard:
            return self.answered.copy()

    def none_lost(self) -> None:
        """Assert it, and count what is proven by it."""
        assert not self.failed, (self.failed, self.moments, self.answered)
        PROVEN.update(self.kinds)

    def good(self, kind: Kind, version: str) -> None:
        with self._guard:
            self._count(kind)
            self.answered[version] += 1

    def bad(self, kind: Kind, how: str) -> None:
        with self._guard:
            self._count(kind)
            self.failed[f"{kind:4}: {how}"] += 1
            if len(self.moments) < _MOMENTS:
                self.moments.append(f"{datetime.now(UTC):%H:%M:%S.%f} {kind}")

    def _count(self, kind: Kind) -> None:
        self.kinds[kind] += 1
        SENT[kind] += 1


class Client:
    """Asks one port of an address as long as it is not told to stop; it waits `pause` seconds after each answer."""

    def __init__(self, load: Load, port: int, host: str, pause: float, tls: ssl.SSLContext | None, at: str) -> None:
        self._load, self._port, self._host, self._pause, self._tls, self._at = load, port, host, pause, tls, at
        self.over = threading.Event()

    def ask(self, kind: Kind) -> None:
        do = {"websocket": self._websocket, "HTTP/2": self._http_2, "POST": self._post}.get(kind)
        while not self.over.is_set():
            try:
                with self._connected(kind) as wire:
                    if do is not None:
                        do(wire)
                    else:
                        self._get(wire, kind)
            except OSError as error:
                self._load.bad(kind, str(error))
                self.over.wait(self._pause)

    def _get(self, wire: socket.socket, kind: Kind) -> None:
        request = self._head("GET", "/slow" if kind == "slow" else "/") + b"\r\n"
        while not self.over.is_set() and self._one(kind, wire, request):
            self.over.wait(self._pause)

    def _post(self, wire: socket.socket) -> None:
        self._one("POST", wire, self._head("POST") + b"Content-Length: 64\r\nConnection: close\r\n\r\n" + _BODY)
        self.over.wait(self._pause)

    def _websocket(self, wire: socket.socket) -> None:
        wire.sendall(self._head("GET") + WEBSOCKET.encode())
        head, _ = read(wire)
        if b" 101 " not in head:
            raise OSError(status(head))
        for _ in range(_LINES):
            wire.sendall(b"who?\n")
            self._load.good("websocket", line(wire))
            self.over.wait(self._pause)

    def _http_2(self, wire: socket.socket) -> None:
        speaker = Http2(wire, self._host)
        while not self.over.is_set() and not speaker.leaving:
            for outcome, body in speaker.post(_AT_A_TIME, _BODY):
                if outcome == "200":
                    self._load.good("HTTP/2", body.decode().strip())
                else:
                    self._load.bad("HTTP/2", outcome)
            self.over.wait(self._pause)

    def _head(self, method: str, path: str = "/") -> bytes:
        return f"{method} {path} HTTP/1.1\r\nHost: {self._host}\r\n".encode()

    def _connected(self, kind: Kind) -> socket.socket:
        try:
            wire = socket.create_connection((self._at, self._port), _PATIENCE_S)
            return wire if self._tls is None else self._tls.wrap_socket(wire, server_hostname=self._host)
        except OSError as error:
            raise OSError(f"connect: {error}") from error

    def _one(self, kind: Kind, wire: socket.socket, request: bytes) -> bool:
        """Whether the connection may have another one."""
        wire.sendall(request)
        head, body = read(wire)
        if b" 200 " not in head:
            self._load.bad(kind, status(head))
            return False
        self._load.good(kind, body.decode().strip())
        return b"connection: close" not in head.lower()


def read(wire: socket.socket) -> tuple[bytes, bytes]:
    """The head of an answer and its body; both empty where the connection ends before it."""
    received = b""
    while b"\r\n\r\n" not in received:
        more = wire.recv(1 << 16)
        if not more:
            return b"", b""
        received += more
    head, _, body = received.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
    while len(body) < length:
        more = wire.recv(1 << 16)
        if not more:
            raise OSError("cut short")
        body += more
    return head, body


def status(head: bytes) -> str:
    return b"".join(head.split(b" ", 2)[1:2]).decode() or "ended without an answer"


def line(wire: socket.socket) -> str:
    """What is said up to the end of a line."""
    said = b""
    while not said.endswith(b"\n"):
        more = wire.recv(1 << 10)
        if not more:
            raise OSError("cut short")
        said += more
    return said.decode().strip()


@contextmanager
def load(
    port: int,
    host: str,
    clients: int = 4,
    pause: float = 0.002,
    tls: ssl.SSLContext | None = None,
    *,
    kinds: Sequence[Kind] = USUAL,
    into: Load | None = None,
    at: str = "127.0.0.1",
) -> Iterator[Load]:
    """So many clients of each kind, for as long as it lasts. `into` counts theirs together with others'."""
    made = into or Load()
    client = Client(made, port, host, pause, tls, at)
    threads = [threading.Thread(target=client.ask, args=(kind,), daemon=True) for kind in kinds for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        client.over.set()
        for thread in threads:
            thread.join(_PATIENCE_S)


@contextmanager
def load_at(
    addresses: Sequence[str], port: int, tls: ssl.SSLContext | None = None, kinds: Sequence[Kind] = USUAL
) -> Iterator[Load]:
    """One client of each kind at each of these addresses, which are counted together."""
    seen = Load()
    with ExitStack() as going:
        for each in addresses:
            going.enter_context(load(port, "localhost", 1, 0.01, tls, kinds=kinds, into=seen, at=each))
        yield seen

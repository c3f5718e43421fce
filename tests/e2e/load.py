"""Load on an HTTP service: every request ends in exactly one class, and nothing that went wrong is tried again.

Two kinds at once, since each shows what the other hides: GET over connections that are kept, and POST over new ones,
which no load balancer may repeat.
"""

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

PATIENCE_S = 15.0
BODY = b"x" * 100


@dataclass(frozen=True, slots=True)
class Answered:
    """One request: how it ended (`ok`, a status, `refused`, `reset`, `ended`, `stale`, `silent`), and from whom.

    `at` and `seconds` by the monotonic clock. `stale`: a kept connection was closed while a request was sent on it.
    """

    method: str
    end: str
    version: str
    at: float
    seconds: float


@dataclass
class Heard:
    """All requests of a while."""

    answers: list[Answered] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.answers)

    @property
    def failed(self) -> list[Answered]:
        return [each for each in self.answers if each.end != "ok"]

    @property
    def versions(self) -> Counter[str]:
        return Counter(each.version for each in self.answers if each.end == "ok")

    def share(self, version: str) -> float:
        """In percent of what was answered."""
        return 100 * self.versions[version] / max(1, sum(self.versions.values()))

    def summary(self) -> str:
        """For a person who reads a failed test."""
        ends = Counter(f"{each.method} {each.end} {each.version}".strip() for each in self.failed)
        first = min((each.at for each in self.answers), default=0.0)
        times = [f"{each.at - first:.2f}" for each in self.failed[:8]]
        return f"{len(self.failed)} of {self.total} failed: {dict(ends)}, the first at {times} s"


class Load:
    """Requests to one address until it is stopped. `pause` is how long each worker waits after each, in seconds."""

    def __init__(self, port: int, *, host: str = "", kept: int = 6, new: int = 3, pause: float = 0.002) -> None:
        self._address, self._host, self._pause = ("127.0.0.1", port), host or f"127.0.0.1:{port}", pause
        self._lock = threading.Lock()
        self._heard = Heard()
        self._over = threading.Event()
        workers = [(self._keep, "GET")] * kept + [(self._anew, "POST")] * new
        self._threads = [threading.Thread(target=run, args=(method,), daemon=True) for run, method in workers]
        for thread in self._threads:
            thread.start()

    def taken(self) -> Heard:
        """What has ended since the last call."""
        with self._lock:
            heard, self._heard = self._heard, Heard()
            return heard

    def count(self) -> int:
        with self._lock:
            return self._heard.total

    def stop(self) -> Heard:
        """Let what is under way end; then all that was not taken yet."""
        self._over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S + 5)
        return self.taken()

    def _keep(self, method: str) -> None:
        while not self._over.is_set():
            connection = self._connected(method)
            if connection is None:
                continue
            used = 0
            with connection:
                while not self._over.is_set() and self._asked(connection, method, used):
                    used += 1
                    self._over.wait(self._pause)

    def _anew(self, method: str) -> None:
        while not self._over.is_set():
            connection = self._connected(method)
            if connection is not None:
                with connection:
                    self._asked(connection, method, 0)
            self._over.wait(self._pause)

    def _connected(self, method: str) -> socket.socket | None:
        begun = time.monotonic()
        try:
            return socket.create_connection(self._address, PATIENCE_S)
        except TimeoutError:
            self._note(method, "silent", "", begun)
        except OSError:
            self._note(method, "refused", "", begun)
        self._over.wait(0.02)
        return None

    def _asked(self, connection: socket.socket, method: str, used: int) -> bool:
        """One request; whether the connection may be used again."""
        begun, goes_on = time.monotonic(), method == "GET"
        body = BODY if method == "POST" else b""
        head = f"{method} / HTTP/1.1\r\nHost: {self._host}\r\nContent-Length: {len(body)}\r\n"
        head += "\r\n" if goes_on else "Connection: close\r\n\r\n"
        end, version = "ok", ""
        try:
            connection.sendall(head.encode() + body)
            status, headers = _answer(connection)
            end, version = ("ok" if status == 200 else str(status)), headers.get("x-version", "")
            goes_on = goes_on and headers.get("connection", "").lower() != "close"
        except TimeoutError:
            end, goes_on = "silent", False
        except EOFError as error:
            end, goes_on = ("stale" if used and str(error) == "at once" else "ended"), False
        except OSError:
            end, goes_on = ("stale" if used else "reset"), False
        self._note(method, end, version, begun)
        return goes_on

    def _note(self, method: str, end: str, version: str, begun: float) -> None:
        answered = Answered(method, end, version, begun, time.monotonic() - begun)
        with self._lock:
            self._heard.answers.append(answered)


def _answer(connection: socket.socket) -> tuple[int, dict[str, str]]:
    have = b""
    while b"\r\n\r\n" not in have:
        got = connection.recv(65536)
        if not got:
            raise EOFError("at once" if not have else "in the head")
        have += got
    head, _, body = have.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    while len(body) < length:
        got = connection.recv(65536)
        if not got:
            raise EOFError("in the body")
        body += got
    return int(first.split()[1]), headers


@contextmanager
def load(port: int, **how: float) -> Iterator[Load]:
    """Load while the block runs."""
    found = Load(port, **how)  # type: ignore[arg-type]
    try:
        yield found
    finally:
        with suppress(RuntimeError):
            found.stop()

"""Clients that count every request that did not get its answer, as nobody else does.

Two kinds go on at once, because each sees what the other is spared: GETs over connections that are kept, and POSTs over
a new connection each, which no router may send twice.
"""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_PATIENCE_S: Final = 30.0
_BODY: Final = b"x" * 64


class Load:
    """What became of the requests so far: by version for the good ones, by what went wrong for the others."""

    def __init__(self, port: int, host: str, pause: float, tls: ssl.SSLContext | None = None) -> None:
        self.answered: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self._request = f"/ HTTP/1.1\r\nHost: {host}\r\nContent-Length: ".encode()
        self._port, self._pause, self._host, self._tls = port, pause, host, tls
        self._over, self._guard = threading.Event(), threading.Lock()

    @property
    def total(self) -> int:
        with self._guard:
            return self.answered.total() + self.failed.total()

    def keep_alive(self) -> None:
        while not self._over.is_set():
            with self._connection() as wire:
                while wire is not None and not self._over.is_set():
                    if not self._one(wire, b"GET " + self._request + b"0\r\n\r\n"):
                        break

    def new_connections(self) -> None:
        post = b"POST " + self._request + f"{len(_BODY)}\r\nConnection: close\r\n\r\n".encode() + _BODY
        while not self._over.is_set():
            with self._connection() as wire:
                if wire is not None:
                    self._one(wire, post)

    def stop(self) -> None:
        self._over.set()

    @contextmanager
    def _connection(self) -> Iterator[socket.socket | None]:
        try:
            wire = socket.create_connection(("127.0.0.1", self._port), _PATIENCE_S)
            if self._tls is not None:
                wire = self._tls.wrap_socket(wire, server_hostname=self._host)
        except OSError as error:
            self._failed(f"connect: {error}")
            time.sleep(self._pause)
            yield None
            return
        with wire:
            yield wire

    def _one(self, wire: socket.socket, request: bytes) -> bool:
        """Whether the connection may have another one."""
        try:
            wire.sendall(request)
            head, body = self._read(wire)
        except OSError as error:
            self._failed(f"{request[:4].decode()}: {error}")
            return False
        status = head.split(b" ", 2)[1:2]
        if status == [b"200"]:
            with self._guard:
                self.answered[body.decode().strip()] += 1
        else:
            self._failed(f"{request[:4].decode()}: {b''.join(status).decode() or 'ended without an answer'}")
        time.sleep(self._pause)
        return status == [b"200"] and b"connection: close" not in head.lower()

    def _read(self, wire: socket.socket) -> tuple[bytes, bytes]:
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

    def _failed(self, how: str) -> None:
        with self._guard:
            self.failed[how] += 1


@contextmanager
def load(
    port: int, host: str, clients: int = 4, pause: float = 0.002, tls: ssl.SSLContext | None = None
) -> Iterator[Load]:
    """So many clients of each kind, for as long as it lasts; each waits `pause` seconds after an answer."""
    made = Load(port, host, pause, tls)
    kinds = (made.keep_alive, made.new_connections)
    threads = [threading.Thread(target=kind, daemon=True) for kind in kinds for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield made
    finally:
        made.stop()
        for thread in threads:
            thread.join(_PATIENCE_S)

"""Small servers on loopback that a router has behind it, as instances of a service are."""

import contextlib
import random
import socket
import socketserver
import threading
import time
from collections.abc import Mapping
from typing import Any


class App(socketserver.ThreadingTCPServer):
    """An instance that says who it is.

    It answers `status` after so many `seconds`; `/hold` answers when `release` is set, and `/stream` says its name once
    before that and once after; `/healthz` answers as `healthy` says. `asked` counts what it got, but for checks, and
    `received` the bytes of bodies. It ends as one does that exits at once on SIGTERM: in mid-answer.
    """

    daemon_threads = True
    request_queue_size = 128
    allow_reuse_address = True

    def __init__(self, name: str, port: int = 0, healthy: bool = True, address: str = "127.0.0.1") -> None:
        self.name, self.healthy, self.status, self.seconds = name, healthy, 200, 0.0
        self.asked, self.checked, self.received = 0, 0, 0
        self.release = threading.Event()
        self.headers: Mapping[str, str] = {}
        self._open: set[socket.socket] = set()
        super().__init__((address, port), _Handler)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end in the middle are what tests do."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()
        self.release.set()
        for each in list(self._open):
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue


class _Handler(socketserver.BaseRequestHandler):
    server: App

    def handle(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        while True:
            while b"\r\n\r\n" not in received:
                more = self.request.recv(1 << 16)
                if not more:
                    return
                received += more
            head, _, rest = received.partition(b"\r\n\r\n")
            first, *lines = head.decode().split("\r\n")
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            received = self._without_body(rest, int(headers.get("content-length", 0)))
            self._answer(first.split(" ")[1], headers)

    def _without_body(self, received: bytes, length: int) -> bytes:
        left = length - len(received)
        while left > 0:
            more = self.request.recv(min(left, 1 << 20))
            if not more:
                raise ConnectionError("a body that was cut short")
            left -= len(more)
        self.server.received += length
        return received[length:]

    def _answer(self, path: str, headers: dict[str, str]) -> None:
        app = self.server
        status = app.status
        if path.startswith("/healthz"):
            app.checked += 1
            status = 200 if app.healthy else 503
        else:
            app.asked += 1
            app.headers = headers
        if path.startswith("/hold"):
            app.release.wait(30)
        time.sleep(app.seconds)
        times = 2 if path.startswith("/stream") else 1
        head = f"HTTP/1.1 {status} Said\r\nContent-Length: {times * len(app.name)}\r\nX-Version: {app.name}\r\n\r\n"
        self.request.sendall(f"{head}{app.name}".encode())
        if times == 2:
            app.release.wait(30)
            self.request.sendall(app.name.encode())


class Greeter(socketserver.ThreadingTCPServer):
    """An instance that says its name, and then whatever it is told; with `upgraded`, a websocket's answer first."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, name: str, upgraded: bool = False) -> None:
        self.name, self.upgraded = name, upgraded
        super().__init__(("127.0.0.1", 0), _Greeting)
        self.port: int = self.server_address[1]
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Connections that end in the middle are what tests do."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class _Greeting(socketserver.StreamRequestHandler):
    server: Greeter

    def handle(self) -> None:
        if self.server.upgraded:
            while self.rfile.readline().strip():
                pass
            accepted = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
            head = f"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{accepted}\r\n\r\n"
            self.wfile.write(head.encode())
        else:
            self.wfile.write(f"{self.server.name}\n".encode())
        while line := self.rfile.readline():
            self.wfile.write(line)


def free_port() -> int:
    """One below those that systems give to clients, so that none of these takes it before the server does."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port

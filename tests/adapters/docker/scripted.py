"""An engine whose every answer a test writes: it can hang, reset, cut short or lie, over a socket file, TCP or TLS."""

import json
import socketserver
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VERSION = {"ApiVersion": "1.41", "MinAPIVersion": "1.12", "Version": "20.10.24"}


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes


class Hang:
    """No answer, with the connection held open."""


class Reset:
    """The connection is closed without an answer."""


@dataclass(frozen=True)
class Raw:
    """These bytes, and then the end of the connection."""

    data: bytes


@dataclass(frozen=True)
class Stream:
    """An answer of these pieces, chunked or up to the connection's end; it stays open when `then_hang`."""

    pieces: tuple[bytes, ...]
    then_hang: bool = False
    chunked: bool = True


@dataclass(frozen=True)
class Answer:
    status: int = 200
    body: Any = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


Said = Answer | Raw | Stream | Hang | Reset
HANG, RESET = Hang(), Reset()
CUT_SHORT = Raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n[{")
NO_HTTP = Raw(b"I am a printer\r\n\r\n")
NO_JSON = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n<html")


class ScriptedEngine:
    """Serves until `close`. `answers` maps a request to what is said; None means an ordinary empty answer."""

    def __init__(
        self, at: Path | None, answers: Callable[[Request], Said | None], tls: ssl.SSLContext | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.version: Mapping[str, str] = VERSION
        self._answers = answers
        self._over = threading.Event()
        self._server = _server(at, self._handle, tls)
        self.url = f"unix://{at}" if at else f"tcp://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def paths(self) -> list[str]:
        return [f"{request.method} {request.path.partition('?')[0]}" for request in self.requests]

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def _handle(self, connection: socketserver.StreamRequestHandler) -> None:
        with suppress(OSError):
            while (request := _read(connection)) is not None and self._say(connection, request):
                continue

    def _say(self, connection: socketserver.StreamRequestHandler, request: Request) -> bool:
        """Whether the connection stays open for another request."""
        self.requests.append(request)
        said = self._answers(request)
        if said is None:
            said = Answer(body=self.version) if request.path.endswith("/version") else Answer()
        match said:
            case Hang():
                self._over.wait(30)
                return False
            case Reset():
                return False
            case Raw(data=data):
                connection.wfile.write(data)
                return False
            case Stream():
                return self._stream(connection, said)
            case Answer():
                connection.wfile.write(_encode(said))
                return True

    def _stream(self, connection: socketserver.StreamRequestHandler, said: Stream) -> bool:
        end = b"Transfer-Encoding: chunked" if said.chunked else b"Connection: close"
        connection.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + end + b"\r\n\r\n")
        for piece in said.pieces:
            connection.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n" if said.chunked else piece)
        if said.then_hang:
            self._over.wait(30)
        return False


def _server(
    at: Path | None, handle: Callable[[socketserver.StreamRequestHandler], None], tls: ssl.SSLContext | None
) -> socketserver.BaseServer:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            handle(self)

    class Unix(socketserver.ThreadingUnixStreamServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None: ...

    class Tcp(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def get_request(self) -> tuple[Any, Any]:
            plain, address = self.socket.accept()
            return (tls.wrap_socket(plain, server_side=True) if tls else plain), address

        def handle_error(self, request: Any, client_address: Any) -> None: ...

    return Unix(str(at), Handler) if at else Tcp(("127.0.0.1", 0), Handler)


def _read(connection: socketserver.StreamRequestHandler) -> Request | None:
    first = connection.rfile.readline()
    if not first.strip():
        return None
    method, path, _ = first.decode().split(" ", 2)
    length = 0
    while line := connection.rfile.readline().strip():
        name, _, value = line.decode().partition(":")
        if name.lower() == "content-length":
            length = int(value)
    return Request(method, path, connection.rfile.read(length))


def _encode(answer: Answer) -> bytes:
    body = b"" if answer.status in (204, 304) else json.dumps(answer.body).encode()
    headers = {"Content-Type": "application/json", "Content-Length": str(len(body)), **answer.headers}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {answer.status} said\r\n{lines}\r\n".encode() + body

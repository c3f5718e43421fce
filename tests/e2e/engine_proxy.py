"""A socket in front of a real engine that counts what would change something, and fails on demand."""

import contextlib
import http.client
import socket
import socketserver
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlsplit

How = Literal[
    "hang", "deny", "reset", "lose the answer", "error after", "kill before the call", "kill before the answer"
]
STREAMS = ("/events", "/images/create")
HOP_BY_HOP = frozenset(("connection", "transfer-encoding", "content-length", "keep-alive"))


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` calls in which `call` occurs (`POST /containers`), after `skip` others."""

    call: str
    how: How
    times: int = 1
    skip: int = 0


class EngineProxy:
    """Listens at `url`. `writes` lists the calls that may change something, in the order in which they began."""

    def __init__(self, engine_url: str, kill: Callable[[], None] = lambda: None) -> None:
        self.writes: list[str] = []
        self.calls: list[str] = []
        self.kill = kill
        self._engine = urlsplit(engine_url).path
        self._faults: list[Fault] = []
        self._guard = threading.Lock()
        self._released = threading.Event()
        self._streams: list[socket.socket] = []
        self.deaf = False  # events of the engine are not passed on
        self._directory = tempfile.TemporaryDirectory(prefix="gitopsd-proxy-")
        self._path = Path(self._directory.name) / "docker.sock"
        self._server = _Server(str(self._path), self)
        self.url = f"unix://{self._path}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def fault(self, call: str, how: How, times: int = 1, skip: int = 0) -> Fault:
        """Plan a failure; `call` is a part of `METHOD /path?query`, "" any write."""
        planned = Fault(call, how, times, skip)
        with self._guard:
            self._faults.append(planned)
        return planned

    def mend(self) -> None:
        """No more failures; what hangs goes on."""
        with self._guard:
            self._faults.clear()
            self._released.set()
            self._released = threading.Event()

    def tell(self, *lines: bytes) -> None:
        """Put lines into every stream of events, as if the engine had said them."""
        with self._guard:
            streams = list(self._streams)
        for stream in streams:
            stream.sendall(b"".join(lines))

    def cut_events(self) -> None:
        """End every stream of events, as an engine that is restarted does."""
        with self._guard:
            streams, self._streams = self._streams, []
        for stream in streams:
            _shut(stream)

    def close(self) -> None:
        self.mend()
        self.cut_events()
        self._server.shutdown()
        self._server.server_close()
        self._directory.cleanup()

    # --- what the handlers ask ----------------------------------------------------------------------------------------

    def engine(self) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("localhost")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(self._engine)
        return connection

    def begun(self, call: str) -> tuple[How | None, threading.Event]:
        """Note a call; how it is to fail, and what a hanging one waits for."""
        with self._guard:
            self.calls.append(call)
            writes = not call.startswith(("GET ", "HEAD "))
            if writes:
                self.writes.append(call)
            for each in self._faults:
                if each.times > 0 and (each.call in call if each.call else writes):
                    if each.skip:
                        each.skip -= 1
                        continue
                    each.times -= 1
                    return each.how, self._released
            return None, self._released

    def stream(self, connection: socket.socket) -> None:
        with self._guard:
            self._streams.append(connection)


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, path: str, proxy: EngineProxy) -> None:
        self.proxy = proxy
        super().__init__(path, Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A connection that ends in the middle is what this server is for."""


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""

    def pass_on(self) -> None:
        """One request."""
        proxy = self.server.proxy
        how, released = proxy.begun(unquote(f"{self.command} {self.path}"))
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if how == "hang":
            released.wait()
        if how == "kill before the call":
            proxy.kill()
        if how in ("hang", "reset", "kill before the call"):
            _shut(self.connection)
            return
        if how == "deny":
            self._say(403, [("Content-Type", "text/plain")], b"Forbidden: denied by the proxy")
            return
        upstream = proxy.engine()
        upstream.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k != "Host"})
        answer = upstream.getresponse()
        if any(part in self.path for part in STREAMS):
            self._stream(answer)
        else:
            self._answer(how, answer)
        upstream.close()

    def _answer(self, how: How | None, answer: http.client.HTTPResponse) -> None:
        data = answer.read()
        match how:
            case "kill before the answer":
                self.server.proxy.kill()
                _shut(self.connection)
            case "lose the answer":
                _shut(self.connection)
            case "error after":
                self._say(500, [("Content-Type", "application/json")], b'{"message":"a fault of the moment"}')
            case _:
                self._say(answer.status, answer.getheaders(), data)

    def _say(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        for key, value in headers:
            if key.lower() not in HOP_BY_HOP:
                self.send_header(key, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        if "/events" in self.path:
            self.server.proxy.stream(self.connection)
        self.close_connection = True
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        while data := answer.read1(65536):
            if not (self.server.proxy.deaf and "/events" in self.path):
                self.wfile.write(data)
                self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = pass_on


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)

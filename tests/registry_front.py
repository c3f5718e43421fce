"""What stands in front of a registry: it counts who asks, and answers 429, trickles, breaks off or hangs on demand."""

import contextlib
import http.client
import socket
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PIECE = 4096


@dataclass(frozen=True, slots=True)
class Busy:
    """429, and after how many seconds to come back."""

    retry_after: int = 60


@dataclass(frozen=True, slots=True)
class Trickle:
    """The body comes in pieces of 4 KiB, each after a pause."""

    pause_s: float = 0.05


@dataclass(frozen=True, slots=True)
class BreakOff:
    """The connection is reset after so many bytes of the body."""

    after: int = PIECE


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer, with the connection held open."""


How = Busy | Trickle | BreakOff | Hang


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests whose path has `part` in it."""

    part: str
    how: How
    times: int


class Front:
    """Listens at `host`, and passes on to a registry. `asked` lists the requests: `GET /v2/web/manifests/1`."""

    def __init__(self, registry: str) -> None:
        self.asked: list[str] = []
        self._registry = registry
        self._faults: list[Fault] = []
        self._guard = threading.Lock()
        self._over = threading.Event()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # Whoever asks in TLS is answered as by any web server, and so knows that this one speaks HTTP.
            default_request_version = "HTTP/1.1"

            def do_GET(self) -> None:
                with contextlib.suppress(OSError):
                    front.answer(self)

            do_HEAD = do_GET

            def log_message(self, format: str, *arguments: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def fault(self, part: str, how: How, times: int = 1000) -> None:
        """Plan trouble for paths with this part in it: `manifests`, `blobs`, "" for all."""
        with self._guard:
            self._faults.append(Fault(part, how, times))

    def mend(self) -> None:
        """No more trouble; what hangs is let go."""
        with self._guard:
            self._faults.clear()
            self._over.set()
            self._over = threading.Event()

    def close(self) -> None:
        self.mend()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        how, over = self._planned(request)
        match how:
            case Hang():
                over.wait()
                request.close_connection = True
            case Busy(retry_after=seconds):
                body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"you have reached your pull rate limit"}]}'
                headers = [("Content-Type", "application/json"), ("Retry-After", str(seconds))]
                _begin(request, 429, headers, len(body))
                request.wfile.write(body if request.command == "GET" else b"")
            case _:
                self._pass_on(request, how, over)

    def _planned(self, request: BaseHTTPRequestHandler) -> tuple[How | None, threading.Event]:
        with self._guard:
            self.asked.append(f"{request.command} {request.path}")
            for each in self._faults:
                if each.times > 0 and each.part in request.path:
                    each.times -= 1
                    return each.how, self._over
            return None, self._over

    def _pass_on(self, request: BaseHTTPRequestHandler, how: How | None, over: threading.Event) -> None:
        upstream = http.client.HTTPConnection(self._registry, timeout=30)
        upstream.putrequest(request.command, request.path, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers.items():  # one name may come several times, as Accept does
            upstream.putheader(name, value)
        upstream.endheaders()
        answer = upstream.getresponse()
        data = answer.read()
        length = len(data) if request.command == "GET" else int(answer.getheader("Content-Length") or 0)
        _begin(request, answer.status, answer.getheaders(), length)
        match how:
            case BreakOff(after=size):
                request.wfile.write(data[:size])
                request.wfile.flush()
                request.close_connection = True
                request.connection.shutdown(socket.SHUT_RDWR)
            case Trickle(pause_s=pause):
                for start in range(0, len(data), PIECE):
                    over.wait(pause)
                    request.wfile.write(data[start : start + PIECE])
            case _:
                request.wfile.write(data)
        upstream.close()


def _begin(request: BaseHTTPRequestHandler, status: int, headers: list[tuple[str, str]], length: int) -> None:
    request.send_response_only(status)
    for name, value in headers:
        if name.lower() not in ("content-length", "connection", "transfer-encoding"):
            request.send_header(name, value)
    request.send_header("Content-Length", str(length))
    request.end_headers()

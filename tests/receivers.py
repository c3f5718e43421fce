"""Real receivers on this machine's loopback: an HTTP server, a server of mail, and a forge with the real status API."""

import base64
import hmac
import json
import re
import socketserver
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

SECRET = "hush-hush-very-secret"
TOKEN = "glpat-0123456789abcdef"


@dataclass(frozen=True)
class Call:
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Web:
    """What an HTTP server was sent. `answers` are the statuses of the next calls, with headers; then `judge` says.

    `drips` lets it answer a byte at a time, `floods` without an end.
    """

    port: int = 0
    calls: list[Call] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    judge: Callable[[Call], tuple[int, dict[str, str], bytes]] = lambda call: (200, {}, b"{}")
    drips: bool = False
    floods: bool = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def web() -> Iterator[Web]:
    found = Web()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            call = Call(self.path, {key.lower(): value for key, value in self.headers.items()}, body)
            found.calls.append(call)
            with suppress(OSError):
                self._answer(call)

        do_GET = do_POST

        def _answer(self, call: Call) -> None:
            status, headers, body = (*found.answers.pop(0), b"no") if found.answers else found.judge(call)
            if found.drips:
                for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 10_000:
                    self.wfile.write(bytes([byte]))
                    time.sleep(0.05)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(1 << 40 if found.floods else len(body)))
            self.end_headers()
            self.wfile.write(body)
            while found.floods:
                self.wfile.write(b"x" * (1 << 16))

        def log_message(self, *said: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        found.port = server.server_port
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield found
        finally:
            found.drips = found.floods = False
            server.shutdown()


def signed(call: Call, secret: str = SECRET) -> bool:
    """As a receiver checks what standardwebhooks.com says, knowing nothing of gitopsd."""
    parts = (call.headers["webhook-id"].encode(), call.headers["webhook-timestamp"].encode(), call.body)
    wanted = base64.b64encode(hmac.new(secret.encode(), b".".join(parts), sha256).digest()).decode()
    fresh = abs(time.time() - int(call.headers["webhook-timestamp"])) < 300
    return fresh and hmac.compare_digest(call.headers["webhook-signature"], f"v1,{wanted}")


@dataclass
class MailServer:
    """`mails` is what it took. `code` is what it answers a mail with; `logins` who came in, with their passwords.

    With `tls` it speaks TLS once it is asked to, and takes no login before.
    """

    port: int = 0
    mails: list[Message] = field(default_factory=list)
    logins: list[tuple[str, str]] = field(default_factory=list)
    code: int = 250
    asks_who: bool = False
    tls: ssl.SSLContext | None = None


@contextmanager
def mail_server() -> Iterator[MailServer]:
    found = MailServer()

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = daemon_threads = True
        state = found

    with Server(("127.0.0.1", 0), _Mailing) as server:
        found.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield found
        finally:
            server.shutdown()


class _Mailing(socketserver.StreamRequestHandler):
    """One conversation, as RFC 5321 has it."""

    def handle(self) -> None:
        self.found: MailServer = self.server.state  # type: ignore[attr-defined]
        with suppress(OSError):
            self._say("220 mail.example.com")
            while line := self.rfile.readline().decode().strip():
                verb, _, rest = line.partition(" ")
                self._answer(verb.upper(), rest)
                if verb.upper() == "QUIT":
                    return

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _answer(self, verb: str, rest: str) -> None:
        match verb:
            case "EHLO" | "HELO":
                self._say("250-mail.example.com")
                if self.found.tls is not None and not isinstance(self.connection, ssl.SSLSocket):
                    self._say("250 STARTTLS")
                else:
                    self._say("250 AUTH PLAIN" if self.found.asks_who else "250 8BITMIME")
            case "STARTTLS" if self.found.tls is not None:
                self._say("220 go on")
                self.connection = self.found.tls.wrap_socket(self.connection, server_side=True)
                self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            case "AUTH":
                _, user, password = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")
                self.found.logins.append((user, password))
                self._say("235 come in")
            case "DATA":
                self._say("354 go on")
                self._take()
            case _:
                self._say("221 bye" if verb == "QUIT" else "250 good")

    def _take(self) -> None:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if self.found.code == 250:
            self.found.mails.append(message_from_bytes(b"".join(lines)))
        self._say(f"{self.found.code} as you say")


@dataclass
class ForgeServer:
    """A forge with one project, and the states of its commits: the last one by commit and context."""

    kind: str
    web: Web
    project: str = "shop/environments"
    commits: set[str] = field(default_factory=set)
    states: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)

    @property
    def api(self) -> str:
        return self.web.url + {"github": "/api/v3", "gitlab": "/api/v4", "gitea": "/api/v1"}[self.kind]


PATHS = {
    "github": r"/api/v3/repos/(?P<project>[^/]+/[^/]+)/statuses/(?P<commit>[0-9a-f]+)",
    "gitlab": r"/api/v4/projects/(?P<project>[^/]+)/statuses/(?P<commit>[0-9a-f]+)",
    "gitea": r"/api/v1/repos/(?P<project>[^/]+/[^/]+)/statuses/(?P<commit>[0-9a-f]+)",
}
LOGINS = {
    "github": ("authorization", f"Bearer {TOKEN}"),
    "gitlab": ("private-token", TOKEN),
    "gitea": ("authorization", f"token {TOKEN}"),
}
STATES = {
    "github": {"error", "failure", "pending", "success"},
    "gitlab": {"pending", "running", "success", "failed", "canceled", "skipped"},
    "gitea": {"pending", "success", "error", "failure", "warning"},
}
MOST = {"github": 140, "gitlab": 255, "gitea": 1 << 16}


@contextmanager
def forge(kind: str, commits: set[str]) -> Iterator[ForgeServer]:
    """One that answers as the API documents of its kind say."""
    with web() as served:
        found = ForgeServer(kind, served, commits=commits)
        served.judge = lambda call: _judged(found, call)
        yield found


def _judged(forge: ForgeServer, call: Call) -> tuple[int, dict[str, str], bytes]:
    header, value = LOGINS[forge.kind]
    found = re.fullmatch(PATHS[forge.kind], call.path)
    if call.headers.get(header) != value:
        return 401, {}, b'{"message": "Bad credentials"}'
    if forge.kind == "github" and not call.headers.get("user-agent"):
        return 403, {}, b"Request forbidden by administrative rules"
    if found is None or unquote(found["project"]) != forge.project:
        return 404, {}, b'{"message": "Not Found"}'
    if found["commit"] not in forge.commits:
        return (404, {}, b'{"message": "404 Commit Not Found"}') if forge.kind != "github" else (422, {}, b"No commit")
    said = call.json()
    context = said.get("name" if forge.kind == "gitlab" else "context")
    if not context or said.get("state") not in STATES[forge.kind]:
        return 422, {}, b'{"message": "Validation Failed"}'
    if len(said.get("description", "")) > MOST[forge.kind]:
        return (400 if forge.kind == "gitlab" else 422), {}, b'{"message": "description is too long"}'
    where = (found["commit"], context)
    if forge.kind == "gitlab" and forge.states.get(where, {}).get("state") == said["state"]:
        return 400, {}, b'{"message": "Cannot transition status via :enqueue from :pending"}'
    forge.states[where] = said
    return 201, {}, b"{}"

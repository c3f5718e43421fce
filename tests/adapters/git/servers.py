"""Real Git servers on loopback, good and bad: `git daemon`, Git's own HTTP backend, sshd, and sockets that hang."""

import base64
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.adapters.git.repositories import ENVIRONMENT
from tests.images import install
from tests.waiting import eventually

LOOPBACK = "127.0.0.1"
# More than one whole packet of a pack (64 KiB at most): git begins to write objects down once it has one.
MID_PACK = 150_000


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


@contextmanager
def git_daemon(root: Path) -> Iterator[str]:
    """Serves the repositories below `root`; gives the URL of `root`."""
    port = free_port()
    command = ["git", "daemon", f"--base-path={root}", "--export-all", f"--listen={LOOPBACK}", f"--port={port}"]
    with running([*command, "--reuseaddr", "--enable=receive-pack", str(root)], port):
        yield f"git://{LOOPBACK}:{port}"


@contextmanager
def running(command: list[str], port: int) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        eventually(lambda: answers(port))
        yield
    finally:
        os.killpg(process.pid, 15)
        process.wait(timeout=10)


@dataclass
class HttpServer:
    """Git's HTTP backend. `status` other than 200 is answered to everything, with `message`; `password` is asked for.

    `cut_after` ends each answer after so many bytes, and `stall` leaves it open there. `hits` are the paths asked for.
    """

    root: Path
    url: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    message: bytes = b""
    password: str = ""
    cut_after: int | None = None
    stall: threading.Event | None = None
    hits: list[str] = field(default_factory=list)

    def backend(self, handler: BaseHTTPRequestHandler, body: bytes) -> bytes:
        path, _, query = handler.path.partition("?")
        variables = {
            **ENVIRONMENT,
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": handler.command,
            "CONTENT_TYPE": handler.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": handler.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": handler.headers.get("Git-Protocol", ""),
            "REMOTE_USER": "ada",
        }
        command = ["git", "http-backend"]
        # It ends with an error after it has told the client of one.
        return subprocess.run(command, input=body, env=variables, capture_output=True, check=False, timeout=60).stdout


@contextmanager
def http_server(root: Path) -> Iterator[HttpServer]:
    server = HttpServer(root)
    listener = Listener((LOOPBACK, 0), Handler)
    listener.site = server
    server.url = f"http://{LOOPBACK}:{listener.server_port}"
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        if server.stall:
            server.stall.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


class Listener(ThreadingHTTPServer):
    daemon_threads = True
    site: HttpServer


class Handler(BaseHTTPRequestHandler):
    server: Listener

    def do_GET(self) -> None:
        self.server.site.hits.append(self.path)
        body = self.body()
        if self.server.site.password and not self.known():
            self.refuse(401, {"WWW-Authenticate": 'Basic realm="git"'})
        elif self.server.site.status != 200:
            self.refuse(self.server.site.status, self.server.site.headers)
        else:
            self.answer(self.server.site.backend(self, body))

    do_POST = do_GET

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def known(self) -> bool:
        wanted = base64.b64encode(f"ada:{self.server.site.password}".encode()).decode()
        return self.headers.get("Authorization") == f"Basic {wanted}"

    def refuse(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(self.server.site.message)))
        self.end_headers()
        self.wfile.write(self.server.site.message)

    def answer(self, output: bytes) -> None:
        head, _, content = output.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self.send_response(int(fields.pop("Status", "200").split()[0]))
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content[: self.server.site.cut_after])
        self.wfile.flush()
        if self.server.site.stall and len(content) > (self.server.site.cut_after or 0):
            self.server.site.stall.wait(60)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def silent_server() -> Iterator[int]:
    """Takes connections and never says a word; gives its port."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        port: int = listener.getsockname()[1]
        yield port


@contextmanager
def dripping_server() -> Iterator[int]:
    """Answers every connection with another line of the header now and then, for ever; gives its port."""

    class Drip(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.sendall(b"HTTP/1.1 200 OK\r\n")
                while not over.wait(0.05):
                    self.request.sendall(b"X-Slow: 1\r\n")

    over = threading.Event()
    listener = socketserver.ThreadingTCPServer((LOOPBACK, 0), Drip)
    listener.daemon_threads = True
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener.server_address[1]
    finally:
        over.set()
        listener.shutdown()
        listener.server_close()
        thread.join()


@contextmanager
def unknown_tls_server(directory: Path) -> Iterator[int]:
    """Shows a certificate that nobody else has signed; gives its port."""
    key, certificate = directory / "key.pem", directory / "certificate.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=ca -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*command.split(), "-keyout", key, "-out", certificate], check=True, capture_output=True, timeout=30)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    listener = ThreadingHTTPServer((LOOPBACK, 0), BaseHTTPRequestHandler)
    listener.handle_error = lambda *_: None  # type: ignore[method-assign]
    listener.socket = tls.wrap_socket(listener.socket, server_side=True)
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield listener.server_port
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()


@dataclass
class SshServer:
    port: int
    client_key: Path
    known_hosts: Path


def ssh_daemon() -> str | None:
    return shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")


@contextmanager
def ssh_server(directory: Path) -> Iterator[SshServer]:
    """An sshd of its own on loopback, installed where it is missing; skips the test for anybody but root."""
    if os.geteuid() != 0:
        pytest.skip("sshd needs root")
    if ssh_daemon() is None or shutil.which("ssh-keygen") is None:
        install("openssh-server", "openssh-client")
    daemon = str(ssh_daemon())
    directory.mkdir(parents=True)
    host_key, client_key, port = directory / "host", directory / "client", free_port()
    for key in (host_key, client_key):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True, timeout=30)
    (directory / "authorized_keys").write_text(client_key.with_suffix(".pub").read_text())
    public = " ".join(host_key.with_suffix(".pub").read_text().split()[:2])
    known_hosts = directory / "known hosts"
    known_hosts.write_text(f"[{LOOPBACK}]:{port} {public}\n")
    configuration = directory / "sshd_config"
    configuration.write_text(
        f"ListenAddress {LOOPBACK}:{port}\nHostKey {host_key}\nPidFile none\nUsePAM no\nStrictModes no\n"
        f"AuthorizedKeysFile {directory / 'authorized_keys'}\nPasswordAuthentication no\nPermitRootLogin yes\n"
    )
    # The separation directory that Debian's sshd insists on.
    Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    with running([daemon, "-D", "-e", "-f", str(configuration)], port):
        yield SshServer(port, client_key, known_hosts)

"""Ways to an engine (socket file, SSH, TCP, TLS), all through one pool of connections that threads share."""

import http.client
import socket
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3
import urllib3.connection

from gitopsd.model.errors import EngineError
from gitopsd.model.settings import TargetEngine

CONNECT_TIMEOUT: Final = 10.0
POOL_SIZE: Final = 15  # over ssh, where each is a session; and one for the events
LOCAL_POOL_SIZE: Final = 32  # so that 16 chains that wait for a busy engine leave room for a look at it
# The address in front of every path; where it leads is the pool's business.
ADDRESS: Final = "http+docker://localhost"

Pool = urllib3.HTTPConnectionPool


def open_pool(target: TargetEngine, size: int = 0) -> Pool:
    """The pool for an engine's URL, of as many connections as suit that unless it is said; none is made yet.

    EngineError: the URL or the TLS directory is wrong.
    """
    parts = urlsplit(target.url)
    size = size or (POOL_SIZE if parts.scheme == "ssh" else LOCAL_POOL_SIZE)
    match parts.scheme:
        case "unix":
            return DialledPool(lambda: _dial_socket(parts.path), size)
        case "ssh" if parts.hostname:
            command = ssh_command(target.url)
            return DialledPool(lambda: _dial_command(command), size)
        case "tcp" | "http" | "https" if parts.hostname:
            if target.tls or parts.scheme == "https":
                return _tls_pool(parts.hostname, parts.port or 2376, target.tls, size)
            return WaitingPool(parts.hostname, parts.port or 2375, maxsize=size, block=True)
    raise EngineError(f"'{target.url}' is no engine; write unix:///PATH, ssh://USER@HOST or tcp://HOST:PORT")


def ssh_command(url: str) -> list[str]:
    """What connects standard input and output to the engine on another host, as the docker command does it."""
    parts = urlsplit(url)
    remote = f"docker --host unix://{parts.path}" if parts.path.strip("/") else "docker"
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    options = ["-T", "-o", "BatchMode=yes", "-o", f"ConnectTimeout={CONNECT_TIMEOUT:.0f}"]
    return ["ssh", *options, *user, *port, "--", parts.hostname or "", f"{remote} system dial-stdio"]


def _tls_pool(host: str, port: int, directory: Path | None, size: int) -> Pool:
    if directory is None:
        return WaitingTlsPool(host, port, maxsize=size, block=True, cert_reqs="CERT_REQUIRED")
    authority, certificate, key = (str(directory / name) for name in ("ca.pem", "cert.pem", "key.pem"))
    if missing := [path for path in (authority, certificate, key) if not Path(path).is_file()]:
        raise EngineError(f"TLS needs ca.pem, cert.pem and key.pem in {directory}; missing: {', '.join(missing)}")
    return WaitingTlsPool(
        host,
        port,
        maxsize=size,
        block=True,
        cert_reqs="CERT_REQUIRED",
        ca_certs=authority,
        cert_file=certificate,
        key_file=key,
    )


class WaitingPool(urllib3.HTTPConnectionPool):
    """Waits a bounded time for a free connection instead of for ever."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        return super()._get_conn(timeout=timeout or 4 * CONNECT_TIMEOUT)


class WaitingTlsPool(urllib3.HTTPSConnectionPool):
    """The same over TLS."""

    def _get_conn(self, timeout: float | None = None) -> Any:
        return super()._get_conn(timeout=timeout or 4 * CONNECT_TIMEOUT)


class Line:
    """An open way to an engine: a socket, and the process behind it if there is one.

    `words`, once hung up, are what the process wrote to its standard error.
    """

    def __init__(
        self, end: socket.socket, process: "subprocess.Popen[bytes] | None" = None, errors: IO[bytes] | None = None
    ) -> None:
        self.end = end
        self.words = ""
        self._process = process
        self._errors = errors

    def hang_up(self) -> None:
        """End the process; the socket belongs to the connection."""
        if self._process is not None:
            _end(self._process)
            self._process = None
        if self._errors is not None:
            self._errors.seek(0)
            self.words = self._errors.read(2000).decode(errors="replace").strip()
            self._errors.close()
            self._errors = None


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _dial_socket(path: str) -> Line:
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    # A limit of the kernel's, as Python's own makes a full queue of a busy engine an error at once.
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(CONNECT_TIMEOUT), 0))
    try:
        end.connect(path)
    except OSError:
        end.close()
        raise
    return Line(end)


def _dial_command(command: list[str]) -> Line:
    """A socket pair rather than pipes, so that timeouts hold as on any other connection."""
    ours, theirs = socket.socketpair()
    errors = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the process
    with theirs:
        end = theirs.fileno()
        process = subprocess.Popen(command, stdin=end, stdout=end, stderr=errors, start_new_session=True)
    return Line(ours, process, errors)


class DialledConnection(urllib3.connection.HTTPConnection):
    """An HTTP connection over a line."""

    def __init__(self, dial: Callable[[], Line]) -> None:
        super().__init__("localhost")
        self._dial = dial
        self._line: Line | None = None

    def _new_conn(self) -> socket.socket:
        self._line = self._dial()
        return self._line.end

    def getresponse(self) -> urllib3.response.HTTPResponse:  # type: ignore[override]
        line = self._line
        try:
            return super().getresponse()
        except (ConnectionError, http.client.HTTPException):
            self.close()
            if line and line.words:
                raise ConnectionError(line.words) from None
            raise

    def close(self) -> None:
        super().close()
        if self._line:
            self._line.hang_up()
            self._line = None


class DialledPool(WaitingPool):
    """A pool of connections that `dial` opens."""

    def __init__(self, dial: Callable[[], Line], size: int) -> None:
        super().__init__("localhost", maxsize=size, block=True)
        self._dial = dial

    def _new_conn(self) -> Any:
        return DialledConnection(self._dial)


class OnePoolAdapter(requests.adapters.HTTPAdapter):
    """Sends every request through one pool. The SDK's own adapter makes a pool, so a connection, for every URL."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._pool = pool

    def get_connection_with_tls_context(
        self, request: requests.PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Pool:
        return self._pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the pool's own TLS settings alone; the base class would switch verification off for our address."""

    def request_url(self, request: requests.PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        return request.path_url

    def close(self) -> None:
        """The pool outlives the sessions of the threads that use it."""

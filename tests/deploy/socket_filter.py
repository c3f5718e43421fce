"""A filter in front of a Docker socket that takes the flags of wollomatic/socket-proxy which files of deploy/ have.

The real one comes from an image registry, which no test may ask. This one reads `-allowMETHOD=PATTERN` and
`-allowfrom=NETWORK` as that one does: the pattern stands between `^` and `$` as it is written, so that an alternation
has to be in brackets; the decoded path counts; and of a method the last flag. It is a file of the standard library
alone, so that it runs in a container as `python3 socket_filter.py FLAGS`.
"""

import http.client
import re
import socket
import sys
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from urllib.parse import unquote

PORT, SOCKET = 2375, "/var/run/docker.sock"
HOP_BY_HOP = frozenset(("connection", "transfer-encoding", "content-length", "keep-alive"))


def patterns_of(flags: Iterable[str]) -> Mapping[str, re.Pattern[str]]:
    """What each method may ask for."""
    found = (flag.removeprefix("-allow").partition("=") for flag in flags if re.match(r"-allow[A-Z]+=", flag))
    return {method: re.compile(rf"^{pattern}\Z") for method, _, pattern in found}


def refusal(patterns: Mapping[str, re.Pattern[str]], method: str, path: str) -> int:
    """The status that a call is turned away with; 0: it is let through."""
    if method not in patterns:
        return 405
    return 0 if patterns[method].search(unquote(path)) else 403


class Filter(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    patterns: Mapping[str, re.Pattern[str]] = {}
    friends = ip_network("127.0.0.1/32")

    def one_call(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.partition("?")[0]
        friend = ip_address(self.client_address[0]) in self.friends
        if status := refusal(self.patterns, self.command, path) if friend else 403:
            print("turned away:", status, self.command, path, flush=True)
            self._answer(status, [], b"turned away by the filter\n")
            return
        engine = http.client.HTTPConnection("localhost")
        engine.sock = socket.socket(socket.AF_UNIX)
        engine.sock.connect(SOCKET)
        engine.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k != "Host"})
        answer = engine.getresponse()
        if answer.getheader("Content-Length") is None and answer.status == 200:
            self._stream(answer)
        else:
            self._answer(answer.status, answer.getheaders(), answer.read())
        engine.close()

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing of what is let through."""

    def _answer(self, status: int, headers: list[tuple[str, str]], data: bytes) -> None:
        self.send_response_only(status)
        for key, value in headers:
            if key.lower() not in HOP_BY_HOP:
                self.send_header(key, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, answer: http.client.HTTPResponse) -> None:
        """What may go on without an end, as events do."""
        self.close_connection = True
        self.send_response_only(answer.status)
        self.send_header("Content-Type", answer.getheader("Content-Type") or "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        while data := answer.read1(65536):
            self.wfile.write(data)
            self.wfile.flush()

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_PATCH = one_call


if __name__ == "__main__":
    Filter.patterns = patterns_of(sys.argv[1:])
    Filter.friends = next(ip_network(flag.partition("=")[2]) for flag in sys.argv if flag.startswith("-allowfrom="))
    ThreadingHTTPServer(("", PORT), Filter).serve_forever()

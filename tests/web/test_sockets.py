"""What strangers send to a real socket: paths that climb, foreign names, bodies without an end, markup in commits."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gitopsd.model.settings import HttpSettings, Listen
from gitopsd.web.server import PageServer
from tests.apps import free_port
from tests.controller.house import SETTINGS, House, compose
from tests.web.conftest import passing

HOSTILE = "<script>alert(1)</script> \x1b[31mred\x1b[0m"
ENDLESS = 64 << 20  # bytes
ELSEWHERE = {"X-Forwarded-For": "203.0.113.7"}  # a proxy on this machine asks for somebody else


class Wire:
    """A daemon with fakes behind a real socket."""

    def __init__(self, house: House, port: int) -> None:
        self.house, self.port = house, port

    def ask(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=45)) as connection:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in named)
            for name, value in named.items():
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            return answer.status, answer.read().decode()


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    secret: Path = tmp_path_factory.mktemp("wire") / "secret"
    secret.write_text("a shared secret")
    listen = Listen("127.0.0.1", free_port())
    house = House(replace(SETTINGS, http=HttpSettings(listen, webhooks={"github": secret})))
    page = PageServer(house.daemon, retry_s=0.05)
    with ExitStack() as stack:
        stack.callback(house.stop)
        stack.enter_context(house.store.lock())
        house.start()
        stack.enter_context(passing(house))
        house.source().write({"environments/shop/compose.yaml": compose()}, HOSTILE, HOSTILE)
        house.eventually(lambda: house.told("ReleaseEnded"))
        stack.callback(page.stop)
        page.start()
        house.eventually(lambda: house.told("PageListens"))
        yield Wire(house, listen.port)


@pytest.mark.parametrize("path", ["/", "/environments/shop", "/environments/shop/timeline", "/releases/1"])
def test_what_a_commit_says_of_itself_is_text_on_every_page(wire: Wire, path: str) -> None:
    code, text = wire.ask(path, Accept="text/html")
    assert code == 200
    assert "&lt;script&gt;alert(1)" in text
    assert "<script>alert" not in text


@pytest.mark.parametrize(
    "path", ["/static/../access.py", "/static/%2e%2e/access.py", "/static/..%2f..%2fapp.py", "/static//etc/passwd"]
)
def test_no_path_leads_out_of_the_files_for_browsers(wire: Wire, path: str) -> None:
    assert wire.ask(path)[0] == 404


def test_a_name_that_points_here_reads_nothing(wire: Wire) -> None:
    assert wire.ask("/api/v1/environments", Host="evil.example.com")[0] == 421


def test_a_token_in_an_address_opens_nothing(wire: Wire) -> None:
    token = wire.house.tokens.add("ada", "read", wire.house.clock.now())
    for key in ("token", "access_token"):
        assert wire.ask(f"/api/v1/environments?{key}={token}", **ELSEWHERE)[0] == 401
    assert wire.ask("/api/v1/environments", Authorization=f"Bearer {token}", **ELSEWHERE)[0] == 200


def test_a_delivery_that_never_ends_is_cut_off_before_it_is_hashed(wire: Wire) -> None:
    head = b"POST /webhooks/github HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", wire.port), 45) as connection:
        connection.sendall(head)
        assert _as_much_as_is_taken(connection) < ENDLESS
    assert wire.ask("/healthz")[0] == 200


def _as_much_as_is_taken(connection: socket.socket) -> int:
    """How many bytes, in chunks, until nobody listens any more."""
    chunk, sent = b"10000\r\n" + b"x" * 0x10000 + b"\r\n", 0
    with suppress(ConnectionError):
        while sent < ENDLESS:
            connection.sendall(chunk)
            sent += len(chunk)
    return sent

"""The server on a real socket: where it listens, what it does about a taken port, and streams that follow."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse

import pytest

from gitopsd.model.event import Event
from gitopsd.model.settings import HttpSettings, Listen
from gitopsd.web.server import PageServer
from tests.apps import free_port
from tests.controller.house import SETTINGS, House, compose
from tests.waiting import eventually, meanwhile


class Served:
    """A page server on a daemon with fakes."""

    def __init__(self, listen: Listen) -> None:
        self.listen = listen
        self.house = House(replace(SETTINGS, http=HttpSettings(listen)))
        self.server = PageServer(self.house.daemon, retry_s=0.05)

    def get(self, path: str, within: float = 45, method: str = "GET", **headers: str) -> HTTPResponse:
        connection = HTTPConnection("127.0.0.1", self.listen.port, timeout=within)
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        return connection.getresponse()

    def answers(self) -> bool:
        try:
            return self.get("/healthz").status == 200
        except ConnectionError:
            return False


@pytest.fixture
def served() -> Iterator[Served]:
    made = Served(Listen("127.0.0.1", free_port()))
    with ExitStack() as stack:
        stack.callback(made.house.stop)
        stack.callback(made.server.stop)
        yield made


def test_a_taken_port_is_told_and_tried_again(served: Served) -> None:
    with socket.create_server(("127.0.0.1", served.listen.port)):
        served.server.start()
        (told,) = eventually(lambda: served.house.told("PageUnavailable"), within=45)
    assert told == f"127.0.0.1:{served.listen.port}: Address already in use; set http.listen, or free it"
    eventually(served.answers, within=45)
    assert served.house.told("PageListens") == [f"page and API answer at http://127.0.0.1:{served.listen.port}/"]


def test_it_moves_with_the_settings_and_is_silent_when_they_say_off(served: Served) -> None:
    served.house.start()
    served.server.start()
    eventually(served.answers, within=45)

    served.house.edit(replace(SETTINGS, http=HttpSettings(None)))

    eventually(lambda: not served.answers(), within=45)


def test_it_is_not_reached_from_elsewhere_before_there_is_a_token() -> None:
    served = Served(Listen("0.0.0.0", free_port()))
    with ExitStack() as stack:
        stack.callback(served.house.stop)
        stack.callback(served.server.stop)
        served.server.start()
        (told,) = eventually(lambda: served.house.told("PageUnavailable"), within=45)
        assert "gitopsd token add NAME" in told
        assert not served.answers()

        served.house.tokens.add("alice", "read", served.house.clock.now())

        eventually(served.answers, within=45)


def test_a_stream_tells_what_happens_and_goes_on_where_it_was_cut(served: Served) -> None:
    served.house.start()
    served.server.start()
    eventually(served.answers, within=45)
    with closing(served.get("/api/v1/events/stream?after=0")) as stream:
        first = _event(stream)
        served.house.push({"shop/compose.yaml": compose()})
        threading.Thread(target=lambda: served.house.eventually(lambda: served.house.told("ReleaseStarted"))).start()
        seen = first
        while seen["reason"] != "ReleaseStarted":
            seen = _event(stream)

    with closing(served.get("/api/v1/events/stream", Last_Event_ID=str(first["id"]))) as again:
        assert _event(again)["id"] == first["id"] + 1


@pytest.mark.parametrize("path", ["/healthz", "/", "/api/v1/environments", "/nothing-here", "/static/gitopsd.css"])
def test_who_asks_for_the_head_alone_gets_that_of_the_whole(served: Served, path: str) -> None:
    served.server.start()
    eventually(served.answers, within=45)

    whole, head = served.get(path), served.get(path, method="HEAD")

    assert (head.status, head.getheader("content-type")) == (whole.status, whole.getheader("content-type"))
    assert head.getheader("content-length") == whole.getheader("content-length")
    assert whole.read()
    assert not head.read()


def test_the_head_of_a_stream_ends(served: Served) -> None:
    served.server.start()
    eventually(served.answers, within=45)

    head = served.get("/api/v1/events/stream", method="HEAD")

    assert (head.status, head.getheader("content-type")) == (200, "text/event-stream; charset=utf-8")
    served.server.stop()  # which waits for nothing that still streams


def test_a_page_is_renewed_as_soon_as_its_stream_begins(served: Served) -> None:
    """What changed after the page was made and before its stream began would be missed otherwise."""
    served.server.start()
    eventually(served.answers, within=45)
    for _ in range(2):  # the second one begins when everything there is has been told
        with closing(served.get("/live", within=12)) as stream:
            eventually(lambda: stream.readline() == b"event: changed\n", within=45)


def test_a_stream_ends_with_the_token_that_opened_it(served: Served) -> None:
    token = served.house.tokens.add("alice", "read", served.house.clock.now())
    served.house.start()
    served.server.start()
    eventually(served.answers, within=45)
    happens = Event(served.house.clock.now(), "Happened", "something happened")
    with closing(served.get("/api/v1/events/stream", Authorization=f"Bearer {token}")) as stream:
        assert stream.readline() == b"retry: 2000\n"
        served.house.tokens.revoke("alice")
        with meanwhile(lambda: served.house.store.append([happens]), every=0.5):
            assert stream.read().endswith(b"\n")  # to its end, which would not come otherwise


def test_it_ends_while_streams_are_open(served: Served) -> None:
    served.server.start()
    eventually(served.answers, within=45)
    with closing(served.get("/live")):
        served.server.stop()
    assert not served.answers()


def _event(stream: HTTPResponse) -> dict:  # type: ignore[type-arg]
    """The next event; waits for it."""
    while True:
        line = stream.readline().decode().rstrip("\n")
        if line.startswith("data: "):
            found: dict = json.loads(line.removeprefix("data: "))  # type: ignore[type-arg]
            return found
        assert line or not stream.isclosed()

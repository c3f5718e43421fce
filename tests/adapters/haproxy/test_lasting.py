"""What lasts, uploads, long polls, streams and websockets: it ends well in spite of a reload and a drain."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace

import pytest

from gitopsd.model.health import NOT_ASKED
from gitopsd.model.route import ALL, Target
from tests.apps import App, Greeter
from tests.contract.routing_grounds import HOST, HaproxyHands, RouterGround, haproxy_ground
from tests.haproxy import HaproxyProcess, haproxy_directory, program
from tests.waiting import eventually

HALF = b"x" * 5_000_000
Ending = Callable[[], bytes]


@dataclass(frozen=True)
class Street:
    host: HaproxyProcess
    ground: RouterGround
    hands: HaproxyHands

    def connected(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.hands.port), 45)

    def reload_by_hand(self) -> None:
        before = self.ground.router.observe()
        self.host.reload()
        eventually(lambda: (now := self.ground.router.observe()) and before and now.epoch != before.epoch, within=45)


@pytest.fixture
def street() -> Iterator[Street]:
    with haproxy_directory() as root:
        host = HaproxyProcess(root, program())
        ground, hands = haproxy_ground(root, host)
        yield Street(host, ground, hands)
        hands.close()


def an_upload(wire: socket.socket, app: App) -> Ending:
    """Ten megabytes, of which half is on its way."""
    wire.sendall(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {2 * len(HALF)}\r\n\r\n".encode() + HALF)

    def rest() -> bytes:
        wire.sendall(HALF)
        answer = said(wire)
        assert app.received == 2 * len(HALF)
        return answer

    return rest


def a_long_poll(wire: socket.socket, app: App) -> Ending:
    wire.sendall(f"GET /hold HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())

    def rest() -> bytes:
        app.release.set()
        return said(wire)

    return rest


def a_stream(wire: socket.socket, app: App) -> Ending:
    wire.sendall(f"GET /stream HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
    begun = said(wire)

    def rest() -> bytes:
        app.release.set()
        return begun + said(wire)

    return rest


def said(wire: socket.socket) -> bytes:
    """All up to the name that ends what an instance says at a time."""
    received = b""
    while not received.endswith(b"old"):
        more = wire.recv(1 << 16)
        assert more, f"cut short after {received!r}"
        received += more
    return received


@pytest.mark.parametrize("begin", [an_upload, a_long_poll, a_stream])
def test_it_is_in_flight_through_a_reload_and_a_drain_until_it_ends_well(
    street: Street, begin: Callable[[socket.socket, App], Ending]
) -> None:
    ground = street.ground
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,))
    with street.connected() as wire:
        end = begin(wire, street.hands.apps["old"])
        ground.eventually(lambda: ground.shown("old").in_flight == 1)

        street.reload_by_hand()
        ground.serve((replace(old, state="draining"),), (new,), ALL)

        assert street.hands.many(20) == {"new": 20}
        assert ground.shown("old").in_flight == 1
        answer = end()
    assert answer.startswith(b"HTTP/1.1 200 ")
    ground.eventually(lambda: ground.shown("old").in_flight == 0)
    ground.apply((), (new,), ALL)


def test_a_websocket_goes_on_while_its_instance_drains_until_it_is_cut(street: Street) -> None:
    ground = street.ground
    with closing(Greeter("old", upgraded=True)) as server, closing(Greeter("new", upgraded=True)) as after:
        old, new = (Target(each.name, "127.0.0.1", each.port) for each in (server, after))
        route = ground.serve((old,), (new,), health=NOT_ASKED)
        with street.connected() as wire:
            key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            wire.sendall(f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\n{key}Sec-WebSocket-Version: 13\r\n\r\n".encode())
            answers = wire.makefile("rb")
            while answers.readline().strip():
                pass
            street.reload_by_hand()

            ground.serve((replace(old, state="draining"),), (new,), ALL, health=NOT_ASKED)

            wire.sendall(b"still here\n")
            assert answers.readline() == b"still here\n"
            assert ground.shown("old").in_flight == 1
            assert ground.router.cut(route.name, "a", ["old"]) == 1
            assert answers.readline() == b""
        ground.eventually(lambda: ground.shown("old").in_flight == 0)

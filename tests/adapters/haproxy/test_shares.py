"""What part of many requests a canary gets of the real HAProxy: the share it was given, whatever its instances do."""

import re
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import sqrt

import pytest

from gitopsd.model.route import ALL, Target
from tests.contract.routing_grounds import HOST, RouterGround, haproxy_ground
from tests.e2e.app import processes
from tests.haproxy import HaproxyProcess, haproxy_directory, program
from tests.load import SENT, read

REQUESTS, AT_A_TIME = 10_000, 50
USERS = 400
NAMES = re.compile(rb"\r\n\r\n(\w+)\n")


@dataclass(frozen=True)
class Crossing:
    """A router with one stable instance and two canaries, which take no time to answer."""

    ground: RouterGround
    old: Target
    canaries: tuple[Target, ...]
    port: int

    def many(self, count: int) -> Counter[str]:
        """Who answers, over one connection: the router draws for each request."""
        found: Counter[str] = Counter()
        with socket.create_connection(("127.0.0.1", self.port), 45) as wire:
            received, request = b"", f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
            for _ in range(count // AT_A_TIME):
                wire.sendall(request * AT_A_TIME)
                while (enough := len(NAMES.findall(received))) < AT_A_TIME:
                    more = wire.recv(1 << 16)
                    assert more, f"cut short after {enough} answers"
                    received += more
                found.update(name.decode() for name in NAMES.findall(received))
                received = b""
        SENT["GET"] += count
        return found

    def side(self, wire: socket.socket, user: str) -> bool:
        """Whether this user gets to a canary."""
        wire.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: user={user}\r\n\r\n".encode())
        return read(wire)[1].strip() != b"old"


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crossing]:
    with haproxy_directory() as root, processes(tmp_path_factory.mktemp("app"), old={}, one={}, two={}) as ports:
        ground, hands = haproxy_ground(root, HaproxyProcess(root, program()))
        old, *canaries = (Target(version, "127.0.0.1", port) for version, port in ports.items())
        yield Crossing(ground, old, tuple(canaries), hands.port)
        hands.close()


@pytest.mark.parametrize("down", [False, True], ids=["all up", "one of two canaries down"])
@pytest.mark.parametrize("share", [100, 500, 2_000, 5_000])
def test_of_10000_requests_a_canary_gets_its_share_within_three_sigma(
    crossing: Crossing, share: int, down: bool
) -> None:
    one, two = crossing.canaries
    canaries = (one, replace(two, port=9) if down else two)
    crossing.ground.apply((crossing.old,), canaries, share)
    crossing.ground.ready("old", "one", *(() if down else ("two",)))
    if down:
        crossing.ground.eventually(lambda: not crossing.ground.shown("two").ready)

    # Three sigma leave out one run in 370 by chance, and two in a row one in 140,000.
    found = crossing.many(REQUESTS)
    if not within_three_sigma(found, share):
        found = crossing.many(REQUESTS)

    assert within_three_sigma(found, share), found
    assert found.total() == REQUESTS
    assert (found["two"] == 0) == down


def test_users_with_a_cookie_never_go_back_while_the_share_grows_step_by_step(crossing: Crossing) -> None:
    sides: list[list[bool]] = []
    for share in (100, 500, 1_000, 2_000, 3_500, 5_000, 7_500, ALL):
        crossing.ground.serve((crossing.old,), crossing.canaries, share, sticky="user")
        with socket.create_connection(("127.0.0.1", crossing.port), 45) as wire:
            sides.append([crossing.side(wire, f"user-{number}") for number in range(USERS)])
        SENT["GET"] += USERS
        assert abs(sum(sides[-1]) / USERS - share / ALL) < 0.1

    gone_back = [sum(was and not is_ for was, is_ in zip(*each, strict=True)) for each in pairwise(sides)]
    assert gone_back == [0] * 7
    assert all(sides[-1])


def within_three_sigma(found: Counter[str], share: int) -> bool:
    asked = share / ALL
    return abs(found["one"] + found["two"] - asked * REQUESTS) <= 3 * sqrt(REQUESTS * asked * (1 - asked))

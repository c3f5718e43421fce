"""The way that only gitopsd has to a slot of a swarm's routers, and who is not let in there."""

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest

from gitopsd.adapters.haproxy.proof import proof, trusting
from gitopsd.engine_json.swarm_router import DESK_PORT
from gitopsd.model.health import Fail, Pass, Unknown
from gitopsd.model.route import OnPurpose
from tests.certificates import trusting as naive
from tests.contract.swarm_ground import KEY, SwarmGround, SwarmHands, swarm_ground
from tests.haproxy import haproxy_directory, program

PATIENT = timedelta(seconds=20)
Both = tuple[SwarmGround, SwarmHands]


@pytest.fixture
def both() -> Iterator[Both]:
    with haproxy_directory() as root:
        ground, hands = swarm_ground(root, program())
        yield ground, hands
        hands.close()


def said(hands: SwarmHands, context: ssl.SSLContext, name: str | None) -> bytes:
    """What comes of a request for the slot of a name."""
    try:
        with (
            socket.create_connection((hands.nodes[0], DESK_PORT), 45) as wire,
            context.wrap_socket(wire, server_hostname=name) as secure,
        ):
            secure.sendall(b"GET / HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
            return secure.recv(1 << 16)
    except ssl.SSLError:
        return b""


def test_who_proves_nothing_reaches_no_slot_and_no_command(both: Both) -> None:
    ground, hands = both
    ground.serve((ground.instance("old"),), (ground.instance("new"),))
    assert [said(hands, naive("http/1.1"), name) for name in (f"{hands.port}.b", None)] == [b"", b""]
    assert b"404" in said(hands, trusting(proof(KEY)), f"{hands.port}.b")  # it says no way, and is heard


def test_a_name_that_no_listener_has_leads_nowhere(both: Both) -> None:
    ground, hands = both
    ground.serve((ground.instance("old"),))
    assert said(hands, trusting(proof(KEY)), "1.b") == b""


def test_one_router_after_the_other_is_asked_and_one_that_is_away_says_nothing(both: Both) -> None:
    ground, hands = both
    route = ground.serve((ground.instance("old"),))
    hands.swarm.containers["n2"].stop()

    answers = [ground.router.probe(route, "a", PATIENT) for _ in range(4)]

    assert [type(each) for each in answers] in ([Pass, Unknown] * 2, [Unknown, Pass] * 2)


def test_a_connection_of_mode_tcp_stays_where_an_instance_is_and_ends_where_none_is(both: Both) -> None:
    ground, _ = both
    route = ground.serve((ground.instance("old"),), mode="tcp", hosts=())
    assert ground.router.probe(route, "a", PATIENT) == Pass()
    assert isinstance(ground.router.probe(route, "b", PATIENT), Fail)


def test_requests_of_gitopsds_own_are_not_counted_as_those_of_users(both: Both) -> None:
    ground, hands = both
    route = ground.serve((ground.instance("old"),))
    for _ in range(5):
        assert ground.router.probe(route, "a", PATIENT, "/") == Pass()
    with closing(socket.create_connection((hands.nodes[0], hands.port), 45)):
        assert ground.get().status == 200
    assert ground.router.samples()[route.name, "a"].requests == 1


def test_a_router_that_begins_anew_leads_nobody_past_the_share_until_it_is_told(both: Both) -> None:
    ground, hands = both
    old, new, ways = ground.instance("old"), ground.instance("new"), (OnPurpose("header", "x-friend", "", "b"),)
    ground.serve((old,), (new,), switched=ways, on=1)
    sent = hands.swarm.sent

    hands.swarm.crash("n2")
    ground.ready("old")
    assert ground.seen().on == 0  # what one of them has not, nobody counts on
    ground.serve((old,), (new,), switched=ways, on=1)

    assert ground.seen().on == 1
    assert {ground.get(headers={"x-friend": "yes"}).by for _ in hands.nodes} == {"new"}
    assert hands.swarm.sent == sent

"""The routers of a swarm beside what every router keeps to: instances that end under their hands, what Swarm says."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import replace

import pytest

from gitopsd.engine_json.swarm_router import ROUTER
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.route import Route, RouteName, RoutingTable
from tests.apps import free_port
from tests.contract.routing_grounds import HOST
from tests.contract.swarm_ground import SwarmGround, SwarmHands, swarm_ground
from tests.haproxy import haproxy_directory, program
from tests.waiting import eventually

Both = tuple[SwarmGround, SwarmHands]


@pytest.fixture
def both() -> Iterator[Both]:
    with haproxy_directory() as root:
        ground, hands = swarm_ground(root, program())
        yield ground, hands
        hands.close()


class Kept:
    """A client of one node that keeps its connection."""

    def __init__(self, hands: SwarmHands, node: str) -> None:
        self._wire = socket.create_connection((node, hands.port), timeout=45)
        self._answers = self._wire.makefile("rb")

    def post(self) -> str:
        """Who answers."""
        self._wire.sendall(f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nhi".encode())
        head = b"".join(iter(self._answers.readline, b"\r\n")).decode().lower()
        return self._answers.read(int(head.partition("content-length: ")[2].split()[0])).decode()

    def close(self) -> None:
        self._answers.close()
        self._wire.close()


def test_what_comes_over_a_kept_connection_goes_to_who_has_the_place_of_an_instance_now(both: Both) -> None:
    ground, hands = both
    ground.serve((ground.instance("0"),))
    with ExitStack() as kept:
        clients = [kept.enter_context(closing(Kept(hands, node))) for node in hands.nodes]
        for number in ("1", "2", "3", "4"):  # a router sees the one before go and the next one come at once, or not
            assert {each.post() for each in clients for _ in range(5)} == {str(int(number) - 1)}

            ground.serve((ground.instance(number),))
            ground.rest(str(int(number) - 1))

            assert {each.post() for each in clients for _ in range(5)} == {number}


def test_what_an_instance_was_asked_when_it_ended_another_one_answers_if_asking_changes_nothing(both: Both) -> None:
    ground, hands = both
    ground.serve((ground.instance("one"), ground.instance("two")))
    release = hands.hold()
    (asked,) = [app for app in hands.apps.values() if app.asked]
    (other,) = [app for app in hands.apps.values() if app is not asked]
    other.release.set()

    asked.close()

    assert release() == 200
    assert other.asked == 1


def test_a_post_is_never_sent_twice(both: Both) -> None:
    ground, hands = both
    ground.serve((ground.instance("one"), ground.instance("two")))
    with socket.create_connection((hands.nodes[0], hands.port), timeout=45) as wire:
        wire.sendall(f"POST /hold HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n\r\nhi".encode())
        (asked,) = eventually(lambda: [app for app in hands.apps.values() if app.asked], within=45)

        asked.close()

        assert b" 502 " in wire.recv(1 << 16).split(b"\r\n")[0]
    assert sum(app.asked for app in hands.apps.values()) == 1


def test_routers_that_do_not_start_from_new_files_go_on_as_before_and_are_not_tried_again_and_again(both: Both) -> None:
    ground, hands = both
    old = ground.instance("old")
    ground.serve((old,))
    taken = free_port()
    other = replace(ground.route((old,)), listen=taken)
    with socket.create_server((hands.nodes[0], taken)):
        sent = hands.swarm.sent
        for _ in range(3):
            with pytest.raises(
                RouterError, match=r"do not start from their new files, and go on as before: task: non-"
            ):
                ground.router.apply(RoutingTable((other,)))
    assert hands.swarm.sent == sent + 1
    assert {ground.get().by for _ in hands.nodes} == {"old"}

    ground.apply((old,), sticky="user")  # other files are no matter of these

    assert hands.swarm.sent == sent + 2
    assert ground.get().status == 200


def elsewhere(ground: SwarmGround, hands: SwarmHands) -> Route:
    """The route of another environment, at the same port."""
    made = ground.route((ground.instance("theirs"),))
    slot = replace(made.a, found=f"tasks.staging_web:{hands.port_of_tasks}")
    return replace(made, environment="staging", hosts=("staging.example.com",), a=slot, b=replace(slot, found=""))


def test_two_environments_share_the_routers_and_one_that_goes_leaves_the_other_as_it_is(both: Both) -> None:
    ground, hands = both
    mine, theirs = ground.route((ground.instance("mine"),)), elsewhere(ground, hands)
    theirs = replace(theirs, b=replace(theirs.b, targets=(), found="tasks.staging_web-canary:1"))
    ground.router.apply(RoutingTable((mine, theirs)))
    ground.ready("mine")
    ground.eventually(lambda: ground.get(headers={"Host": "staging.example.com"}).status == 200)

    ground.router.apply(RoutingTable((theirs,)))

    assert [route.name for route in ground.observed().routes] == [RouteName("staging", "web")]
    assert [ground.get().status for _ in hands.nodes] == [404, 404]
    ground.eventually(lambda: ground.get(headers={"Host": "staging.example.com"}).by == "theirs")


def test_with_the_last_route_the_routers_go_and_with_them_all_that_they_needed(both: Both) -> None:
    ground, hands = both
    ground.serve((ground.instance("one"),))

    ground.router.apply(RoutingTable())

    left = hands.swarm.look(ROUTER)
    assert (dict(left.services), left.objects, left.networks) == ({}, (), ())
    assert ground.get().status == 0
    assert ground.router.observe() is not None


def test_files_that_no_router_could_go_back_to_are_removed(both: Both) -> None:
    ground, hands = both
    one = ground.instance("one")
    for path in ("/one", "/two", "/three", "/four"):
        ground.apply((one,), path=path)

    names = {held.name for held in hands.swarm.look(ROUTER).objects if "haproxy.cfg" in held.name}
    assert len(names) == 2  # those of now, and those of before


def test_the_node_whose_router_does_not_answer_is_named(both: Both) -> None:
    ground, hands = both
    one = ground.instance("one")
    ground.serve((one,))
    hands.swarm.containers["n2"].stop()

    with pytest.raises(
        RouterUnavailable, match=r"the router of node n2 does not answer \(.*:9406: connection refused\)"
    ):
        ground.apply((one,))


def test_where_no_router_runs_the_reason_is_swarms(both: Both) -> None:
    ground, hands = both
    one = ground.instance("one")
    ground.serve((one,))
    hands.swarm.stop()
    kept = hands.swarm.services[ROUTER]
    one_node, other = kept.tasks
    failed = replace(one_node, state="failed", why="starting container failed: no space left")
    kept.tasks = [failed, hands.swarm.pending(other, "host-mode port already in use on 1 node")]

    with pytest.raises(RouterUnavailable, match=r"no router runs on any node that is ready: .*no space left"):
        ground.apply((one,))

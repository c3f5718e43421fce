"""The routers of a swarm beside what every router keeps to: what Swarm says of them."""

import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitopsd.engine_json.swarm_router import ROUTER
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.route import Route, RouteName, RoutingTable
from tests.apps import free_port
from tests.contract.swarm_ground import SwarmGround, SwarmHands, swarm_ground
from tests.haproxy import haproxy_directory, program

Both = tuple[SwarmGround, SwarmHands]


@pytest.fixture
def both() -> Iterator[Both]:
    with haproxy_directory() as root:
        ground, hands = swarm_ground(root, program())
        yield ground, hands
        hands.close()


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
    kept.tasks = [replace(each, state="failed", why="starting container failed: no space left") for each in kept.tasks]

    with pytest.raises(RouterUnavailable, match=r"no router runs on any node that is ready: .*no space left"):
        ground.apply((one,))

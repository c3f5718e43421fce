"""HAProxy under load and in trouble: reloads that lose nothing, workers that are on their way out, ports, TCP."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.haproxy.config import Tuning
from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.adapters.haproxy.runtime import Runtime
from gitopsd.model.errors import RouterError
from gitopsd.model.health import NOT_ASKED, Fail, Pass
from gitopsd.model.route import ALL, OnPurpose, Patience, Route, RoutingTable, Slot, Target, differences
from tests.apps import Greeter, free_port
from tests.contract.routing_grounds import HOST, HaproxyHands, RouterGround, haproxy_ground
from tests.haproxy import HaproxyProcess, haproxy_directory, program
from tests.load import load
from tests.waiting import eventually

PATIENT = timedelta(seconds=20)
PREVIEW = (OnPurpose("header", "x-canary", "yes", "b"),)


@dataclass(frozen=True)
class Haproxy:
    root: Path
    host: HaproxyProcess
    ground: RouterGround
    hands: HaproxyHands

    def epoch(self) -> str:
        shown = self.ground.router.observe()
        assert shown is not None
        return shown.epoch

    def reload_by_hand(self) -> None:
        before = self.epoch()
        self.host.reload()
        eventually(lambda: self.ground.router.observe() is not None and self.epoch() != before, within=45)


@pytest.fixture
def haproxy() -> Iterator[Haproxy]:
    with haproxy_directory() as root:
        host = HaproxyProcess(root, program())
        ground, hands = haproxy_ground(root, host)
        yield Haproxy(root, host, ground, hands)
        hands.close()


def test_a_canary_all_the_way_with_reloads_by_hand_loses_no_request(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    for app in haproxy.hands.apps.values():
        app.seconds = 0.01
    ground.serve((old,))

    with load(haproxy.hands.port, HOST) as clients:

        def going_on(more: int = 250) -> None:
            enough = clients.total + more
            eventually(lambda: clients.total >= enough, within=45)

        for share in (0, 500, 5_000, ALL):
            ground.serve((old,), (new,), share)
            going_on()
            haproxy.reload_by_hand()
            going_on()
        ground.serve((replace(old, state="draining"),), (new,), ALL)
        ground.eventually(lambda: ground.shown("old").in_flight == 0)
        ground.apply((), (new,), ALL)
        haproxy.hands.apps["old"].close()
        going_on()
        ground.apply((), (new,), ALL, on_purpose=PREVIEW)  # another way to route: a reload of ours
        going_on(500)

    assert not clients.failed
    assert clients.total > 3_000 - 250
    assert set(clients.answered) == {"old", "new"}


def test_the_same_without_draining_fails(haproxy: Haproxy) -> None:
    """The control: were it not so, the test above could not fail."""
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    haproxy.hands.apps["old"].seconds = 0.3
    ground.serve((old,), (new,))

    with load(haproxy.hands.port, HOST) as clients:
        eventually(lambda: clients.total > 20, within=45)
        haproxy.hands.apps["old"].close()
        ground.apply((replace(old, state="draining"),), (new,), ALL)
        eventually(lambda: clients.failed, within=45)

    assert clients.failed


def test_what_an_older_worker_is_answering_is_in_flight_and_can_be_cut(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,))
    release = haproxy.hands.hold()
    haproxy.reload_by_hand()
    route = ground.serve((replace(old, state="draining"), new))

    assert ground.shown("old").in_flight == 1
    ground.apply((new,))
    left = ground.shown("old")
    assert (left.weight, left.in_flight) == (0, 1)
    assert ground.router.cut(route.name, "a", ["old"]) == 1
    ground.eventually(lambda: ground.seen().target("old") is None)
    assert release() == 0


def test_a_removed_route_is_shown_until_its_last_answer(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    ground.serve((ground.instance("old"),))
    release = haproxy.hands.hold()

    ground.router.apply(RoutingTable())

    shown = ground.observed()
    assert ground.seen().leaving
    assert differences(RoutingTable(), shown) == ()
    assert release() == 200
    ground.eventually(lambda: not getattr(ground.router.observe(), "routes", True))


def test_a_connection_from_before_a_reload_goes_where_the_router_sends_it_now(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,))
    client = http.client.HTTPConnection("127.0.0.1", haproxy.hands.port, timeout=45)
    with closing(client):
        client.request("GET", "/", headers={"Host": HOST})
        assert client.getresponse().read() == b"old"
        haproxy.reload_by_hand()
        ground.serve((), (new,), ALL)

        client.request("GET", "/", headers={"Host": HOST})

        assert client.getresponse().read() == b"new"
    assert haproxy.hands.apps["new"].headers["x-forwarded-for"] == "127.0.0.1"
    ground.counts("b", 1)


def test_an_instance_that_is_new_with_a_new_route_gets_nothing_before_its_first_good_check(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new", healthy=False)
    ground.serve((old,))

    ground.apply((old, new), on_purpose=PREVIEW)

    assert haproxy.hands.many(100) == {"old": 100}
    assert haproxy.hands.asked("new") == 0
    haproxy.hands.checks("new", good=True)
    ground.ready("new")


def test_a_port_that_somebody_has_is_an_error_and_all_else_goes_on_as_before(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    table = RoutingTable((ground.serve((ground.instance("old"),)),))
    with socket.create_server(("127.0.0.1", 0)) as somebodys:
        taken = Route("shop", "mail", somebodys.getsockname()[1], "127.0.0.1", "tcp")

        with pytest.raises(RouterError, match="goes on as before"):
            ground.router.apply(RoutingTable((*table.routes, taken)))

        assert ground.get().by == "old"
        haproxy.hands.restart()
    shown = ground.observed()
    assert differences(table, shown) == ()
    ground.router.apply(RoutingTable((*table.routes, taken)))


def test_a_configuration_that_haproxy_refuses_never_counts(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    table = RoutingTable((ground.serve((ground.instance("old"),)),))
    odd = replace(ground.route(), service="odd", path="/odd", patience=Patience(idle=timedelta(days=30)))

    with pytest.raises(RouterError, match=r"HAProxy refuses the configuration: config : parsing .* timer overflow"):
        ground.router.apply(RoutingTable((*table.routes, odd)))

    haproxy.hands.restart()
    assert ground.get().by == "old"


def test_what_somebody_put_to_rest_by_hand_is_seen_and_healed(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    table = RoutingTable((ground.serve((ground.instance("old"),)),))

    Runtime(haproxy.root).tell("set server shop:web:a/old state maint")

    shown = ground.observed()
    assert "with weight 0, should be" in differences(table, shown)[0]
    ground.router.apply(table)
    ground.ready("old")
    assert ground.get().by == "old"


def test_an_instance_that_a_killed_gitopsd_left_half_made_is_finished(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,))
    Runtime(haproxy.root).tell(f"add server shop:web:a/new 127.0.0.1:{new.port} weight 0 check inter 100ms")

    ground.serve((old, new))

    assert haproxy.hands.many(100)["new"] > 0


def test_a_newer_haproxy_takes_over_and_loses_no_request(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    table = RoutingTable((ground.serve((old,), (new,), 5_000),))
    release = haproxy.hands.hold()

    with load(haproxy.hands.port, HOST) as clients:
        for _ in range(2):
            haproxy.host.old = True
            enough = clients.total + 300
            assert ground.router.renew(table)
            eventually(lambda enough=enough: clients.total >= enough, within=45)
        ground.eventually(lambda: ground.shown("old").in_flight + ground.shown("new").in_flight >= 1)

    assert not clients.failed
    assert release() == 200
    ground.eventually(lambda: ground.shown("old").in_flight + ground.shown("new").in_flight == 0)


def test_a_newer_haproxy_that_does_not_start_leaves_the_old_one_as_it_was(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    impatient = HaproxyRouter(haproxy.root, haproxy.host, tuning=Tuning(loading=timedelta(seconds=2)))
    table = RoutingTable((ground.serve((ground.instance("old"),)),))
    haproxy.host.old = haproxy.host.broken = True

    with pytest.raises(RouterError, match="the one before goes on"):
        impatient.renew(table)

    haproxy.host.old = haproxy.host.broken = False
    assert ground.get().by == "old"
    ground.router.apply(RoutingTable((ground.route((), share=0, on_purpose=PREVIEW),)))


@pytest.mark.parametrize("lost", [("admin.sock",), ("master.sock",), ("admin.sock", "master.sock")], ids=" ".join)
def test_a_router_whose_sockets_are_lost_serves_on_and_is_told_again(haproxy: Haproxy, lost: tuple[str, ...]) -> None:
    ground = haproxy.ground
    old, new = ground.instance("old"), ground.instance("new")
    ground.serve((old,), (new,))
    for name in lost:
        (haproxy.root / name).unlink()

    ground.apply((old,), (new,), ALL)
    ground.apply((old,), (new,), ALL, on_purpose=PREVIEW)

    assert ground.get().by == "new"
    assert ground.seen().share == ALL


def test_services_share_a_port_by_host_and_by_the_longest_path(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    wanted = {
        "shop": ("shop.example.com", "/"),
        "api": ("shop.example.com", "/api"),
        "v2": ("shop.example.com", "/api/v2"),
        "star": ("*.example.com", "/"),
        "rest": ("", "/"),
    }
    routes = [
        replace(ground.route((ground.instance(name),)), service=name, hosts=(host,) if host else (), path=path)
        for name, (host, path) in wanted.items()
    ]
    table = RoutingTable(tuple(routes))
    ground.router.apply(table)
    eventually(lambda: all(ground.router.probe(each, "a", PATIENT) == Pass() for each in routes), within=45)

    asked = [
        ("shop.example.com", "/"),
        ("SHOP.example.com:8080", "/apis?x=/api/"),
        ("shop.example.com", "/api"),
        ("shop.example.com", "/api/v2/orders"),
        ("admin.example.com", "/api"),
        ("a.b.example.com", "/"),
    ]
    reached = [haproxy.hands.get("", {"Host": host}, path).by for host, path in asked]

    assert reached == ["shop", "shop", "api", "v2", "star", "rest"]


def test_a_tcp_service_is_shared_probed_and_drained_like_any_other(haproxy: Haproxy) -> None:
    router = haproxy.ground.router
    with closing(Greeter("old")) as old, closing(Greeter("new")) as new:
        port = free_port()

        def apply(share: int, a: str = "serving") -> Route:
            first = Target("old", "127.0.0.1", old.port, state=a)  # type: ignore[arg-type]
            second = Target("new", "127.0.0.1", new.port)
            route = Route("shop", "db", port, "127.0.0.1", "tcp", a=Slot((first,)), b=Slot((second,)), share=share)
            router.apply(RoutingTable((route,)))
            return route

        route = apply(0)
        eventually(lambda: router.probe(route, "a", PATIENT) == router.probe(route, "b", PATIENT) == Pass(), within=45)
        with greeted(port) as (name, _):
            assert name == "old"
            apply(ALL, "draining")
            shown = router.observe()
            assert shown is not None
            assert [target.in_flight for target in shown.routes[0].a] == [1]
            with greeted(port) as (other, _):
                assert other == "new"
            assert router.cut(route.name, "a", ["old"]) == 1
        assert {slot: sample.requests for (_, slot), sample in router.samples().items()} == {"a": 1, "b": 1}
        new.close()
        eventually(lambda: isinstance(router.probe(route, "b", PATIENT), Fail), within=45)


class greeted:
    """A connection to a greeter, and its name."""

    def __init__(self, port: int) -> None:
        self._wire = socket.create_connection(("127.0.0.1", port), 45)

    def __enter__(self) -> tuple[str, socket.socket]:
        return self._wire.makefile().readline().strip(), self._wire

    def __exit__(self, *_: object) -> None:
        self._wire.close()


def test_a_websocket_survives_a_reload_and_counts_as_in_flight(haproxy: Haproxy) -> None:
    ground = haproxy.ground
    with closing(Greeter("ws", upgraded=True)) as server:
        target = Target("ws", "127.0.0.1", server.port)
        route = ground.apply((target,), health=NOT_ASKED)
        ground.ready("ws")
        with socket.create_connection(("127.0.0.1", haproxy.hands.port), 45) as wire:
            key = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            wire.sendall(f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\n{key}Sec-WebSocket-Version: 13\r\n\r\n".encode())
            answers = wire.makefile("rb")
            assert b"101" in answers.readline()
            while answers.readline().strip():
                pass

            haproxy.reload_by_hand()

            wire.sendall(b"still here\n")
            assert answers.readline() == b"still here\n"
            assert ground.shown("ws").in_flight == 1
            assert ground.router.cut(route.name, "a", ["ws"]) == 1
            assert answers.readline() == b""

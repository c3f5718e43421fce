"""The routers of a swarm taken together, and by what they and gitopsd know each other."""

import socket
import ssl
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from gitopsd.adapters.haproxy.observing import Look
from gitopsd.adapters.haproxy.proof import proof, trusting
from gitopsd.adapters.haproxy.runtime import Process, Row
from gitopsd.adapters.haproxy.together import together
from gitopsd.model.route import Route, RouteName, RoutingTable, Slot, SlotName, Target, differences

SHOP = RouteName("shop", "web")
FOUND = (Target("t1", "10.0.1.5", 8080), Target("t2", "10.0.1.6", 8080))
TABLE = RoutingTable(
    (Route("shop", "web", 80, a=Slot(FOUND, "tasks.w:8080", 16), b=Slot((), "tasks.w-canary:8080", 16), share=500),)
)
IDS: Mapping[tuple[RouteName, SlotName, str], str] = {
    (SHOP, "a", "10.0.1.5"): "t1",
    (SHOP, "a", "10.0.1.6"): "t2",
    (SHOP, "b", "10.0.1.9"): "left",
}


@dataclass(frozen=True)
class Task:
    task: str


def row(slot: str, address: str, status: str = "UP", current: int = 0) -> Row:
    return Row(f"shop:web:{slot}", "s1", "http", status, "L4OK", address, 8080, 1, current, 0, 0, 0, 0)


def shown(*rows: Row, share: int = 500, started: int = 7) -> Look:
    return Look(Process("1", started, f"gitopsd {TABLE.ways} x"), rows, {SHOP: share})


def both(one: Look, other: Look) -> list[tuple[Task, Look]]:
    return [(Task("r1"), one), (Task("r2"), other)]


GOOD = shown(row("a", "10.0.1.5"), row("a", "10.0.1.6"), row("b", "", "MAINT (resolution)"))


def test_routers_that_agree_show_the_table() -> None:
    seen = together(TABLE, both(GOOD, GOOD), IDS)
    assert differences(TABLE, seen) == ()
    assert [(each.id, each.ready) for each in seen.routes[0].a] == [("t1", True), ("t2", True)]


def test_one_router_with_another_share_is_a_difference() -> None:
    seen = together(TABLE, both(GOOD, shown(*GOOD.rows, share=2000)), IDS)
    assert differences(TABLE, seen) == ("shop/web: the share of slot b is 20 %, should be 5 %",)


def test_one_router_with_other_files_is_a_difference() -> None:
    other = Look(Process("1", 7, "gitopsd else x"), GOOD.rows, GOOD.shares)
    assert differences(TABLE, together(TABLE, both(GOOD, other), IDS)) == ("it routes by another configuration",)


@pytest.mark.parametrize("other", [(row("a", "10.0.1.5"),), (row("a", "10.0.1.5"), row("a", "10.0.1.6", "DOWN"))])
def test_a_task_is_ready_once_all_routers_have_it_and_find_it_good(other: tuple[Row, ...]) -> None:
    seen = together(TABLE, both(GOOD, shown(*other)), IDS)
    assert [(each.id, each.ready) for each in seen.routes[0].a] == [("t1", True), ("t2", False)]


def test_what_is_in_flight_adds_up_and_whom_the_table_lacks_is_shown_only_as_long_as_that_is() -> None:
    busy = shown(*GOOD.rows, row("b", "10.0.1.9", current=2))
    assert [(each.id, each.in_flight) for each in together(TABLE, both(busy, busy), IDS).routes[0].b] == [("left", 4)]
    idle = shown(*GOOD.rows, row("b", "10.0.1.9"))
    assert together(TABLE, both(idle, idle), IDS).routes[0].b == ()


def test_a_task_that_swarm_has_taken_out_is_shown_until_no_router_sends_it_anything() -> None:
    old = shown(*GOOD.rows, row("a", "10.0.1.4"))
    assert [each.id for each in together(TABLE, both(old, GOOD), IDS).routes[0].a] == ["10.0.1.4", "t1", "t2"]
    assert differences(TABLE, together(TABLE, both(old, GOOD), IDS)) == ()
    gone = shown(*GOOD.rows, row("a", "10.0.1.4", "DOWN"))
    assert [each.id for each in together(TABLE, both(gone, GOOD), IDS).routes[0].a] == ["t1", "t2"]


def test_a_router_that_was_started_anew_begins_another_epoch() -> None:
    before = together(TABLE, both(GOOD, GOOD), IDS)
    after = together(TABLE, both(GOOD, shown(*GOOD.rows, started=9)), IDS)
    assert before.epoch != after.epoch


def test_the_proof_of_a_key_is_always_the_same_and_another_one_of_another_key() -> None:
    assert proof(b"k" * 32) == proof(b"k" * 32) != proof(b"j" * 32)


@pytest.mark.parametrize(("key", "good"), [(b"k" * 32, True), (b"j" * 32, False)])
def test_only_who_has_the_key_is_spoken_to(key: bytes, good: bool) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    mine = trusting(proof(b"k" * 32))  # for its trust: both ends have one and the same certificate
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata="\n".join(map(ssl.DER_cert_to_PEM_cert, mine.get_ca_certs(binary_form=True))))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        _prove(context, proof(b"k" * 32))
        answering = threading.Thread(target=_answer, args=(context, listening))
        answering.start()
        try:
            with (
                socket.create_connection(listening.getsockname(), 5) as wire,
                trusting(proof(key)).wrap_socket(wire) as secure,
            ):
                assert secure.recv(9) == b"hello"
            spoken = True
        except ssl.SSLError:
            spoken = False
        answering.join()
    assert spoken is good


def _prove(context: ssl.SSLContext, pem: str) -> None:

    with tempfile.NamedTemporaryFile("w") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)


def _answer(context: ssl.SSLContext, listening: socket.socket) -> None:
    wire, _ = listening.accept()
    try:
        with context.wrap_socket(wire, server_side=True) as secure:
            secure.sendall(b"hello")
    except OSError:
        wire.close()

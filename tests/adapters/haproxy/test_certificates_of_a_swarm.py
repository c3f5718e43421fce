"""TLS at the routers of a swarm: every node shows what is in the directory now, and none is replaced for that."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gitopsd.adapters.haproxy.desks import Desks, asked
from gitopsd.adapters.haproxy.on_swarm import SwarmHaproxy
from gitopsd.adapters.haproxy.proof import proof, trusting
from gitopsd.adapters.haproxy.shown import ShownCertificates
from gitopsd.engine_json.swarm_router import MOST_AT_RUN_TIME, ROUTER
from gitopsd.model.errors import RouterError
from gitopsd.model.route import Route, RoutingTable
from tests.certificates import certificate, put_certificate, shown_certificate
from tests.contract.routing_grounds import HOST
from tests.contract.swarm_ground import KEY, SwarmGround, SwarmHands, swarm_ground
from tests.haproxy import haproxy_directory, program

OTHER = "admin.example.com"


@dataclass(frozen=True)
class Secure:
    """Two routers with one service, whose clients speak TLS."""

    root: Path
    certificates: Path
    ground: SwarmGround
    hands: SwarmHands

    def serve(self) -> RoutingTable:
        table = RoutingTable((self.route(),))
        self.ground.router.apply(table)
        return table

    def route(self) -> Route:
        return self.ground.route((self.ground.instance(f"app{len(self.hands.apps)}"),), tls=True)

    def shown(self, host: str = HOST) -> list[bytes]:
        """By node."""
        return [shown_certificate(self.hands.port, host, node) for node in self.hands.nodes]

    def said(self, node: str, command: str) -> str:
        return asked(node, trusting(proof(KEY)), command)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    with haproxy_directory() as root:
        ground, hands = swarm_ground(root, program(), tmp_path)
        yield Secure(root, tmp_path, ground, hands)
        hands.close()


def test_every_node_shows_a_renewed_certificate_and_no_router_was_replaced(secure: Secure) -> None:
    old = put_certificate(secure.certificates, HOST)
    table = secure.serve()
    assert secure.shown() == [old, old]
    sent = secure.hands.swarm.sent

    new = put_certificate(secure.certificates, HOST)
    secure.ground.router.apply(table)

    assert secure.shown() == [new, new]
    assert secure.hands.swarm.sent == sent


def test_a_router_that_begins_with_the_older_one_is_told_the_newer(secure: Secure) -> None:
    old = put_certificate(secure.certificates, HOST)
    table = secure.serve()
    new = put_certificate(secure.certificates, HOST)
    secure.ground.router.apply(table)

    secure.hands.swarm.crash("n2")
    assert secure.shown() == [new, old]
    secure.ground.router.apply(table)

    assert secure.shown() == [new, new]


def test_routers_that_are_replaced_for_something_else_begin_with_the_newest(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    table = secure.serve()
    new = put_certificate(secure.certificates, HOST)
    secure.ground.router.apply(table)

    (route,) = table.routes
    secure.ground.router.apply(RoutingTable((secure.ground.route(route.a.targets, tls=True, sticky="user"),)))
    secure.hands.swarm.crash("n1")

    assert secure.shown() == [new, new]


def test_what_alone_is_new_in_a_file_is_told_as_well(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    table = secure.serve()
    (file,) = secure.certificates.glob("*.pem")
    above, _ = certificate(secure.certificates, "authority.example.com")
    file.write_text(file.read_text() + above)

    secure.ground.router.apply(table)

    told = [secure.said(node, f"show ssl cert certificate-{file.name}") for node in secure.hands.nodes]
    assert all("Chain Subject: /CN=authority.example.com" in each for each in told)


def test_a_certificate_for_another_host_is_shown_beside_the_first(secure: Secure) -> None:
    first = put_certificate(secure.certificates, HOST)
    table = secure.serve()

    other = put_certificate(secure.certificates, OTHER)
    secure.ground.router.apply(table)

    assert (secure.shown(), secure.shown(OTHER)) == ([first, first], [other, other])


def test_one_that_is_too_long_to_be_told_comes_with_other_routers(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    table = secure.serve()
    (file,) = secure.certificates.glob("*.pem")
    sent = secure.hands.swarm.sent
    new = put_certificate(secure.certificates, HOST)
    file.write_text(file.read_text() + "# a remark of somebody's\n" * (MOST_AT_RUN_TIME // 20))

    secure.ground.router.apply(table)

    assert secure.shown() == [new, new]
    assert secure.hands.swarm.sent == sent + 1


def test_a_file_that_was_broken_while_gitopsd_was_away_costs_nobody_their_certificate(secure: Secure) -> None:
    old = put_certificate(secure.certificates, HOST)
    table = secure.serve()
    sent = secure.hands.swarm.sent
    (secure.certificates / f"{HOST}.pem").write_text("nothing of the kind")

    anew = SwarmHaproxy(secure.hands.swarm, "haproxy", KEY, secure.root / "own", secure.certificates)
    anew.apply(table)

    assert secure.shown() == [old, old]
    assert secure.hands.swarm.sent == sent
    assert set(anew.certificates().bad) == {f"{HOST}.pem"}


def test_without_any_certificate_nobody_is_left_without_an_answer_why(secure: Secure) -> None:
    with pytest.raises(RouterError, match=r"clients speak TLS at port \d+, and there is no certificate; put one into"):
        secure.serve()
    assert ROUTER not in secure.hands.swarm.services


def test_a_router_that_does_not_take_a_certificate_is_named_with_its_own_reason(secure: Secure, tmp_path: Path) -> None:
    put_certificate(secure.certificates, HOST)
    secure.serve()
    shown = ShownCertificates(None, tmp_path / "own", Desks(secure.hands.swarm, proof(KEY)))
    (text,) = (each.read_text() for each in secure.certificates.glob("*.pem"))
    with pytest.raises(RouterError, match=r"router of node n1 does not take the certificate else\.pem: Can't replace"):
        shown.tell({"else.pem": text})


def test_keys_are_in_secrets_alone(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    secure.serve()
    spec = secure.hands.swarm.services[ROUTER].body["TaskTemplate"]["ContainerSpec"]
    configs = b"".join(secure.hands.swarm.config(each["ConfigName"]) or b"" for each in spec["Configs"])
    assert b"PRIVATE KEY" not in configs

"""TLS that ends in HAProxy: which certificate clients are shown, renewed ones, HTTP/2, and who comes without TLS."""

import http.client
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.model.errors import RouterError
from gitopsd.model.route import Route, RoutingTable, Slot
from tests.apps import free_port
from tests.certificates import certificate, connected, put_certificate, shown_certificate, trusting
from tests.contract.routing_grounds import HOST, HaproxyHands, RouterGround
from tests.haproxy import HaproxyProcess, haproxy_directory, program
from tests.load import load
from tests.waiting import eventually

ACME = "/.well-known/acme-challenge/token"


@dataclass(frozen=True)
class Secure:
    """A router with one service, whose clients speak TLS at a port, and are sent there from another one."""

    root: Path
    certificates: Path
    ground: RouterGround
    hands: HaproxyHands
    plain: int

    @property
    def port(self) -> int:
        return self.hands.port

    def serve(self, **changes: Any) -> Route:
        target = self.ground.instance(f"app{len(self.hands.apps)}")
        return self.ground.serve((target,), tls=True, redirect_from=self.plain, **changes)

    def again(self, route: Route) -> None:
        self.ground.router.apply(RoutingTable((route,)))

    def shown(self, host: str = HOST) -> bytes:
        return shown_certificate(self.port, host)

    def plainly(self, path: str, host: str = HOST) -> tuple[int, str]:
        """The status and where one is sent, at the port without TLS."""
        with closing(http.client.HTTPConnection("127.0.0.1", self.plain, timeout=45)) as client:
            client.request("POST", path, headers={"Host": host})
            answer = client.getresponse()
            return answer.status, answer.getheader("Location") or answer.read().decode()


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    with haproxy_directory() as root:
        host = HaproxyProcess(root, program())
        hands = HaproxyHands(root, host)
        ground = RouterGround(HaproxyRouter(root, host, certificates=tmp_path), hands)
        yield Secure(root, tmp_path, ground, hands, free_port())
        hands.close()


def test_the_host_that_a_client_asks_for_picks_the_certificate(secure: Secure) -> None:
    made = {host: put_certificate(secure.certificates, host) for host in ("admin.example.com", HOST)}
    secure.serve()

    shown = {host: secure.shown(host) for host in made}

    assert shown == made
    assert secure.shown("somebody.example.com") == made["admin.example.com"]


def test_services_learn_that_it_was_tls_whatever_a_client_says(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    secure.serve()

    with connected(secure.port, HOST) as wire:
        wire.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: http\r\n\r\n".encode())
        assert b" 200 " in wire.recv(1 << 16)

    headers = secure.hands.apps["app0"].headers
    assert (headers["x-forwarded-proto"], headers["x-forwarded-for"]) == ("https", "127.0.0.1")


def test_http_2_is_spoken_with_who_can(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    secure.serve()
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on this machine")
    place, said = f"https://{HOST}:{secure.port}/", "%{http_version} %{response_code} "
    asked = [curl, "-sk", "--http2", "--resolve", f"{HOST}:{secure.port}:127.0.0.1", "-w", said, place, place]

    done = subprocess.run(asked, capture_output=True, text=True, check=True, timeout=45)

    with connected(secure.port, HOST, "h2") as wire:
        assert wire.selected_alpn_protocol() == "h2"
    assert done.stdout == "app02 200 app02 200 "


def test_a_renewed_certificate_is_shown_and_no_request_is_lost(secure: Secure) -> None:
    old = put_certificate(secure.certificates, HOST)
    route = secure.serve()
    before = secure.ground.router.certificates().edition

    with load(secure.port, HOST, clients=2, pause=0.01, tls=trusting("http/1.1")) as clients:
        eventually(lambda: clients.total > 50, within=45)
        new = put_certificate(secure.certificates, HOST)
        assert secure.ground.router.certificates().edition != before
        secure.again(route)
        eventually(lambda: secure.shown() == new, within=45)
        enough = clients.total + 100
        eventually(lambda: clients.total > enough, within=45)

    assert old != new
    assert not clients.failed
    assert set(clients.answered) == {"app0"}


def test_who_comes_without_tls_is_sent_on_but_for_the_question_of_an_authority(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    secure.serve(hosts=(HOST, "*.example.org"))

    assert secure.plainly("/cart?x=1") == (308, f"https://{HOST}:{secure.port}/cart?x=1")
    assert secure.plainly("/", f"a.example.org:{secure.plain}") == (308, f"https://a.example.org:{secure.port}/")
    assert secure.plainly(ACME) == (200, "app0")
    assert secure.plainly("/", "stranger.example.com")[0] == 404
    assert secure.hands.get("", {}).status == 0  # the port with TLS knows no other way


def test_a_service_of_its_own_at_the_port_without_tls_keeps_it(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    route = secure.serve()
    acme = secure.ground.instance("acme")
    own = Route("acme", "solver", secure.plain, "127.0.0.1", hosts=(HOST,), path="/.well-known", a=Slot((acme,)))
    more = Route("acme", "challenges", secure.plain, "127.0.0.1", hosts=(HOST,), path=ACME, a=Slot((acme,)))

    secure.ground.router.apply(RoutingTable((route, own, more)))

    eventually(lambda: secure.plainly(ACME) == (200, "acme"), within=45)
    eventually(lambda: secure.plainly("/.well-known/x") == (200, "acme"), within=45)
    assert secure.plainly("/.well-known/acme-challenge/other") == (200, "app0")
    assert secure.plainly("/")[0] == 308


def test_the_copies_are_for_root_alone_and_go_with_the_last_route_that_needs_them(secure: Secure) -> None:
    put_certificate(secure.certificates, HOST)
    route = secure.serve()
    there = [each for each in secure.root.rglob("*") if each.is_file() and "PRIVATE KEY" in each.read_text()]
    assert [(each.name, each.stat().st_mode & 0o777) for each in there] == [(f"certificate-{HOST}.pem", 0o600)]

    for path in ("/one", "/two"):
        secure.ground.apply(route.a.targets, path=path)

    assert [each for each in secure.root.rglob("certificate*")] == []


def test_a_file_that_is_broken_keeps_what_it_was_and_holds_up_no_other(secure: Secure) -> None:
    made = put_certificate(secure.certificates, HOST)
    put_certificate(secure.certificates, "admin.example.com")
    route = secure.serve()
    own, _ = certificate(secure.certificates, HOST)
    _, other = certificate(secure.certificates, HOST)
    (secure.certificates / f"{HOST}.pem").write_text(own + other)
    (secure.certificates / "keyless.pem").write_text(own)
    (secure.certificates / "torn.pem").write_text(own[:200] + other)
    renewed = put_certificate(secure.certificates, "admin.example.com")

    seen = secure.ground.router.certificates()
    secure.again(route)

    assert dict(seen.bad) == {
        f"{HOST}.pem": "its private key is that of another certificate",
        "keyless.pem": "it has no private key; append it, or put it into keyless.key beside it",
        "torn.pem": "it is no certificate with a key that needs no password",
    }
    assert [each.file for each in seen.good] == ["admin.example.com.pem", f"{HOST}.pem"]
    assert secure.shown("admin.example.com") == renewed
    assert secure.shown() == made


def test_a_key_may_lie_beside_its_certificate(secure: Secure) -> None:
    own, key = certificate(secure.certificates, HOST)
    (secure.certificates / "shop.crt").write_text(own)
    (secure.certificates / "shop.key").write_text(key)
    secure.serve()

    assert secure.shown() == ssl.PEM_cert_to_DER_cert(own)


def test_without_any_certificate_there_is_no_tls_and_the_router_stays_as_it_was(secure: Secure) -> None:
    before = secure.ground.serve((secure.ground.instance("old"),))

    with pytest.raises(RouterError, match=f"and there is no certificate; put one into {secure.certificates}"):
        secure.ground.apply(before.a.targets, tls=True)

    assert secure.ground.get().by == "old"
    put_certificate(secure.certificates, HOST)
    secure.ground.apply(before.a.targets, tls=True)


@pytest.mark.parametrize("restarted", [False, True], ids=["same", "started anew"])
def test_an_emptied_directory_does_not_end_tls(secure: Secure, restarted: bool) -> None:
    made = put_certificate(secure.certificates, HOST)
    route = secure.serve()
    (secure.certificates / f"{HOST}.pem").unlink()
    router = secure.ground.router
    if restarted:
        host = HaproxyProcess(secure.root, program())
        router = HaproxyRouter(secure.root, host, certificates=secure.certificates)

    router.apply(RoutingTable((route,)))

    assert secure.shown() == made
    assert dict(router.certificates().bad) == {str(secure.certificates): "it holds no certificate"}

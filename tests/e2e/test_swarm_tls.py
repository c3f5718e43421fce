"""TLS that ends in the routers of a real swarm: the same certificates at every node, renewed ones without a break."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.certificates import connected, put_certificate, shown_certificate, trusting
from tests.e2e.app import HAPROXY
from tests.e2e.conftest import MakeRig
from tests.e2e.nodes import Node, Nodes
from tests.e2e.swarm_road import ENOUGH, PATIENCE, WITH_STEPS, Road, nodes_with_routers, road_over

pytestmark = [pytest.mark.engine, pytest.mark.timeout(420)]
HOST, PORT = "localhost", 443


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with nodes_with_routers() as made:
        yield made


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    made = tmp_path / "certificates"
    made.mkdir()
    return made


@pytest.fixture
def road(nodes: Nodes, make_rig: MakeRig, certificates: Path) -> Iterator[Road]:
    with road_over(nodes, make_rig, PORT, certificates=str(certificates)) as made:
        yield made


def shown(road: Road) -> set[bytes]:
    """What clients are shown at all nodes."""
    return {shown_certificate(PORT, HOST, each.address) for each in road.nodes.all}


def sent_on(node: Node) -> tuple[int, str]:
    with closing(http.client.HTTPConnection(node.address, 80, timeout=5)) as client:
        client.request("GET", "/cart?x=1", headers={"Host": HOST})
        answer = client.getresponse()
        return answer.status, answer.getheader("Location", "")


def test_clients_speak_tls_and_http_2_at_every_node_and_a_renewed_certificate_loses_no_request(
    road: Road, certificates: Path
) -> None:
    old = put_certificate(certificates, HOST)
    road.serving("one")
    assert shown(road) == {old}
    assert [sent_on(each) for each in road.nodes.all] == [(308, f"https://{HOST}/cart?x=1")] * 3
    with connected(PORT, HOST, "h2", road.nodes.beta.address) as wire:
        assert wire.selected_alpn_protocol() == "h2"
    before = road.routers()
    with road.clients(tls=trusting("http/1.1")) as seen:
        seen.more(ENOUGH)
        new = put_certificate(certificates, HOST)
        road.rig.eventually(lambda: shown(road) == {new}, PATIENCE)
        seen.more(300)
    seen.none_lost()
    assert road.routers() == before
    assert road.told("CertificatesRenewed", f"{HOST}.pem")

    api: Any = road.nodes.beta.engine.api()
    api.kill(next(each["Id"] for each in api.containers() if each["Image"] == HAPROXY))

    road.rig.eventually(lambda: road.routers() != before and len(road.routers()) == 3, PATIENCE)
    road.rig.eventually(lambda: answered(road) == {new}, PATIENCE)


def answered(road: Road) -> set[bytes]:
    """As `shown`; nothing as long as a router is only just starting."""
    try:
        return shown(road)
    except OSError:
        return set()


@pytest.mark.long
def test_a_canary_over_tls_and_another_host_cost_no_request_but_while_routers_change(
    road: Road, certificates: Path
) -> None:
    first = put_certificate(certificates, HOST)
    road.serving("one")
    with road.clients(tls=trusting("http/1.1")) as seen:
        seen.more(ENOUGH)
        road.push("two", x=WITH_STEPS)
        road.rig.eventually(lambda: seen.answered["two"] > 0, PATIENCE)
        road.promote()
        road.alone()
    seen.none_lost()
    assert road.rig.release().outcome == "succeeded"

    more = put_certificate(certificates, "shop.example.com")

    def both() -> bool:
        hosts = (HOST, "shop.example.com")
        try:
            found = {shown_certificate(PORT, host, each.address) for each in road.nodes.all for host in hosts}
        except OSError:
            return False  # its router is only just being replaced
        return found == {first, more}

    road.rig.eventually(both, PATIENCE)
    assert "the router of each node is replaced" in road.rig.told("RouterReplaced", within=PATIENCE).message

"""What the clients of a service on a real swarm see of its releases, at the routers of all three nodes at once."""

import http.client
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import pytest

from gitopsd.adapters.haproxy.desks import asked
from gitopsd.adapters.haproxy.proof import proof, trusting
from gitopsd.engine_json.swarm_router import ROUTER
from gitopsd.model.route import ALL
from tests.conftest import remove_project
from tests.e2e.app import APP, HAPROXY
from tests.e2e.conftest import MakeRig
from tests.e2e.nodes import Node, Nodes
from tests.e2e.swarm_road import ENOUGH, PATIENCE, PORT, SOON, WITH_STEPS, Road, nodes_with_routers, road_over

pytestmark = [pytest.mark.engine, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with nodes_with_routers() as made:
        yield made


@pytest.fixture
def road(nodes: Nodes, make_rig: MakeRig) -> Iterator[Road]:
    with road_over(nodes, make_rig) as made:
        yield made


def test_a_canary_gets_its_share_at_every_node_and_goes_well_without_a_lost_request(road: Road) -> None:
    road.serving("one")
    with road.clients() as seen:
        seen.more(ENOUGH)
        road.push("two", x=WITH_STEPS)
        road.rig.eventually(lambda: seen.answered["two"] > 0, PATIENCE)
        before = seen.so_far()
        seen.more(1000)
        assert 26 < seen.share("two", before) < 42
        assert road.services() == ["web", "web-canary"]
        road.promote()
        road.alone()
        before = seen.so_far()
        seen.more(300)
        assert seen.share("two", before) == 100
    seen.none_lost()
    assert road.rig.release().outcome == "succeeded"


def test_blue_green_changes_over_at_once_and_comes_home_without_a_lost_request(road: Road) -> None:
    road.serving("one")
    with road.clients() as seen:
        seen.more(ENOUGH)
        road.push("two", x={**SOON, "strategy": "blue-green"})
        road.rig.eventually(lambda: road.services() == ["web", "web-canary"], PATIENCE)
        road.alone()
        before = seen.so_far()
        seen.more(300)
        assert seen.share("two", before) == 100
    seen.none_lost()


@pytest.mark.long
def test_swarms_own_updater_loses_no_request(road: Road) -> None:
    road.serving("one")
    with road.clients() as seen:
        seen.more(ENOUGH)
        for version in ("two", "three"):
            road.serving(version)
            road.rig.eventually(lambda: road.rig.release().outcome == "succeeded", PATIENCE)
        seen.more(300)
    seen.none_lost()
    assert seen.answered["two"] > 0
    assert seen.answered["three"] > 0


def test_a_share_that_somebody_moved_at_one_node_is_told_and_put_back(road: Road) -> None:
    road.serving("one")
    key = bytes.fromhex((road.rig.state / "key").read_text())
    command = f"set map share.map shop:web {ALL // 2}"
    asked(road.nodes.beta.address, trusting(proof(key)), command)
    road.rig.eventually(lambda: road.told("DriftFound", "the share of slot b is 50 %, should be 0 %"), PATIENCE)
    road.rig.eventually(lambda: road.told("DriftEnded", "shop/web is no longer modified"), PATIENCE)


@pytest.mark.long
def test_another_path_replaces_the_routers_and_with_the_last_route_they_go(road: Road) -> None:
    road.serving("one")
    road.serving("one", x={"traffic": {"path": "/shop"}})
    assert "the router of each node is replaced" in road.rig.told("RouterReplaced", within=PATIENCE).message
    road.rig.eventually(lambda: answers("/shop", road.nodes) == [200] * 3, PATIENCE)
    assert answers("/", road.nodes) == [404] * 3
    road.rig.repository.push({"environments/shop": None, "README.md": "Empty\n"})
    road.rig.held("orphaned", within=PATIENCE)
    assert "1 services removed" in road.rig.ask("remove")
    road.rig.eventually(lambda: road.others() == [], PATIENCE)


def answers(path: str, nodes: Nodes) -> list[int]:
    return [got(node, path)[0] for node in nodes.all]


def got(node: Node, path: str = "/", port: int = PORT) -> tuple[int, str]:
    """What comes of one request at a node: its status, 0 for no answer, and which version gave it."""
    connection = http.client.HTTPConnection(node.address, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode().strip()
    except OSError:
        return 0, ""
    finally:
        connection.close()


@pytest.mark.long
def test_a_router_that_starts_anew_without_gitopsd_takes_the_canary_back_until_it_is_there(road: Road) -> None:
    road.serving("one")
    road.push("two", x=WITH_STEPS)
    road.paused()
    road.rig.process.kill()
    beta = road.nodes.beta
    api = beta.engine.api()
    (before,) = (each["Id"] for each in api.containers() if each["Image"] == HAPROXY)
    api.kill(before)
    road.rig.eventually(lambda: got(beta)[0] == 200, PATIENCE)
    assert {got(beta)[1] for _ in range(60)} == {"one"}
    road.rig.start()
    road.rig.eventually(lambda: got(beta)[1] == "two", PATIENCE)
    road.promote()
    road.alone()
    assert [got(each)[1] for each in road.nodes.all] == ["two"] * 3


@pytest.mark.long
def test_a_node_that_dies_is_out_of_all_routers_soon_and_fails_no_canary(road: Road) -> None:
    road.serving("one")
    lost = road.nodes.gamma
    with road.clients(at=(road.nodes.alpha, road.nodes.beta)) as seen:
        seen.more(ENOUGH)
        lost.unplug()
        road.rig.eventually(lambda: road.nodes.states()[lost.name] == "down", PATIENCE)
        before = seen.failed.total()
        seen.more(500)
        assert seen.failed.total() == before, seen.failed
        road.push("two", x=WITH_STEPS)
        road.rig.eventually(lambda: seen.answered["two"] > 0, PATIENCE)
        road.promote()
        road.alone()
    assert road.rig.release().outcome == "succeeded"


def test_the_judge_throws_a_bad_canary_back(road: Road) -> None:
    road.serving("one")
    with road.clients() as seen:
        seen.more(ENOUGH)
        reason = road.rig.rejected(road.push("bad", errors=50, x=WITH_STEPS), within=PATIENCE)
        road.alone()
        before = seen.so_far()
        seen.more(300)
        assert seen.share("one", before) == 100
    assert "error-rate" in reason
    assert all(how.endswith("500") for how in seen.failed), seen.failed  # nothing is lost beside its bad answers


@pytest.mark.long
def test_what_a_canary_is_still_answering_when_its_time_to_drain_is_over_is_cut(road: Road) -> None:
    road.serving("one")
    road.push("two", x={**WITH_STEPS, "drain_timeout": "3s"})
    road.paused()
    with ExitStack() as kept:
        held = [kept.enter_context(closing(streaming(node))) for node in road.nodes.all for _ in range(8)]
        begun = [said(each) for each in held]
        assert {"one", "two"} == set(begun)
        road.rig.ask("abort")
        road.alone()
        canarys = [each for each, version in zip(held, begun, strict=True) if version == "two"]
        assert [said(each) for each in canarys] == [""] * len(canarys)
    told = road.rig.told("ConnectionsCut", "shop", within=PATIENCE)
    assert "the time to drain" in told.message
    assert "two" not in {got(node)[1] for node in road.nodes.all}


def streaming(node: Node) -> socket.socket:
    """A connection over which somebody says their version at once, and once more in ten minutes."""
    wire = socket.create_connection((node.address, PORT), timeout=PATIENCE)
    wire.sendall(b"GET /stream/600000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return wire


def said(wire: socket.socket) -> str:
    """The version in what comes next; "" where the connection ends before that."""
    received = ""
    while not (received.partition("\r\n\r\n")[2] if received.startswith("HTTP") else received).strip():
        more = wire.recv(1 << 16)
        if not more:
            return ""
        received += more.decode()
    return received.splitlines()[-1]


@pytest.mark.long
def test_routers_that_do_not_start_are_gone_back_from_once_and_users_see_little_of_it(road: Road) -> None:
    road.serving("one")
    road.rig.configure(router={"image": APP})  # it has no HAProxy
    told = road.rig.told("RouterFailed", within=PATIENCE)
    assert "do not start from their new files, and go on as before" in told.message
    assert "haproxy" in told.message  # is the program that the image lacks
    road.rig.eventually(lambda: answers("/", road.nodes) == [200] * 3, PATIENCE)
    before = version_of_routers(road)
    with road.clients() as seen:
        seen.more(2_000)
    seen.none_lost()
    assert version_of_routers(road) == before
    road.rig.configure(router={"image": HAPROXY})
    road.rig.told("RouterBack", within=PATIENCE)


def version_of_routers(road: Road) -> int:
    """Which grows with all that Swarm is told, or itself decides, of them."""
    api: Any = road.nodes.api
    return int(api.inspect_service(ROUTER)["Version"]["Index"])


@pytest.mark.long
def test_two_environments_share_the_routers_and_one_that_goes_leaves_the_other_as_it_is(road: Road) -> None:
    road.serving("one")
    road.rig.synced(road.rig.push("api", web=routed("two", PORT, path="/api")), "api", within=PATIENCE)
    road.rig.eventually(lambda: answers("/api", road.nodes) == [200] * 3, PATIENCE)
    assert {got(node, path)[1] for node in road.nodes.all for path in ("/api", "/")} == {"one", "two"}
    road.rig.repository.push({"environments/api": None})
    road.rig.held("orphaned", "api", within=PATIENCE)
    road.rig.ask("remove", "api")
    road.rig.eventually(lambda: {got(node, "/api")[1] for node in road.nodes.all} == {"one"}, PATIENCE)


def routed(version: str, port: int, **traffic: Any) -> dict[str, Any]:
    environment = {"VERSION": version, "TERM_MODE": "exit"}
    extension = {"min_ready": "0s", "traffic": traffic}
    return {"image": APP, "ports": [f"{port}:8080"], "environment": environment, "x-gitopsd": extension}


@pytest.mark.long
def test_an_engine_routes_its_own_containers_beside_its_swarms_tasks(road: Road) -> None:
    url = road.nodes.alpha.engine.url
    road.rig.configure(environments={"own": {"target": {"docker": url}}})
    try:
        road.serving("one")
        road.rig.synced(road.rig.push("own", web=routed("two", PORT + 1)), "own", within=PATIENCE)
        road.rig.eventually(lambda: got(road.nodes.alpha, port=PORT + 1)[1] == "two", PATIENCE)
        assert [got(node)[1] for node in road.nodes.all] == ["one"] * 3
        road.rig.push("own", web=routed("three", PORT, path="/own"))
        told = road.rig.held("claim", "own", within=PATIENCE)
        assert f"route {PORT}/tcp */own/ is claimed by environment shop too; change it in one of the two" in told
    finally:
        road.rig.process.stop()
        road.nodes.api.remove_container(ROUTER, force=True)
        remove_project(road.nodes.api, road.rig.project_of("own"))

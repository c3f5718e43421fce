"""What gitopsd asks a canary on a real swarm itself: before users do, and where none come."""

import http.client
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from tests.e2e.conftest import MakeRig
from tests.e2e.nodes import Nodes
from tests.e2e.swarm_road import ENOUGH, PATIENCE, PORT, SOON, WITH_STEPS, Road, nodes_with_routers, road_over

pytestmark = [pytest.mark.engine, pytest.mark.timeout(420)]
WARM = {"paths": ["/", "/cart"], "rate": "40/s", "until": {"requests": 60}, "max": "1m"}
JUDGED: dict[str, Any] = {
    **SOON,
    "strategy": "canary",
    "steps": [{"set_weight": 34}, {"analysis": {"duration": "60s"}}],
    "analysis": {"metrics": [{"name": "error-rate"}], "synthetic": {"path": "/", "rate": "20/s"}},
}


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with nodes_with_routers() as made:
        yield made


@pytest.fixture
def road(nodes: Nodes, make_rig: MakeRig) -> Iterator[Road]:
    with road_over(nodes, make_rig) as made:
        yield made


def test_a_canary_is_warmed_before_its_share_and_one_that_answers_nobody_never_gets_any(road: Road) -> None:
    road.serving("one")
    with road.clients() as seen:
        seen.more(ENOUGH)
        road.push("two", x={**WITH_STEPS, "pre_warm": WARM})
        told = road.rig.told("NewInstancesReached", within=PATIENCE)
        assert "pre-warmed with 6" in told.message
        assert told.data["pre_warm_requests"] >= 60
        road.rig.eventually(lambda: seen.answered["two"] > 0, PATIENCE)
        road.promote()
        road.alone()
        seen.none_lost()

        reason = road.rig.rejected(road.push("bad", errors=1000, x=WITH_STEPS), within=PATIENCE)
        road.alone()
    assert "it does not answer through the router: http :8000/ answered 500" in reason
    seen.none_lost()
    assert seen.answered["bad"] == 0


@pytest.mark.long
def test_without_users_a_bad_canary_is_judged_by_requests_of_gitopsds_own(road: Road) -> None:
    road.serving("one", x=JUDGED)
    reason = road.rig.rejected(road.push("bad", errors=50, x=JUDGED), within=PATIENCE)
    road.alone()
    assert "requests on the canary failed" in reason


@pytest.mark.long
def test_a_step_leads_friends_to_the_canary_at_every_node_and_no_router_is_replaced(road: Road) -> None:
    steps = [{"set_header_route": {"header": "X-Friend"}}, {"set_canary_scale": {"replicas": 1}}, {"pause": {}}]
    x = {**SOON, "strategy": "canary", "steps": steps}
    road.serving("one", x=x)
    before = road.routers()
    road.push("two", x=x)
    road.rig.eventually(lambda: answered(road, friend=True) == {"two"}, PATIENCE)
    assert answered(road) == {"one"}
    road.rig.ask("abort")
    road.alone()
    assert answered(road, friend=True) == {"one"}
    assert road.routers() == before


def answered(road: Road, *, friend: bool = False) -> set[str]:
    """Which versions answer at the nodes, to ten requests each."""
    found = set()
    for node in road.nodes.all * 10:
        with closing(http.client.HTTPConnection(node.address, PORT, timeout=5)) as client:
            client.request("GET", "/", headers={"X-Friend": "yes"} if friend else {})
            found.add(client.getresponse().read().decode().strip())
    return found

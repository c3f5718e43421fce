"""A router on a bridge: its ports are published ones, so another one takes its place where those change."""

from collections.abc import Iterator
from functools import partial

import pytest

from gitopsd.engine_json.labels import ROUTER as LABEL
from tests.e2e.app import HAPROXY, routed, street_engine
from tests.e2e.conftest import MakeRig, free_port_number
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig
from tests.load import Load, load

PATIENCE_S = 180.0


@pytest.fixture
def engine() -> Iterator[OwnEngine]:
    with street_engine() as made:
        yield made


@pytest.fixture
def rig(engine: OwnEngine, make_rig: MakeRig) -> Rig:
    router = {"image": HAPROXY, "network": "bridge"}
    return make_rig(engine=engine.url, api=engine.api(), router=router).start()


@pytest.mark.timeout(900)
def test_on_a_bridge_versions_come_without_a_gap_and_a_port_with_one_that_is_told(rig: Rig, engine: OwnEngine) -> None:
    first, second = free_port_number(), free_port_number()
    taken = free_port_number()
    rig.synced(rig.push(web=routed("one", first, replicas=1)), within=PATIENCE_S)
    with load(first, "localhost", clients=2) as seen:
        rig.synced(rig.push(web=routed("two", first, replicas=1)), within=PATIENCE_S)
        rig.eventually(partial(answered, seen, "two"), PATIENCE_S)
    seen.none_lost()

    with load(first, "localhost", clients=2) as seen:
        both = {"web": routed("two", first, replicas=1), "shop": routed("one", second, replicas=1)}
        rig.ask("suspend")
        wanted = rig.push(**both)
        told = f"begins anew to listen at {second}"
        rig.eventually(lambda: told in rig.process.command("plan", "shop"), PATIENCE_S)
        rig.ask("resume")
        rig.synced(wanted, within=PATIENCE_S)
        replaced = rig.told("RouterReplaced", within=PATIENCE_S)
        seen.more(100)
    assert "another one has taken its place, with nobody at its ports for " in replaced.message
    with load(second, "localhost", clients=1) as other:
        rig.eventually(partial(answered, other, "one"), PATIENCE_S)
    assert ports(engine) == sorted((first, second))
    count = len(rig.events("RouterReplaced"))

    rig.occupy(taken)
    with load(first, "localhost", clients=2) as seen:
        rig.push(**both, third=routed("one", taken, replicas=1))
        reason = rig.held("router", within=PATIENCE_S)
        seen.more(100)
    assert f"the router cannot have port {taken} of the host, which is somebody else's" in reason
    seen.none_lost()
    assert len(rig.events("RouterReplaced")) == count


def answered(seen: Load, version: str) -> bool:
    return seen.answered[version] > 50


def ports(engine: OwnEngine) -> list[int]:
    """Those of the host that the only router has."""
    (router,) = engine.api().containers(all=True, filters={"label": f"{LABEL}=gitopsd-router"})
    return sorted({port["PublicPort"] for port in router["Ports"] if "PublicPort" in port})

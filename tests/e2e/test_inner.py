"""A proxy that people have already, in a container of the same project: it has one address for a service, for good."""

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from gitopsd.engine_json.routed import NETWORK
from tests.conftest import gone_is_fine
from tests.e2e.app import HAPROXY, routed, street_engine
from tests.e2e.conftest import MakeRig
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig
from tests.e2e.street import ROUTER
from tests.load import load
from tests.waiting import eventually

PATIENCE_S = 200.0
INNER = 8000


@pytest.fixture(scope="module")
def engine() -> Iterator[OwnEngine]:
    with street_engine() as made:
        yield made


@pytest.fixture(params=["host", "bridge"])
def rig(request: pytest.FixtureRequest, engine: OwnEngine, make_rig: MakeRig) -> Rig:
    """Its router is in that network."""
    router = {"image": HAPROXY, "network": request.param}
    made = make_rig(engine=engine.url, api=engine.api(), router=router)
    made.at_end(partial(without_router, engine))
    return made.start()


def without_router(engine: OwnEngine) -> None:
    """Each kind of router needs another kind of network."""
    gone_is_fine(partial(engine.api().remove_container, ROUTER, force=True))
    eventually(lambda: gone_is_fine(partial(engine.api().remove_network, NETWORK)))


def inner(version: str, **how: Any) -> dict[str, Any]:
    service = routed(version, 0, replicas=1, x={"traffic": {"expose": "inner", "listen": INNER, "target": 8080}, **how})
    return {key: value for key, value in service.items() if key != "ports"}


def proxy(port: int, address: str) -> dict[str, Any]:
    lines = (
        "defaults",
        "    mode http",
        "    option idle-close-on-response",
        "    timeout connect 5s",
        "    timeout client 30s",
        "    timeout server 30s",
        "listen all",
        "    bind :8080",
        f"    server inner {address}",
    )
    command = ["haproxy", "-db", "-f", "/etc/proxy.cfg"]
    written = {"source": "written", "target": "/etc/proxy.cfg"}
    return {"image": HAPROXY, "command": command, "ports": [f"{port}:8080"], "configs": [written], "x-lines": lines}


@pytest.mark.timeout(900)
def test_behind_a_proxy_of_ones_own_a_rolling_upgrade_and_a_canary_lose_no_request(
    engine: OwnEngine, rig: Rig, free_port: int
) -> None:
    rig.synced(rig.push(web=inner("one")), within=PATIENCE_S)
    (shown,) = json.loads(rig.process.command("status", "shop", "-o", "json"))["environments"][0]["services"]
    address = shown["address"]
    assert f"\nweb is at {address} for a proxy of your own" in rig.process.command("status", "shop")
    beside = proxy(free_port, address)
    configs = {"written": {"content": "\n".join((*beside.pop("x-lines"), ""))}}

    def pushed(version: str, **how: Any) -> str:
        return rig.push_document({"services": {"web": inner(version, **how), "proxy": beside}, "configs": configs})

    rig.synced(pushed("one"), within=PATIENCE_S)
    assert rig.fetch(free_port) == "one\n"
    with load(free_port, "localhost") as seen:
        rig.eventually(lambda: seen.answered["one"] > 50, PATIENCE_S)
        rig.synced(pushed("two"), within=PATIENCE_S)
        rig.eventually(lambda: seen.answered["two"] > 50, PATIENCE_S)
        steps = [{"set_weight": 20}, {"pause": {"duration": "2s"}}]
        rig.synced(pushed("three", strategy="canary", steps=steps), within=PATIENCE_S)
        rig.eventually(lambda: seen.answered["three"] > 50, PATIENCE_S)
    seen.none_lost()
    published = [each["Ports"] for each in engine.api().containers() if each["Labels"].get("gitopsd.service") == "web"]
    assert published
    assert not any(port.get("PublicPort") for ports in published for port in ports)

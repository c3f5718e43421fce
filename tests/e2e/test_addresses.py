"""No request gets to a stranger: a routed instance keeps its address while gitopsd is away, and nobody else gets it."""

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from urllib.request import ProxyHandler, build_opener

import docker
import pytest

from gitopsd.adapters.docker.engine import connect
from gitopsd.controller.addressing import Addresses
from gitopsd.engine_json import network_body
from gitopsd.engine_json.routed import NETWORK
from gitopsd.model.settings import TargetEngine
from gitopsd.model.traffic import Traffic
from tests.e2e.conftest import ONE, TWO, make_pictures
from tests.e2e.own_engine import OwnEngine, own_engine
from tests.engine_json.builders import created, desired, service
from tests.fakes.store import FakeStore
from tests.images import Images
from tests.waiting import eventually


@pytest.fixture
def engine() -> Iterator[OwnEngine]:
    with own_engine() as made:
        make_pictures(Images(made.api()))
        yield made


@dataclass
class Caller:
    """Asks addresses over and over, as a router would that has not heard of anything, until it is told to stop."""

    addresses: list[str]
    heard: set[str] = field(default_factory=set)
    _over: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._threads = [threading.Thread(target=self._call, args=(address,)) for address in self.addresses]
        for thread in self._threads:
            thread.start()

    def stop(self) -> set[str]:
        self._over.set()
        for thread in self._threads:
            thread.join()
        return self.heard

    def _call(self, address: str) -> None:
        while not self._over.wait(0.02):
            with suppress(OSError, HTTPException):
                self.heard.add(asked(address))


def asked(address: str) -> str:
    with build_opener(ProxyHandler({})).open(f"http://{address}:8080/", timeout=1) as answer:
        return str(answer.read().decode().strip())


def answers(address: str) -> bool:
    with suppress(OSError, HTTPException):
        return asked(address) == "one"
    return False


def bring_routed(made: OwnEngine) -> dict[str, str]:
    """Two routed instances that come back with the engine, with the address of each."""
    adapter = connect(TargetEngine(made.url), {})
    image = adapter.image(ONE)
    assert image is not None
    web = service(traffic=Traffic(80, 8080), restart="always", stop_signal="SIGKILL")
    state = desired(web)
    for network in state.networks.values():
        adapter.create_network(network.name, network_body(network, state))
    giving = Addresses(adapter, FakeStore())
    for slot in (1, 2):
        adapter.start(adapter.create(created(web, image, state, slot=slot, routed=giving.give())))
    adapter.close()
    return found(made)


def found(made: OwnEngine) -> dict[str, str]:
    """The addresses of the routed instances that run, by name."""
    adapter = connect(TargetEngine(made.url), {})
    seen = {each.name: each.routed_address for each in adapter.observe("shop").instances if each.state == "running"}
    adapter.close()
    return seen


def strangers(api: docker.APIClient, name: str) -> None:
    """Containers that nobody told anything, one of them on the project's own network."""
    for network in ("default", "shop_default"):
        host = api.create_host_config(restart_policy={"Name": "always"}, network_mode=network)
        made = api.create_container(TWO, name=f"stranger-{name}-{network}", host_config=host, stop_signal="SIGKILL")
        api.start(made["Id"])


def strange_addresses(api: docker.APIClient) -> set[str]:
    rows = [each for each in api.containers() if each["Names"][0].startswith("/stranger-")]
    assert len(rows) >= 2
    return {end["IPAddress"] for each in rows for end in each["NetworkSettings"]["Networks"].values()}


@pytest.mark.engine
@pytest.mark.parametrize("end", ["stop", pytest.param("kill", marks=pytest.mark.long)])
def test_while_gitopsd_is_away_no_engine_restart_brings_a_stranger_to_a_routed_address(
    engine: OwnEngine, end: str
) -> None:
    before = bring_routed(engine)
    strangers(engine.api(), "old")
    caller = Caller(list(before.values()))
    getattr(engine, end)()
    engine.start()
    strangers(engine.api(), "new")
    eventually(lambda: found(engine) == before, within=60)
    eventually(lambda: all(answers(address) for address in before.values()), within=60)
    assert caller.stop() == {"one"}
    assert not strange_addresses(engine.api()) & set(before.values())


@pytest.mark.engine
@pytest.mark.long
def test_the_address_of_a_stopped_instance_waits_for_it(engine: OwnEngine) -> None:
    before, api = bring_routed(engine), engine.api()
    caller = Caller(list(before.values()))
    api.stop("shop-web-1", timeout=0)
    strangers(api, "new")
    for number in range(3):  # on the very network, where the engine gives out of its own few
        made = api.create_container(TWO, name=f"stranger-there-{number}", stop_signal="SIGKILL")
        api.connect_container_to_network(made["Id"], NETWORK)
        api.start(made["Id"])
    api.start("shop-web-1")
    eventually(lambda: found(engine) == before, within=60)
    eventually(lambda: all(answers(address) for address in before.values()), within=60)
    assert caller.stop() == {"one"}
    assert not strange_addresses(api) & set(before.values())


@pytest.mark.engine
def test_over_the_network_of_the_router_instances_are_reached_from_the_host_and_from_no_container() -> None:
    with own_engine(firewall=True) as made:
        make_pictures(Images(made.api()))
        here, there = sorted(bring_routed(made).items())
        own = made.api().inspect_container(there[0])["NetworkSettings"]["Networks"]["shop_default"]["IPAddress"]

        def reached(address: str) -> bool:
            asking = rf"printf 'GET / HTTP/1.0\r\n\r\n' | nc -w 5 {address} 8080"
            asker = made.api().exec_create(here[0], ["sh", "-c", asking])
            return b"one" in made.api().exec_start(asker["Id"])

        eventually(lambda: reached(own), within=60)
        assert not reached(there[1])
        asked_by_the_host = f"from urllib.request import urlopen; print(urlopen('http://{there[1]}:8080/').read())"
        assert "one" in made.inside(sys.executable, "-c", asked_by_the_host)
        assert "DROP" in made.inside("iptables", "--list-rules", "FORWARD")

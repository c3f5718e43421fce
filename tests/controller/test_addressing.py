"""Addresses of routed instances: each is given once, and none of them again before all the others were."""

import threading
from pathlib import Path

import pytest

from gitopsd.adapters.docker.addressing import routes
from gitopsd.controller.addressing import Addresses, make_network
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.routed import NETWORK, ROOM, SUBNETS, free_subnet, routed_address, routed_endpoint
from gitopsd.model.canonical import Json
from gitopsd.model.errors import HostTrouble, RouterUnavailable
from tests.controller.house import House
from tests.controller.routed import RoutedHouse
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore

MANIFEST = """
services:
  web:
    image: web:1
    ports: ["80:8080"]
    x-gitopsd: {min_ready: 0s, traffic: {}}
"""


def addresses() -> Addresses:
    return Addresses(FakeEngine(), FakeStore())


def occupy(engine: FakeEngine, address: str) -> None:
    body: dict[str, Json] = {"Image": engine.add_image(f"{address}:1").id, "Labels": {}, "HostConfig": {}}
    engine.create(Creation(f"at-{address}", body, ((NETWORK, routed_endpoint(address)),)))


def test_the_first_address_makes_the_network_and_the_next_one_does_not() -> None:
    giving = addresses()
    first, second = giving.give(), giving.give()
    assert first != second
    assert giving.engine.addresses(NETWORK) is not None
    assert isinstance(giving.engine, FakeEngine)
    assert giving.engine.writes == [f"create network {NETWORK}"]


def test_no_address_comes_again_before_all_others_did() -> None:
    subnet = SUBNETS[0]
    all_of_them = {routed_address(subnet, number) for number in range(ROOM)}
    assert len(all_of_them) == ROOM
    assert routed_address(subnet, ROOM) == routed_address(subnet, 0)
    ours = {address.rpartition(".")[0].rpartition(".")[2] for address in all_of_them}
    assert not {"0", "255"} & ours  # the gateway, and what the engine gives by itself


def test_an_address_that_a_stopped_container_asks_for_is_passed_over() -> None:
    giving, other = addresses(), addresses()
    ahead = [other.give() for _ in range(3)]
    giving.give()
    assert isinstance(giving.engine, FakeEngine)
    occupy(giving.engine, ahead[1])
    assert giving.give() == ahead[2]


def test_many_chains_at_once_get_as_many_addresses() -> None:
    giving, found = addresses(), []
    threads = [threading.Thread(target=lambda: found.extend(giving.give() for _ in range(10))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 40


def test_what_an_instance_had_it_gets_again_unless_another_has_it_by_now() -> None:
    giving = addresses()
    address = giving.give()
    assert giving.give(address) == address
    assert isinstance(giving.engine, FakeEngine)
    occupy(giving.engine, address)
    assert giving.give(address) != address


def test_two_gitopsd_on_one_engine_begin_far_from_each_other() -> None:
    engine = FakeEngine()
    ours, theirs = (Addresses(engine, FakeStore(instance)) for instance in ("one", "two"))
    assert not {ours.give() for _ in range(20)} & {theirs.give() for _ in range(20)}


def test_a_subnet_that_the_host_has_a_route_to_is_passed_over() -> None:
    engine = FakeEngine()
    engine.routes = ("0.0.0.0/0", "10.181.3.0/24", "10.157.0.0/16", "fd00::/8")
    assert Addresses(engine, FakeStore()).give().startswith("10.139.")


def test_without_any_subnet_it_is_said_what_to_free() -> None:
    engine = FakeEngine()
    engine.routes = ("10.0.0.0/8",)
    with pytest.raises(HostTrouble, match=r"every subnet that it could have meets a route .*; free one of 10.181"):
        Addresses(engine, FakeStore()).give()


def test_somebodys_network_of_that_name_is_not_used() -> None:
    engine = FakeEngine()
    engine.create_network(NETWORK, {})
    with pytest.raises(HostTrouble, match="was not made by gitopsd"):
        Addresses(engine, FakeStore()).give()


def test_a_router_on_a_bridge_reaches_its_instances_or_it_is_said_how_it_would() -> None:
    apart, together = FakeEngine(), FakeEngine()
    Addresses(apart, FakeStore()).give()
    with pytest.raises(
        HostTrouble, match=r"keeps its containers apart, .*; write `router: \{network: host\}`, or remove"
    ):
        Addresses(apart, FakeStore(), together=True).give()
    with pytest.raises(RouterUnavailable, match="no instance could be reached: network gitopsd-routed keeps"):
        make_network(Addresses(apart, FakeStore(), together=True))
    make_network(Addresses(together, FakeStore(), together=True))
    assert Addresses(together, FakeStore(), together=True).give()


def test_the_subnets_are_such_and_apart() -> None:
    assert all(free_subnet([each for each in SUBNETS if each != wanted]) == wanted for wanted in SUBNETS)


def test_routes_are_read_from_the_table_of_the_host(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
        "br-1\t0000B50A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
        "tun0\t0100080A\t00000000\t0005\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n"
    )
    assert routes(table) == ("10.181.0.0/16", "10.8.0.1/32")
    assert routes(tmp_path / "none") == ()


@pytest.fixture
def house() -> House:
    made = RoutedHouse()
    commit = made.push({"shop/compose.yaml": MANIFEST})
    made.start()
    made.synced(commit, "shop")
    made.eventually(lambda: made.store.baselines("shop"))
    made.engine().writes.clear()
    return made


def test_a_routed_instance_has_an_address_and_publishes_nothing(house: House) -> None:
    (instance,) = house.engine().observe("shop").instances
    assert instance.routed_address.startswith("10.181.")
    assert "ports" not in instance.fields
    assert not house.store.drift("shop").items


def test_a_connection_that_was_cut_by_hand_is_made_again_with_the_same_address(house: House) -> None:
    (before,) = house.engine().observe("shop").instances
    house.engine().disconnect_by_hand("shop-web-1", NETWORK)

    house.eventually(lambda: house.told("DriftEnded"))

    (instance,) = house.engine().observe("shop").instances
    assert house.writes() == [f"connect shop-web-1 to {NETWORK}"]
    assert (instance.id, instance.routed_address) == (before.id, before.routed_address)
    assert house.told("DriftFound")[0].startswith(f"shop-web-1 modified: networks.{NETWORK} changed by hand")


def test_an_instance_that_was_connected_without_its_address_gets_it_back(house: House) -> None:
    (before,) = house.engine().observe("shop").instances
    house.engine().disconnect_by_hand("shop-web-1", NETWORK)
    house.engine().connect_by_hand("shop-web-1", NETWORK, IPAddress="10.181.255.241")

    house.eventually(lambda: house.told("DriftEnded"))

    (instance,) = house.engine().observe("shop").instances
    assert (instance.id, instance.routed_address) == (before.id, before.routed_address)


def test_a_replacement_has_another_address_than_what_it_replaces(house: House) -> None:
    (before,) = house.engine().observe("shop").instances
    house.synced(house.push({"shop/compose.yaml": MANIFEST.replace("web:1", "web:2")}), "shop")

    (instance,) = house.engine().observe("shop").instances
    assert instance.id != before.id
    assert instance.routed_address not in ("", before.routed_address)


def test_another_port_of_the_router_leaves_the_container(house: House) -> None:
    (before,) = house.engine().observe("shop").instances
    house.synced(house.push({"shop/compose.yaml": MANIFEST.replace("80:8080", "81:8081")}), "shop")

    (instance,) = house.engine().observe("shop").instances
    assert instance.id == before.id
    assert house.writes() == []
    assert not house.store.drift("shop").items

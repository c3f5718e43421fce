"""Addresses, names and settings of endpoints, as far as an engine's API can take them."""

from typing import Any

import pytest

from gitopsd.engine_json import LOWEST_API, too_new
from gitopsd.engine_json.creation import Creation
from gitopsd.model.desired import Attachment, Bind, ImageMount, VolumeMount
from gitopsd.model.errors import ManifestError
from tests.engine_json.builders import created, desired, host, service

MAC = "02:42:ac:11:65:43"
OTHER_MAC = "02:42:ac:11:65:44"


def endpoints(made: Creation) -> Any:
    networking: Any = made.body["NetworkingConfig"]
    return {**networking["EndpointsConfig"], **dict(made.connect)}


def test_an_endpoint_has_all_its_settings() -> None:
    attachment = Attachment(
        "default",
        link_local_ips=("169.254.8.1",),
        driver_opts={"a": "1"},
        gw_priority=7,
        interface_name="eth7",
        mac_address=MAC,
    )

    made = created(service(networks=(attachment,)), api=(1, 49))

    assert endpoints(made) == {
        "shop_default": {
            "Aliases": ["shop-web-1", "web"],
            "IPAMConfig": {"LinkLocalIPs": ["169.254.8.1"]},
            "MacAddress": MAC,
            "DriverOpts": {"a": "1", "com.docker.network.endpoint.ifname": "eth7"},
            "GwPriority": 7,
        }
    }
    assert "MacAddress" not in made.body


@pytest.mark.parametrize(
    "given",
    [{"mac_address": MAC}, {"networks": (Attachment("default", mac_address=MAC),)}],
    ids=["of the service", "of its network"],
)
def test_an_address_belongs_to_the_container_on_old_engines_and_to_its_main_network_on_newer_ones(given: Any) -> None:
    each = service(**given)

    old, new = created(each, api=(1, 43)), created(each, api=(1, 44))

    assert (old.body.get("MacAddress"), endpoints(old)["shop_default"].get("MacAddress")) == (MAC, None)
    assert (new.body.get("MacAddress"), endpoints(new)["shop_default"].get("MacAddress")) == (None, MAC)


def test_the_address_in_a_network_that_is_joined_by_its_mode_is_its_endpoints() -> None:
    each = service(networks=(), network_mode="bridge", mac_address=MAC)

    assert created(each, api=(1, 43)).body["MacAddress"] == MAC
    assert endpoints(created(each, api=(1, 44))) == {"bridge": {"MacAddress": MAC}}


def test_two_addresses_need_an_engine_that_gives_each_network_its_own() -> None:
    networks = (Attachment("back", mac_address=MAC), Attachment("front", mac_address=OTHER_MAC))
    each = service(networks=networks)

    with pytest.raises(ManifestError, match=r"networks\.mac_address needs engine API 1\.44, this engine speaks 1\.43"):
        created(each, api=(1, 43))
    assert [found["MacAddress"] for found in endpoints(created(each, api=(1, 44))).values()] == [MAC, OTHER_MAC]


def test_links_name_the_containers_of_the_linked_service_as_they_are_called_in_the_end() -> None:
    db = service("db", replicas=2)
    web = service(links=["db:database"], external_links=["old"])

    made = created(web, state=desired(web, db), slot=3)

    expected = [
        *("shop-db-1:database", "shop-db-1:db-3", "shop-db-1:shop-db-3"),
        *("shop-db-2:database", "shop-db-2:db-3", "shop-db-2:shop-db-3"),
        "old:old",
    ]
    assert endpoints(made)["shop_default"]["Links"] == expected
    assert "Links" not in host(made)


def test_links_in_a_network_that_is_joined_by_its_mode_are_the_hosts() -> None:
    db, web = service("db"), service(networks=(), network_mode="bridge", links=["db"])

    made = created(web, state=desired(web, db))

    assert host(made)["Links"] == ["shop-db-1:db", "shop-db-1:db-1", "shop-db-1:shop-db-1"]


def test_links_name_a_container_that_the_manifest_named() -> None:
    db, web = service("db", container_name="thedb"), service(links=["db"])

    made = created(web, state=desired(web, db))

    assert endpoints(made)["shop_default"]["Links"] == ["thedb:db", "thedb:db-1", "thedb:shop-db-1"]


NEEDS: dict[str, Any] = {
    "volumes[].bind.create_host_path": {"mounts": [Bind("/a:b", "/c")]},
    "annotations": {"annotations": {"a": "b"}},
    "healthcheck.start_interval": {"healthcheck": {"start_interval": "1s"}},
    "volumes[].bind.recursive": {"mounts": [Bind("/a", "/c", read_only=True, recursive="readonly")]},
    "networks.mac_address": {"networks": (Attachment("a"), Attachment("default", mac_address=MAC))},
    "volumes[].volume.subpath": {"mounts": [VolumeMount("data", "/data", subpath="a")]},
    "volumes[].type: image": {"mounts": [ImageMount("shop/files:1", "/files")]},
    "networks.gw_priority": {"networks": (Attachment("default", gw_priority=1),)},
    "networks.interface_name": {"networks": (Attachment("default", interface_name="eth7"),)},
}


@pytest.mark.parametrize("key", NEEDS)
def test_a_key_that_an_older_engine_would_ignore_is_named_with_its_version(key: str) -> None:
    each = service(**NEEDS[key])
    major, minor = LOWEST_API[key]

    found = too_new(each, (major, minor - 1))

    assert [problem.message for problem in found] == [
        f"{key} needs engine API 1.{minor}, this engine speaks 1.{minor - 1}; remove the key or upgrade Docker"
    ]
    assert too_new(each, (major, minor)) == ()


def test_every_version_that_is_named_has_its_example() -> None:
    assert LOWEST_API.keys() - NEEDS.keys() == {"networks.enable_ipv4"}

"""What runs is written as the Compose service that asks for just that, and for nothing that comes by itself."""

from typing import Any

import pytest

from gitopsd.engine_json.projection import container_projection
from gitopsd.engine_json.reconstruction import service_of
from tests.engine_json.inspections import inspection, mounted, on_network

IMAGE = {
    "Env": ["PATH=/bin", "COLOUR=image"],
    "Cmd": ["serve"],
    "Entrypoint": ["/run"],
    "User": "app",
    "Labels": {"made": "here"},
    "ExposedPorts": {"80/tcp": {}},
    "Volumes": {"/kept": {}},
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10**9},
}
OF_THE_IMAGE = {
    "Env": ["PATH=/bin", "COLOUR=image"],
    "Cmd": ["serve"],
    "Entrypoint": ["/run"],
    "User": "app",
    "Labels": {"made": "here"},
    "ExposedPorts": {"80/tcp": {}},
    "Healthcheck": {"Test": ["CMD", "true"], "Interval": 10**9},
}
Case = tuple[dict[str, Any], dict[str, Any]]

CONFIG: list[Case] = [
    ({"Env": ["PATH=/bin", "COLOUR=red", "A=b"]}, {"environment": {"A": "b", "COLOUR": "red"}}),
    ({"Labels": {"made": "here", "team": "shop"}}, {"labels": {"team": "shop"}}),
    ({"Cmd": ["serve", "more"]}, {"command": ["serve", "more"]}),
    ({"Entrypoint": None}, {"entrypoint": []}),
    ({"Hostname": "db"}, {"hostname": "db"}),
    ({"StopTimeout": 65}, {"stop_grace_period": "65s"}),
    ({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}, {"expose": ["53/udp", "80"]}),
    ({"Healthcheck": {"Test": ["NONE"]}}, {"healthcheck": {"disable": True}}),
    (
        {"Healthcheck": {"Test": ["CMD", "true"], "Interval": 1500 * 10**6, "Timeout": 3 * 10**9, "Retries": 2}},
        {"healthcheck": {"interval": "1500000us", "timeout": "3s", "retries": 2}},
    ),
]
HOST: list[Case] = [
    (
        {"Memory": 64, "MemorySwap": 128, "NanoCpus": 5 * 10**8, "PidsLimit": 9},
        {"mem_limit": 64, "cpus": 0.5, "pids_limit": 9},
    ),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, {"restart": "on-failure:3"}),
    ({"CapAdd": ["CAP_NET_ADMIN"], "CapDrop": ["ALL"]}, {"cap_add": ["NET_ADMIN"], "cap_drop": ["ALL"]}),
    (
        {"PortBindings": {"80/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8080"}], "53/udp": [{}]}},
        {
            "ports": [
                {"target": 53, "protocol": "udp"},
                {"target": 80, "protocol": "tcp", "host_ip": "127.0.0.1", "published": "8080"},
            ]
        },
    ),
    ({"Tmpfs": {"/run": "", "/t": "size=1m"}}, {"tmpfs": ["/run", "/t:size=1m"]}),
    ({"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}, {"ulimits": {"nofile": {"soft": 1, "hard": 2}}}),
    (
        {"ShmSize": 1 << 20, "LogConfig": {"Type": "local", "Config": {}}},
        {"shm_size": 1 << 20, "logging": {"driver": "local"}},
    ),
    (
        {"Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rw"}]},
        {"devices": ["/dev/a:/dev/b:rw"]},
    ),
    (
        {"BlkioWeight": 300, "BlkioDeviceReadBps": [{"Path": "/dev/a", "Rate": 5}]},
        {"blkio_config": {"weight": 300, "device_read_bps": [{"path": "/dev/a", "rate": 5}]}},
    ),
    ({"NetworkMode": "host"}, {"network_mode": "host"}),
    (
        {"DeviceRequests": [{"Driver": "nvidia", "Count": -1, "Capabilities": [["gpu"]]}]},
        {"gpus": [{"driver": "nvidia", "count": -1, "capabilities": ["gpu"]}]},
    ),
]


def reconstructed(inspected: dict[str, Any], **networks: str) -> dict[str, Any]:
    found = service_of(container_projection(inspected), IMAGE, "shop-web-1", networks)
    return {key: value for key, value in found.items() if value != {} or key != "networks"}


def test_what_the_image_and_the_engine_give_is_left_out() -> None:
    assert reconstructed(inspection(OF_THE_IMAGE)) == {}


@pytest.mark.parametrize(("shown", "asked"), CONFIG)
def test_a_configuration_is_asked_for_in_composes_words(shown: dict[str, Any], asked: dict[str, Any]) -> None:
    assert reconstructed(inspection({**OF_THE_IMAGE, **shown})) == asked


@pytest.mark.parametrize(("shown", "asked"), HOST)
def test_a_host_configuration_is_asked_for_in_composes_words(shown: dict[str, Any], asked: dict[str, Any]) -> None:
    assert reconstructed(inspection(OF_THE_IMAGE, shown)) == asked


def test_a_bind_and_a_named_volume_are_mounts_and_the_images_own_volume_is_none() -> None:
    bind = {"Type": "bind", "Source": "/srv", "Destination": "/s", "RW": False, "Propagation": "rshared"}
    named = {"Type": "volume", "Name": "shop_data", "Destination": "/d", "RW": True}
    own = {"Type": "volume", "Name": "ab" * 32, "Destination": "/kept", "RW": True}

    found = reconstructed({**mounted(bind), "Config": OF_THE_IMAGE, "Mounts": [bind, named, own]})

    assert found["volumes"] == [
        {"type": "volume", "target": "/d", "source": "shop_data"},
        {"type": "bind", "target": "/s", "source": "/srv", "read_only": True, "bind": {"propagation": "rshared"}},
    ]


def test_networks_go_by_their_keys_and_without_what_was_assigned() -> None:
    endpoint = {
        "Aliases": ["web", "shop"],
        "MacAddress": "02:42:0a:00:00:02",
        "IPAMConfig": {"IPv4Address": "10.0.0.9"},
    }

    found = reconstructed(inspection(OF_THE_IMAGE, **on_network(endpoint)), shop_default="default")

    assert found["networks"] == {"default": {"aliases": ["shop", "web"], "ipv4_address": "10.0.0.9"}}


@pytest.mark.parametrize(
    ("name", "asked"), [("/shop-web-1", {}), ("/shop_web_1", {}), ("/web", {"container_name": "web"})]
)
def test_only_a_name_that_compose_would_not_give_is_asked_for(name: str, asked: dict[str, Any]) -> None:
    assert reconstructed(inspection(OF_THE_IMAGE, Name=name)) == asked

"""What is left of an inspection when all that engines put in by themselves, or say in several ways, is taken out."""

from typing import Any

import pytest

from gitopsd.engine_json.projection import container_projection, network_projection, volume_projection
from tests.engine_json.inspections import ANONYMOUS, ID, SILENT, inspection, mounted, on_network

Case = tuple[dict[str, Any], dict[str, Any]]

CONFIG: list[Case] = [
    ({"Hostname": "db"}, {"hostname": "db"}),
    ({"User": "1000"}, {"user": "1000"}),
    ({"Env": ["B=2", "A=x=y", "EMPTY=", "AWAY"]}, {"environment": {"A": "x=y", "AWAY": None, "B": "2", "EMPTY": ""}}),
    ({"Cmd": ["echo", "a", "a"]}, {"command": ["echo", "a", "a"]}),
    ({"Cmd": []}, {}),
    (
        {"Labels": {"team": "shop", "com.docker.compose.project": "p", "gitopsd.slot": "1"}},
        {"labels": {"team": "shop"}},
    ),
    ({"ExposedPorts": {"80/tcp": {}, "53/udp": {}}}, {"expose": ["53/udp", "80/tcp"]}),
    ({"ExposedPorts": {"3000": {}}}, {"expose": ["3000/tcp"]}),
    ({"Healthcheck": {"Test": ["CMD", "true"], "Interval": 0}}, {"healthcheck": {"test": ["CMD", "true"]}}),
    ({"StopTimeout": 0}, {"stop_grace_period": 0}),
    ({"StopTimeout": None}, {}),
    ({"AttachStdout": True, "Image": "shop/web:1", "OnBuild": None, "FieldOfTheFuture": 7}, {}),
]
HOST: list[Case] = [
    ({"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}, {}),
    ({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}}, {"restart": "on-failure:3"}),
    ({"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}, {"restart": "always"}),
    ({"NetworkMode": "shop_default"}, {}),
    ({"NetworkMode": "host"}, {"network_mode": "host"}),
    ({"NetworkMode": f"container:{ID}"}, {"network_mode": f"container:{ID}"}),
    ({"Memory": 64, "MemorySwap": 128}, {"resources.memory": 64}),
    ({"Memory": 64, "MemorySwap": 64}, {"resources.memory": 64, "resources.memory_swap": 64}),
    ({"MemorySwap": -1}, {"resources.memory_swap": -1}),
    ({"MemorySwappiness": 0}, {"resources.memory_swappiness": 0}),
    ({"MemorySwappiness": -1}, {}),
    ({"PidsLimit": 0}, {}),
    ({"PidsLimit": -1}, {}),
    ({"CpuShares": 1024}, {}),
    ({"CpuShares": 512}, {"resources.cpu_shares": 512}),
    (
        {"CapAdd": ["net_admin", "CAP_CHOWN"], "CapDrop": ["all"]},
        {"cap_add": ["CAP_CHOWN", "CAP_NET_ADMIN"], "cap_drop": ["ALL"]},
    ),
    ({"PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}}, {"ports": {"80/tcp": [":8080"]}}),
    ({"PortBindings": {"80/tcp": []}}, {"ports": {"80/tcp": [":"]}}),
    ({"PortBindings": {"80/tcp": [{}]}}, {"ports": {"80/tcp": [":"]}}),
    ({"SecurityOpt": ["no-new-privileges:true"]}, {"security_opt": ["no-new-privileges"]}),
    ({"SecurityOpt": ["label=disable"], "Privileged": True}, {"privileged": True}),
    ({"SecurityOpt": ["label:disable"]}, {"security_opt": ["label=disable"]}),
    ({"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}, {"ulimits": {"nofile": {"soft": 1, "hard": 2}}}),
    (
        {"Devices": [{"PathOnHost": "/dev/a", "PathInContainer": "/dev/b", "CgroupPermissions": "rw"}]},
        {"devices": {"/dev/b": {"source": "/dev/a", "permissions": "rw"}}},
    ),
    ({"BlkioDeviceReadBps": [{"Path": "/dev/a", "Rate": 5}]}, {"resources.blkio_read_bps": {"/dev/a": 5}}),
    ({"Tmpfs": {"/run/": "size=1m,mode=755"}}, {"tmpfs": {"/run": "mode=755,size=1m"}}),
    ({"ExtraHosts": ["b:2", "a:1"], "Dns": ["2", "1"]}, {"extra_hosts": ["a:1", "b:2"], "dns": ["2", "1"]}),
    (
        {"LogConfig": {"Type": "local", "Config": {"max-size": "1m"}}},
        {"logging": {"driver": "local", "options": {"max-size": "1m"}}},
    ),
    ({"Links": ["/db:/web/database", "b:a"]}, {"links": ["b:a", "db:database"]}),
    ({"VolumesFrom": ["b:rw", "a:ro"]}, {"volumes_from": ["a:ro", "b"]}),
    (
        {"DeviceRequests": [{"Driver": "", "Count": -1, "Capabilities": [["gpu"]]}]},
        {"gpus": [{"Capabilities": [["gpu"]], "Count": -1}]},
    ),
]
MOUNTS: list[Case] = [
    (
        {"Type": "bind", "Source": "/srv/a/", "Destination": "/a/", "RW": True, "Propagation": "rprivate"},
        {"/a": {"type": "bind", "source": "/srv/a", "read_only": False, "propagation": "rprivate"}},
    ),
    (
        {"Type": "volume", "Name": "shop_data", "Source": "/v", "Destination": "/d", "RW": False, "Propagation": ""},
        {"/d": {"type": "volume", "source": "shop_data", "read_only": True}},
    ),
    (
        {"Type": "volume", "Name": ANONYMOUS, "Destination": "/d", "RW": True},
        {"/d": {"type": "volume", "source": "", "read_only": False}},
    ),
    ({"Type": "volume", "Name": "gitopsd-content-ab", "Destination": "/c", "RW": False}, {"/c": {"type": "content"}}),
    ({"Type": "tmpfs", "Source": "", "Destination": "/t", "RW": True}, {"/t": {"type": "tmpfs", "size": 5}}),
]
ENDPOINTS: list[Case] = [
    ({"Aliases": [ID[:12], "web", "shop-web-1"], "IPAMConfig": {}}, {"aliases": ["web"]}),
    ({"Aliases": None, "DNSNames": ["web", "shop-web-1"], "NetworkID": "n", "IPAddress": "10.0.0.2"}, {}),
    (
        {"IPAMConfig": {"IPv4Address": "10.0.0.9", "LinkLocalIPs": ["169.254.1.2", "169.254.1.1"]}},
        {"ipv4_address": "10.0.0.9", "link_local_ips": ["169.254.1.1", "169.254.1.2"]},
    ),
    ({"MacAddress": "02:42:AC:11:00:02", "GwPriority": 5}, {"mac_address": "02:42:ac:11:00:02", "gw_priority": 5}),
]


def test_nothing_asked_for_leaves_identity_and_what_the_engine_filled_in() -> None:
    assert container_projection(inspection()) == SILENT


@pytest.mark.parametrize(("shown", "left"), CONFIG)
def test_a_configuration_is_read_in_our_words(shown: dict[str, Any], left: dict[str, Any]) -> None:
    assert container_projection(inspection(config=shown)) == {**SILENT, **left}


@pytest.mark.parametrize(("shown", "left"), HOST)
def test_a_host_configuration_is_read_in_our_words(shown: dict[str, Any], left: dict[str, Any]) -> None:
    assert container_projection(inspection(host=shown)) == {**SILENT, **left}


@pytest.mark.parametrize(("shown", "left"), MOUNTS)
def test_mounts_are_read_by_their_target(shown: dict[str, Any], left: dict[str, Any]) -> None:
    asked = {"Mounts": [{"Type": "tmpfs", "Target": "/t", "TmpfsOptions": {"SizeBytes": 5}}]}

    found = container_projection(mounted(shown, asked))

    assert found["volumes"] == left


@pytest.mark.parametrize(("shown", "left"), ENDPOINTS)
def test_endpoints_are_read_without_what_was_assigned(shown: dict[str, Any], left: dict[str, Any]) -> None:
    found = container_projection(inspection(**on_network(shown)))

    assert found["networks"] == {"shop_default": left}


def test_the_volume_that_only_holds_content_in_use_is_no_mount_of_the_service() -> None:
    held = {"Type": "volume", "Name": "gitopsd-content-ab", "Destination": "/.gitopsd/ab", "RW": False}

    assert "volumes" not in container_projection(mounted(held))


def test_mounts_that_come_with_volumes_from_are_the_lenders() -> None:
    def volume(target: str) -> dict[str, Any]:
        return {"Type": "volume", "Name": "shop_data", "Destination": target, "RW": True}

    shown = inspection(
        {"Volumes": {"/image": {}}},
        {"VolumesFrom": ["db"], "Binds": ["shop_data:/own:rw"]},
        Mounts=[volume("/own"), volume("/image"), volume("/lent")],
    )

    assert list(container_projection(shown)["volumes"]) == ["/image", "/own"]  # type: ignore[arg-type]


def test_a_host_name_taken_over_with_the_hosts_network_is_not_the_manifests() -> None:
    found = container_projection(inspection({"Hostname": "vm"}, {"NetworkMode": "host"}))

    assert "hostname" not in found


def test_a_network_is_read_with_its_pools_by_subnet() -> None:
    shown = {
        "Name": "shop_back",
        "Driver": "bridge",
        "EnableIPv6": False,
        "Internal": True,
        "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}]},
        "Options": {},
        "Labels": {"com.docker.compose.network": "back", "team": "shop"},
        "Containers": {"x": {}},
    }

    assert network_projection(shown) == {
        "driver": "bridge",
        "internal": True,
        "ipam.driver": "default",
        "ipam.config": {"10.9.0.0/24": {"gateway": "10.9.0.1"}},
        "labels": {"team": "shop"},
    }


def test_a_volume_is_read_without_where_it_lies() -> None:
    shown = {
        "Name": "shop_data",
        "Driver": "local",
        "Options": None,
        "Mountpoint": "/v",
        "Scope": "local",
        "Labels": None,
    }

    assert volume_projection(shown) == {"driver": "local"}

"""The judge of what we mean: for every key in every form, we ask an engine for what the real Compose asks it for.

Each case is a service of one project, which Compose creates on engines of several ages. Where we differ on purpose, the
difference stands in ON_PURPOSE, with its reason; it is exact, so that it cannot hide another one.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gitopsd.engine_json import network_too_new, too_new
from tests.engine_json.as_compose import Api, Asked, Compose, Difference, differences
from tests.engine_json.recorder import identity

APIS: tuple[Api, ...] = ((1, 41), (1, 44), (1, 48), (1, 51))
of_every_age = pytest.mark.parametrize("api", APIS, ids=lambda api: f"api {api[0]}.{api[1]}")
MAC = "02:42:ac:11:65:43"
SRV = {"type": "bind", "source": "/srv", "target": "/d"}
DATA = {"type": "volume", "source": "data", "target": "/d"}


def reserved(device: Mapping[str, Any]) -> dict[str, Any]:
    return {"deploy": {"resources": {"reservations": {"devices": [device]}}}}


CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "command": {"command": ["echo", "a  b", "$$x"]},
    "command-text": {"command": "echo 'a  b' c"},
    "command-empty": {"command": []},
    "entrypoint": {"entrypoint": "/run it", "command": "now"},
    "entrypoint-empty": {"entrypoint": []},
    "environment": {"environment": {"A": "1", "B": "", "C": None, "D": "$$x", "E": 5, "F": True}},
    "environment-list": {"environment": ["A=1", "B=", "C"]},
    "user": {"user": "1000:1000", "working_dir": "/app", "hostname": "h", "domainname": "example.com"},
    "stop": {"stop_signal": "SIGINT", "stop_grace_period": "1m5s"},
    "stop-half": {"stop_grace_period": "1500ms"},
    "labels": {"labels": {"team": "shop", "empty": "", "number": 5}},
    "terminal": {"tty": True, "stdin_open": True},
    "init": {"init": True, "read_only": True},
    "init-off": {"init": False, "read_only": False},
    "attach": {"attach": False},
    "platform": {"platform": "linux/arm64/v8"},
    "expose": {"expose": ["3000", "3001/udp"]},
    "expose-range": {"expose": ["3000-3002"]},
    "ports": {"ports": ["8000-8001:80-81", "127.0.0.1::90", "53:53/udp", "70"]},
    "ports-long": {"ports": [{"target": 70, "published": "7000-7010", "host_ip": "127.0.0.1", "mode": "host"}]},
    "healthcheck": {"healthcheck": {"test": "curl x", "interval": "1m30s", "timeout": "500ms", "retries": 3}},
    "healthcheck-list": {"healthcheck": {"test": ["CMD", "true"], "start_period": "5s"}},
    "healthcheck-off": {"healthcheck": {"disable": True}},
    "healthcheck-none": {"healthcheck": {"test": ["NONE"]}},
    "dns": {"dns": ["1.1.1.1", "8.8.8.8"], "dns_search": ["b", "a"], "dns_opt": ["ndots:2", "attempts:1"]},
    "dns-text": {"dns": "1.1.1.1", "dns_search": "example.com"},
    "hosts": {"extra_hosts": ["a:1.2.3.4", "b=::1", "a:5.6.7.8", "host.docker.internal:host-gateway"]},
    "hosts-mapping": {"extra_hosts": {"a": ["1.2.3.4", "5.6.7.8"], "b": "[::1]"}},
    "security": {"security_opt": ["no-new-privileges", "label:disable", "apparmor=unconfined", "seccomp=unconfined"]},
    "security-paths": {"security_opt": ["systempaths=unconfined"]},
    "privileged": {"privileged": True},
    "capabilities": {"cap_add": ["net_admin", "CAP_CHOWN"], "cap_drop": ["all"]},
    "groups": {"group_add": ["mail", 12]},
    "shm": {"shm_size": "64m"},
    "ulimits": {"ulimits": {"nproc": 65535, "nofile": {"soft": 20000, "hard": 40000}, "core": {"soft": 0, "hard": -1}}},
    "ulimits-none": {"ulimits": {"memlock": -1}},
    "sysctls": {"sysctls": {"net.core.somaxconn": 1024, "net.ipv4.tcp_syncookies": 0}},
    "sysctls-list": {"sysctls": ["net.core.somaxconn=1024"]},
    "devices": {"devices": ["/dev/null:/dev/x:r", "/dev/zero"], "device_cgroup_rules": ["c 1:3 mr"]},
    "devices-long": {"devices": [{"source": "/dev/null", "target": "/dev/x", "permissions": "rw"}]},
    "devices-silent": {"devices": [{"source": "/dev/null", "target": "/dev/x"}]},
    "devices-cdi": {"devices": ["vendor.com/gpu=0", "/dev/null"]},
    "gpus": {"gpus": "all"},
    "gpus-list": {"gpus": [{"driver": "nvidia", "count": 2, "capabilities": ["utility"], "options": {"a": "b"}}]},
    "gpus-ids": {"gpus": [{"device_ids": ["0", "3"]}]},
    "gpus-reserved": reserved({"driver": "nvidia", "count": 1, "capabilities": ["gpu", "compute"]}),
    "gpus-reserved-ids": reserved({"device_ids": ["0"], "capabilities": ["gpu"], "options": {"a": "b"}}),
    "gpus-reserved-all": reserved({"capabilities": ["gpu"]}),
    "pid": {"pid": "host"},
    "pid-container": {"pid": "container:other"},
    "pid-service": {"pid": "service:db"},
    "ipc": {"ipc": "host"},
    "ipc-shareable": {"ipc": "shareable"},
    "ipc-private": {"ipc": "private"},
    "ipc-none": {"ipc": "none"},
    "ipc-container": {"ipc": "container:other"},
    "ipc-service": {"ipc": "service:db"},
    "uts": {"uts": "host"},
    "userns": {"userns_mode": "host"},
    "cgroup": {"cgroup": "host", "cgroup_parent": "m-executor"},
    "cgroup-private": {"cgroup": "private"},
    "memory": {"mem_limit": "1g", "mem_reservation": "64m", "memswap_limit": "2g", "mem_swappiness": 60},
    "memory-swap-unlimited": {"mem_limit": "1g", "memswap_limit": -1},
    "memory-swappiness-none": {"mem_swappiness": 0},
    "oom": {"oom_kill_disable": True, "oom_score_adj": -500},
    "oom-off": {"oom_kill_disable": False, "oom_score_adj": 0},
    "pids": {"pids_limit": 10},
    "pids-unlimited": {"pids_limit": -1},
    "cpu": {"cpu_shares": 512, "cpu_period": 100000, "cpu_quota": 50000, "cpuset": "0-1"},
    "cpu-text": {"cpu_shares": "512", "cpuset": "0,1"},
    "cpu-realtime": {"cpu_rt_period": 11000, "cpu_rt_runtime": 400},
    "cpus": {"cpus": 1.5},
    "cpus-small": {"cpus": 0.1},
    "cpus-odd": {"cpus": 2.55},
    "limits": {"deploy": {"resources": {"limits": {"cpus": "0.5", "memory": "64m", "pids": 10}}}},
    "reservations": {"deploy": {"resources": {"reservations": {"cpus": "0.1", "memory": "32m"}}}},
    "block-io": {
        "blkio_config": {
            "weight": 300,
            "weight_device": [{"path": "/dev/sda", "weight": 400}],
            "device_read_bps": [{"path": "/dev/sda", "rate": "12mb"}],
            "device_read_iops": [{"path": "/dev/sda", "rate": 120}],
            "device_write_bps": [{"path": "/dev/sda", "rate": "1024k"}],
            "device_write_iops": [{"path": "/dev/sda", "rate": 30}],
        }
    },
    "storage": {"storage_opt": {"size": "1G"}},
    "runtime": {"runtime": "runsc"},
    "logging": {"logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": 3}}},
    "logging-options": {"logging": {"options": {"max-size": "1m"}}},
    "logging-none": {"logging": {"driver": "none"}},
    "restart": {"restart": "always"},
    "restart-no": {"restart": "no"},
    "restart-times": {"restart": "on-failure:5"},
    "restart-any": {"restart": "no", "deploy": {"restart_policy": {"condition": "any"}}},
    "restart-none": {"restart": "always", "deploy": {"restart_policy": {"condition": "none"}}},
    "restart-policy": {"deploy": {"restart_policy": {"condition": "on-failure", "max_attempts": 3, "delay": "5s"}}},
    "mode-host": {"network_mode": "host"},
    "mode-host-ports": {"network_mode": "host", "ports": ["80:80"]},
    "mode-none": {"network_mode": "none"},
    "mode-bridge": {"network_mode": "bridge", "ports": ["80:80"]},
    "mode-bridge-mac": {"network_mode": "bridge", "mac_address": MAC},
    "mode-network": {"network_mode": "somebodys"},
    "mode-container": {"network_mode": "container:other"},
    "mode-service": {"network_mode": "service:db"},
    "links": {"links": ["db", "cache:redis"]},
    "links-external": {"external_links": ["old", "older:oldest"]},
    "links-legacy": {"network_mode": "bridge", "links": ["db:database"], "external_links": ["old"]},
    "links-many-networks": {"links": ["db"], "networks": ["default", "front"]},
    "volumes-from": {"volumes_from": ["db", "container:other"]},
    "volumes-from-read-only": {"volumes_from": ["db:ro", "container:other:ro"]},
    "name": {"container_name": "the-one"},
    "mac": {"mac_address": MAC},
    "networks": {"networks": ["front", "back"]},
    "networks-none": {"networks": {}},
    "networks-priority": {"networks": {"front": {"priority": 1}, "back": {"priority": 10, "aliases": ["a", "b"]}}},
    "networks-address": {"networks": {"front": {"ipv4_address": "10.5.0.9", "ipv6_address": "fd00::9"}}},
    "networks-local": {"networks": {"front": {"link_local_ips": ["169.254.8.1"], "driver_opts": {"a": 1, "b": "c"}}}},
    "binds": {"volumes": ["/srv:/a", "/srv:/b:ro", "/srv:/c:z", "/srv:/e:ro,Z"]},
    "binds-propagation": {"volumes": ["/srv:/a:rslave"]},
    "bind-long": {"volumes": [{**SRV, "read_only": True}]},
    "bind-empty": {"volumes": [{**SRV, "bind": {}}]},
    "bind-existing": {"volumes": [{**SRV, "bind": {"create_host_path": False}}]},
    "bind-made": {"volumes": [{**SRV, "bind": {"create_host_path": True}}]},
    "bind-propagation": {"volumes": [{**SRV, "bind": {"propagation": "rslave"}}]},
    "bind-selinux": {"volumes": [{**SRV, "bind": {"selinux": "Z"}}]},
    "bind-flat": {"volumes": [{**SRV, "bind": {"recursive": "disabled"}}]},
    "bind-consistency": {"volumes": [{**SRV, "consistency": "cached"}]},
    "volumes": {"volumes": ["data:/a", "data:/b:ro", "data:/c:nocopy", "/anonymous"]},
    "volume-long": {"volumes": [{**DATA, "read_only": True, "volume": {"nocopy": True}}]},
    "volume-anonymous": {"volumes": [{"type": "volume", "target": "/d", "volume": {"labels": {"a": "b"}}}]},
    "volume-external": {"volumes": ["theirs:/d"]},
    "tmpfs": {"tmpfs": ["/run", "/x:size=1m,mode=755"]},
    "tmpfs-text": {"tmpfs": "/run"},
    "tmpfs-long": {"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "10m", "mode": 0o700}}]},
    "tmpfs-plain": {"volumes": [{"type": "tmpfs", "target": "/t"}]},
}
NEWER: dict[str, tuple[Api, dict[str, Any]]] = {
    "bind-colon": ((1, 42), {"volumes": [{**SRV, "source": "/srv/a:b", "bind": {"create_host_path": True}}]}),
    "annotations": ((1, 43), {"annotations": {"a": "b"}}),
    "start-interval": ((1, 44), {"healthcheck": {"test": "x", "start_period": "9s", "start_interval": "2s"}}),
    "bind-writable-below": ((1, 44), {"volumes": [{**SRV, "read_only": True, "bind": {"recursive": "writable"}}]}),
    "bind-read-only-below": ((1, 44), {"volumes": [{**SRV, "read_only": True, "bind": {"recursive": "readonly"}}]}),
    "networks-mac": ((1, 44), {"networks": {"front": {"mac_address": MAC}, "back": {}}}),
    "networks-macs": (
        (1, 44),
        {"mac_address": MAC, "networks": {"front": {"mac_address": MAC[:-1] + "9"}, "back": {}}},
    ),
    "volume-part": ((1, 45), {"volumes": [{**DATA, "volume": {"subpath": "deep/down"}}]}),
    "image-files": ((1, 48), {"volumes": [{"type": "image", "source": "files:1", "target": "/d"}]}),
    "image-part": (
        (1, 48),
        {"volumes": [{"type": "image", "source": "files:1", "target": "/d", "image": {"subpath": "bin"}}]},
    ),
    "networks-gateway": ((1, 48), {"networks": {"front": {"gw_priority": 5}, "back": {"gw_priority": -5}}}),
    "networks-interface": ((1, 49), {"networks": {"front": {"interface_name": "eth7", "driver_opts": {"a": "b"}}}}),
}
OTHERS = {"db": {"ipc": "shareable", "scale": 2}, "cache": {"container_name": "the-cache"}}
NETWORKS: dict[str, dict[str, Any]] = {
    "default": {},
    "front": {"enable_ipv6": True, "ipam": {"config": [{"subnet": "10.5.0.0/16"}, {"subnet": "fd00::/64"}]}},
    "back": {},
    "bridge": {"driver": "bridge", "driver_opts": {"com.docker.network.bridge.name": "b1", "mtu": 1500}},
    "closed": {"internal": True, "attachable": True, "labels": {"team": "shop"}},
    "pools": {
        "ipam": {
            "driver": "default",
            "config": [
                {
                    "subnet": "10.6.0.0/16",
                    "ip_range": "10.6.1.0/24",
                    "gateway": "10.6.0.1",
                    "aux_addresses": {"router": "10.6.0.9"},
                }
            ],
        }
    },
    "no-ipv6": {"enable_ipv6": False},
    "ipv4": {"enable_ipv4": True},
    "macvlan": {"driver": "macvlan", "driver_opts": {"parent": "eth0"}},
    "named": {"name": "another-name"},
    "theirs": {"name": "theirs", "external": True},
}
VOLUMES: dict[str, dict[str, Any]] = {
    "data": {},
    "driven": {"driver": "local", "driver_opts": {"type": "tmpfs", "size": 5}, "labels": {"team": "shop"}},
    "named": {"name": "another-name"},
    "theirs": {"name": "theirs", "external": True},
}


def document(api: Api) -> dict[str, Any]:
    newer: dict[str, Any] = {name: service for name, (since, service) in NEWER.items() if since <= api}
    users: dict[str, Any] = {
        "user-of-networks": {"networks": list(NETWORKS)},
        "user-of-volumes": {"volumes": [f"{key}:/{key}" for key in VOLUMES]},
    }
    services = {**CASES, **newer, **OTHERS, **users}
    return {
        "name": "as-compose",
        "services": {name: {"image": "shop/x:1", **service} for name, service in services.items()},
        "networks": NETWORKS,
        "volumes": VOLUMES,
    }


@pytest.fixture(scope="module")
def compose(compose_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Compose:
    return Compose(compose_program, tmp_path_factory.mktemp("compose"))


@pytest.fixture(scope="module")
def asked(compose: Compose) -> Callable[[Api], Asked]:
    """What Compose asks an engine of some age for; each is asked once."""
    return cache(lambda api: compose.ask(document(api), api))


BIND = {"BindOptions": {"Propagation": "rslave", "CreateMountpoint": True}, "Source": "/srv", "Target": "/a"}
HOST = "HostConfig"
ON_PURPOSE: dict[str, list[Difference]] = {
    # Half a second more rather than less: a process is not killed before the time that the manifest gives it.
    "stop-half": [("StopTimeout", 1, 2)],
    # Compose reckons in 32 bits.
    "cpus-odd": [(f"{HOST}.NanoCpus", 2549999872, 2550000000)],
    # No engine can start a container that has a device without permissions.
    "devices-silent": [
        (
            f"{HOST}.Devices",
            [{"PathInContainer": "/dev/x", "PathOnHost": "/dev/null"}],
            [{"CgroupPermissions": "rwm", "PathInContainer": "/dev/x", "PathOnHost": "/dev/null"}],
        )
    ],
    # Compose loses what the manifest says of access.
    "volumes-from-read-only": [
        (
            f"{HOST}.VolumesFrom",
            [identity("as-compose-db-1"), "other"],
            [f"{identity('as-compose-db-1')}:ro", "other:ro"],
        )
    ],
    # Mount specifications make a missing path from API 1.42 on only, the short form on every engine.
    "binds-propagation": [
        (f"{HOST}.Binds", [], ["/srv:/a:rw,rslave"]),
        (f"{HOST}.Mounts", [{**BIND, "Type": "bind"}], []),
    ],
    # Compose loses the label, as mount specifications have no place for it.
    "bind-selinux": [
        (f"{HOST}.Binds", [], ["/srv:/d:rw,Z"]),
        (f"{HOST}.Mounts", [{"Source": "/srv", "Target": "/d", "Type": "bind"}], []),
    ],
    # No engine understands the short form with a colon in the path.
    "bind-colon": [
        (f"{HOST}.Binds", ["/srv/a:b:/d:rw"], []),
        (
            f"{HOST}.Mounts",
            [],
            [{"BindOptions": {"CreateMountpoint": True}, "Source": "/srv/a:b", "Target": "/d", "Type": "bind"}],
        ),
    ],
    # Compose loses the address where there is no network of the project's to put it on.
    "mode-bridge-mac": [("NetworkingConfig", None, {"EndpointsConfig": {"bridge": {"MacAddress": MAC}}})],
}
NOT_BELOW: dict[str, Api] = {"mode-bridge-mac": (1, 44)}


@of_every_age
@pytest.mark.parametrize("case", [*CASES, *OTHERS])
def test_a_service_is_created_as_compose_creates_it(asked: Callable[[Api], Asked], api: Api, case: str) -> None:
    theirs, ours = asked(api).container(case)

    on_purpose = ON_PURPOSE.get(case, []) if api >= NOT_BELOW.get(case, (1, 41)) else []
    assert differences(theirs, ours) == on_purpose


@pytest.mark.parametrize(
    ("api", "case"), [(api, case) for api in APIS for case, (since, _) in NEWER.items() if api >= since], ids=str
)
def test_what_newer_engines_know_is_asked_for_as_compose_asks_for_it(
    asked: Callable[[Api], Asked], api: Api, case: str
) -> None:
    theirs, ours = asked(api).container(case)

    assert differences(theirs, ours) == ON_PURPOSE.get(case, [])


@of_every_age
@pytest.mark.parametrize("key", [key for key, how in NETWORKS.items() if not how.get("external")])
def test_a_network_is_created_as_compose_creates_it(asked: Callable[[Api], Asked], api: Api, key: str) -> None:
    theirs, ours = asked(api).network(key)

    assert differences(theirs, ours) == []


@of_every_age
@pytest.mark.parametrize("key", [key for key, how in VOLUMES.items() if not how.get("external")])
def test_a_volume_is_created_as_compose_creates_it(asked: Callable[[Api], Asked], api: Api, key: str) -> None:
    theirs, ours = asked(api).volume(key)

    assert differences(theirs, ours) == []


# Compose sends these to engines that ignore them without a word; a plan tells.
NOT_REFUSED_BY_COMPOSE = frozenset(
    ("annotations", "bind-writable-below", "networks-mac", "networks-macs", "volume-part", "networks-gateway")
)


def alone(service: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": "as-compose",
        "services": {"a": {"image": "shop/x:1", **service}},
        "networks": {name: NETWORKS.get(name, {}) for name in service.get("networks", ())},
        "volumes": {"data": {}},
    }


@pytest.mark.parametrize("case", [name for name in NEWER if name not in ON_PURPOSE])
def test_what_an_older_engine_would_ignore_fails_the_plan_if_it_does_not_fail_with_compose_already(
    compose: Compose, case: str
) -> None:
    (major, minor), service = NEWER[case]
    older, written = (major, minor - 1), alone(service)

    refused = compose.refusal(written, older)

    assert bool(refused) == (case not in NOT_REFUSED_BY_COMPOSE), refused
    assert len(too_new(compose.described(written).services["a"], older)) == 1


def test_a_network_without_ipv4_fails_the_plan_on_an_engine_that_would_give_it_some(compose: Compose) -> None:
    written = {**alone({"networks": ["only6"]}), "networks": {"only6": {"enable_ipv4": False}}}

    assert compose.refusal(written, (1, 47)) == ""
    assert network_too_new(compose.described(written).networks["only6"], (1, 47))

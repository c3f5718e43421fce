"""A service that says everything at once, as far as an API knows it; run this to write down anew what engines get.

`python -m tests.engine_json.everything` rewrites the golden bodies, for a person to read in the diff.
"""

import json
from pathlib import Path
from typing import Any

from gitopsd.engine_json import LOWEST_API, network_body, volume_body
from gitopsd.model.desired import (
    Attachment,
    Bind,
    Dependency,
    ImageMount,
    Mount,
    Network,
    Port,
    Service,
    Tmpfs,
    Volume,
    VolumeMount,
)
from tests.engine_json.builders import created, desired, directory, file, service

Api = tuple[int, int]
APIS: tuple[Api, ...] = ((1, 41), (1, 44), (1, 45), (1, 48), (1, 51))
OPTIONS: dict[str, Any] = {
    "command": ["serve"],
    "entrypoint": ["/run"],
    "environment": {"A": "1", "GONE": None},
    "labels": {"team": "shop"},
    "hostname": "h",
    "domainname": "example.com",
    "user": "1000",
    "working_dir": "/app",
    "stop_signal": "SIGINT",
    "stop_grace_period": "1m",
    "tty": True,
    "stdin_open": True,
    "init": True,
    "platform": "linux/amd64",
    "mac_address": "02:42:ac:11:65:43",
    "healthcheck": {"test": ["CMD", "true"], "start_period": "5s"},
    "expose": ["3000"],
    "dns": ["1.1.1.1"],
    "dns_search": ["example.com"],
    "dns_opt": ["ndots:2"],
    "extra_hosts": ["a=1.2.3.4"],
    "links": ["db:database"],
    "external_links": ["old"],
    "volumes_from": ["db:ro", "container:other"],
    "pid": "service:db",
    "ipc": "service:db",
    "uts": "host",
    "userns_mode": "host",
    "cgroup": "private",
    "cgroup_parent": "m-executor",
    "privileged": True,
    "cap_add": ["NET_ADMIN"],
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true", "systempaths=unconfined"],
    "group_add": ["12"],
    "devices": [
        {"source": "/dev/null", "target": "/dev/x", "permissions": "r"},
        {"source": "vendor.com/gpu=0", "target": "vendor.com/gpu=0", "permissions": "rwm"},
    ],
    "device_cgroup_rules": ["c 1:3 mr"],
    "gpus": [{"count": -1}],
    "deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"], "device_ids": ["0"]}]}}},
    "mem_limit": "67108864",
    "memswap_limit": "134217728",
    "mem_reservation": "33554432",
    "mem_swappiness": "60",
    "oom_kill_disable": True,
    "oom_score_adj": -500,
    "pids_limit": 10,
    "cpu_shares": 512,
    "cpu_period": 100000,
    "cpu_quota": 50000,
    "cpu_rt_period": 11000,
    "cpu_rt_runtime": 400,
    "cpuset": "0-1",
    "blkio_config": {"weight": 300, "device_read_bps": [{"Path": "/dev/sda", "Rate": "1048576"}]},
    "ulimits": {"nofile": {"soft": 1, "hard": 2}},
    "sysctls": {"net.core.somaxconn": "1024"},
    "shm_size": "67108864",
    "storage_opt": {"size": "1G"},
    "runtime": "runc",
    "tmpfs": ["/run:size=1m"],
    "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
    "restart": "on-failure:3",
}
NETWORK: dict[str, Any] = {
    "driver": "bridge",
    "driver_opts": {"mtu": "1500"},
    "ipam": {"config": [{"subnet": "10.5.0.0/16", "aux_addresses": {"router": "10.5.0.9"}}], "options": {"a": "b"}},
    "internal": True,
    "attachable": True,
    "enable_ipv6": True,
    "labels": {"team": "shop"},
}


SECRETIVE = f"v1:{'a' * 64}.{'b' * 8}.{'c' * 32}"


def everything(api: Api) -> dict[str, Any]:
    """What an engine of this API is asked for: the container, what is connected after it, its network and volume."""
    web, db = _web(api), service("db", replicas=2)
    state = desired(web, db, networks=("back", "front"))
    ipv4: dict[str, Any] = {"enable_ipv4": False} if api >= LOWEST_API["networks.enable_ipv4"] else {}
    network = Network("front", "shop_front", options={**NETWORK, **ipv4})
    volume = Volume("data", "shop_data", options={"driver_opts": {"type": "tmpfs"}, "labels": {"team": "shop"}})
    made = created(web, state=state, api=api, joins={"db": "1a2b"}, fingerprint=SECRETIVE)
    return {
        "container": made.body,
        "connect": dict(made.connect),
        "platform": made.platform,
        "network": network_body(network, state),
        "volume": volume_body(volume, state),
    }


def _web(api: Api) -> Service:
    options = {**OPTIONS, **({"annotations": {"a": "b"}} if api >= LOWEST_API["annotations"] else {})}
    if api >= LOWEST_API["healthcheck.start_interval"]:
        options["healthcheck"] = {**options["healthcheck"], "start_interval": "1s"}
    return service(
        "web",
        _mounts(api),
        ports=(Port(8080, "80"), Port(9000, "9000-9010", "udp", "127.0.0.1")),
        networks=_attachments(api),
        depends_on=(Dependency("db", restart=True),),
        **options,
    )


def _mounts(api: Api) -> list[Mount]:
    mounts: list[Mount] = [
        Bind("/srv/data", "/bind", propagation="rslave"),
        Bind("/srv/there", "/there", read_only=True, create_host_path=False),
        Bind("/srv/flat", "/flat", create_host_path=False, recursive="disabled"),
        VolumeMount("data", "/data", nocopy=True),
        VolumeMount("", "/anonymous", labels={"team": "shop"}),
        Tmpfs("/t", size=1048576, mode=0o700),
        file("/etc/app.conf"),
        directory("/etc/app", {"a": b"1"}),
    ]
    if api >= LOWEST_API["volumes[].bind.recursive"]:
        mounts.append(Bind("/srv/deep", "/deep", True, False, "rprivate", recursive="readonly"))
    if api >= LOWEST_API["volumes[].volume.subpath"]:
        mounts.append(VolumeMount("data", "/part", subpath="a/b"))
    if api >= LOWEST_API["volumes[].type: image"]:
        mounts.append(ImageMount("shop/files:1", "/files", subpath="bin"))
    return mounts


def _attachments(api: Api) -> tuple[Attachment, ...]:
    more: dict[str, Any] = {}
    if api >= LOWEST_API["networks.mac_address"]:
        more["mac_address"] = "02:42:ac:11:65:44"
    if api >= LOWEST_API["networks.gw_priority"]:
        more["gw_priority"] = 7
    if api >= LOWEST_API["networks.interface_name"]:
        more["interface_name"] = "eth7"
    front = Attachment(
        "front",
        aliases=("shop",),
        ipv4_address="10.5.0.3",
        ipv6_address="fd00::3",
        link_local_ips=("169.254.8.1",),
        driver_opts={"a": "b"},
        **more,
    )
    return (Attachment("back", priority=1), front)


def golden(api: Api) -> Path:
    return Path(__file__).parent / "golden" / f"{api[0]}.{api[1]}.json"


def written(api: Api) -> str:
    return json.dumps(everything(api), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    for each in APIS:
        golden(each).write_text(written(each))

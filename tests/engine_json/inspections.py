"""Inspections as engines of several ages show them, each cut down to what a test is about."""

from typing import Any

ID = "0f6d728a9e39d077399f7d8b0b852809f3013ff85a62ba5dfaca357c4e9a1664"
ANONYMOUS = "c38d5211b1a2ef7f6c872c83de723f5593676c9e4e90a377e4525bdca44b548b"


def inspection(config: dict[str, Any] | None = None, host: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """A container as 20.10 shows one for which nothing was asked, and what a test adds."""
    return {
        "Id": ID,
        "Name": "/shop-web-1",
        "Image": "sha256:1111",
        "State": {"Status": "running"},
        "Mounts": [],
        "Config": {"Hostname": ID[:12], "Domainname": "", "Env": None, "Cmd": None, "Labels": {}, **(config or {})},
        "HostConfig": {**HOST, **(host or {})},
        "NetworkSettings": {"Networks": {}},
        **more,
    }


HOST: dict[str, Any] = {
    "Binds": None,
    "LogConfig": {"Type": "json-file", "Config": {}},
    "NetworkMode": "default",
    "PortBindings": {},
    "RestartPolicy": {"Name": "", "MaximumRetryCount": 0},
    "CapAdd": None,
    "ExtraHosts": [],
    "IpcMode": "private",
    "CgroupnsMode": "host",
    "OomScoreAdj": 0,
    "Privileged": False,
    "SecurityOpt": None,
    "ShmSize": 67108864,
    "Runtime": "runc",
    "ConsoleSize": [0, 0],
    "Memory": 0,
    "NanoCpus": 0,
    "MemorySwap": 0,
    "MemorySwappiness": None,
    "OomKillDisable": False,
    "PidsLimit": None,
    "Ulimits": None,
    "BlkioDeviceReadBps": None,
}
SILENT = {
    "cgroup": "host",
    "image": "sha256:1111",
    "ipc": "private",
    "logging": {"driver": "json-file"},
    "name": "shop-web-1",
    "runtime": "runc",
    "shm_size": 67108864,
}
"""What is left of an inspection for which nothing was asked: its identity, and what this engine fills in."""


def on_network(endpoint: dict[str, Any], name: str = "shop_default") -> dict[str, Any]:
    return {"NetworkSettings": {"Networks": {name: endpoint}}}


def mounted(mount: dict[str, Any], host: dict[str, Any] | None = None) -> dict[str, Any]:
    """An inspection with one mount."""
    return inspection(host=host, Mounts=[mount])

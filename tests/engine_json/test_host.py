"""Every key of a service that the host has to give, at creation, and what of it can be changed in place."""

from typing import Any

import pytest

from gitopsd.engine_json import keep_body, restart_body, update_body
from tests.engine_json.builders import created, host, sealed, service

HOST_OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"init": True}, {"Init": True}),
    ({"init": False}, {"Init": False}),
    ({"read_only": True}, {"ReadonlyRootfs": True}),
    ({"read_only": False}, {}),
    ({"tmpfs": ["/tmp", "/run:size=1m,mode=755"]}, {"Tmpfs": {"/tmp": "", "/run": "size=1m,mode=755"}}),
    (
        {"cap_add": ["NET_ADMIN", "cap_chown"], "cap_drop": ["all"]},
        {"CapAdd": ["CAP_NET_ADMIN", "CAP_CHOWN"], "CapDrop": ["ALL"]},
    ),
    (
        {"logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": 3}}},
        {"LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}}},
    ),
    ({"logging": {"driver": "none"}}, {"LogConfig": {"Type": "none", "Config": {}}}),
    ({"mem_limit": "67108864"}, {"Memory": 67108864}),
    ({"cpus": 1.5}, {"NanoCpus": 1_500_000_000}),
    ({"cpus": 0.1}, {"NanoCpus": 100_000_000}),
    (
        {"deploy": {"resources": {"limits": {"cpus": 0.5, "memory": "67108864", "pids": 10}}}},
        {"NanoCpus": 500_000_000, "Memory": 67108864, "PidsLimit": 10},
    ),
    (
        {"deploy": {"resources": {"reservations": {"cpus": 0.1, "memory": "33554432"}}}},
        {"MemoryReservation": 33554432},
    ),
    ({"deploy": {"resources": {"limits": {}}, "placement": {}}}, {}),
    ({"mem_limit": "64", "memswap_limit": "-1"}, {"Memory": 64, "MemorySwap": -1}),
    ({"mem_reservation": "33554432", "mem_swappiness": "60"}, {"MemoryReservation": 33554432, "MemorySwappiness": 60}),
    ({"oom_kill_disable": True, "oom_score_adj": -500}, {"OomKillDisable": True, "OomScoreAdj": -500}),
    ({"pids_limit": -1}, {"PidsLimit": -1}),
    (
        {"cpu_shares": 512, "cpu_period": 100000, "cpu_quota": 50000, "cpuset": "0-1"},
        {"CpuShares": 512, "CpuPeriod": 100000, "CpuQuota": 50000, "CpusetCpus": "0-1"},
    ),
    (
        {"cpu_rt_period": 11000, "cpu_rt_runtime": 400},
        {"CpuRealtimePeriod": 11000, "CpuRealtimeRuntime": 400},
    ),
    ({"blkio_config": {}}, {}),
    (
        {
            "blkio_config": {
                "weight": 300,
                "weight_device": [{"Path": "/dev/sda", "Weight": 400}],
                "device_read_bps": [{"Path": "/dev/sda", "Rate": "12582912"}],
                "device_read_iops": [{"Path": "/dev/sda", "Rate": "120"}],
                "device_write_bps": [{"Path": "/dev/sda", "Rate": "1048576"}],
                "device_write_iops": [{"Path": "/dev/sda", "Rate": "30"}],
            }
        },
        {
            "BlkioWeight": 300,
            "BlkioWeightDevice": [{"Path": "/dev/sda", "Weight": 400}],
            "BlkioDeviceReadBps": [{"Path": "/dev/sda", "Rate": 12582912}],
            "BlkioDeviceReadIOps": [{"Path": "/dev/sda", "Rate": 120}],
            "BlkioDeviceWriteBps": [{"Path": "/dev/sda", "Rate": 1048576}],
            "BlkioDeviceWriteIOps": [{"Path": "/dev/sda", "Rate": 30}],
        },
    ),
    (
        {"ulimits": {"nproc": 65535, "core": {"hard": -1}, "nofile": {"soft": 1, "hard": 2}, "stack": {}}},
        {
            "Ulimits": [
                {"Name": "core", "Soft": 0, "Hard": -1},
                {"Name": "nofile", "Soft": 1, "Hard": 2},
                {"Name": "nproc", "Soft": 65535, "Hard": 65535},
                {"Name": "stack", "Soft": 0, "Hard": 0},
            ]
        },
    ),
    (
        {"dns": ["1.1.1.1", "8.8.8.8"], "dns_search": ["b", "a"], "dns_opt": ["ndots:2"]},
        {"Dns": ["1.1.1.1", "8.8.8.8"], "DnsSearch": ["b", "a"], "DnsOptions": ["ndots:2"]},
    ),
    (
        {"extra_hosts": ["a=1.2.3.4", "b=::1", "host.docker.internal=host-gateway"]},
        {"ExtraHosts": ["a:1.2.3.4", "b:::1", "host.docker.internal:host-gateway"]},
    ),
    (
        {"security_opt": ["no-new-privileges:true", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']},
        {"SecurityOpt": ["no-new-privileges:true", 'seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']},
    ),
    ({"security_opt": ["systempaths=unconfined"]}, {"MaskedPaths": [], "ReadonlyPaths": []}),
    ({"privileged": True, "runtime": "crun"}, {"Privileged": True, "Runtime": "crun"}),
    ({"shm_size": "67108864", "storage_opt": {"size": "1G"}}, {"ShmSize": 67108864, "StorageOpt": {"size": "1G"}}),
    ({"sysctls": {"net.core.somaxconn": "1024"}}, {"Sysctls": {"net.core.somaxconn": "1024"}}),
    (
        {
            "devices": [
                {"source": "/dev/null", "target": "/dev/x", "permissions": "r"},
                {"source": "/dev/zero", "target": "/dev/zero"},
                {"source": "vendor.com/gpu=0", "target": "vendor.com/gpu=0", "permissions": "rwm"},
            ],
            "device_cgroup_rules": ["c 1:3 mr"],
        },
        {
            "Devices": [
                {"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "r"},
                {"PathOnHost": "/dev/zero", "PathInContainer": "/dev/zero", "CgroupPermissions": "rwm"},
            ],
            "DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["vendor.com/gpu=0"]}],
            "DeviceCgroupRules": ["c 1:3 mr"],
        },
    ),
    ({"gpus": [{"count": -1}]}, {"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}),
    (
        {"gpus": [{"driver": "nvidia", "device_ids": ["0"], "capabilities": ["utility"], "options": {"a": "b"}}]},
        {
            "DeviceRequests": [
                {
                    "Driver": "nvidia",
                    "DeviceIDs": ["0"],
                    "Capabilities": [["utility", "gpu"]],
                    "Options": {"a": "b"},
                }
            ]
        },
    ),
    (
        {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu", "tpu"], "count": 2}]}}}},
        {"DeviceRequests": [{"Count": 2, "Capabilities": [["gpu", "tpu"]]}]},
    ),
    ({"group_add": ["mail", "12"]}, {"GroupAdd": ["mail", "12"]}),
    ({"cgroup": "host", "cgroup_parent": "m-exec"}, {"CgroupnsMode": "host", "CgroupParent": "m-exec"}),
    (
        {"pid": "host", "ipc": "shareable", "uts": "host", "userns_mode": "host"},
        {"PidMode": "host", "IpcMode": "shareable", "UTSMode": "host", "UsernsMode": "host"},
    ),
    (
        {"pid": "container:x", "ipc": "container:x", "volumes_from": ["container:x", "container:y:ro"]},
        {"PidMode": "container:x", "IpcMode": "container:x", "VolumesFrom": ["x", "y:ro"]},
    ),
    ({"restart": "always"}, {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}),
    ({"restart": "unless-stopped"}, {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}}),
    ({"restart": "on-failure:5"}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}),
    ({"restart": "no"}, {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}),
]


@pytest.mark.parametrize(("options", "expected"), HOST_OPTIONS, ids=lambda value: str(value)[:50])
def test_an_option_of_the_host(options: dict[str, Any], expected: dict[str, Any]) -> None:
    made = created(service(**options))

    assert {**host(created(service())), **expected} == host(made)


def test_an_update_holds_the_limits_that_are_set_and_the_restart_policy() -> None:
    each = service(mem_limit="67108864", cpus=0.5, restart="always", deploy={"resources": {"limits": {"pids": 5}}})

    assert update_body(sealed(each)) == {
        "Memory": 67108864,
        "MemorySwap": 134217728,
        "NanoCpus": 500_000_000,
        "PidsLimit": 5,
        "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
    }
    assert restart_body(sealed(each)) == {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}
    assert keep_body() == {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}


def test_everything_that_can_be_changed_in_place_is_in_an_update() -> None:
    each = service(
        mem_limit="64",
        memswap_limit="-1",
        mem_reservation="32",
        cpu_shares=512,
        cpu_period=100000,
        cpu_quota=50000,
        cpu_rt_period=11000,
        cpu_rt_runtime=400,
        cpuset="0",
        pids_limit=-1,
        blkio_config={"weight": 300, "weight_device": [{"Path": "/dev/sda", "Weight": 400}]},
        shm_size="64",
        ulimits={"nofile": 5},
        oom_score_adj=5,
    )

    assert update_body(sealed(each)) == {
        "Memory": 64,
        "MemorySwap": -1,
        "MemoryReservation": 32,
        "CpuShares": 512,
        "CpuPeriod": 100000,
        "CpuQuota": 50000,
        "CpuRealtimePeriod": 11000,
        "CpuRealtimeRuntime": 400,
        "CpusetCpus": "0",
        "PidsLimit": -1,
        "BlkioWeight": 300,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    }


def test_without_limits_an_update_is_the_restart_policy_alone() -> None:
    assert update_body(sealed(service())) == {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}

"""Every key of a service, and what the engine is asked for."""

from typing import Any

import pytest

from gitopsd.engine_json import (
    borrowed_services,
    creation,
    joined_services,
    keep_body,
    restart_body,
    update_body,
)
from gitopsd.engine_json.creation import Creation
from gitopsd.model.desired import Attachment, Dependency, Image, Port
from gitopsd.model.errors import ManifestError
from tests.engine_json.builders import IMAGE, created, desired, host, sealed, service

OPTIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"command": ["echo", "a  b", "$x"]}, {"Cmd": ["echo", "a  b", "$x"]}),
    ({"command": None}, {}),
    ({"command": []}, {"Cmd": []}),
    ({"entrypoint": ["/run", "it"]}, {"Entrypoint": ["/run", "it"]}),
    ({"entrypoint": []}, {"Entrypoint": []}),
    ({"environment": {"B": "2", "A": "1", "EMPTY": ""}}, {"Env": ["A=1", "B=2", "EMPTY="]}),
    ({"environment": {"HOME": None}}, {"Env": ["HOME"]}),
    ({"user": "1000:1000"}, {"User": "1000:1000"}),
    ({"working_dir": "/app"}, {"WorkingDir": "/app"}),
    ({"hostname": "db"}, {"Hostname": "db"}),
    ({"domainname": "example.com"}, {"Domainname": "example.com"}),
    ({"tty": True, "stdin_open": True}, {"Tty": True, "OpenStdin": True}),
    ({"mac_address": "02:42:ac:11:65:43"}, {"MacAddress": "02:42:ac:11:65:43"}),
    ({"stop_signal": "SIGINT"}, {"StopSignal": "SIGINT"}),
    ({"stop_grace_period": "1m5s"}, {"StopTimeout": 65}),
    ({"stop_grace_period": "1.5s"}, {"StopTimeout": 2}),
    ({"stop_grace_period": "0s"}, {"StopTimeout": 0}),
    ({"expose": ["3000", "3001/udp"]}, {"ExposedPorts": {"3000/tcp": {}, "3001/udp": {}}}),
    ({"expose": ["3000-3002"]}, {"ExposedPorts": {"3000/tcp": {}, "3001/tcp": {}, "3002/tcp": {}}}),
    (
        {
            "healthcheck": {
                "test": ["CMD-SHELL", "curl x"],
                "interval": "1m30s",
                "timeout": "500ms",
                "retries": 3,
                "start_period": "5s",
            }
        },
        {
            "Healthcheck": {
                "Test": ["CMD-SHELL", "curl x"],
                "Interval": 90_000_000_000,
                "Timeout": 500_000_000,
                "Retries": 3,
                "StartPeriod": 5_000_000_000,
            }
        },
    ),
    ({"healthcheck": {"interval": "2s"}}, {"Healthcheck": {"Interval": 2_000_000_000}}),
    ({"healthcheck": {"disable": True}}, {"Healthcheck": {"Test": ["NONE"]}}),
    ({"healthcheck": {"test": ["NONE"]}}, {"Healthcheck": {"Test": ["NONE"]}}),
]
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
    ({"external_links": ["redis", "db:mysql"]}, {"Links": ["redis:redis", "db:mysql"]}),
    ({"restart": "always"}, {"RestartPolicy": {"Name": "always", "MaximumRetryCount": 0}}),
    ({"restart": "unless-stopped"}, {"RestartPolicy": {"Name": "unless-stopped", "MaximumRetryCount": 0}}),
    ({"restart": "on-failure:5"}, {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 5}}),
    ({"restart": "no"}, {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}),
]
PLAIN = created(service())


@pytest.mark.parametrize(("options", "expected"), OPTIONS, ids=lambda value: str(value)[:50])
def test_an_option_of_the_container(options: dict[str, Any], expected: dict[str, Any]) -> None:
    made = created(service(**options))

    assert {key: value for key, value in made.body.items() if value != PLAIN.body.get(key)} == expected


@pytest.mark.parametrize(("options", "expected"), HOST_OPTIONS, ids=lambda value: str(value)[:50])
def test_an_option_of_the_host(options: dict[str, Any], expected: dict[str, Any]) -> None:
    made = created(service(**options))

    assert {**host(PLAIN), **expected} == host(made)


def test_a_service_without_options_asks_for_nothing_but_itself() -> None:
    assert (
        Creation(
            name="shop-web-1",
            body={
                "Image": "sha256:1111",
                "Labels": {
                    "gitopsd.environment": "production",
                    "gitopsd.service": "web",
                    "gitopsd.slot": "1",
                    "gitopsd.fingerprint": "v1:abc",
                    "gitopsd.release": "7",
                    "com.docker.compose.project": "shop",
                    "com.docker.compose.service": "web",
                    "com.docker.compose.container-number": "1",
                    "com.docker.compose.oneoff": "False",
                    "com.docker.compose.config-hash": "abc",
                    "com.docker.compose.image": "sha256:1111",
                    "com.docker.compose.depends_on": "",
                    "com.docker.compose.version": "2.40.3",
                },
                "HostConfig": {
                    "NetworkMode": "shop_default",
                    "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
                },
                "NetworkingConfig": {"EndpointsConfig": {"shop_default": {"Aliases": ["shop-web-1", "web"]}}},
            },
            image="shop/web:1.4",
        )
        == PLAIN
    )


def test_labels_of_the_manifest_stay_unless_they_are_ours() -> None:
    each = service(
        labels={"team": "shop", "empty": "", "gitopsd.slot": "99", "com.docker.compose.project": "other"},
        depends_on=(
            Dependency("db", "service_healthy", restart=True),
            Dependency("migrate", "service_completed_successfully", required=False),
        ),
    )

    labels: Any = created(each, secrets_label="k1:ff", working_dir="/w", config_files="/w/compose.yaml").body["Labels"]

    assert (labels["team"], labels["empty"]) == ("shop", "")
    assert (labels["gitopsd.slot"], labels["com.docker.compose.project"]) == ("1", "shop")
    assert labels["com.docker.compose.depends_on"] == (
        "db:service_healthy:true,migrate:service_completed_successfully:false"
    )
    assert labels["gitopsd.secrets"] == "k1:ff"
    assert labels["com.docker.compose.project.working_dir"] == "/w"
    assert labels["com.docker.compose.project.config_files"] == "/w/compose.yaml"


def test_the_commit_is_nowhere_in_a_container() -> None:
    assert "revision" not in str(PLAIN.body).lower()


def test_ports_are_published_where_the_manifest_says() -> None:
    ports = (
        Port(8080, published="80"),
        Port(8080, published="8443", host_ip="127.0.0.1"),
        Port(7000),
        Port(9000, published="9000-9010", protocol="udp"),
    )

    made = created(service(ports=ports, expose=["3000"]))

    assert host(made)["PortBindings"] == {
        "8080/tcp": [{"HostIp": "", "HostPort": "80"}, {"HostIp": "127.0.0.1", "HostPort": "8443"}],
        "7000/tcp": [{"HostIp": "", "HostPort": ""}],
        "9000/udp": [{"HostIp": "", "HostPort": "9000-9010"}],
    }
    assert list(made.body["ExposedPorts"]) == ["8080/tcp", "7000/tcp", "9000/udp", "3000/tcp"]  # type: ignore[arg-type]


NETWORKS = (
    Attachment("front", aliases=("shop", "web")),
    Attachment("back", ipv4_address="10.1.1.2", ipv6_address="fd00::2", priority=10),
)
FRONT = ("shop_front", {"Aliases": ["shop-web-1", "web", "shop"]})
BACK = (
    "shop_back",
    {"Aliases": ["shop-web-1", "web"], "IPAMConfig": {"IPv4Address": "10.1.1.2", "IPv6Address": "fd00::2"}},
)


def test_an_old_engine_takes_one_network_at_creation_and_the_others_after_it() -> None:
    made = created(service(networks=NETWORKS), api=(1, 43))

    assert host(made)["NetworkMode"] == "shop_back"
    assert made.body["NetworkingConfig"] == {"EndpointsConfig": dict([BACK])}
    assert made.connect == (FRONT,)


def test_a_newer_engine_takes_all_networks_at_creation() -> None:
    made = created(service(networks=NETWORKS), api=(1, 44))

    assert host(made)["NetworkMode"] == "shop_back"
    assert made.body["NetworkingConfig"] == {"EndpointsConfig": dict([BACK, FRONT])}
    assert made.connect == ()


def test_a_replacement_answers_to_the_final_name_from_its_start() -> None:
    made = created(service(), name="shop-web-2.gitopsd-9", slot=2)

    assert made.name == "shop-web-2.gitopsd-9"
    assert made.body["NetworkingConfig"] == {"EndpointsConfig": {"shop_default": {"Aliases": ["shop-web-2", "web"]}}}


def test_a_container_name_is_an_alias() -> None:
    made = created(service(container_name="thedb"), name="thedb")

    assert made.body["NetworkingConfig"] == {"EndpointsConfig": {"shop_default": {"Aliases": ["thedb", "web"]}}}


@pytest.mark.parametrize("mode", ["host", "none", "bridge", "default", "container:vpn", "somebodys"])
def test_a_mode_stands_in_place_of_networks(mode: str) -> None:
    made = created(service(networks=(), network_mode=mode))

    assert (host(made)["NetworkMode"], made.body["NetworkingConfig"]) == (mode, {"EndpointsConfig": {}})


def test_another_services_container_is_named_by_its_id() -> None:
    each = service(
        networks=(),
        network_mode="service:vpn",
        pid="service:vpn",
        ipc="service:db",
        volumes_from=["db", "vpn:ro"],
    )

    asked = host(created(each, joins={"vpn": "1a", "db": "2b"}))

    assert {key: asked[key] for key in ("NetworkMode", "PidMode", "IpcMode", "VolumesFrom")} == {
        "NetworkMode": "container:1a",
        "PidMode": "container:1a",
        "IpcMode": "container:2b",
        "VolumesFrom": ["2b", "1a:ro"],
    }
    assert joined_services(each.options) == ("db", "vpn")
    assert borrowed_services(each.options) == ("db", "vpn")


def test_a_platform_goes_with_the_call_and_not_into_the_body() -> None:
    made = created(service(platform="linux/arm64"))

    assert made.platform == "linux/arm64"
    assert {**made.body, "HostConfig": {}} == {**PLAIN.body, "HostConfig": {}}


def test_a_service_without_networks_has_none() -> None:
    made = created(service(networks=()))

    assert (host(made)["NetworkMode"], made.connect) == ("none", ())


def test_the_environment_can_be_told_apart_from_the_desired_state() -> None:
    each = service()
    made = creation(
        sealed(each), desired(each), slot=1, name="a", release=1, carry={}, api=(1, 41), environment="staging"
    )

    assert made.body["Labels"]["gitopsd.environment"] == "staging"  # type: ignore[index,call-overload]


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
        "CpusetCpus": "0",
        "PidsLimit": -1,
        "BlkioWeight": 300,
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
    }


def test_without_limits_an_update_is_the_restart_policy_alone() -> None:
    assert update_body(sealed(service())) == {"RestartPolicy": {"Name": "no", "MaximumRetryCount": 0}}


def test_a_key_that_the_engine_is_too_old_for_is_named_with_the_version_that_it_needs() -> None:
    each = service(healthcheck={"test": ["CMD", "true"], "start_interval": "1s"})

    with pytest.raises(ManifestError) as refused:
        created(each, api=(1, 43))

    assert str(refused.value) == (
        "compose.yaml:3:5: services.web: healthcheck.start_interval needs engine API 1.44, "
        "this engine speaks 1.43; remove the key or upgrade Docker"
    )
    assert created(each, api=(1, 44)).body["Healthcheck"] == {"Test": ["CMD", "true"], "StartInterval": 1_000_000_000}


def test_an_image_is_asked_for_by_its_id_whatever_became_of_its_tag() -> None:
    image = Image("shop/web:latest", "sha256:2222", "shop/web@sha256:3333")

    made = created(service(), image)

    assert made.body["Image"] == "sha256:2222"
    assert made.image == "shop/web:latest"
    assert IMAGE.id != image.id

"""Groups of Compose keys on a real engine: the container has what was asked for, as it shows and as it finds inside.

What this machine cannot give (accelerators, another runtime, quotas of storage) is held against Compose elsewhere.
"""

from collections.abc import Callable, Iterator
from typing import Any

import docker
import pytest

from gitopsd.adapters.docker.engine import DockerEngine, connect
from gitopsd.engine_json import creation, network_body, volume_body
from gitopsd.engine_json.comparison import owned_differences
from gitopsd.engine_json.expectation import expected
from gitopsd.engine_json.projection import container_projection
from gitopsd.model.desired import Attachment, Bind, Network, Port, Service, Tmpfs, VolumeMount
from gitopsd.model.settings import TargetEngine
from tests.engine_json.builders import desired, sealed, service
from tests.images import Images

IMAGE = "gitopsd-test/keys:1"
CHANGES = ['CMD ["sleep", "600"]']
MAC = "02:42:ac:11:65:43"
FRONT = {"ipam": {"config": [{"subnet": "10.93.7.0/24", "aux_addresses": {"router": "10.93.7.9"}}]}}

# What is asked for, a command, and what it says inside.
GROUPS: dict[str, tuple[dict[str, Any], str, str]] = {
    "names": (
        {
            "hostname": "h",
            "domainname": "example.com",
            "extra_hosts": ["a=1.2.3.4", "b=::1"],
            "dns": ["192.0.2.53"],
            "dns_search": ["shop.example.com"],
            "dns_opt": ["ndots:2"],
        },
        "hostname -f; cat /etc/hosts",
        "1.2.3.4\ta",
    ),
    "search": ({"dns_search": ["b.example.com", "a.example.com"]}, "cat /etc/resolv.conf", "search b.example.com a"),
    "terminal": ({"tty": True, "stdin_open": True}, "ls -l /proc/1/fd/0", "/dev/pts/0"),
    "rights": (
        {"cap_add": ["NET_ADMIN"], "cap_drop": ["CHOWN"], "security_opt": ["no-new-privileges:true"]},
        "grep NoNewPrivs /proc/1/status",
        "NoNewPrivs:\t1",
    ),
    "groups": ({"group_add": ["12"], "user": "1000:1000"}, "id -G", "1000 12"),
    "system calls": (
        {"security_opt": ['seccomp={"defaultAction":"SCMP_ACT_ALLOW"}']},
        "grep Seccomp: /proc/1/status",
        "Seccomp:\t2",
    ),
    "all system calls": ({"security_opt": ["seccomp=unconfined"]}, "grep Seccomp: /proc/1/status", "Seccomp:\t0"),
    "memory": (
        {
            "mem_limit": "67108864",
            "memswap_limit": "134217728",
            "mem_reservation": "33554432",
            "mem_swappiness": "60",
            "pids_limit": 50,
            "oom_score_adj": 300,
        },
        "cat /proc/1/oom_score_adj",
        "300",
    ),
    "processors": (
        {"cpu_shares": 512, "cpu_period": 100000, "cpu_quota": 50000, "cpuset": "0"},
        "grep Cpus_allowed_list /proc/1/status",
        "Cpus_allowed_list:\t0\n",
    ),
    "ulimits": (
        {"ulimits": {"nofile": {"soft": 1000, "hard": 2000}, "core": {"hard": -1}}},
        "grep 'open files' /proc/1/limits",
        "Max open files            1000                 2000",
    ),
    "sysctls": ({"sysctls": {"net.core.somaxconn": "1234"}}, "cat /proc/sys/net/core/somaxconn", "1234"),
    "memory files": ({"shm_size": "16777216"}, "grep /dev/shm /proc/mounts", "size=16384k"),
    "devices": (
        {
            "devices": [{"source": "/dev/null", "target": "/dev/nowhere", "permissions": "rw"}],
            "device_cgroup_rules": ["c 1:5 mr"],
        },
        "test -c /dev/nowhere && echo a device",
        "a device",
    ),
    "processes": ({"pid": "host"}, "test -d /proc/2 && echo many", "many"),
    "control groups": ({"cgroup": "private", "cgroup_parent": "/gitopsd-test"}, "cat /proc/1/cgroup", ":/\n"),
    "no network": ({"networks": (), "network_mode": "none"}, "tail -n 1 /proc/net/dev", "lo:"),
    "the engine's network": (
        {"networks": (), "network_mode": "bridge", "mac_address": MAC},
        "cat /sys/class/net/eth0/address",
        MAC,
    ),
    "address": (
        {
            "networks": (
                Attachment(
                    "front",
                    aliases=("shop",),
                    ipv4_address="10.93.7.20",
                    link_local_ips=("169.254.8.1",),
                    mac_address=MAC,
                    driver_opts={"a": "b"},
                ),
            ),
            "external_links": ["somebody:friend"],
        },
        "cat /sys/class/net/eth0/address",
        MAC,
    ),
    "mounts": (
        {
            "mounts": [
                VolumeMount("data", "/data", nocopy=True),
                VolumeMount("", "/anonymous", labels={"team": "shop"}),
                Tmpfs("/t", size=1048576, mode=0o1700),
                Bind("/srv/gitopsd-test", "/host", read_only=True),
                Bind("/tmp", "/flat", create_host_path=False, recursive="disabled"),
            ]
        },
        "grep ' /t ' /proc/mounts",
        "size=1024k,mode=1700",
    ),
}
# What shows from outside only, or cannot be started on every machine where tests run.
FROM_OUTSIDE: dict[str, dict[str, Any]] = {
    "open paths": {"security_opt": ["systempaths=unconfined"]},
    "no limit of swap": {"mem_limit": "67108864", "memswap_limit": "-1"},
    "oom": {"mem_limit": "67108864", "oom_kill_disable": True},
    "block io": {"blkio_config": {"weight": 300, "device_read_bps": [{"Path": "/dev/loop0", "Rate": "1048576"}]}},
    "shared memory": {"ipc": "shareable"},
    "the host's": {"ipc": "host", "uts": "host", "userns_mode": "host", "cgroup": "host"},
    "the host's network": {"networks": (), "network_mode": "host"},
    "platform and runtime": {"platform": "linux/amd64", "runtime": "runc"},
    "life": {"restart": "on-failure:3", "read_only": True, "tmpfs": ["/run:size=1m"], "init": True},
    "logging": {"logging": {"driver": "json-file", "options": {"max-size": "1m"}}},
    "ports": {"ports": (Port(8080, host_ip="127.0.0.1"), Port(53, protocol="udp")), "expose": ["3000-3001"]},
    "privileged": {"privileged": True},
    "realtime": {"cpu_rt_period": 11000, "cpu_rt_runtime": 400},
    "accelerators": {"gpus": [{"count": -1}], "devices": [{"source": "a.com/b=c", "target": "a.com/b=c"}]},
}
# What only newer engines know, from the API on at which they do.
NEWER: dict[str, tuple[tuple[int, int], dict[str, Any]]] = {
    "annotations": ((1, 43), {"annotations": {"a": "b"}}),
    "start interval": (
        (1, 44),
        {"healthcheck": {"test": ["CMD", "true"], "start_period": "9s", "start_interval": "1s"}},
    ),
    "addresses": (
        (1, 44),
        {"networks": (Attachment("default", mac_address=MAC), Attachment("front", mac_address=MAC[:-1] + "9"))},
    ),
    "the engine's network": ((1, 44), {"networks": (), "network_mode": "bridge", "mac_address": MAC}),
    "read-only below": (
        (1, 44),
        {"mounts": [Bind("/tmp", "/deep", True, False, "rprivate", recursive="readonly")]},
    ),
    "writable below": ((1, 44), {"mounts": [Bind("/tmp", "/deep", True, False, recursive="writable")]}),
    "part of a volume": ((1, 45), {"mounts": [VolumeMount("data", "/part", subpath="a/b")]}),
}


@pytest.fixture
def engine(engine_url: str) -> Iterator[DockerEngine]:
    found = connect(TargetEngine(engine_url), {})
    yield found
    found.close()


@pytest.fixture
def made(engine: DockerEngine, docker_api: docker.APIClient, images: Images, project: str) -> Callable[[Service], Any]:
    """Creates a service's container, and gives back what differs from what was asked for, as far as that shows."""

    def make(each: Service) -> Any:
        image = engine.image(images.busybox(IMAGE, changes=CHANGES))
        assert image is not None
        keys = sorted({attachment.network for attachment in each.networks})
        state = desired(each, project=project, networks=keys)
        for network in state.networks.values():
            options: dict[str, Any] = FRONT if network.key == "front" else {}
            made = Network(network.key, network.name, options=options)
            engine.create_network(network.name, network_body(made, state))
        for volume in state.volumes.values():
            engine.create_volume(volume.name, volume_body(volume, state))
        name = f"{project}-web-1"
        asked = creation(sealed(each, image), state, slot=1, name=name, release=1, carry={}, api=engine.api())
        wanted = expected(sealed(each, image), asked, name, docker_api.inspect_image(IMAGE)["Config"])
        engine.create(asked)
        return owned_differences(wanted, container_projection(docker_api.inspect_container(name)))

    return make


@pytest.mark.parametrize("group", GROUPS)
def test_a_container_has_what_was_asked_for(
    made: Callable[[Service], Any], engine: DockerEngine, docker_api: docker.APIClient, project: str, group: str
) -> None:
    options, command, says = GROUPS[group]

    differences = made(service(stop_signal="SIGKILL", **options))

    assert [each for each in differences if not each.dropped] == []
    engine.start(f"{project}-web-1")
    run = docker_api.exec_create(f"{project}-web-1", ["sh", "-c", command])
    assert says in docker_api.exec_start(run).decode()


@pytest.mark.parametrize("group", FROM_OUTSIDE)
def test_a_container_shows_what_was_asked_for(made: Callable[[Service], Any], group: str) -> None:
    assert [each for each in made(service(**FROM_OUTSIDE[group])) if not each.dropped] == []


@pytest.mark.parametrize("key", NEWER)
def test_a_newer_engine_gives_what_only_it_knows(
    made: Callable[[Service], Any], engine: DockerEngine, key: str
) -> None:
    since, options = NEWER[key]
    if engine.api() < since:
        pytest.skip("this engine is too old for it")

    assert [each for each in made(service(**options)) if not each.dropped] == []

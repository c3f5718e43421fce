"""The operator's workload policy: each rule finds what it is named for, at its line, and nothing else."""

import pytest

from gitopsd.manifest.workload import RULES, breaches
from gitopsd.model.guards import Workload
from tests.manifest.compose_builders import a_state

GOOD = "registry.example.com/shop/web@sha256:" + "0" * 64


def found(line: str, *, image: str = GOOD, more: str = "", paths: tuple[str, ...] = ("/srv",)) -> list[str]:
    text = f"services:\n  web:\n    image: {image}\n    {line}\n{more}"
    desired = a_state(text, host_dir="/data/shop")
    workload = Workload("deny", RULES, paths, ("registry.example.com", "docker.io/library"))
    told = breaches(desired, workload, "/data/shop")
    return [f"{each.place.line} {each.message.split(':')[0].removeprefix('policy rule ')}" for each in told]


@pytest.mark.parametrize(
    ("line", "rules"),
    [
        ("privileged: true", ["4 privileged"]),
        ("network_mode: host", ["4 host-network"]),
        ("pid: host", ["4 host-pid"]),
        ("ipc: host", ["4 host-ipc"]),
        ("uts: host", ["4 host-uts"]),
        ("userns_mode: host", ["4 host-users"]),
        ("cgroup: host", ["4 host-cgroup"]),
        ("cap_add: [NET_ADMIN]", ["4 capabilities"]),
        ("security_opt: ['seccomp:unconfined']", ["4 unconfined"]),
        ("security_opt: [apparmor=unconfined]", ["4 unconfined"]),
        ("security_opt: ['label:disable']", ["4 unconfined"]),
        ("devices: [/dev/kvm]", ["4 devices"]),
        ("device_cgroup_rules: ['c 1:3 mr']", ["4 devices"]),
        ("gpus: all", ["4 devices"]),
        ("deploy: {resources: {reservations: {devices: [{capabilities: [gpu], count: 1}]}}}", ["4 devices"]),
        ("deploy: {resources: {reservations: {memory: 1m}}}", []),
        ("volumes_from: ['container:gitopsd']", ["4 docker-socket", "4 host-path"]),
        ("volumes: ['/var/run/docker.sock:/s']", ["4 docker-socket", "4 host-path"]),
        ("volumes: ['//var/run/docker.sock:/s']", ["4 docker-socket", "4 host-path"]),
        ("volumes: ['//srv/x:/s']", []),
        ("volumes: ['/run/../run/docker.sock:/s:ro']", ["4 docker-socket", "4 host-path"]),
        ("volumes: ['/:/host']", ["4 docker-socket", "4 host-path"]),
        ("volumes: ['/etc:/etc']", ["4 host-path"]),
        ("volumes: ['/srv/../etc:/etc']", ["4 host-path"]),
        ("volumes: ['/srvx:/x']", ["4 host-path"]),
        ("volumes: ['/srv/x:/x', './own:/own', 'named:/n']", []),
        ("cap_drop: [ALL]", []),
        ("security_opt: ['no-new-privileges:true']", []),
    ],
)
def test_a_rule_names_the_line_of_what_breaks_it(line: str, rules: list[str]) -> None:
    assert found(line, more="volumes: {named: {}}\n" if "named" in line else "") == rules


@pytest.mark.parametrize("network", ["{external: true, name: host}", "{driver: host}"])
def test_a_network_that_is_the_hosts_own_counts_as_such(network: str) -> None:
    assert found("networks: [own]", more=f"networks: {{own: {network}}}\n") == ["4 host-network"]


def test_a_volume_that_is_a_path_of_the_host_counts_as_one() -> None:
    more = "volumes: {named: {driver_opts: {type: none, o: bind, device: /etc}}}\n"
    assert found("volumes: ['named:/n']", more=more) == ["4 host-path"]


@pytest.mark.parametrize(
    ("image", "rules"),
    [
        ("evil.example.com/web@sha256:" + "0" * 64, ["3 registry"]),
        ("shop/web@sha256:" + "0" * 64, ["3 registry"]),
        ("registry.example.com.evil.example/web@sha256:" + "0" * 64, ["3 registry"]),
        ("nginx:1.27", ["3 tag-without-digest"]),
        ("nginx@sha256:" + "0" * 64, []),
        ("registry.example.com/a/b/c:1@sha256:" + "0" * 64, []),
    ],
)
def test_images_come_from_where_they_may_and_by_their_digest(image: str, rules: list[str]) -> None:
    assert found("init: true", image=image) == rules


def test_only_the_rules_that_are_asked_for_count() -> None:
    desired = a_state("services: {web: {image: web, privileged: true}}\n")
    assert breaches(desired, Workload("deny", ("devices",))) == ()

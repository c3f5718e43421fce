"""Fingerprints: only what needs a new container changes them, in whatever order a manifest says it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.manifest import applied_spec
from gitopsd.model.desired import SealedService
from tests.manifest.compose_builders import a_state, sealed

SECRET = "k3epIt-to-yourself"
FILES = {"conf/a": "a", "conf/b": "b", "secret.txt": SECRET}
TOP: dict[str, Any] = {
    "networks": {"front": {"driver": "bridge"}, "back": None},
    "volumes": {"data": None},
    "configs": {"c": {"content": "c"}},
    "secrets": {"s": {"file": "./secret.txt"}},
}
WEB: dict[str, Any] = {
    "image": "nginx",
    "command": ["run", "it"],
    "environment": {"A": "1", "B": "2", "C": None},
    "labels": {"a": "1", "b": "2", "c": "3"},
    "ports": ["80:80", "81:81", "82:82/udp"],
    "expose": ["1000", "1001"],
    "volumes": ["data:/data", "./conf:/conf", "/host:/host"],
    "networks": {"front": None, "back": {"aliases": ["x", "y"], "priority": 1}},
    "configs": ["c"],
    "secrets": ["s"],
    "cap_add": ["NET_ADMIN", "SYS_TIME"],
    "cap_drop": ["MKNOD", "CHOWN"],
    "tmpfs": ["/run", "/tmp"],
    "healthcheck": {"test": ["CMD", "true"], "interval": "5s"},
    "deploy": {"replicas": 2, "resources": {"limits": {"memory": "64m", "cpus": "0.5"}}},
    "logging": {"driver": "json-file", "options": {"max-size": "1m", "max-file": "2"}},
    "restart": "always",
}
# Keys of which an engine can change nothing on a live container.
FIXED: dict[str, tuple[Any, Any]] = {
    "annotations": ({"a": "b"}, {"a": "c"}),
    "blkio_config": (
        {"device_read_bps": [{"path": "/a", "rate": 1}]},
        {"device_read_bps": [{"path": "/a", "rate": 2}]},
    ),
    "cgroup": ("host", "private"),
    "cgroup_parent": ("a", "b"),
    "device_cgroup_rules": (["c 1:3 mr"], ["c 1:3 r"]),
    "devices": (["/dev/a"], ["/dev/a:/dev/a:r"]),
    "dns": (["1.1.1.1", "8.8.8.8"], ["8.8.8.8", "1.1.1.1"]),
    "dns_opt": (["use-vc"], ["ndots:2"]),
    "dns_search": (["a", "b"], ["b", "a"]),
    "domainname": ("a", "b"),
    "external_links": (["a"], ["a:b"]),
    "extra_hosts": (["a:1.1.1.1"], ["a:1.1.1.2"]),
    "gpus": ("all", [{"count": 1}]),
    "group_add": (["a"], ["b"]),
    "ipc": ("host", "private"),
    "links": (["db"], ["db:x"]),
    "mac_address": ("02:42:ac:11:65:43", "02:42:ac:11:65:44"),
    "mem_swappiness": (1, 2),
    "oom_kill_disable": (False, True),
    "oom_score_adj": (1, 2),
    "pid": ("host", "container:a"),
    "platform": ("linux/amd64", "linux/arm64"),
    "privileged": (False, True),
    "runtime": ("a", "b"),
    "security_opt": (["no-new-privileges"], ["seccomp=unconfined"]),
    "shm_size": ("1m", "2m"),
    "stdin_open": (False, True),
    "storage_opt": ({"size": "1G"}, {"size": "2G"}),
    "sysctls": ({"a": "1"}, {"a": "2"}),
    "tty": (False, True),
    "ulimits": ({"nofile": 1}, {"nofile": {"soft": 1, "hard": 2}}),
    "userns_mode": ("", "host"),
    "uts": ("", "host"),
    "volumes_from": (["db"], ["db:ro"]),
    "deploy": (
        {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}},
        {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"], "count": 1}]}}},
    ),
    "configs": ([{"source": "c", "uid": "1"}], [{"source": "c", "gid": "1"}]),
    "networks": ({"front": {"gw_priority": 1}}, {"front": {"gw_priority": 2}}),
    "volumes": (
        [{"type": "image", "source": "a", "target": "/a"}],
        [{"type": "image", "source": "a", "target": "/a", "image": {"subpath": "s"}}],
    ),
}
# Limits that `docker update` can set to another value, but not take away.
LIMITS: dict[str, tuple[Any, Any]] = {
    "blkio_config": ({"weight": 10}, {"weight": 20}),
    "cpu_period": (1000, 2000),
    "cpu_quota": (1000, 2000),
    "cpu_rt_period": (1, 2),
    "cpu_rt_runtime": (1, 2),
    "cpu_shares": (2, 3),
    "cpuset": ("0", "1"),
    "mem_limit": ("8m", "9m"),
    "mem_reservation": ("8m", "9m"),
    "pids_limit": (1, 2),
}
ANY_ORDER = ("ports", "expose", "volumes", "cap_add", "cap_drop", "tmpfs")


def web(service: dict[str, Any], top: dict[str, Any] = TOP, **options: Any) -> SealedService:
    """The sealed `web`, in a project with a second service."""
    state = a_state({"services": {"web": service, "db": {"image": "i"}}, **top}, options.pop("files", FILES))
    return sealed(state, **options).services["web"]


def changed(path: str, value: Any) -> dict[str, Any]:
    """WEB with another value at a dotted path; None removes the key."""
    copy: dict[str, Any] = json.loads(json.dumps(WEB))
    *way, last = path.split(".")
    inner = copy
    for key in way:
        inner = inner.setdefault(key, {})
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return copy


@given(st.data())
def test_the_order_of_maps_and_sets_never_changes_a_fingerprint(data: st.DataObject) -> None:
    """29: what has no order is sorted before it is hashed."""
    permuted = {key: _permuted(data, key, WEB[key]) for key in data.draw(st.permutations(list(WEB)))}
    top = {key: _permuted(data, "", TOP[key]) for key in data.draw(st.permutations(list(TOP)))}

    one, other = web(WEB), web(permuted, top)

    assert other.fingerprint == one.fingerprint
    assert other.in_place == one.in_place
    assert other.config_digest == one.config_digest


def _permuted(data: st.DataObject, key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _permuted(data, name, value[name]) for name in data.draw(st.permutations(list(value)))}
    if isinstance(value, list) and (key in ANY_ORDER or key == "aliases"):
        return data.draw(st.permutations(value))
    return value


def test_the_form_in_which_a_manifest_says_it_never_changes_a_fingerprint() -> None:
    other = {
        **WEB,
        "environment": ["A=1", "B=2", "C"],
        "labels": ["a=1", "b=2", "c=3"],
        "ports": [{"target": 80, "published": 80}, "81:81/tcp", {"target": 82, "published": "82", "protocol": "udp"}],
        "command": "run it",
        "healthcheck": {"test": ["CMD", "true"], "interval": "5000ms"},
        "deploy": {"replicas": 2, "resources": {"limits": {"memory": "65536kb", "cpus": 0.5}}},
    }

    assert web(other).fingerprint == web(WEB).fingerprint
    assert web(other).in_place == web(WEB).in_place


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("command", ["run"]),
        ("environment.A", "9"),
        ("environment.C", "now"),
        ("labels.a", "9"),
        ("ports", ["80:80"]),
        ("volumes", ["data:/data"]),
        ("volumes", ["data:/data:ro", "./conf:/conf", "/host:/host"]),
        ("networks.back.aliases", ["x"]),
        ("networks.back", None),
        ("configs", None),
        ("cap_add", ["NET_ADMIN"]),
        ("tmpfs", ["/run"]),
        ("healthcheck.interval", "6s"),
        ("logging.options.max-size", "2m"),
        ("user", "1000"),
        ("container_name", None) if "container_name" in WEB else ("hostname", "h"),
        ("init", False),
        ("read_only", True),
        ("stop_signal", "SIGINT"),
        ("stop_grace_period", "1s"),
        ("deploy.resources.limits.pids", 5),
        ("deploy.resources.limits.memory", None),
        ("deploy.resources.limits", None),
    ],
)
def test_what_only_a_new_container_can_change_changes_the_fingerprint(path: str, value: Any) -> None:
    assert web(changed(path, value)).fingerprint != web(WEB).fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("deploy.replicas", 5),
        ("deploy.update_config", {"order": "stop-first"}),
        ("deploy.rollback_config", {"parallelism": 0}),
        ("depends_on", ["db"]),
        ("profiles", []),
        ("x-gitopsd", {"min_ready": "1s"}),
        ("x-note", "anything"),
        ("restart", "unless-stopped"),
        ("deploy.resources.limits.memory", "128m"),
        ("deploy.resources.limits.cpus", "2"),
        ("image", "nginx:another-tag-of-the-same-image"),
    ],
)
def test_what_needs_no_new_container_leaves_the_fingerprint(path: str, value: Any) -> None:
    assert web(changed(path, value)).fingerprint == web(WEB).fingerprint


@pytest.mark.parametrize(
    ("path", "value"),
    [("restart", "no"), ("deploy.resources.limits.memory", "128m"), ("deploy.resources.limits.cpus", 1)],
)
def test_limits_and_restart_policy_are_changed_in_place(path: str, value: Any) -> None:
    assert web(changed(path, value)).in_place != web(WEB).in_place


def bare(**keys: Any) -> SealedService:
    """The sealed `web` that has nothing but these keys."""
    return web({"image": "nginx", **keys})


@pytest.mark.parametrize("key", FIXED)
def test_a_key_that_no_engine_changes_in_place_needs_a_new_container(key: str) -> None:
    one, other = (bare(**{key: value}) for value in FIXED[key])

    assert one.fingerprint != other.fingerprint
    assert one.in_place == other.in_place


@pytest.mark.parametrize("key", LIMITS)
def test_a_limit_is_changed_in_place_but_only_a_new_container_loses_it(key: str) -> None:
    one, other = (bare(**{key: value}) for value in LIMITS[key])

    assert one.fingerprint == other.fingerprint
    assert one.in_place != other.in_place
    assert one.fingerprint != bare().fingerprint


def test_swap_is_changed_in_place() -> None:
    one, other = (bare(mem_limit="1g", memswap_limit=swap) for swap in ("2g", -1))

    assert one.fingerprint == other.fingerprint
    assert one.in_place != other.in_place


def test_the_restart_policy_of_deploy_is_changed_in_place() -> None:
    one, other = (bare(deploy={"restart_policy": {"condition": each}}) for each in ("any", "none"))

    assert one.fingerprint == other.fingerprint
    assert one.in_place != other.in_place


@pytest.mark.parametrize(
    ("key", "value", "other"),
    [
        ("devices", ["/dev/a", "/dev/b"], ["/dev/b", "/dev/a"]),
        ("device_cgroup_rules", ["c 1:3 mr", "a 7:* rmw"], ["a 7:* rmw", "c 1:3 mr"]),
        ("dns_opt", ["use-vc", "ndots:2"], ["ndots:2", "use-vc"]),
        ("external_links", ["a", "b"], ["b", "a"]),
        ("extra_hosts", ["a:1.1.1.1", "b:1.1.1.1"], {"b": "1.1.1.1", "a": ["1.1.1.1"]}),
        ("gpus", [{"driver": "a"}, {"driver": "b"}], [{"driver": "b"}, {"driver": "a"}]),
        ("group_add", ["1", "2"], [2, 1]),
        ("links", ["db", "db:x"], ["db:x", "db"]),
        ("security_opt", ["no-new-privileges", "label:disable"], ["label:disable", "no-new-privileges"]),
        ("networks", {"front": {"link_local_ips": ["::1", "::2"]}}, {"front": {"link_local_ips": ["::2", "::1"]}}),
    ],
)
def test_the_order_of_what_is_a_set_for_an_engine_never_changes_a_fingerprint(key: str, value: Any, other: Any) -> None:
    assert bare(**{key: value}).fingerprint == bare(**{key: other}).fingerprint


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attach", False),
        ("pull_policy", "always"),
        ("scale", 3),
        ("develop", {"watch": []}),
        ("build", "."),
        ("blkio_config", {}),
        ("deploy", {"mode": "replicated", "endpoint_mode": "dnsrr"}),
    ],
)
def test_a_key_that_concerns_no_container_never_changes_a_fingerprint(key: str, value: Any) -> None:
    assert bare(**{key: value}).fingerprint == bare().fingerprint
    assert bare(**{key: value}).in_place == bare().in_place


def test_labels_count_alike_from_a_file_and_from_the_manifest() -> None:
    files = {**FILES, "a.labels": "a=b\n"}

    from_file = web({"image": "nginx", "label_file": "a.labels"}, files=files)

    assert from_file.fingerprint == bare(labels={"a": "b"}).fingerprint


def test_the_image_counts_by_what_it_is_and_the_revision_not_at_all() -> None:
    assert web(WEB, web="sha256:two").fingerprint != web(WEB).fingerprint
    assert web(WEB, revision="b" * 40).fingerprint == web(WEB).fingerprint


@pytest.mark.parametrize("path", ["conf/a", "secret.txt"])
def test_changed_content_changes_fingerprint_and_config_digest(path: str) -> None:
    other = web(WEB, files={**FILES, path: "changed"})

    assert other.fingerprint != web(WEB).fingerprint
    assert other.config_digest != web(WEB).config_digest


def test_options_of_a_joined_network_count_and_those_of_others_do_not() -> None:
    joined = {**TOP, "networks": {**TOP["networks"], "front": {"internal": True}}}
    other = {**TOP, "networks": {**TOP["networks"], "spare": {"internal": True}}}

    assert web(WEB, joined).fingerprint != web(WEB).fingerprint
    assert web(WEB, other).fingerprint == web(WEB).fingerprint


def test_the_content_digest_covers_everything_that_a_release_brings() -> None:
    def digest(service: dict[str, Any]) -> str:
        return sealed(a_state({"services": {"web": service, "db": {"image": "i"}}, **TOP}, FILES)).content_digest

    variants = [
        WEB,
        changed("deploy.replicas", 5),
        changed("restart", "on-failure"),
        changed("depends_on", ["db"]),
        changed("x-gitopsd", {"healthy_deadline": "9m"}),
        changed("labels.a", "other"),
    ]

    assert len({digest(variant) for variant in variants}) == len(variants)
    assert digest(changed("x-note", 1)) == digest(WEB)


def test_a_hidden_value_stands_in_no_sealed_form() -> None:
    manifest = """
services:
  web:
    image: i
    environment: {PASSWORD: $S}
    command: [run, $S]
    labels: {a: $S}
    secrets: [s]
    configs: [c]
secrets: {s: {environment: S}}
configs: {c: {content: "x $S"}}
"""
    one, other = (sealed(a_state(manifest, variables={"S": value})).services["web"] for value in (SECRET, "another"))

    spec = json.dumps(applied_spec(one, b"key"))

    assert SECRET not in spec
    assert one.fingerprint != other.fingerprint
    assert "hidden" in json.loads(spec)["environment"]["PASSWORD"]
    assert applied_spec(one, b"key") == applied_spec(one, b"key")
    assert applied_spec(one, b"key") != applied_spec(one, b"other key")


def test_the_applied_specification_tells_fields_one_by_one() -> None:
    spec = applied_spec(web(WEB), b"key")

    assert spec["environment"] == {"A": "1", "B": "2", "C": None}
    assert spec["image"] == "nginx"
    assert spec["replicas"] == 2
    assert spec["mounts"]["/data"]["source"] == "data"
    assert spec["networks"]["back"]["aliases"] == ["x", "y"]
    assert spec["x-gitopsd"]["min_ready"] == 5

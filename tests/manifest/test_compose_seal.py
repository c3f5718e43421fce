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

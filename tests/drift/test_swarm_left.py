"""What a service on a swarm keeps of what others did, when it is told again."""

from typing import Any

import pytest

from gitopsd.drift.swarm import differences
from gitopsd.drift.swarm_left import as_others_left_it
from gitopsd.engine_json.labels import FINGERPRINT
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.swarm import SwarmService, SwarmSpec

TOLD: dict[str, Any] = {
    "Name": "shop_web",
    "Labels": {SPEC: "new", FINGERPRINT: "f2", "team": "a"},
    "TaskTemplate": {"ContainerSpec": {"Image": "web:2", "Env": ["A=1", "B=2"]}, "Resources": {"Limits": {"Pids": 9}}},
    "Mode": {"Replicated": {"Replicas": 2}},
}
LIVE: dict[str, Any] = {
    "Name": "shop_web",
    "Labels": {SPEC: "old", FINGERPRINT: "f2", "team": "b", "note": "mine"},
    "TaskTemplate": {"ContainerSpec": {"Image": "web:2", "Env": ["A=7", "C=3"]}, "Resources": {"Limits": {}}},
    "Mode": {"Replicated": {"Replicas": 5}},
}


def told(*ignored: str, fingerprint: str = "f2") -> SwarmSpec:
    live = SwarmService("s1", "shop_web", 7, LIVE, LIVE["Labels"])
    spec = SwarmSpec("shop_web", TOLD, "new", fingerprint, ignored=ignored)
    made = as_others_left_it(spec, live)
    assert differences(made, live) == differences(spec, live)
    return made


def test_nothing_is_kept_that_the_manifest_does_not_leave_to_others() -> None:
    assert told().body == TOLD


@pytest.mark.parametrize(
    ("ignored", "path", "kept"),
    [
        ("deploy.replicas", ("Mode", "Replicated", "Replicas"), 5),
        ("environment.A", ("TaskTemplate", "ContainerSpec", "Env"), ["B=2", "A=7"]),
        ("environment", ("TaskTemplate", "ContainerSpec", "Env"), ["A=7", "C=3"]),
        ("resources.pids", ("TaskTemplate", "Resources", "Limits"), {}),
        ("deploy.labels", ("Labels",), {SPEC: "new", FINGERPRINT: "f2", "team": "b", "note": "mine"}),
    ],
)
def test_an_ignored_field_is_told_as_it_stands(ignored: str, path: tuple[str, ...], kept: object) -> None:
    found: Any = told(ignored).body
    for key in path:
        found = found[key]
    assert found == kept


def test_what_tasks_are_made_of_is_as_the_manifest_says_once_other_content_makes_them_anew() -> None:
    made = told("environment", "resources", "deploy.replicas", fingerprint="f3")
    assert made.body == {**TOLD, "Mode": {"Replicated": {"Replicas": 5}}}

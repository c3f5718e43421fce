"""A service that a stack brought along keeps its own words wherever they mean what the manifest says."""

from collections.abc import Mapping
from typing import Any

import pytest

from gitopsd.drift.swarm import differences
from gitopsd.engine_json.swarm_adopted import ADOPTED, Adopted, adopted, as_adopted, given
from gitopsd.engine_json.swarm_spec import SPEC, swarm_spec
from gitopsd.model.swarm import SwarmService, SwarmSpec
from tests.manifest.compose_builders import KEY, a_state, sealed

STACK = {"com.docker.stack.namespace": "shop"}
MANIFEST: dict[str, Any] = {
    "name": "shop",
    "services": {
        "web": {
            "image": "shop/web:1",
            "environment": {"B": "two", "A": "one"},
            "volumes": ["data:/data", "/srv:/host:ro"],
            "secrets": ["token"],
            "networks": {"default": {"aliases": ["shop"]}, "back": {}},
            "ports": ["8080:80", "9090:90"],
        }
    },
    "networks": {"back": {}},
    "volumes": {"data": {}},
    "secrets": {"token": {"file": "./token"}},
}


def as_shown(**container: Any) -> dict[str, Any]:
    """What `docker stack deploy` makes of MANIFEST (measured on 20.10), with the names of networks."""
    data = {"Type": "volume", "Source": "shop_data", "Target": "/data", "VolumeOptions": {"Labels": STACK}}
    host = {"Type": "bind", "Source": "/srv", "Target": "/host", "ReadOnly": True}
    token = {"Name": "token", "UID": "0", "GID": "0", "Mode": 292}
    ports = [
        {"Protocol": "tcp", "TargetPort": 90, "PublishedPort": 9090, "PublishMode": "ingress"},
        {"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"},
    ]
    return {
        "Name": "shop_web",
        "Labels": {**STACK, "com.docker.stack.image": "shop/web:1"},
        "TaskTemplate": {
            "ContainerSpec": {
                "Image": "shop/web:1",
                "Labels": STACK,
                "Env": ["A=one", "B=two"],
                "Mounts": [host, data],
                "Privileges": {"CredentialSpec": None, "SELinuxContext": None},
                "Secrets": [{"File": token, "SecretName": "shop_token"}],
                "Isolation": "default",
                **container,
            },
            "Resources": {},
            "Placement": {"Platforms": [{"Architecture": "amd64", "OS": "linux"}]},
            "Networks": [
                {"Target": "shop_back", "Aliases": ["web"]},
                {"Target": "shop_default", "Aliases": ["shop", "web"]},
            ],
            "ForceUpdate": 2,
            "Runtime": "container",
        },
        "Mode": {"Replicated": {"Replicas": 1}},
        "EndpointSpec": {"Mode": "vip", "Ports": ports},
    }


def told() -> SwarmSpec:
    state = sealed(a_state(MANIFEST, {"token": "secret"}, swarm=True))
    return swarm_spec(state.services["web"], state.desired, key=KEY, replicas=1)


def taken(body: Mapping[str, Any]) -> Adopted:
    return Adopted(told().fingerprint, given(body, "secret"), 2)


def test_what_means_the_same_keeps_its_words_to_the_letter() -> None:
    body = as_shown()
    stays = as_adopted(told(), taken(body), body)
    assert stays.body["TaskTemplate"] == body["TaskTemplate"]
    assert stays.body["EndpointSpec"] == body["EndpointSpec"]
    assert stays.objects == ()


def test_it_is_told_what_makes_no_task_anew() -> None:
    body = as_shown()
    stays = as_adopted(told(), taken(body), body)
    assert stays.body["UpdateConfig"] == told().body["UpdateConfig"]
    labels = stays.body["Labels"]
    assert isinstance(labels, Mapping)
    assert adopted(labels) == taken(body)
    assert labels[SPEC] == stays.digest != told().digest


@pytest.mark.parametrize(
    ("container", "named"),
    [
        ({"Env": ["A=one", "B=three"]}, "TaskTemplate.ContainerSpec.Env.B"),
        ({"User": "root"}, "TaskTemplate.ContainerSpec.User"),
        ({"Image": "shop/web:2"}, "TaskTemplate.ContainerSpec.Image"),
        ({"Mounts": []}, "TaskTemplate.ContainerSpec.Mounts"),
        ({"Labels": {**STACK, "more": "x"}}, "TaskTemplate.ContainerSpec.Labels.more"),
    ],
)
def test_what_means_something_else_is_the_one_field_that_differs(container: dict[str, Any], named: str) -> None:
    body = as_shown(**container)
    stays = as_adopted(told(), taken(as_shown()), body)
    live = SwarmService("id", "shop_web", 1, {**body, **{k: v for k, v in stays.body.items() if k not in TASKS}})
    assert [".".join(each.at) for each in differences(stays, live)] == [named]


TASKS = ("TaskTemplate", "EndpointSpec")


def test_its_digest_does_not_move_with_what_somebody_changes_by_hand() -> None:
    before, after = as_shown(), as_shown(User="root", Env=["B=two"])
    assert as_adopted(told(), taken(before), before).digest == as_adopted(told(), taken(before), after).digest


def test_a_secret_of_another_name_at_another_place_is_not_what_was_adopted() -> None:
    body = as_shown()
    other = as_shown(Secrets=[{**body["TaskTemplate"]["ContainerSpec"]["Secrets"][0], "SecretName": "other"}])
    stays = as_adopted(told(), taken(body), other)
    assert given(stays.body, "secret") != given(other, "secret")


@pytest.mark.parametrize("written", ["", "{}", "[]", '{"fingerprint": 1}', "nonsense"])
def test_a_label_that_somebody_has_written_over_counts_for_nothing(written: str) -> None:
    assert adopted({ADOPTED: written}) is None

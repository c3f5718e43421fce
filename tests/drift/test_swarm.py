"""Drift on a swarm: each change by hand is found at its field, with its cause in words, and nothing else is."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from gitopsd.drift.swarm import Hiding, differences, healable, swarm_drift
from gitopsd.engine_json.swarm_spec import swarm_spec
from gitopsd.model.drift import DriftItem
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmService, SwarmState
from tests.fakes.clock import NOON
from tests.manifest.compose_builders import KEY, a_state, sealed

STATE = sealed(
    a_state(
        """\
name: shop
services:
  web:
    image: nginx
    environment: {A: b, PASSWORD: secret}
    volumes: ["data:/data"]
    ports: ["80:80"]
    deploy: {replicas: 2, labels: {team: red}}
volumes: {data: {}}
""",
        swarm=True,
    )
)
TOLD = swarm_spec(STATE.services["web"], STATE.desired, key=KEY, replicas=2)
Change = Callable[[dict[str, Any]], object]


def live(change: Change = lambda spec: None) -> SwarmService:
    body: dict[str, Any] = copy.deepcopy(dict(TOLD.body))
    change(body)
    return SwarmService("id", TOLD.name, 7, body, dict(body["Labels"]))


def drift(*services: SwarmService) -> tuple[DriftItem, ...]:
    state = SwarmState({each.name: each for each in services})
    return swarm_drift(
        Journal("production", project="shop"),
        state,
        {"web": TOLD},
        Hiding(KEY, lambda text: text.replace("hunter2", "(hidden)")),
        NOON,
    )


def container(spec: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = spec["TaskTemplate"]["ContainerSpec"]
    return found


@pytest.mark.parametrize(
    ("change", "paths", "cause"),
    [
        (
            lambda s: s["Mode"]["Replicated"].update(Replicas=5),
            "Mode.Replicated.Replicas",
            "scaled by hand from 2 to 5",
        ),
        (
            lambda s: s["Mode"]["Replicated"].update(Replicas=0),
            "Mode.Replicated.Replicas",
            "scaled by hand from 2 to 0",
        ),
        (lambda s: s.update(Mode={"Global": {}}), "Mode.Global Mode.Replicated.Replicas", "changed by hand: Mode."),
        (lambda s: s["Labels"].update(team="blue"), "Labels.team", "changed by hand: Labels.team"),
        (lambda s: s["Labels"].update(new="x"), "Labels.new", "changed by hand: Labels.new"),
        (lambda s: container(s).update(Image="nginx:2"), "TaskTemplate.ContainerSpec.Image", "changed by hand: "),
        (lambda s: container(s)["Env"].append("C=d"), "TaskTemplate.ContainerSpec.Env.C", "changed by hand: "),
        (
            lambda s: container(s).pop("Env"),
            "TaskTemplate.ContainerSpec.Env.A TaskTemplate.ContainerSpec.Env.PASSWORD",
            "",
        ),
        (lambda s: container(s).pop("Mounts"), "TaskTemplate.ContainerSpec.Mounts", "changed by hand: "),
        (lambda s: container(s).update(Args=["x"]), "TaskTemplate.ContainerSpec.Args", "changed by hand: "),
        (lambda s: container(s).update(User="7"), "TaskTemplate.ContainerSpec.User", "changed by hand: "),
        (lambda s: container(s).update(ReadOnly=True), "TaskTemplate.ContainerSpec.ReadOnly", "changed by hand: "),
        (lambda s: container(s).update(Hosts=["1.2.3.4 a"]), "TaskTemplate.ContainerSpec.Hosts", "changed by hand: "),
        (lambda s: container(s)["Labels"].update(a="b"), "TaskTemplate.ContainerSpec.Labels.a", "changed by hand: "),
        (lambda s: container(s).update(Secrets=[{"SecretName": "x"}]), "TaskTemplate.ContainerSpec.Secrets", ""),
        (lambda s: s["TaskTemplate"].update(Networks=[]), "TaskTemplate.Networks", "changed by hand: "),
        (
            lambda s: s["TaskTemplate"].update(Placement={"Constraints": ["node.role == worker"]}),
            "TaskTemplate.Placement.Constraints",
            "changed by hand: ",
        ),
        (
            lambda s: s["TaskTemplate"].update(Resources={"Limits": {"MemoryBytes": 1 << 26}}),
            "TaskTemplate.Resources.Limits.MemoryBytes",
            "changed by hand: ",
        ),
        (
            lambda s: s["TaskTemplate"].update(RestartPolicy={"Condition": "none"}),
            "TaskTemplate.RestartPolicy.Condition",
            "changed by hand: ",
        ),
        (lambda s: s["UpdateConfig"].update(Parallelism=9), "UpdateConfig.Parallelism", "changed by hand: "),
        (lambda s: s["RollbackConfig"].update(Order="x"), "RollbackConfig.Order", "changed by hand: "),
        (lambda s: s["EndpointSpec"].update(Ports=[]), "EndpointSpec.Ports", "changed by hand: "),
        (
            lambda s: s["Labels"].update({"gitopsd.spec": "older"}),
            "Labels.gitopsd.spec",
            "rolled back by hand to what it was told before",
        ),
    ],
)
def test_a_change_by_hand_is_found_at_its_field_and_telling_again_mends_it(
    change: Change, paths: str, cause: str
) -> None:
    (item,) = drift(live(change))
    assert " ".join(each.path for each in item.changes) == paths
    assert item.cause.startswith(cause)
    assert (item.resource, item.name, item.service, item.kind, item.cure) == (
        "service",
        "shop_web",
        "web",
        "modified",
        "in-place",
    )


def test_what_swarm_adds_is_no_drift() -> None:
    def added(spec: dict[str, Any]) -> None:
        container(spec)["Isolation"] = "default"
        spec["TaskTemplate"].update(ForceUpdate=0, Runtime="container")
        spec["TaskTemplate"]["RestartPolicy"]["MaxAttempts"] = 0

    assert drift(live(added)) == ()


def test_a_forced_update_is_told_and_nothing_mends_it() -> None:
    forced = live(lambda spec: spec["TaskTemplate"].update(ForceUpdate=2))
    (item,) = drift(forced)
    assert (item.cause, item.cure) == ("made anew by a forced update", "none")
    assert healable(differences(TOLD, forced)) == ()


def test_values_of_variables_are_never_shown() -> None:
    (item,) = drift(live(lambda spec: container(spec).update(Env=["A=x", "PASSWORD=other"])))
    assert "secret" not in str(item)
    assert "other" not in str([each.live for each in item.changes])


def test_a_secret_is_not_shown_wherever_it_stands() -> None:
    (item,) = drift(live(lambda spec: container(spec).update(Args=["--password", "hunter2"])))
    assert item.changes[0].live == ["--password", "(hidden)"]


def test_a_service_that_is_gone_is_missing_and_one_that_nobody_knows_is_extra() -> None:
    other = SwarmService("id", "shop_other", 7, {})
    assert [(each.name, each.kind, each.cause) for each in drift(other)] == [
        ("shop_web", "missing", "removed by hand"),
        ("shop_other", "extra", "no service of the manifest has this name"),
    ]

"""What Swarm is told of a service, byte by byte, and that what it shows of that is found to be the same."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gitopsd.drift.swarm import differences
from gitopsd.engine_json.swarm_live import by_names, swarm_service, swarm_task, with_ids
from gitopsd.engine_json.swarm_spec import pinned_image, swarm_network, swarm_spec
from gitopsd.model.desired import Image
from gitopsd.model.swarm import SwarmService, SwarmSpec
from tests.fakes.clock import NOON
from tests.manifest.compose_builders import KEY, a_state, sealed

GOLDEN = Path(__file__).parent / "golden" / "swarm.json"
MANIFEST = """\
services:
  web:
    image: shop/web:1.4
    command: [serve, --port, "8080"]
    environment: {COLOUR: blue, EMPTY: ""}
    labels: {tier: front}
    ports: ["80:8080", {target: 9090, published: "9090", protocol: udp, mode: host}]
    healthcheck: {test: [CMD, "true"], interval: 5s, retries: 3}
    networks: {back: {aliases: [shop]}, default: {}}
    volumes: ["data:/data", "/srv/in:/in:ro", "./pages:/pages", {type: tmpfs, target: /tmp, tmpfs: {size: 1m}}]
    configs: [{source: page, target: /etc/page, mode: 0440, uid: "7"}]
    secrets: [password]
    extra_hosts: ["db=10.0.0.9"]
    dns: [10.0.0.53]
    cap_add: [net_admin]
    sysctls: {net.core.somaxconn: 1024}
    ulimits: {nofile: {soft: 10, hard: 20}}
    init: true
    read_only: true
    stop_signal: SIGUSR1
    stop_grace_period: 20s
    user: "1000"
    platform: linux/amd64
    logging: {driver: json-file, options: {max-size: 1m}}
    deploy:
      replicas: 3
      labels: {team: blue}
      placement:
        constraints: [node.role == worker]
        preferences: [{spread: node.labels.zone}]
        max_replicas_per_node: 2
      resources:
        limits: {cpus: "0.5", memory: 64m, pids: 100}
        reservations: {cpus: "0.25", memory: 32m, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 1}}]}
      restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 2m}
      update_config: {parallelism: 2, delay: 10s, failure_action: pause, monitor: 20s, max_failure_ratio: 0.1}
      rollback_config: {parallelism: 0, failure_action: continue, monitor: 7s, order: stop-first}
  everywhere:
    image: shop/agent:1
    restart: on-failure:5
    deploy: {mode: global, endpoint_mode: dnsrr}
networks: {back: {attachable: true}, default: {}}
volumes: {data: {driver: local, labels: {keep: "yes"}}}
configs: {page: {content: hello}}
secrets: {password: {file: password.txt}}
"""
FILES = {"pages/a.html": "<a>", "pages/deep/b.html": "<b>", "password.txt": "hunter2"}
STATE = sealed(a_state(MANIFEST, FILES, swarm=True))


def spec(name: str = "web") -> SwarmSpec:
    service = STATE.services[name]
    return swarm_spec(service, STATE.desired, key=KEY, replicas=service.service.replicas)


def shown(body: Any) -> dict[str, Any]:
    """As Swarm shows a Spec: with what it adds, and ids for names of networks."""
    body = json.loads(json.dumps(body))
    template = body["TaskTemplate"]
    template["ContainerSpec"]["Isolation"] = "default"
    template |= {"ForceUpdate": 0, "Runtime": "container"}
    template["RestartPolicy"].setdefault("MaxAttempts", 0)
    template["Networks"] = [{**each, "Target": f"id of {each['Target']}"} for each in template["Networks"]]
    return dict(body)


def test_swarm_is_told_everything_as_ever() -> None:
    told = {
        name: {"spec": spec(name).body, "objects": [each.name for each in spec(name).objects]}
        for name in ("web", "everywhere")
    }
    network = {"network": swarm_network(STATE.desired.networks["back"], STATE.desired, KEY)}
    text = json.dumps({**told, **network}, indent=1, sort_keys=True) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


@pytest.mark.parametrize(
    ("keys", "mode", "restart"),
    [
        ({"restart": "no"}, {"ReplicatedJob": {"MaxConcurrent": 1, "TotalCompletions": 1}}, {"Condition": "none"}),
        (
            {"deploy": {"mode": "replicated-job", "replicas": 3}},
            {"ReplicatedJob": {"MaxConcurrent": 3, "TotalCompletions": 3}},
            {"Condition": "none"},
        ),
        ({"deploy": {"mode": "global-job"}}, {"GlobalJob": {}}, {"Condition": "none"}),
        (
            {"x-gitopsd": {"job": {"retries": 2}}, "deploy": {"mode": "global"}},
            {"GlobalJob": {}},
            {"Condition": "on-failure", "MaxAttempts": 2},
        ),
        (
            {"deploy": {"mode": "global-job", "restart_policy": {"condition": "on-failure", "max_attempts": 4}}},
            {"GlobalJob": {}},
            {"Condition": "on-failure", "MaxAttempts": 4},
        ),
    ],
)
def test_a_job_is_told_how_often_it_runs_and_nothing_of_updates(keys: Any, mode: Any, restart: Any) -> None:
    state = sealed(a_state({"services": {"web": {"image": "job:1", **keys}}}, swarm=True))
    body = swarm_spec(state.services["web"], state.desired, key=KEY, replicas=1).body
    assert (body["Mode"], body["TaskTemplate"]["RestartPolicy"]) == (mode, restart)  # type: ignore[index, call-overload]
    assert not {"UpdateConfig", "RollbackConfig"} & body.keys()


def test_what_swarm_shows_of_a_spec_is_no_difference() -> None:
    told = spec()
    ids = {each.name: f"id of {each.name}" for each in told.objects}
    networks = {f"id of {each.name}": each.name for each in STATE.desired.networks.values()}
    live = by_names(shown(with_ids(told.body, ids)), networks)
    assert differences(told, SwarmService("s", told.name, 1, live)) == ()


def test_a_task_shows_what_it_was_made_from_only_where_its_service_says_another_thing_by_now() -> None:
    ids = {each.name: f"id of {each.name}" for each in spec().objects}
    networks = {f"id of {each.name}": each.name for each in STATE.desired.networks.values()}
    says = shown(with_ids(spec().body, ids))
    # Swarm leaves the runtime out of a task, moves none for its placement, and forgets no forced update.
    same = {**says["TaskTemplate"], "Placement": {}, "ForceUpdate": 3}
    del same["Runtime"]
    other = {**same, "ContainerSpec": {**same["ContainerSpec"], "Image": "shop/web:1.3"}}
    status = {"State": "running", "Timestamp": "2026-03-01T12:00:00Z"}
    rows = [
        {"ID": id, "ServiceID": "s", "Status": status, "DesiredState": "running", "Spec": each}
        for id, each in (("same", same), ("other", other))
    ]
    service = {"ID": "s", "Spec": says, "Version": {"Index": 1}, "UpdatedAt": "2026-03-01T12:00:00Z"}
    live = swarm_service(service, rows, networks)
    made_from: Any = {each.id: each.made_from for each in live.tasks}
    assert (made_from["same"], made_from["other"]["ContainerSpec"]["Image"]) == ({}, "shop/web:1.3")
    assert made_from["other"]["Networks"][0]["Target"] in networks.values()
    assert live.changed == NOON


def test_an_object_is_named_by_its_content_and_a_secrets_name_tells_nothing_about_it() -> None:
    other = swarm_spec(STATE.services["web"], STATE.desired, key=b"another key", replicas=3)
    mine, theirs = ({each.kind: each.name for each in made.objects} for made in (spec(), other))
    assert mine["config"] == theirs["config"]
    assert mine["secret"] != theirs["secret"]
    assert all(len(each.name) <= 64 for each in spec().objects)


def test_an_image_is_pinned_where_its_registry_named_a_digest() -> None:
    pinned = Image("shop/web:1", "sha256:1", "shop/web@sha256:abc")
    assert pinned_image(pinned) == "shop/web:1@sha256:abc"
    assert pinned_image(Image("shop/web@sha256:abc", "sha256:1", "shop/web@sha256:abc")) == "shop/web@sha256:abc"
    assert pinned_image(Image("shop/web:1", "sha256:1")) == "shop/web:1"


@pytest.mark.parametrize(
    ("told", "at"),
    [("12:00:04", "12:00:04"), ("11:00:04", "12:00:05"), ("13:00:04", "12:00:05")],
    ids=["right", "an hour behind", "an hour ahead"],
)
def test_a_task_of_a_node_whose_clock_is_wrong_counts_by_the_clock_of_the_managers(told: str, at: str) -> None:
    spec = {"ContainerSpec": {"Image": "nginx"}}
    status = {"State": "failed", "Timestamp": f"2026-01-01T{told}Z", "Err": "no database"}
    times = {"CreatedAt": "2026-01-01T12:00:00Z", "UpdatedAt": "2026-01-01T12:00:05Z"}
    task = swarm_task({"ID": "t1", "Spec": spec, "Status": status, "DesiredState": "shutdown", **times})
    assert f"{task.at:%H:%M:%S}" == at

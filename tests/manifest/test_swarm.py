"""Manifests for a swarm: `deploy` in full, and what Swarm cannot do refused where it is written."""

import pytest

from gitopsd.model.analysis import Synthetic
from gitopsd.model.errors import ManifestError
from gitopsd.model.job import Job
from gitopsd.model.visits import PreWarm
from tests.manifest.compose_builders import a_service, a_state, sealed

DEPLOY = """\
services:
  web:
    image: nginx
    deploy:
      mode: replicated
      replicas: 3
      endpoint_mode: dnsrr
      labels: {team: blue}
      placement:
        constraints: [node.role == worker, "node.labels.zone!=b"]
        preferences: [{spread: node.labels.zone}]
        max_replicas_per_node: 2
      resources:
        limits: {cpus: "0.5", memory: 64m, pids: 100}
        reservations: {cpus: "0.25", memory: 32m, generic_resources: [{discrete_resource_spec: {kind: gpu, value: 1}}]}
      restart_policy: {condition: on-failure, delay: 5s, max_attempts: 3, window: 2m}
      update_config: {parallelism: 2, delay: 10s, failure_action: rollback, monitor: 20s, order: start-first}
      rollback_config: {parallelism: 0, failure_action: continue, monitor: 5s, max_failure_ratio: 0.5, delay: 1s}
"""


CANARY = "ports: ['80:80'], x-gitopsd: {strategy: canary"


def refusals(keys: str, top: str = "") -> list[str]:
    with pytest.raises(ManifestError) as refused:
        a_service(keys, top=top, swarm=True)
    return [str(problem) for problem in refused.value.problems]


def test_deploy_is_read_in_full_for_a_swarm() -> None:
    service = a_state(DEPLOY, swarm=True).services["web"]
    assert service.replicas == 3
    assert service.deploy is not None
    assert service.deploy["placement"] == {
        "constraints": ["node.role == worker", "node.labels.zone!=b"],
        "preferences": [{"spread": "node.labels.zone"}],
        "max_replicas_per_node": 2,
    }
    assert service.deploy["restart_policy"] == {
        "condition": "on-failure",
        "delay": "5s",
        "max_attempts": 3,
        "window": "2m0s",
    }


def test_the_same_file_is_refused_for_a_plain_engine_with_each_key_that_needs_a_swarm() -> None:
    with pytest.raises(ManifestError) as refused:
        a_state(DEPLOY)
    told = [problem.path.removeprefix("services.web.deploy.") for problem in refused.value.problems]
    assert told == [
        "labels",
        "placement",
        "resources.reservations.generic_resources",
        "rollback_config.failure_action",
        "rollback_config.monitor",
        "rollback_config.max_failure_ratio",
    ]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ("container_name: one", "services.web.container_name: Swarm names its containers itself; remove it"),
        (
            "privileged: true",
            "services.web.privileged: Swarm runs nothing privileged; name what it needs under cap_add",
        ),
        ("devices: [/dev/null]", "services.web.devices: Swarm hands out no devices; write deploy.resources"),
        ("network_mode: host", "services.web.network_mode: a service of a swarm has no network_mode (host)"),
        ("pid: host", "services.web.pid: a service of a swarm has no pid; remove it"),
        ("cpu_shares: 5", "services.web.cpu_shares: a service of a swarm has no cpu_shares; remove it"),
        ("security_opt: [no-new-privileges]", "services.web.security_opt: Swarm knows no security options; remove it"),
        ('ports: ["8000-8010:80"]', "services.web.ports: 8000-8010: Swarm picks no port out of a range; write one"),
        ('ports: ["127.0.0.1:80:80"]', "services.web.ports: 127.0.0.1: a swarm publishes on every address"),
        ("deploy: {mode: sometimes}", "deploy.mode: expected replicated, global, replicated-job or global-job, got"),
        ("deploy: {mode: global-job, replicas: 2}", "services.web.deploy.replicas: global-job means one on each node"),
        (
            "deploy: {mode: global-job, update_config: {order: stop-first}}",
            "update_config: a job is run anew as a whole",
        ),
        ("deploy: {mode: global-job}, restart: always", "deploy.mode: global-job ends, but restart: always starts it"),
        ("deploy: {mode: global, replicas: 2}", "services.web.deploy.replicas: global means one on each node"),
        ("deploy: {placement: {constraints: [ssd]}}", "constraints[0]: expected a constraint such as node.role =="),
        ("deploy: {rollback_config: {failure_action: rollback}}", "failure_action: expected one of pause, continue"),
        ("deploy: {mode: global}, ports: ['80:80'], x-gitopsd: {strategy: canary}", "canary needs a number of tasks"),
        (
            "ports: ['80:80'], x-gitopsd: {strategy: canary, ignore_drift: [deploy.replicas]}",
            "services.web.x-gitopsd.ignore_drift: canary counts tasks",
        ),
        ("ports: ['9406:80'], x-gitopsd: {traffic: {}}", "x-gitopsd.traffic: at port 9406 gitopsd itself speaks to"),
        ("x-gitopsd: {traffic: {target: 80, expose: inner}}", "x-gitopsd.traffic: the router of a swarm has ports of"),
        (f"{CANARY}, analysis: {{metrics: [{{name: memory}}]}}}}", "x-gitopsd.analysis: memory is known to a task's"),
        (
            f"{CANARY}, analysis: {{metrics: [{{name: smoke, source: job, command: [./smoke]}}]}}}}",
            "x-gitopsd.analysis: smoke would run beside a task",
        ),
        (f"{CANARY}, warm_up: 20s}}", "x-gitopsd.warm_up: to a swarm's router a task that takes another one's place"),
        (
            "ports: ['80:80'], x-gitopsd: {traffic: {}, strategy: rolling, pre_warm: {paths: [/]}}",
            "x-gitopsd.pre_warm: Swarm's own updates wait for no caches; write `strategy: canary`",
        ),
        ("x-gitopsd: {health: {tcp: {port: 80}}}", "services.web.x-gitopsd.health: the instances of a swarm cannot be"),
    ],
)
def test_what_a_swarm_cannot_do_is_refused_at_its_place_with_a_mend(keys: str, message: str) -> None:
    told = refusals(keys)
    assert any(message in each for each in told), told
    assert all(each.startswith("shop/compose.yaml:2:") for each in told)


def test_newer_content_may_be_warmed_and_asked_by_gitopsd_itself() -> None:
    own = "pre_warm: {paths: [/]}, analysis: {metrics: [{name: error-rate}], synthetic: {path: /, rate: 5/s}}"
    own += ", steps: [{set_weight: 5}, {analysis: {duration: 60s}}]"
    policy = a_service(f"{CANARY}, {own}}}, networks: [front]", top="networks: {front: {}}", swarm=True).policy
    assert policy.pre_warm == PreWarm()
    assert policy.analysis.synthetic == Synthetic("/", 5.0)


def test_tls_ends_in_the_routers_of_a_swarm_as_in_any() -> None:
    keys = "ports: ['443:80'], x-gitopsd: {traffic: {}}, networks: [front]"
    traffic = a_service(keys, top="networks: {front: {}}", swarm=True).traffic
    assert traffic is not None
    assert (traffic.tls, traffic.redirect_from) == (True, 80)


@pytest.mark.parametrize(
    "keys", ["deploy: {mode: replicated-job}", 'restart: "no"', "x-gitopsd: {job: {}}", "deploy: {mode: global-job}"]
)
def test_what_ends_is_a_job_on_a_swarm_too(keys: str) -> None:
    assert a_service(keys, swarm=True).job == Job()


def test_what_only_a_swarm_has_may_be_somebody_elses_there() -> None:
    keys = "x-gitopsd: {ignore_drift: [deploy.replicas, deploy.placement, environment.COLOUR]}"
    assert a_service(keys, swarm=True).ignore_drift == ("deploy.replicas", "deploy.placement", "environment.COLOUR")
    with pytest.raises(ManifestError, match=r"no field of a container is called 'deploy\.replicas'"):
        a_service("x-gitopsd: {ignore_drift: [deploy.replicas]}")


@pytest.mark.parametrize(
    ("service", "more", "message"),
    [
        ("w" * 58, "", None),
        ("w" * 59, "", f"shop_{'w' * 59} has 64 characters, and Swarm takes 63 at most; shorten it"),
        ("w" * 51, "ports: ['80:80'], x-gitopsd: {strategy: canary}", None),
        (
            "w" * 52,
            "ports: ['80:80'], x-gitopsd: {strategy: canary}",
            "63 at most, 56 with a canary beside it (-canary)",
        ),
        ("web.api", "", "Swarm takes no shop_web.api: write letters and digits, with - or _ between them alone"),
        ("web-", "", "Swarm takes no shop_web-: write"),
    ],
)
def test_a_name_that_swarm_takes_for_no_service_is_refused_before_anything_is_told(
    service: str, more: str, message: str | None
) -> None:
    manifest = f"name: shop\nservices:\n  {service}: {{image: nginx, {more}}}\n"
    if message is None:
        assert service in a_state(manifest, swarm=True).services
        return
    with pytest.raises(ManifestError) as refused:
        a_state(manifest, swarm=True)
    assert message in str(refused.value.problems[0])
    assert refused.value.problems[0].place.line == 3


def test_a_name_that_swarm_takes_for_no_network_is_refused_unless_somebody_else_made_it() -> None:
    long = "n" * 64
    written = "services: {{web: {{image: nginx, networks: [back]}}}}\nnetworks: {{back: {{name: {}{}}}}}\n"
    with pytest.raises(ManifestError) as refused:
        a_state(written.format(long, ""), swarm=True)
    assert f"networks.back: {long} has 64 characters" in str(refused.value.problems[0])
    assert a_state(written.format(long, ", external: true"), swarm=True).networks["back"].name == long


def test_a_fixed_address_is_refused() -> None:
    told = refusals("networks: {back: {ipv4_address: 10.0.0.7}}", "networks: {back: {}}")
    assert "services.web.networks.back.ipv4_address: Swarm gives out the addresses of its tasks itself" in told[0]


def test_a_service_has_one_fingerprint_wherever_it_runs_and_placement_is_no_part_of_it() -> None:
    keys = "environment: {A: b}, restart: always"
    plain, there = (
        sealed(a_state(f"services: {{web: {{image: nginx, {keys}}}}}", **how)).services["web"]
        for how in ({}, {"swarm": True})
    )
    placed = sealed(
        a_state(f"services: {{web: {{image: nginx, {keys}, deploy: {{labels: {{a: b}}}}}}}}", swarm=True)
    ).services["web"]
    assert plain.fingerprint == there.fingerprint == placed.fingerprint
    assert placed.in_place != there.in_place


def test_a_secret_whose_value_the_host_has_is_no_empty_file_before_the_host_was_asked() -> None:
    document = {
        "services": {"web": {"image": "nginx", "secrets": ["password"]}},
        "secrets": {"password": {"external": True}},
    }
    state = a_state(document, swarm=True)
    assert [each.name for each in state.external] == ["password"]

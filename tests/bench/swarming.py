"""A swarm of which nothing is to change, held against `docker stack deploy` of the same file."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import docker
import yaml

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.docker.engine import connect
from gitopsd.adapters.docker.probing import DockerProbe
from gitopsd.adapters.docker.swarm import connect_swarm
from gitopsd.adapters.git.source import open_source
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.metrics.sources import Sources
from gitopsd.adapters.store.sqlite import open_store
from gitopsd.adapters.timer import SchedulerTimer
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import discovered
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.shared import shared
from gitopsd.controller.swarm_reconcile import SwarmReconciler
from gitopsd.controller.swarm_watch import NodeWatch
from gitopsd.model.settings import Repository as RepositorySettings
from gitopsd.model.settings import Settings, TargetEngine
from tests.bench.ground import Ground, Repository, typical, wait_until
from tests.bench.result import Result
from tests.e2e.own_engine import own_engine
from tests.images import Images

SERVICES, PASSES, IMAGE = 200, 15, "gitopsd-bench/none:1"
PATIENCE_S = 900.0


def swarming(ground: Ground) -> list[Result]:
    """A pass over 200 services of a swarm of one node; they have no tasks, which neither side looks into."""
    with _swarm() as (url, api):
        work, close = _gitopsd(ground, url)
        try:
            before = _versions(api, "benchswarm")
            ours = typical(work, PASSES)
            told = sum(before[name] != version for name, version in _versions(api, "benchswarm").items())
        finally:
            close()
        theirs, updates = _stack_deploy(ground, url, api)
    what = f"a pass with nothing to do, {SERVICES} services of a swarm"
    return [
        Result(f"{what}, vs. `docker stack deploy`", ours, theirs, 1.0),
        Result(
            f"services that {PASSES} such passes tell anything, vs. one `stack deploy`", told, updates, 0.0, "services"
        ),
    ]


@contextmanager
def _swarm() -> Iterator[tuple[str, docker.APIClient]]:
    with own_engine(firewall=True) as engine:
        engine.inside("ip", "link", "set", "lo", "up")
        api = engine.api()
        api.init_swarm(advertise_addr="127.0.0.1")
        Images(api).busybox(IMAGE)
        try:
            yield engine.url, api
        finally:
            for service in api.services():
                api.remove_service(service["ID"])
            api.leave_swarm(force=True)


def _services() -> dict[str, Any]:
    deploy = {"replicas": 0, "endpoint_mode": "dnsrr", "resources": {"limits": {"memory": "64m"}}}
    each = {"image": IMAGE, "environment": {"COLOUR": "blue"}, "labels": {"tier": "front"}, "deploy": deploy}
    return {f"s{number:03}": {**each, "command": ["sleep", str(number)]} for number in range(SERVICES)}


def _gitopsd(ground: Ground, url: str) -> tuple[Callable[[], None], Callable[[], None]]:
    """Passes over what gitopsd has released there, each with nothing to do; and what ends them."""
    repository, state = Repository(ground.directory, "benchswarm"), ground.directory / "benchswarm-state"
    repository.commit(yaml.safe_dump({"services": _services(), "x-gitopsd": {}}))
    repository.push()
    store, clock, target = open_store(state), SystemClock(), TargetEngine(url, swarm=True)
    named = RepositorySettings("default", str(repository.bare))
    repositories = Repositories({"default": named}, lambda each: open_source(each, state), store, clock)
    repositories.poll("default")
    settings = Settings("bench", state, {"default": named}, engine=target)
    environment = discovered(settings, repositories.heads())[0][repository.name]
    desires = Desires(repositories, store, Registry(), HostSecrets(state))
    here = shared(connect(target, {}), DockerProbe(target, str), Sources(lambda: None), clock, SchedulerTimer(clock))
    nodes = NodeWatch(target.url, store)
    reconciler = SwarmReconciler(
        environment.name, here, connect_swarm(target, {}, store.key), nodes, store, clock, desires
    )

    def released() -> bool:
        done = reconciler.reconcile(environment, lambda: None)
        return done.settled and done.status is not None and done.status.sync == "Synced"

    def work() -> None:
        done = reconciler.reconcile(environment, lambda: None)
        assert done.settled, done.status

    wait_until(released, within=PATIENCE_S, every=0.5)
    return work, here.executor.stop


def _stack_deploy(ground: Ground, url: str, api: docker.APIClient) -> tuple[float, int]:
    """Seconds of one that has nothing to do, and how many services it tells something all the same."""
    file = ground.directory / "stack.yaml"
    file.write_text(yaml.safe_dump({"version": "3.8", "services": _services()}))
    _deploy(url, file)
    before = _versions(api, "benchstack")
    theirs = typical(lambda: _deploy(url, file), 3)
    return theirs, sum(before[name] != version for name, version in _versions(api, "benchstack").items())


def _deploy(url: str, file: Path) -> None:
    command = ["docker", "stack", "deploy", "--resolve-image", "never", "-c", str(file), "benchstack"]
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "DOCKER_HOST": url})


def _versions(api: docker.APIClient, stack: str) -> dict[str, int]:
    """The index of each service, which grows with whatever it is told."""
    label = {"label": f"com.docker.stack.namespace={stack}"}
    return {each["Spec"]["Name"]: each["Version"]["Index"] for each in api.services(filters=label)}

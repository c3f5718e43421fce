"""The measurements: each gives what gitopsd takes, what it is held against, and the ratio that is aimed at."""

import gc
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import yaml

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.docker.engine import connect
from gitopsd.adapters.docker.probing import DockerProbe
from gitopsd.adapters.git.source import open_source
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.metrics.sources import Sources
from gitopsd.adapters.store.sqlite import open_store
from gitopsd.adapters.timer import SchedulerTimer
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import discovered
from gitopsd.controller.host import Host
from gitopsd.controller.reconcile import Reconciler
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.shared import shared
from gitopsd.controller.states import load_environment
from gitopsd.model.settings import Repository as RepositorySettings
from gitopsd.model.settings import Settings, TargetEngine
from tests.bench.adoption import adoption
from tests.bench.configuring import configuring
from tests.bench.drift import drift
from tests.bench.drift_check import drift_check
from tests.bench.ground import Ground, Repository, cpu_seconds, daemon, manifest, seconds, typical, wait_until
from tests.bench.paging import paging
from tests.bench.result import Result
from tests.bench.rolling import deciding, reverting, rolling
from tests.bench.routing import routing
from tests.bench.swarming import swarming

SETTLED_S = 12.0  # a container younger than 10 s is inspected at every look, as it may restart without a trace


def once(ground: Ground, repository: Repository, state: Path) -> None:
    command = [sys.executable, "-m", "gitopsd", "run", "--once", "--repository", str(repository.bare)]
    done = subprocess.run([*command, "--state-dir", str(state)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"gitopsd run --once ended with {done.returncode}: {done.stderr[-2000:]}")


def nothing_to_do(ground: Ground) -> list[Result]:
    """A pass over 100 running containers that finds nothing to do, and the engine writes that it makes."""
    name = "benchidle"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    content = manifest(10, 10, ground.image(1))
    repository.commit(content)
    repository.push()
    once(ground, repository, state)
    try:
        work, close = _pass(ground, repository, state)
        threading.Event().wait(SETTLED_S)
        work()
        begun = SystemClock().now()
        ours = typical(work, 15)
        writes = _engine_writes(ground, begun.timestamp())
        close()
        theirs = _compose_idle(ground, content)
    finally:
        ground.remove(name)
    return [
        Result("a pass with nothing to do, 100 containers, vs. `docker compose up -d`", ours, theirs, 1.0),
        Result("engine writes of 15 such passes", writes, None, 0.0, "calls"),
    ]


def _pass(
    ground: Ground, repository: Repository, state: Path, *, thorough: bool = False
) -> tuple[Callable[[], None], Callable[[], None]]:
    store, clock = open_store(state), SystemClock()
    named = RepositorySettings("default", str(repository.bare))
    repositories = Repositories({"default": named}, lambda each: open_source(each, state), store, clock)
    target = TargetEngine(os.environ.get("DOCKER_HOST", TargetEngine().url))
    settings = Settings("bench", state, {"default": named}, engine=target)
    environment = discovered(settings, repositories.heads())[0][repository.name]
    desires = Desires(repositories, store, Registry(), HostSecrets(state))
    here = shared(connect(target, {}), DockerProbe(target, str), Sources(lambda: None), clock, SchedulerTimer(clock))
    reconciler = Reconciler(environment.name, here, store, clock, desires)

    def work() -> None:
        done = reconciler.reconcile(environment, lambda: None, thorough=thorough)
        assert done.settled, done.status

    return work, here.executor.stop


def _engine_writes(ground: Ground, since: float) -> float:
    """Events of the engine since then: reads leave none."""
    stream = ground.api.events(since=since, until=SystemClock().now().timestamp(), decode=True)
    return float(sum(not str(event.get("Action", "")).startswith("exec") for event in stream))


def _compose_idle(ground: Ground, content: str) -> float:
    project, directory = "benchidlecompose", ground.directory / "benchidlecompose"
    directory.mkdir()
    (directory / "compose.yaml").write_text(content)
    try:
        ground.compose_up(directory, project)
        return typical(lambda: ground.compose_up(directory, project), 5)
    finally:
        ground.remove(project)


def from_nothing(ground: Ground) -> list[Result]:
    """50 services from nothing until all run, a whole process each."""
    content = manifest(50, 1, ground.image(1))
    ours, theirs = [], []
    for attempt in range(2):
        name = f"benchup{attempt}"
        repository = Repository(ground.directory, name)
        repository.commit(content)
        repository.push()
        state = ground.directory / f"{name}-state"
        try:
            ours.append(seconds(lambda repository=repository, state=state: once(ground, repository, state)))
            assert len(ground.running(name)) == 50
        finally:
            ground.remove(name)
        directory = ground.directory / f"{name}-compose"
        directory.mkdir()
        (directory / "compose.yaml").write_text(content)
        try:
            theirs.append(seconds(lambda directory=directory, name=name: ground.compose_up(directory, f"{name}c")))
        finally:
            ground.remove(f"{name}c")
    return [Result("50 services from nothing until running, vs. `docker compose up -d`", min(ours), min(theirs), 1.1)]


def push_to_running(ground: Ground) -> list[Result]:
    """A push that changes one service of 50, until its new container runs; and what a repaired loss takes."""
    name = "benchpush"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    repository.commit(manifest(50, 1, ground.image(1)))
    repository.push()
    once(ground, repository, state)
    try:
        with daemon(repository, state) as process:
            _settled(ground, state, name)
            ours = min(_upgrade(ground, repository, name, version) for version in (2, 1, 2))
            _settled(ground, state, name)
            healed, raw = _repair(ground, name)
            memory, idle = _resident_mb(process.pid), _idle_percent(process.pid)
    finally:
        ground.remove(name)
    theirs = _compose_upgrade(ground, repository)
    return [
        Result("push to new container running, one of 50, vs. `git pull && docker compose up -d`", ours, theirs, 1.0),
        Result("`destroy` event to replacement started, vs. raw create + start", healed, raw, 1.2),
        Result("idle CPU over 50 containers, of one core", idle, None, 1.0, "%"),
        Result("resident memory over 50 containers", memory, None, 120.0, "MB"),
    ]


def _settled(ground: Ground, state: Path, name: str) -> None:
    """The daemon is up and sees everything as Git says."""
    store = open_store(state)

    def quiet() -> bool:
        journal = store.journal(name)
        return journal.release is None and not journal.rollouts and bool(journal.serving)

    wait_until(quiet)
    wait_until(lambda: any(event.reason == "Started" for event in store.events(limit=100_000)))


def _upgrade(ground: Ground, repository: Repository, name: str, version: int) -> float:
    """From the end of the push until a container that was not there before runs the new image."""
    image = ground.image(version)
    repository.commit(manifest(50, 1, ground.image(1), image))
    wanted = ground.api.inspect_image(image)["Id"]
    label = [f"com.docker.compose.project={name}", "com.docker.compose.service=s00"]
    before = {each["Id"] for each in ground.api.containers(all=True, filters={"label": label})}

    def up() -> bool:
        found = ground.api.containers(filters={"label": label})
        return any(each["ImageID"] == wanted and each["Id"] not in before for each in found)

    repository.push()
    taken = seconds(lambda: wait_until(up))
    wait_until(
        lambda: {each["ImageID"] for each in ground.api.containers(all=True, filters={"label": label})} == {wanted}
    )
    return taken


def _repair(ground: Ground, name: str) -> tuple[float, float]:
    """From the `destroy` event to the `start` event of the replacement, by the engine's clock."""
    victims = [each["Id"] for each in ground.running(name)][:5]
    ours = []
    for victim in victims:
        service = ground.api.inspect_container(victim)["Config"]["Labels"]["com.docker.compose.service"]
        ours.append(_between(ground, lambda victim=victim: ground.api.remove_container(victim, force=True), service))
    body = {"Image": ground.image(1), "HostConfig": {"NetworkMode": f"{name}_default"}}

    def raw() -> None:
        made = ground.api.create_container_from_config(body, name="benchraw")
        ground.api.start(made["Id"])

    theirs = []
    for _ in range(5):
        theirs.append(seconds(raw))
        ground.api.remove_container("benchraw", force=True)
    return sorted(ours)[2], sorted(theirs)[2]


def _between(ground: Ground, destroy: Callable[[], object], service: str) -> float:
    stream = ground.api.events(decode=True, filters={"type": "container", "event": ["destroy", "start"]})
    threading.Thread(target=destroy, daemon=True).start()
    destroyed = 0
    for event in stream:
        if event["Actor"]["Attributes"].get("com.docker.compose.service") != service:
            continue
        if event["Action"] == "destroy":
            destroyed = event["timeNano"]
        elif event["Action"] == "start" and destroyed:
            stream.close()
            return float(event["timeNano"] - destroyed) / 1e9
    raise RuntimeError("the event stream ended")


def _compose_upgrade(ground: Ground, repository: Repository) -> float:
    project, directory = "benchpushcompose", ground.directory / "benchpush-clone"
    repository.commit(manifest(50, 1, ground.image(1)))
    repository.push()
    repository.clone(directory)
    where = directory / "environments" / repository.name

    def pull_and_up() -> None:
        subprocess.run(["git", "pull", "-q"], cwd=directory, check=True, capture_output=True)
        ground.compose_up(where, project)

    try:
        pull_and_up()
        times = []
        for version in (2, 1, 2):
            repository.commit(manifest(50, 1, ground.image(1), ground.image(version)))
            repository.push()
            times.append(seconds(pull_and_up))
        return min(times)
    finally:
        ground.remove(project)


def _resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def _idle_percent(pid: int, over: float = 20.0) -> float:
    begun = cpu_seconds(pid)
    threading.Event().wait(over)
    return (cpu_seconds(pid) - begun) / over * 100


def memory_over_200(ground: Ground) -> list[Result]:
    """Resident memory of the daemon over 200 containers, after its release and a minute's worth of passes."""
    name = "benchmemory"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    repository.commit(manifest(20, 10, ground.image(1)))
    repository.push()
    try:
        with daemon(repository, state) as process:
            _settled(ground, state, name)
            assert len(ground.running(name)) == 200
            idle = _idle_percent(process.pid)
            memory = _resident_mb(process.pid)
    finally:
        ground.remove(name)
    return [
        Result("resident memory over 200 containers", memory, None, 120.0, "MB"),
        Result("idle CPU over 200 containers, of one core", idle, None, 1.0, "%"),
    ]


def drift_of_200(ground: Ground) -> list[Result]:
    """200 containers as they were left."""
    name = "benchdrift"
    repository = Repository(ground.directory, name)
    repository.commit(manifest(20, 10, ground.image(1)))
    repository.push()
    once(ground, repository, ground.directory / f"{name}-state")
    try:
        return drift_check(ground, repository, partial(_pass, thorough=True))
    finally:
        ground.remove(name)


def loading(ground: Ground) -> list[Result]:
    """500 manifests at a commit: found, read, loaded; against `git cat-file --batch` and the C YAML loader."""
    repository = Repository(ground.directory, "benchload")
    for number in range(500):
        directory = repository.work / "environments" / f"e{number:03}"
        directory.mkdir(parents=True)
        (directory / "compose.yaml").write_text(_two_kilobytes(number))
    repository.environment.mkdir(parents=True)
    repository.commit(_two_kilobytes(500))
    repository.push()
    state = ground.directory / "benchload-state"
    source = open_source(RepositorySettings("default", str(repository.bare), timeout=timedelta(seconds=60)), state)
    commit = source.poll()
    settings = Settings("bench", state)
    environments = discovered(settings, {"default": source.files(commit)})[0]

    def ours() -> None:
        files = open_source(RepositorySettings("default", str(repository.bare)), state).files(commit)
        for environment in environments.values():
            load_environment(environment, files.again(), Host(HostSecrets(state), environment), b"key")

    def theirs() -> None:
        listed = subprocess.run(
            ["git", "ls-tree", "-r", commit], cwd=repository.bare, check=True, capture_output=True, text=True
        ).stdout
        blobs = [line.split()[2] for line in listed.splitlines()]
        read = subprocess.run(
            ["git", "cat-file", "--batch"], input="\n".join(blobs).encode(), cwd=repository.bare, check=True,
            capture_output=True,
        ).stdout  # fmt: skip
        for document in _documents(read):
            yaml.load(document, Loader=yaml.CSafeLoader)

    gc.collect()
    return [Result("500 manifests loaded, vs. cat-file + C YAML loader", typical(ours, 5), typical(theirs, 5), 2.5)]


def _documents(read: bytes) -> list[bytes]:
    found, at = [], 0
    while at < len(read):
        end = read.index(b"\n", at)
        size = int(read[at:end].split()[2])
        found.append(read[end + 1 : end + 1 + size])
        at = end + 2 + size
    return found


def _two_kilobytes(number: int) -> str:
    services = {
        f"service{each}": {
            "image": f"registry.example.com/team/app{each}:1.{number}",
            "environment": {f"KEY_{key}": f"value {key} of {number}" for key in range(8)},
            "ports": [f"{8000 + each}:8080"],
            "healthcheck": {"test": ["CMD", "true"], "interval": "5s"},
            "deploy": {"replicas": 1, "resources": {"limits": {"memory": "64m"}}},
            "labels": {"team": "shop", "tier": "web"},
            "restart": "unless-stopped",
        }
        for each in range(4)
    }
    return yaml.safe_dump({"services": services})


def help_time(ground: Ground) -> list[Result]:
    """`gitopsd --help` against importing click."""

    def run(*command: str) -> Callable[[], object]:
        return lambda: subprocess.run(command, check=True, capture_output=True)

    ours = typical(run(str(Path(sys.executable).with_name("gitopsd")), "--help"), 15)
    theirs = typical(run(sys.executable, "-c", "import click"), 15)
    return [Result("`gitopsd --help`, vs. `python -c 'import click'`", ours, theirs, 2.0)]


def as_json(results: list[Result]) -> str:
    return json.dumps([result.__dict__ for result in results], indent=2)


ALL = {
    "help": help_time,
    "loading": loading,
    "config": configuring,
    "idle": nothing_to_do,
    "nothing": from_nothing,
    "push": push_to_running,
    "rolling": partial(rolling, once=once, settled=_settled),
    "reverting": partial(reverting, once=once, settled=_settled),
    "deciding": deciding,
    "routing": routing,
    "memory": memory_over_200,
    "adoption": adoption,
    "by-hand": drift,
    "drift": drift_of_200,
    "swarm": swarming,
    "pages": partial(paging, once=once, passes=_pass),
}

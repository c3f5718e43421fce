"""Rollouts: the decision by itself over many services, and rolling upgrades held against the calls they must make."""

import time
from collections.abc import Callable
from pathlib import Path

from gitopsd.release import advance
from tests.bench.ground import Ground, Repository, daemon, manifest, seconds, wait_until
from tests.bench.result import Result
from tests.crowd import crowd, served

INSTANCES = 20
ASKED_EVERY_S = 0.1
Once = Callable[[Ground, Repository, Path], None]
Settled = Callable[[Ground, Path, str], None]


def deciding(ground: Ground) -> list[Result]:
    """`advance` in the middle of a release of 1,000 services with 10,000 instances, and of a tenth of that."""
    few, many = _decision(100), _decision(1000)
    return [
        Result("`advance` over 1,000 services with 10,000 instances, one pass, CPU", many, None, 1.0),
        Result("the same per service, vs. 100 services with 1,000 instances", many / 1000, few / 100, 1.5),
    ]


def _decision(services: int) -> float:
    daemon = served(crowd(services, "shop:1"))
    state = crowd(services, "shop:2")
    daemon.commit(state).look()
    live = daemon.world.look()
    taken = []
    for _ in range(5):
        begun = time.process_time()  # it waits for nothing, so what else the machine does need not count
        advance(daemon.journal, state, live, daemon.world.now)
        taken.append(time.process_time() - begun)
    return min(taken)


def rolling(ground: Ground, once: Once, settled: Settled) -> list[Result]:
    """A rolling upgrade of 20 instances, one after the other, and the revert of it."""
    name = "benchrolling"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    repository.commit(manifest(1, INSTANCES, ground.image(1)))
    repository.push()
    once(ground, repository, state)
    try:
        with daemon(repository, state):
            settled(ground, state, name)
            forth = _replaced(ground, repository, name, 2)
            settled(ground, state, name)
            back = _replaced(ground, repository, name, 1)
    finally:
        ground.remove(name)
    raw = _raw(ground)
    return [
        Result(f"rolling upgrade of {INSTANCES} instances, vs. the raw calls that it must make", forth, raw, 1.2),
        Result("the push of its revert to all on the old version, vs. the same", back, raw, 1.2),
    ]


def _replaced(ground: Ground, repository: Repository, name: str, version: int) -> float:
    repository.commit(manifest(1, INSTANCES, ground.image(version)))

    def all_of_it() -> bool:
        return [each["Image"] for each in ground.running(name)] == [ground.image(version)] * INSTANCES

    def upgrade() -> None:
        repository.push()
        wait_until(all_of_it, every=ASKED_EVERY_S)

    return seconds(upgrade)


def _raw(ground: Ground) -> float:
    """What any tool must ask of the engine: create and start beside, stop, remove, rename; one instance at a time."""
    api, name = ground.api, "bench-raw-{}".format
    network = api.create_network("bench-raw", check_duplicate=True)["Id"]
    wired = api.create_networking_config({"bench-raw": api.create_endpoint_config()})

    def run(called: str, version: int) -> None:
        api.create_container(ground.image(version), name=called, networking_config=wired)
        api.start(called)

    def upgrade() -> None:
        for number in range(INSTANCES):
            run(name(f"{number}-new"), 2)
            api.stop(name(number))
            api.remove_container(name(number))
            api.rename(name(f"{number}-new"), name(number))

    try:
        for number in range(INSTANCES):
            run(name(number), 1)
        return seconds(upgrade)
    finally:
        for each in api.containers(all=True, filters={"name": "bench-raw-"}):
            api.remove_container(each["Id"], force=True)
        api.remove_network(network)

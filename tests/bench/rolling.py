"""Rollouts: the decision by itself over many services, and upgrades and reverts held against what they must ask for."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import yaml

from gitopsd.adapters.store.sqlite import open_store
from gitopsd.controller.execute import WORKERS
from gitopsd.model.desired import Policy
from gitopsd.release import advance
from tests.bench.ground import Ground, Repository, at_rest, daemon, manifest, seconds, wait_until
from tests.bench.result import Result
from tests.crowd import crowd, served

INSTANCES, ROUNDS = 20, 5
ASKED_EVERY_S = 1.0  # when it was done, the engine's own events tell
Once = Callable[[Ground, Repository, Path], None]
Settled = Callable[[Ground, Path, str], None]


def deciding(ground: Ground) -> list[Result]:
    """`advance` in the middle of a release of 1,000 services with 10,000 instances, and of a tenth of that."""
    few, many = _decision(100, times=25), _decision(1000, times=5)
    return [
        Result("`advance` over 1,000 services with 10,000 instances, one pass, CPU", many, None, 1.0),
        Result("the same per service, vs. 100 services with 1,000 instances", many / 1000, few / 100, 1.5),
    ]


def _decision(services: int, times: int) -> float:
    daemon = served(crowd(services, "shop:1"))
    state = crowd(services, "shop:2")
    daemon.commit(state).look()
    live = daemon.world.look()
    taken = []
    for _ in range(times):
        begun = time.process_time()  # it waits for nothing, so what else the machine does need not count
        advance(daemon.journal, state, live, daemon.world.now)
        taken.append(time.process_time() - begun)
    return min(taken)


def rolling(ground: Ground, once: Once, settled: Settled) -> list[Result]:
    """Rolling upgrades of 20 instances, one after the other, and the reverts of them; the raw calls after each.

    A machine may be half as fast a minute later, so each is held against the raw calls right after it; what is shown
    is the round with the middle ratio.
    """
    name = "benchrolling"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    repository.commit(manifest(1, INSTANCES, ground.image(1)))
    repository.push()
    once(ground, repository, state)
    forth: list[tuple[float, float]] = []
    back: list[tuple[float, float]] = []
    try:
        for _ in range(ROUNDS):
            for version, taken in ((2, forth), (1, back)):
                with daemon(repository, state) as process:
                    settled(ground, state, name)
                    at_rest(process)
                    ours = _replaced(ground, repository, name, version)
                taken.append(
                    (ours, _raw(ground))
                )  # without a daemon: it looks whenever somebody does something to a network
    finally:
        ground.remove(name)
    return [
        Result(f"rolling upgrade of {INSTANCES} instances, vs. the raw calls that it must make", *_middle(forth), 1.2),
        Result("the push of its revert to all on the old version, vs. the same", *_middle(back), 1.2),
    ]


def _middle(rounds: list[tuple[float, float]]) -> tuple[float, float]:
    return sorted(rounds, key=lambda each: each[0] / each[1])[len(rounds) // 2]


def _replaced(ground: Ground, repository: Repository, name: str, version: int) -> float:
    repository.commit(manifest(1, INSTANCES, ground.image(version)))
    begun = time.time()
    repository.push()
    return _all_on(ground, name, version, since=begun) - begun


def _all_on(ground: Ground, name: str, version: int, since: float) -> float:
    """When the last thing was done for every slot to be on a version, and for nothing else to be there any more."""
    wanted = {(f"/{name}-s00-{number}", ground.image(version)) for number in range(1, INSTANCES + 1)}
    wait_until(lambda: {(each["Names"][0], each["Image"]) for each in ground.all(name)} == wanted, every=ASKED_EVERY_S)
    return ground.last_event(name, since)


def _raw(ground: Ground) -> float:
    """What any tool must ask of the engine: create and start beside, stop, remove, rename; one instance at a time."""
    with _apart(ground, "bench-raw") as run:

        def upgrade() -> None:
            for number in range(INSTANCES):
                run(f"{number}-new", 2)
                ground.api.stop(f"bench-raw-{number}")
                ground.api.remove_container(f"bench-raw-{number}")
                ground.api.rename(f"bench-raw-{number}-new", f"bench-raw-{number}")

        for number in range(INSTANCES):
            run(f"{number}", 1)
        return seconds(upgrade)


def reverting(ground: Ground, once: Once, settled: Settled) -> list[Result]:
    """Reverts of 20 instances that go all at once, from the moment at which the daemon has seen them.

    Ours: from the event that tells of the revert until only the old version runs, in every slot, so that the stops of
    the reverted one count, too. Beside it: as many raw creates and starts of the old version while the other one runs,
    in as many threads as gitopsd has, and `min_ready` as it is where nobody sets it.
    """
    name = "benchrevert"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    repository.commit(_at_once(ground.image(1)))
    repository.push()
    once(ground, repository, state)
    ours, raw = [], []
    try:
        for _ in range(ROUNDS):
            with daemon(repository, state):
                settled(ground, state, name)
                repository.commit(_at_once(ground.image(2)))
                repository.push()
                _all_on(ground, name, 2, since=time.time())
                settled(ground, state, name)
                ours.append(_reverted(ground, repository, state))
                settled(ground, state, name)
            raw.append(_started(ground))
    finally:
        ground.remove(name)
    min_ready = Policy().min_ready.total_seconds()
    what = f"a revert that was seen to all on the old version, vs. raw starts + `min_ready` of {min_ready:g} s"
    return [Result(what, median(ours), median(raw) + min_ready, 1.2)]


def _at_once(image: str) -> str:
    content = yaml.safe_load(manifest(1, INSTANCES, image))
    service = content["services"]["s00"]
    service["deploy"]["update_config"] = {"parallelism": 0}
    del service["x-gitopsd"]["min_ready"]
    return yaml.safe_dump(content)


def _reverted(ground: Ground, repository: Repository, state: Path) -> float:
    store = open_store(state)
    known = max(event.number for event in store.events(limit=100_000))
    repository.commit(_at_once(ground.image(1)))
    repository.push()
    ended = _all_on(ground, repository.name, 1, since=time.time())
    [seen] = [event for event in store.events(after=known, limit=100_000) if event.reason == "RevisionSeen"]
    return ended - seen.at.timestamp()


def _started(ground: Ground) -> float:
    """What creating and starting the old version takes beside the other one, in as many threads as gitopsd has."""
    with _apart(ground, "bench-start") as run, ThreadPoolExecutor(WORKERS) as pool:

        def all_of(version: int) -> None:
            list(pool.map(lambda number: run(f"{version}-{number}", version), range(INSTANCES)))

        all_of(2)
        return seconds(partial(all_of, 1))


@contextmanager
def _apart(ground: Ground, network: str) -> Iterator[Callable[[str, int], None]]:
    """What creates and starts a container of a version on a network of its own; all is gone afterwards."""
    api = ground.api
    made = api.create_network(network, check_duplicate=True)["Id"]
    wired = api.create_networking_config({network: api.create_endpoint_config()})

    def run(called: str, version: int) -> None:
        api.create_container(ground.image(version), name=f"{network}-{called}", networking_config=wired)
        api.start(f"{network}-{called}")

    try:
        yield run
    finally:
        for each in api.containers(all=True, filters={"name": f"{network}-"}):
            api.remove_container(each["Id"], force=True)
        ground.let_go(made)

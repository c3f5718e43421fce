"""Two daemons of one swarm on one PostgreSQL: one acts, and when it dies the other goes on where it stood."""

import json
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import ONE, RIGS, THREE, TWO, StartEngine
from tests.e2e.engine_proxy import EngineProxy, How
from tests.e2e.process import Process
from tests.e2e.rig import web
from tests.e2e.swarm_rig import PATIENCE, SwarmRig
from tests.e2e.test_swarm import end_swarm
from tests.e2e.test_two_daemons import LEASE, Pair
from tests.postgres_server import Server

pytestmark = pytest.mark.engine


def slowly(image: str, delay: str = "5s") -> dict[str, Any]:
    """Two tasks, moved one after the other, with time to die in between."""
    update = {"parallelism": 1, "delay": delay, "order": "start-first", "monitor": "1s"}
    return web(image, deploy={"replicas": 2, "update_config": update})


class Managed:
    """A pair of daemons on a swarm. `proxy` stands between both and the manager, and kills the one that acts."""

    def __init__(self, pair: Pair, proxy: EngineProxy) -> None:
        self.pair, self.proxy, self.swarm = pair, proxy, SwarmRig(pair)
        proxy.kill = lambda: self.acting().kill()

    def acting(self) -> Process:
        return {"web1": self.pair.process, "web2": self.pair.other}[self.pair.holder()]

    def both_run(self) -> None:
        """One that was killed is back, and stands by."""
        for process in (self.pair.process, self.pair.other):
            if not process.alive():
                process.start()
        self.pair.eventually(lambda: self.pair.holder() in ("web1", "web2"))

    def told(self) -> list[str]:
        """Every call by which the service was told something, in this order."""
        return [each for each in self.proxy.writes if "/services/" in each and "/update" in each]

    def tasks(self, image: str) -> set[str]:
        """All tasks that there ever were of a version: as many as were made, and not those that run alone."""
        found = self.pair.api.tasks(filters={"service": f"{self.pair.project}_web"})
        return {str(each["ID"]) for each in found if each["Spec"]["ContainerSpec"]["Image"] == image}

    def one_moved(self, image: str) -> None:
        """Wait until one of the two runs a version, and the other does not yet."""
        self.pair.eventually(lambda: self.swarm.running().count(image) == 1, PATIENCE)


@pytest.fixture
def managed(start_engine: StartEngine, tmp_path: Path, postgres: Server) -> Iterator[Managed]:
    engine = start_engine(firewall=True)
    engine.inside("ip", "link", "set", "lo", "up")
    api = engine.api()
    api.init_swarm(advertise_addr="127.0.0.1")
    proxy = EngineProxy(engine.url)
    settings = {
        "store": {"url": postgres.url(postgres.schema()), "lease": LEASE},
        "host": "web1",
        "target": {"swarm": proxy.url},
    }
    made = Pair(tmp_path / "pair", api, engine.url, f"gitopsd-test-{uuid.uuid4().hex[:8]}", settings)
    RIGS.append(made)
    try:
        yield Managed(made, proxy)
    finally:
        RIGS.remove(made)
        made.end()
        proxy.close()
        end_swarm(api)
        made.close()


def begun(managed: Managed) -> None:
    """Both run, and the first acts: two tasks of the first version."""
    managed.pair.process.start()
    managed.pair.eventually(lambda: managed.pair.holder() == "web1")
    managed.pair.other.start()
    managed.pair.synced(managed.pair.push(web=slowly(ONE)), within=PATIENCE)
    managed.pair.told("StandingBy")


def ledger(managed: Managed) -> list[tuple[int, str | None]]:
    return [(each.number, each.outcome) for each in reversed(managed.pair.store.releases("shop", 20))]


@pytest.mark.timeout(300)
def test_the_one_that_stands_by_goes_on_with_a_rollout_of_swarm_that_the_dead_one_began(managed: Managed) -> None:
    begun(managed)
    commit = managed.pair.push(web=slowly(TWO))
    managed.one_moved(TWO)

    managed.pair.process.kill()

    managed.pair.eventually(lambda: managed.pair.holder() == "web2")
    managed.pair.synced(commit, within=PATIENCE)
    assert managed.swarm.running() == [TWO, TWO]
    assert len(managed.told()) == 1
    assert len(managed.tasks(TWO)) == 2
    assert ledger(managed) == [(1, "succeeded"), (2, "succeeded")]


POINTS: tuple[tuple[str, How], ...] = (
    ("/configs/create", "kill before the call"),
    ("/configs/create", "kill before the answer"),
    ("/update", "kill before the call"),
    ("/update", "kill before the answer"),
)


@pytest.mark.long
@pytest.mark.timeout(600)
def test_wherever_the_one_that_acts_is_killed_the_other_one_ends_the_rollout_and_tells_swarm_once(
    managed: Managed,
) -> None:
    begun(managed)
    for number, (call, how) in enumerate(POINTS, start=2):
        before, image = len(managed.told()), (TWO, THREE)[number % 2]
        known = managed.tasks(image)
        dying = managed.pair.holder()
        service = {**slowly(image, "0s"), "configs": [{"source": "page", "target": "/etc/page"}]}
        document = {"services": {"web": service}, "configs": {"page": {"content": f"page {number}"}}}
        managed.proxy.fault(call, how)

        commit = managed.pair.push_document(document)

        managed.pair.eventually(lambda dying=dying: managed.pair.holder() not in (dying, ""), PATIENCE)
        managed.pair.synced(commit, within=PATIENCE)
        assert managed.swarm.running() == [image, image], (call, how)
        assert len(managed.tasks(image) - known) == 2, (call, how)
        lost = 1 if (call, how) == ("/update", "kill before the call") else 0  # Swarm never heard of that one
        assert len(managed.told()) - before == 1 + lost, (call, how)
        assert ledger(managed) == [(each, "succeeded") for each in range(1, number + 1)]
        managed.both_run()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_restart_of_the_database_amid_a_rollout_of_swarm_costs_it_nothing(managed: Managed, postgres: Server) -> None:
    begun(managed)
    commit = managed.pair.push(web=slowly(TWO))
    managed.one_moved(TWO)

    postgres.stop()
    postgres.start()

    managed.pair.eventually(partial(managed.pair.has_synced, commit), PATIENCE)
    assert len(managed.told()) == 1
    assert len(managed.tasks(TWO)) == 2
    acting = json.loads(managed.pair.process.command("status", "-o", "json"))["acting"]
    assert acting.rpartition(" ")[2] in ("web1", "web2")

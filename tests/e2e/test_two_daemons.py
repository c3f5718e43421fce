"""Two machines' daemons on one PostgreSQL and one engine: one acts, the other answers, and goes on where it stood."""

import json
import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import docker
import pytest
import yaml

from gitopsd.adapters.store.postgresql.store import PostgresStore
from gitopsd.adapters.store.sqlite import SqliteStore
from gitopsd.model.settings import StoreSettings
from tests.apps import free_port
from tests.e2e.conftest import ONE, RIGS, TWO
from tests.e2e.process import Process
from tests.e2e.rig import Rig, web
from tests.postgres_server import Server

LEASE = "5s"
SLOWLY = {"replicas": 2, "update_config": {"order": "start-first", "parallelism": 1, "delay": "4s"}}


@dataclass
class Pair(Rig):
    """The rig's own daemon is the first of two, each with a state directory of its own."""

    @cached_property
    def other(self) -> Process:
        """Its settings are those of the first, but for the machine."""
        given = yaml.safe_load(self.config.read_text())
        config = self.directory / "other.yaml"
        config.write_text(yaml.safe_dump({**given, "host": "web2", "state_dir": str(self.directory / "other")}))
        return Process(config)

    @cached_property
    def store(self) -> SqliteStore:
        """A third party on their database, which never acts."""
        made: Any = PostgresStore(StoreSettings(self.settings["store"]["url"]), self.directory / "nobody", "nobody")
        return made

    def holder(self) -> str:
        """The machine whose daemon acts."""
        return self.store.acting().rpartition(" ")[2]

    def account(self) -> str:
        return f"{self.other.words()}\n{super().account()}"

    def end(self) -> None:
        for process in (self.process, self.other):
            if process.alive():
                process.stop()


@pytest.fixture
def pair(tmp_path: Path, docker_api: docker.APIClient, engine_url: str, postgres: Server) -> Iterator[Pair]:
    """Ended as it is after its story, whoever of the two runs by then."""
    store = {"url": postgres.url(postgres.schema()), "lease": LEASE}
    name = f"gitopsd-test-{uuid.uuid4().hex[:8]}"
    made = Pair(tmp_path / "pair", docker_api, engine_url, name, {"store": store, "host": "web1"})
    RIGS.append(made)
    made.process.listen, made.other.listen = (f"127.0.0.1:{free_port()}" for _ in range(2))
    try:
        yield made
    finally:
        RIGS.remove(made)
        made.close()


def begun(pair: Pair) -> None:
    """Both run, and the first acts: two instances of the first version."""
    pair.process.start()
    pair.eventually(lambda: pair.holder() == "web1")
    pair.other.start()
    pair.synced(pair.push(web=web(ONE, deploy=SLOWLY)), within=90)
    pair.told("StandingBy")
    pair.eventually(partial(asked, pair.other, "/readyz"))


def asked(process: Process, path: str) -> Any:
    """What a daemon answers; None: nothing."""
    with suppress(OSError), urlopen(f"http://{process.listen}{path}", timeout=5) as answer:
        return json.load(answer)
    return None


def in_the_middle(pair: Pair) -> str:
    """The commit of an upgrade of which one instance is through, and the other is not."""
    commit = pair.push(web=web(TWO, deploy=SLOWLY))
    pair.eventually(lambda: pair.running() == {"web-1": TWO, "web-2": ONE} and len(pair.names()) == 2)
    return commit


@pytest.mark.timeout(400)
def test_the_one_that_stands_by_goes_on_with_a_rollout_when_the_one_that_acts_is_killed(pair: Pair) -> None:
    begun(pair)
    assert asked(pair.other, "/readyz") == {"ready": True, "missing": {}, "acts": False}
    assert asked(pair.process, "/readyz") == {"ready": True, "missing": {}, "acts": True}
    assert asked(pair.other, "/api/v1/environments")["acting"] == f"process {pair.process.pid} on web1"
    witness = pair.witness()
    commit = in_the_middle(pair)
    first = pair.container("web-1")["Id"]

    pair.process.kill()

    pair.eventually(lambda: pair.holder() == "web2")
    pair.synced(commit, within=90)
    assert pair.container("web-1")["Id"] == first
    assert pair.running() == {"web-1": TWO, "web-2": TWO}
    created = witness.story("create")
    assert len(created) == len(set(created)) == 2
    assert [each.number for each in pair.store.releases("shop")] == [2, 1]
    assert pair.release().outcome == "succeeded"
    pair.process.start()
    pair.eventually(lambda: asked(pair.process, "/readyz") == {"ready": True, "missing": {}, "acts": False})


@pytest.mark.timeout(400)
def test_one_that_was_paused_and_wakes_up_does_nothing_once_another_has_taken_over(pair: Pair) -> None:
    begun(pair)
    witness = pair.witness()
    commit = in_the_middle(pair)

    os.kill(pair.process.pid, signal.SIGSTOP)
    try:
        pair.eventually(lambda: pair.holder() == "web2")
        pair.synced(commit, within=90)
        before = witness.story()
    finally:
        os.kill(pair.process.pid, signal.SIGCONT)
    pair.told("Relieved")

    pair.eventually(partial(asked, pair.process, "/readyz"))
    assert witness.story() == before
    created = witness.story("create")
    assert len(created) == len(set(created)) == 2
    assert pair.holder() == "web2"
    assert pair.ask("suspend") == "suspended"  # by who acts now
    assert [each.number for each in pair.store.releases("shop")] == [2, 1]


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_restart_of_the_database_in_the_middle_of_a_rollout_costs_it_nothing(pair: Pair, postgres: Server) -> None:
    pair.process.start()
    pair.synced(pair.push(web=web(ONE, deploy=SLOWLY)), within=90)
    witness = pair.witness()
    commit = in_the_middle(pair)

    postgres.stop()
    postgres.start()

    pair.synced(commit, within=90)
    created = witness.story("create")
    assert len(created) == len(set(created)) == 2
    assert [(each.number, each.outcome) for each in pair.store.releases("shop")] == [(2, "succeeded"), (1, "succeeded")]
    assert pair.holder() == "web1"

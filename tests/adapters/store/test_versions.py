"""The database through the versions: every later gitopsd opens what an earlier one left, never the other way."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from gitopsd import __version__
from gitopsd.adapters.store.codec import load
from gitopsd.adapters.store.migrations import STEPS, migrate
from gitopsd.adapters.store.sqlite import SqliteStore, open_store
from gitopsd.manifest.seal import VERSION
from gitopsd.model.errors import StoreError
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Phase
from tests.controller.house import SETTINGS, House, NearHouse, compose

DUMPS = sorted(Path(__file__).parent.glob("version_*.sql"))


@pytest.fixture(params=DUMPS, ids=lambda dump: dump.stem)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A state directory with the database that an earlier version left behind."""
    made = tmp_path / "state"
    made.mkdir()
    with closing(sqlite3.connect(made / "gitopsd.db")) as database:
        database.executescript(request.param.read_text())
    return made


@pytest.fixture
def store(state: Path) -> Iterator[SqliteStore]:
    opened = open_store(state)
    yield opened
    opened.close()


def test_every_row_of_an_earlier_version_is_read(store: SqliteStore) -> None:
    journals = {name: store.journal(name) for name in store.environments()}
    assert set(journals) == {"shop", "blog", "phases"}
    assert [each.number for name in journals for each in store.releases(name)] == [1, 90, 89, 4, 3, 2]
    assert len(store.events(limit=1000)) == 35
    assert [each.verb for each in store.pending()] == ["sync"]
    assert {each.name for each in store.statuses()} == {"shop", "blog", "phases"}
    assert {each.name for each in store.repositories()} == {"default", "infra"}
    for journal in journals.values():
        assert journal.serving is not None
        assert store.inputs(journal.environment, journal.serving.input_digest) is not None


def test_a_journal_of_an_earlier_version_means_what_it_meant(store: SqliteStore) -> None:
    shop, phases = store.journal("shop"), store.journal("phases")
    assert {name: target.image for name, target in shop.stable.items()} == {"web": "web:2", "db": "web:1"}
    assert sorted(placed.name for placed in shop.inventory.values()) == ["shop-db-1", "shop-web-1.gitopsd-3"]
    assert [each.reason for each in shop.rejected.values()] == ["pull nowhere:9: manifest unknown"]
    assert shop.volumes == {"shop_data"}
    assert {type(rollout.phase).__name__.lower() for rollout in phases.rollouts.values()} == set(phases.rollouts)
    assert len(phases.rollouts) == len(Phase.__args__)
    assert phases.suspension is not None


def test_what_an_earlier_version_left_can_be_gone_on_with(store: SqliteStore) -> None:
    journal = store.journal("shop")
    store.save(journal)
    assert store.journal("shop") == journal
    assert store.next_release() == 5


def test_a_version_that_is_too_old_names_the_one_that_it_met(tmp_path: Path) -> None:
    newest = ((*STEPS, ("CREATE TABLE later (name TEXT) STRICT",)), "99.2.0")
    with closing(sqlite3.connect(tmp_path / "gitopsd.db", isolation_level=None)) as database:
        migrate(database, "gitopsd.db", *newest)
        with pytest.raises(StoreError, match=rf"by gitopsd 99\.2\.0 \(schema {len(STEPS) + 1}, this one knows"):
            migrate(database, "gitopsd.db")


def test_the_newest_version_that_opened_it_is_the_one_that_is_named(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "gitopsd.db", isolation_level=None)) as database:
        for version in (__version__, "99.10.0", "99.9.0"):
            migrate(database, "gitopsd.db", by=version)
        (noted,) = database.execute("SELECT value FROM about").fetchall()
    assert noted == ("99.10.0",)


def test_a_command_does_not_migrate_the_database_below_a_running_daemon_of_an_earlier_version(state: Path) -> None:
    hold = (
        "import sys; from pathlib import Path; from gitopsd.adapters.store.identity import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", hold, str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as daemon:
        assert daemon.stdin is not None
        assert daemon.stdout is not None
        daemon.stdout.readline()
        with pytest.raises(StoreError, match=rf"\(process {daemon.pid}\) is of an older version than this command"):
            open_store(state)
        daemon.stdin.close()
    open_store(state).close()


def test_the_daemon_itself_brings_the_database_up_to_date(state: Path) -> None:
    store = SqliteStore(state)
    with store.lock():
        assert "shop" in store.environments()
    assert (state / "lock").read_text() == f"{os.getpid()}\n"
    store.close()


def test_what_a_version_does_not_know_yet_is_passed_over() -> None:
    """A field that came later costs an earlier version of the same schema nothing."""
    assert load(Journal, '{"environment":"shop","project":"shop","later":{"a":[1]}}') == Journal("shop", "shop")


KEY_OF_THEN = "0360cbd1d40e4382f180f7d19b824db70894038cb62fcd3fa20c6dcd0fdb3c6b"
DB = "  db:\n    image: web:1\n    volumes: [data:/data]\n    x-gitopsd: {min_ready: 0s}\nvolumes: {data: {}}\n"
BLOG = compose(more='    ports: ["80:80"]\n    mem_limit: 64m\n')


@pytest.fixture
def house(state: Path) -> Iterator[House]:
    """The engine and the repository that the earlier version left, and this version on its state directory."""
    house = NearHouse()
    house.start()
    house.synced(house.push({"shop/compose.yaml": compose(more=DB), "blog/compose.yaml": BLOG}), "shop", "blog")
    house.synced(house.push({"shop/compose.yaml": compose("web:2", DB)}), "shop", "blog")
    house.eventually(lambda: house.engine().names() == ["blog-web-1", "shop-db-1", "shop-web-1"])
    house.push({"shop/compose.yaml": compose("nowhere:9")})
    house.eventually(lambda: house.guards("shop"))
    house.stop()
    (state / "key").write_text(KEY_OF_THEN)
    (state / "instance-id").write_text(house.store.instance_id())
    with sqlite3.connect(state / "gitopsd.db") as database:
        for table in ("journal", "status", "release", "inputs"):
            database.execute(f"DELETE FROM {table} WHERE environment = 'phases'")
        database.execute("UPDATE operation SET done = 1")
    database.close()
    house.store = open_store(state)  # type: ignore[assignment]
    as_recorded(house)
    house.edit_before_start(SETTINGS)
    yield house
    house.stop()
    house.store.close()  # type: ignore[attr-defined]


def as_recorded(house: House) -> None:
    """The engine's containers bear the ids and the fingerprints that the earlier version knew them by."""
    containers = house.engine().containers
    by_name = {each.name: each for each in containers.values()}
    containers.clear()
    for environment in ("shop", "blog"):
        for id, placed in house.store.journal(environment).inventory.items():
            container = by_name[f"{environment}-{placed.service}-{placed.slot}"]
            labels = {**container.labels, "gitopsd.fingerprint": placed.fingerprint}
            containers[id] = replace(container, id=id, body={**container.body, "Labels": labels})


def test_what_an_earlier_version_released_is_taken_up_and_nothing_is_replaced(house: House) -> None:
    before = {environment: set(house.store.journal(environment).inventory) for environment in ("shop", "blog")}
    writes = len(house.writes())

    house.daemon.start()
    for environment in before:
        asked = Operation("resume", environment, "ada", datetime(2026, 3, 1, 12, 2, tzinfo=UTC))
        number = house.store.submit(asked)
        house.watcher.changed("operations")
        house.eventually(partial(_done, house, number))
    house.daemon.stop()

    journals = {environment: house.store.journal(environment) for environment in before}
    assert [write for write in house.writes()[writes:] if not write.startswith("pull")] == []
    assert {environment: set(journal.inventory) for environment, journal in journals.items()} == before
    fingerprints = [target.fingerprint for journal in journals.values() for target in journal.stable.values()]
    assert {fingerprint.partition(":")[0] for fingerprint in fingerprints} == {VERSION}
    assert "version" not in house.guards("shop") | house.guards("blog")


def _done(house: House, number: int) -> bool:
    operation = house.store.operation(number)
    return operation is not None and operation.done_at is not None

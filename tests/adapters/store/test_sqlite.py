"""The state directory on disk: other processes, damage, newer versions, bounds and the lock."""

import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import perf_counter

import pytest

from gitopsd.adapters.store import identity
from gitopsd.adapters.store.forgetting import NEWEST
from gitopsd.adapters.store.migrations import STEPS
from gitopsd.adapters.store.sqlite import SqliteStore, open_store
from gitopsd.adapters.store.tables import KEPT_DRIFTS, KEPT_DRIFTS_FOR, KEPT_INPUTS, KEPT_OPERATIONS
from gitopsd.app import wire
from gitopsd.controller.flags import Flags
from gitopsd.controller.ports import Found, Inputs
from gitopsd.model.drift import Drifted, DriftItem, PastDrift
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Pin, Placed, Release, Serving
from gitopsd.model.settings import LedgerKeeping

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> Iterator[SqliteStore]:
    opened = open_store(state)
    yield opened
    opened.close()


def in_another_process(state: Path, program: str) -> str:
    """What a Python program prints that finds an open store in `store`."""
    prelude = (
        "import sys; from pathlib import Path; from gitopsd.adapters.store.sqlite import open_store\n"
        "from gitopsd.model.release import Journal\nstore = open_store(Path(sys.argv[1]))\n"
    )
    command = [sys.executable, "-c", prelude + program, str(state)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout.strip()


def test_what_one_process_saved_another_one_reads(store: SqliteStore, state: Path) -> None:
    store.save(Journal("shop", project="here"))
    assert in_another_process(state, "print(store.journal('shop').project)") == "here"
    in_another_process(state, "store.save(Journal('shop', project='there'))")
    assert store.journal("shop").project == "there"


def test_two_processes_and_threads_never_get_one_release_number_twice(store: SqliteStore, state: Path) -> None:
    numbers: list[int] = []

    def ask_elsewhere() -> None:
        printed = in_another_process(state, "print(*(store.next_release() for _ in range(50)))")
        numbers.extend(int(number) for number in printed.split())

    elsewhere = threading.Thread(target=ask_elsewhere)
    elsewhere.start()
    numbers.extend([store.next_release() for _ in range(50)])
    elsewhere.join()
    assert sorted(numbers) == list(range(1, 101))


def test_a_failed_save_keeps_nothing_of_itself(store: SqliteStore) -> None:
    store.save(Journal("shop", project="before"))
    without_zone = Event(datetime(2026, 3, 1), "Broken", "cannot be written down")
    with pytest.raises(ValueError, match="no time zone"):
        store.save(
            Journal("shop", project="after"),
            [Event(NOON, "Good", ""), without_zone],
            found=Found(drifted=Drifted("shop"), over=[over("web")]),
        )
    assert store.journal("shop").project == "before"
    assert (store.events(), store.past_drift("shop")) == ((), ())


def test_an_operation_touches_the_wake_file(store: SqliteStore, state: Path) -> None:
    number = store.submit(Operation("sync", "shop", "ada", NOON))
    assert (state / "wake").read_text() == f"{number}\n"


def test_the_key_is_for_the_owners_eyes_only_and_ids_survive(store: SqliteStore, state: Path) -> None:
    key, instance = store.key(), store.instance_id()
    again = open_store(state)
    assert (again.key(), again.instance_id()) == (key, instance)
    assert (state / "key").stat().st_mode & 0o777 == 0o600
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", instance)
    assert sorted(path.name for path in state.iterdir() if path.name.startswith(".")) == []
    again.close()


def test_all_threads_that_ask_at_once_get_the_same_new_key(store: SqliteStore) -> None:
    keys: list[bytes] = []
    threads = [threading.Thread(target=lambda: keys.append(store.key())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == 8
    assert len(set(keys)) == 1


@pytest.mark.parametrize("name", ["key", "instance-id"])
def test_a_damaged_identity_file_is_refused_by_name_and_not_replaced(
    store: SqliteStore, state: Path, name: str
) -> None:
    (state / name).write_text("zzz\n")
    ask = {"key": store.key, "instance-id": store.instance_id}[name]
    with pytest.raises(StoreError, match=f"{name} does not hold"):
        ask()
    assert (state / name).read_text() == "zzz\n"


def test_a_database_of_a_newer_version_is_refused_by_name_and_left_alone(state: Path) -> None:
    open_store(state).close()
    with sqlite3.connect(state / "gitopsd.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match=r"gitopsd\.db was written by a newer gitopsd \(schema 99"):
        open_store(state)


def test_a_file_that_is_no_database_is_told_with_its_mend(state: Path) -> None:
    state.mkdir()
    (state / "gitopsd.db").write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(StoreError, match=r"gitopsd\.db: .*not a database; it is damaged: stop gitopsd and move"):
        open_store(state)


def test_a_damaged_page_is_told_with_its_mend(state: Path) -> None:
    with_much = open_store(state)
    for number in range(200):
        with_much.save(Journal(f"environment-{number}", project="x" * 500))
    with_much.close()
    database = state / "gitopsd.db"
    size = database.stat().st_size
    with database.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * (size // 2))
    damaged = SqliteStore(state)
    with pytest.raises(StoreError, match="it is damaged"):
        [damaged.journal(f"environment-{number}") for number in range(200)]
    damaged.close()


def test_a_row_that_cannot_be_read_is_told(store: SqliteStore, state: Path) -> None:
    store.save(Journal("shop"))
    with sqlite3.connect(state / "gitopsd.db") as other:
        other.execute("UPDATE journal SET body = '{}'")
    other.close()
    with pytest.raises(StoreError, match=r"holds a row that this version cannot read \(not a Journal"):
        store.journal("shop")


def test_a_state_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="--state-dir"):
        open_store(tmp_path / "file" / "state")


def test_a_second_daemon_is_told_which_process_runs(store: SqliteStore, state: Path) -> None:
    second = open_store(state)
    with store.lock(), pytest.raises(StoreError, match=rf"another gitopsd \(process {os.getpid()}\)"), second.lock():
        pass
    with second.lock():
        assert (state / "lock").read_text() == f"{os.getpid()}\n"
    second.close()


def test_the_lock_of_a_dead_process_is_free(store: SqliteStore, state: Path) -> None:
    in_another_process(state, "import os; lock = store.lock(); lock.__enter__(); os._exit(0)")
    with store.lock():
        pass


def test_old_events_go_and_numbers_go_on(state: Path) -> None:
    state.mkdir()
    store = SqliteStore(state, LedgerKeeping(keep_events=40))
    for number in range(1, 101):
        store.append([Event(NOON, "Tick", str(number))])
    kept = store.events(limit=1000)
    assert [event.message for event in kept] == [str(number) for number in range(61, 101)]
    assert kept[-1].number == 100
    store.close()


def test_events_from_too_long_ago_go(state: Path) -> None:
    state.mkdir()
    store = SqliteStore(state, LedgerKeeping(keep_events=40, keep_for=timedelta(days=1)))
    store.append([Event(NOON, "Tick", "old"), *(Event(NOON + timedelta(days=2), "Tick", "new") for _ in range(39))])
    assert {event.message for event in store.events(limit=1000)} == {"new"}
    store.close()


def test_old_releases_go_but_not_what_serves_or_is_pinned_to(state: Path) -> None:
    state.mkdir()
    store = SqliteStore(state, LedgerKeeping(keep_releases=3))
    pin = Pin(2, "content", "ada", "slow", NOON, NOON)
    journal = Journal("shop", serving=Serving(1, "r", "r", "inputs", "content"), pin=pin)
    for number in range(1, 9):
        store.save(journal, ended=[a_release(number)])
    store.save(Journal("blog"), ended=[replace(a_release(9), environment="blog")])
    assert [each.number for each in store.releases("shop")] == [8, 7, 6, 2, 1]
    assert [each.number for each in store.releases("blog")] == [9]
    store.close()


def test_releases_from_too_long_ago_go_but_for_the_newest(state: Path) -> None:
    state.mkdir()
    store = SqliteStore(state, LedgerKeeping(keep_for=timedelta(days=1)))
    for number in range(1, 31):
        store.save(Journal("shop"), ended=[a_release(number)])
    assert len(store.releases("shop")) == 30
    store.save(Journal("shop"), ended=[replace(a_release(31), finished_at=NOON + timedelta(days=2))])
    assert [each.number for each in store.releases("shop")] == list(range(31, 31 - NEWEST, -1))
    store.close()


def test_a_change_of_the_settings_bounds_the_ledger_from_then_on(tmp_path: Path) -> None:
    settings = tmp_path / "gitopsd.yaml"
    settings.write_text(f"state_dir: {tmp_path}/state\n")
    gitopsd = wire(Flags(config=settings))
    gitopsd.store.append([Event(NOON, "Tick", str(number)) for number in range(1, 1501)])

    settings.write_text(f"state_dir: {tmp_path}/state\nledger: {{keep_events: 1000}}\n")
    gitopsd.load_settings()

    gitopsd.store.append([Event(NOON, "Tick", str(number)) for number in range(1501, 2001)])
    assert [each.message for each in gitopsd.store.events(limit=3000)] == [str(each) for each in range(1001, 2001)]


def a_release(number: int) -> Release:
    return Release(number, "shop", "r", "inputs", f"content {number}", "Ada", "Change", "", NOON, finished_at=NOON)


def test_old_finished_operations_go_and_waiting_ones_stay(store: SqliteStore) -> None:
    waiting = store.submit(Operation("sync", "shop", "ada", NOON))
    finished = store.submit(Operation("sync", "shop", "ada", NOON))
    store.complete(finished, "", NOON)
    for _ in range(KEPT_OPERATIONS):
        store.submit(Operation("sync", "shop", "ada", NOON))
    assert store.operation(finished) is None
    assert store.operation(waiting) is not None


def test_old_inputs_go_and_used_again_ones_count_as_new(store: SqliteStore) -> None:
    for number in range(KEPT_INPUTS):
        store.save_inputs("shop", Inputs(str(number), frozenset(), {}))
    store.save_inputs("shop", Inputs("0", frozenset(), {}))
    store.save_inputs("shop", Inputs("new", frozenset(), {}))
    assert store.inputs("shop", "0") is not None
    assert store.inputs("shop", "1") is None


def over(name: str, ended_at: datetime = NOON) -> PastDrift:
    return PastDrift(DriftItem("volume", name, "", "", "missing", "gone", NOON, NOON), ended_at, "reverted")


def test_of_past_drift_only_so_much_is_kept(store: SqliteStore) -> None:
    store.save(Journal("blog"), found=Found(None, Drifted("blog"), [over("blog")]))
    store.save(
        Journal("shop"), found=Found(None, Drifted("shop"), [over(str(number)) for number in range(KEPT_DRIFTS + 2)])
    )
    kept = store.past_drift("shop", limit=2 * KEPT_DRIFTS)
    assert [kept[0].item.name, kept[-1].item.name, len(kept)] == [str(KEPT_DRIFTS + 1), "2", KEPT_DRIFTS]
    assert len(store.past_drift("blog")) == 1


def test_past_drift_is_kept_only_for_so_long(store: SqliteStore) -> None:
    store.save(
        Journal("shop"), found=Found(None, Drifted("shop"), [over("old"), over("young", NOON + timedelta(days=1))])
    )
    store.save(
        Journal("shop"), found=Found(None, Drifted("shop"), [over("new", NOON + KEPT_DRIFTS_FOR + timedelta(hours=1))])
    )
    assert [each.item.name for each in store.past_drift("shop")] == ["new", "young"]


def test_a_closed_store_says_so(state: Path) -> None:
    store = open_store(state)
    store.close()
    with pytest.raises(StoreError, match="is closed"):
        store.journal("shop")


@pytest.mark.bench
def test_bench_saving_a_journal_of_a_hundred_instances(store: SqliteStore) -> None:

    placed = {f"{n:064}": Placed("web", n, "v1:" + "a" * 64, "b" * 64, 7, f"shop-web-{n}") for n in range(100)}
    journal = Journal("shop", inventory=placed)
    start = perf_counter()
    for _ in range(100):
        store.save(journal, [Event(NOON + timedelta(seconds=1), "Tick", "tock")])
    print(f"\nsave: {(perf_counter() - start) * 10:.3f} ms", end=" ")
    start = perf_counter()
    for _ in range(100):
        store.journal("shop")
    print(f"load: {(perf_counter() - start) * 10:.3f} ms")


def test_a_database_that_was_deleted_while_it_is_open_is_begun_anew(state: Path, store: SqliteStore) -> None:
    store.save(Journal("shop", project="shop"))
    for file in state.glob("gitopsd.db*"):
        file.unlink()

    assert store.environments() == ()
    store.save(Journal("blog", project="blog"))

    assert open_store(state).environments() == ("blog",)


def test_a_database_of_the_first_schema_is_brought_up_to_date_and_keeps_what_it_holds(state: Path) -> None:
    identity.make(state)
    with sqlite3.connect(state / "gitopsd.db") as older:
        for statement in STEPS[0]:
            older.execute(statement)
        older.execute('INSERT INTO journal VALUES (\'shop\', \'{"environment":"shop","project":"here"}\')')
        older.execute("PRAGMA user_version = 1")
    older.close()

    store = open_store(state)

    assert (store.journal("shop").project, store.pulled()) == ("here", ())
    store.close()

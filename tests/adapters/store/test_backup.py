"""Backups of the state directory: taken online, whole or refused, and what they replace is kept."""

import sqlite3
import tarfile
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gitopsd.adapters.store.sqlite import SqliteStore, open_store
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event
from gitopsd.model.release import Journal

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state: Path) -> Iterator[SqliteStore]:
    opened = open_store(state)
    yield opened
    opened.close()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar.gz"


def test_a_backup_moves_to_another_machine_with_its_identity_and_its_key(
    store: SqliteStore, file: Path, tmp_path: Path
) -> None:
    store.save(Journal("shop", project="here"))
    store.backup(file, NOON)

    elsewhere = SqliteStore(tmp_path / "elsewhere")
    _, aside = elsewhere.restore(file, NOON)

    assert (elsewhere.instance_id(), elsewhere.key()) == (store.instance_id(), store.key())
    assert elsewhere.journal("shop").project == "here"
    assert aside is None
    assert sorted(path.name for path in (tmp_path / "elsewhere").iterdir() if path.name.startswith(".")) == []
    elsewhere.close()


def test_what_a_restore_replaces_lies_aside_and_is_whole(store: SqliteStore, state: Path, file: Path) -> None:
    store.save(Journal("shop", project="then"))
    store.backup(file, NOON)
    store.save(Journal("shop", project="now"))
    key = store.key()

    _, aside = store.restore(file, NOON)

    assert aside == state / "replaced-20260301T120000.000000Z"
    replaced = SqliteStore(aside)
    assert (replaced.journal("shop").project, replaced.key()) == ("now", key)
    replaced.close()


def test_a_backup_in_the_middle_of_writes_holds_one_moment_of_them(store: SqliteStore, file: Path) -> None:
    """Journal and event are one transaction, so a backup that has one of them without the other was torn."""
    begun, over = threading.Event(), threading.Event()

    def write() -> None:
        for number in range(1, 100_000):
            store.save(Journal("shop", project=str(number)), [Event(NOON, "Tick", str(number))])
            begun.set()
            if over.is_set():
                return

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    store.backup(file, NOON)
    over.set()
    writer.join()

    store.restore(file, NOON)
    (newest,) = store.events(newest=True, limit=1)
    assert store.journal("shop").project == newest.message


def test_a_backup_of_a_newer_version_is_refused_by_its_name_and_changes_nothing(
    store: SqliteStore, state: Path, file: Path
) -> None:
    store.save(Journal("shop", project="then"))
    with sqlite3.connect(state / "gitopsd.db") as newer:
        newer.execute("PRAGMA user_version = 99")
        newer.execute("REPLACE INTO about VALUES ('version', '99.1.0')")
    newer.close()
    taken = store.backup(file, NOON)
    here = SqliteStore(state.with_name("here"))
    here.save(Journal("shop", project="now"))

    with pytest.raises(StoreError, match=r"backup\.tar\.gz was written by gitopsd 99\.1\.0 \(schema 99"):
        here.restore(file, NOON)

    assert taken.version == "99.1.0"
    assert here.journal("shop").project == "now"
    here.close()


def test_a_backup_that_lost_a_part_or_was_cut_off_is_refused(store: SqliteStore, file: Path, tmp_path: Path) -> None:
    store.save(Journal("shop", project="now"))
    store.backup(file, NOON)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StoreError, match="is no backup of a gitopsd state"):
        store.restore(file, NOON)

    file.write_bytes(whole)
    part = tmp_path / "part.tar.gz"
    with tarfile.open(file) as found, tarfile.open(part, "w:gz") as kept:
        for member in found:
            if member.name != "key":
                kept.addfile(member, found.extractfile(member))
    with pytest.raises(StoreError, match="is no whole backup: key is missing"):
        store.restore(part, NOON)
    assert store.journal("shop").project == "now"


def test_a_damaged_database_is_neither_backed_up_nor_restored(store: SqliteStore, state: Path, file: Path) -> None:
    for number in range(200):
        store.save(Journal(f"environment-{number}", project="x" * 500))
    store.close()
    database = state / "gitopsd.db"
    size = database.stat().st_size
    with database.open("r+b") as damaged:
        damaged.seek(size // 2)
        damaged.write(b"\xff" * (size // 2))
    with pytest.raises(StoreError, match="damaged"):
        SqliteStore(state).backup(file, NOON)
    assert not file.exists()
    assert [path.name for path in file.parent.iterdir()] == ["state"]


def test_files_that_a_backup_does_not_have_are_left_in_the_archive(
    store: SqliteStore, state: Path, file: Path, tmp_path: Path
) -> None:
    store.save(Journal("shop"))
    store.backup(file, NOON)
    more = tmp_path / "more.tar.gz"
    (tmp_path / "evil").write_text("evil")
    with tarfile.open(file) as found, tarfile.open(more, "w:gz") as kept:
        for member in found:
            kept.addfile(member, found.extractfile(member))
        kept.add(tmp_path / "evil", "../escaped")
        kept.add(tmp_path / "evil", "mirrors/evil")

    store.restore(more, NOON)

    assert not (state.parent / "escaped").exists()
    assert not (state / "mirrors").exists()


def test_a_state_directory_without_a_database_is_no_state_to_back_up(file: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"holds no gitopsd\.db; give the --state-dir"):
        SqliteStore(tmp_path / "nowhere").backup(file, NOON)
    assert not (tmp_path / "nowhere").exists()

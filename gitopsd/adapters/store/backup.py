"""The state directory as one file, and back: the database as it is at one moment, who this gitopsd is, and its key.

Mirrors are not in it: they are made anew from their remotes.
"""

import io
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from gitopsd.adapters.store import identity
from gitopsd.adapters.store.connections import BUSY_TIMEOUT_S, told
from gitopsd.adapters.store.migrations import version, written_by
from gitopsd.controller.ports import Backup
from gitopsd.model.errors import StoreError

DATABASE = "gitopsd.db"
LABEL = "gitopsd-backup.json"
NEEDED = (DATABASE, "instance-id", "key")
KEPT = (*NEEDED, "run.json")
REPLACED = (*KEPT, f"{DATABASE}-wal", f"{DATABASE}-shm")


def backup(state_dir: Path, file: Path, at: datetime) -> Backup:
    """Write `file`, readable by its owner only; a daemon may go on writing meanwhile. StoreError."""
    if not (state_dir / DATABASE).is_file():
        raise StoreError(f"{state_dir} holds no {DATABASE}; give the --state-dir of the daemon")
    identity.instance_id(state_dir), identity.key(state_dir)

    def gather(room: Path) -> None:
        _copy_database(state_dir / DATABASE, room / DATABASE)
        for name in KEPT[1:]:
            with suppress(FileNotFoundError):
                shutil.copyfile(state_dir / name, room / name)

    return write(file, at, gather)


def write(file: Path, at: datetime, gather: Callable[[Path], None]) -> Backup:
    """Pack the files of a state directory that `gather` puts into a room."""
    with _room(file.absolute().parent, ".gitopsd-backup.") as room:
        gather(room)
        made = Backup(identity.instance_id(room), _writer(room / DATABASE), at)
        _pack(room, room / "packed", made)
        os.replace(room / "packed", file)
    return made


def restore(state_dir: Path, file: Path, at: datetime) -> tuple[Backup, Path | None]:
    """Put a backup in the place of what is there, and say where that lies now, None for nothing.

    StoreError: a daemon runs, the file is no backup, it is damaged, or a newer gitopsd made it. Then nothing changed.
    """
    with identity.exclusive(state_dir), opened(file, state_dir) as (made, room):
        aside = _put_aside(state_dir, at)
        for name in KEPT:
            with suppress(FileNotFoundError):
                os.rename(room / name, state_dir / name)
    return made, aside


@contextmanager
def opened(file: Path, beside: Path) -> Iterator[tuple[Backup, Path]]:
    """What a backup says of itself, and its files, whole and of a version that this one knows."""
    with _room(beside, ".gitopsd-restore.") as room:
        made = _unpack(file, room)
        _refuse_damage(room / DATABASE, file)
        with closing(sqlite3.connect(room / DATABASE)) as database:
            version(database, str(file))
        identity.instance_id(room)
        identity.key(room)
        yield made, room


@contextmanager
def _room(parent: Path, prefix: str) -> Iterator[Path]:
    """A directory for unfinished work that only its owner may enter, on the file system of what it is for."""
    with identity.told_of(parent), tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as room:
        yield Path(room)


def _copy_database(source: Path, target: Path) -> None:
    """SQLite's own online copy: one state of the database, whoever writes meanwhile."""
    with (
        told(source),
        closing(sqlite3.connect(source, timeout=BUSY_TIMEOUT_S)) as found,
        closing(sqlite3.connect(target)) as copy,
    ):
        found.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # all of it in one file
    _refuse_damage(target, source)


def _refuse_damage(database: Path, told_as: Path) -> None:
    try:
        with closing(sqlite3.connect(database)) as connection:
            found = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        found = str(error)
    if found != "ok":
        raise StoreError(f"{told_as} is damaged ({found}); nothing was changed")


def _writer(database: Path) -> str:
    with told(database), closing(sqlite3.connect(database)) as connection:
        return written_by(connection)


def _pack(room: Path, target: Path, made: Backup) -> None:
    about = {"instance_id": made.instance_id, "version": made.version, "at": made.at.astimezone(UTC).isoformat()}
    text = json.dumps(about).encode()
    label = tarfile.TarInfo(LABEL)
    label.size, label.mode = len(text), 0o600
    with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        with tarfile.open(fileobj=stream, mode="w:gz") as tar:
            tar.addfile(label, io.BytesIO(text))
            for name in KEPT:
                if (room / name).exists():
                    tar.add(room / name, name, filter=_anonymous)
        stream.flush()
        os.fsync(stream.fileno())


def _anonymous(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode = 0o600
    return member


def _unpack(file: Path, room: Path) -> Backup:
    """Only the files that a backup has are taken out of it, each under its own plain name."""
    try:
        with tarfile.open(file, "r:gz") as tar:
            for member in tar:
                if member.isfile() and member.name in (LABEL, *KEPT):
                    _take_out(tar, member, room / member.name)
        about = json.loads((room / LABEL).read_text())
        missing = [name for name in NEEDED if not (room / name).is_file()]
        if missing:
            raise StoreError(f"{file} is no whole backup: {', '.join(missing)} is missing; take another one")
        return Backup(str(about["instance_id"]), str(about["version"]), datetime.fromisoformat(about["at"]))
    except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
        raise StoreError(
            f"{file} is no backup of a gitopsd state ({error}); `gitopsd state backup` makes one"
        ) from error
    except OSError as error:
        raise StoreError(f"{error.filename or file}: {error.strerror or error}") from error


def _take_out(tar: tarfile.TarFile, member: tarfile.TarInfo, target: Path) -> None:
    content = tar.extractfile(member)
    assert content is not None
    with content, open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        shutil.copyfileobj(content, stream)
        stream.flush()
        os.fsync(stream.fileno())


def _put_aside(state_dir: Path, at: datetime) -> Path | None:
    """What is replaced is kept: a restore of the wrong backup can be taken back."""
    there = [name for name in REPLACED if (state_dir / name).exists()]
    if not there:
        return None
    aside = state_dir / aside_name(at)
    aside.mkdir(mode=0o700)
    for name in there:
        os.rename(state_dir / name, aside / name)
    return aside


def aside_name(at: datetime) -> str:
    return f"replaced-{at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"

"""Connections to the database: opened, lent to one thread at a time, and every failure told as a StoreError."""

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gitopsd.adapters.store import identity
from gitopsd.adapters.store.migrations import STEPS, migrate, version
from gitopsd.model.errors import StoreError

BUSY_TIMEOUT_S = 10.0


class Connections:
    """Idle connections wait here, so there are as many as threads were ever at work at once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False
        self._opened: tuple[int, int] | None = None  # device and inode of the file that idle connections lead to

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        # IMMEDIATE: a transaction that reads first and writes later fails at once when another one wrote in between.
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    adding = writing  # the directory's lock keeps a second daemon away

    def close(self) -> None:
        """Close what is idle; a connection that is lent is closed when it comes back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        with told(self._file), self._lent() as connection:
            connection.execute(begin)
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _lent(self) -> Iterator[sqlite3.Connection]:
        self._drop_strays()
        with self._guard:
            if self._closed:
                raise StoreError(f"{self._file} is closed")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            identity.make(self._file.parent)
            connection = connect(self._file)
        try:
            yield connection
        finally:
            self._take_back(connection)

    def _drop_strays(self) -> None:
        """Close connections to a file that was deleted or replaced: what they write, nobody would ever read."""
        try:
            status = self._file.stat()
            present = (status.st_dev, status.st_ino)
        except OSError:
            present = None
        with self._guard:
            if present == self._opened:
                return
            self._opened = present
            strays, self._idle = self._idle, []
        for stray in strays:
            stray.close()

    def _take_back(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def connect(file: Path) -> sqlite3.Connection:
    """A connection to the migrated database, in WAL mode: readers never wait for a writer."""
    connection = sqlite3.connect(file, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        _refuse_below_an_older_daemon(connection, file)
        migrate(connection, str(file))
    except BaseException:
        connection.close()
        raise
    return connection


def _refuse_below_an_older_daemon(connection: sqlite3.Connection, file: Path) -> None:
    """A daemon that knows only the older schema could not open its own database any more."""
    daemon = identity.holder(file.parent)
    if daemon in ("", str(os.getpid())) or version(connection, str(file)) in (0, len(STEPS)):
        return
    raise StoreError(
        f"the gitopsd that runs on {file.parent} (process {daemon}) is of an older version than this command; "
        "restart it with this version first"
    )


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn what SQLite says into what a person can do about it."""
    try:
        yield
    except sqlite3.Error as error:
        raise StoreError(f"{file}: {error}; {_mend(file, error)}") from error


def _mend(file: Path, error: sqlite3.Error) -> str:
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return (
                f"it is damaged: stop gitopsd and move {file.name}, {file.name}-wal and {file.name}-shm away; the next "
                "start makes a new one and knows its containers by their labels, only the ledger is lost"
            )
        case sqlite3.SQLITE_FULL:
            return "make room on its disk"
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return f"another process held it for more than {BUSY_TIMEOUT_S:.0f} s; try again"
        case sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return "run as the user who owns the state directory, and see that it is writable"
        case _:
            return "see that its disk is well and that this version of gitopsd made it"

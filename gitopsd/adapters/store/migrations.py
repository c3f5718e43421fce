"""The database's schema as numbered steps. `PRAGMA user_version` says how many of them a database has seen."""

import re
import sqlite3
from collections.abc import Sequence
from contextlib import suppress

from gitopsd import __version__
from gitopsd.model.errors import StoreError

# Steps are only ever added at the end: what a released version wrote stays as it was.
STEPS: tuple[tuple[str, ...], ...] = (
    (
        "CREATE TABLE journal (environment TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
        "CREATE TABLE release (number INTEGER PRIMARY KEY, environment TEXT NOT NULL, body TEXT NOT NULL) STRICT",
        "CREATE INDEX release_of_environment ON release (environment, number)",
        "CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT",
        "INSERT INTO counter VALUES ('release', 0)",
        "CREATE TABLE inputs (environment TEXT NOT NULL, input_digest TEXT NOT NULL, saved INTEGER NOT NULL,"
        " body TEXT NOT NULL, PRIMARY KEY (environment, input_digest)) STRICT",
        "CREATE TABLE event (number INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL,"
        " service TEXT NOT NULL, body TEXT NOT NULL) STRICT",
        "CREATE INDEX event_of_environment ON event (environment, number)",
        "CREATE INDEX event_of_service ON event (environment, service, number)",
        "CREATE TABLE operation (number INTEGER PRIMARY KEY AUTOINCREMENT, done INTEGER NOT NULL,"
        " body TEXT NOT NULL) STRICT",
        "CREATE INDEX operation_pending ON operation (number) WHERE done = 0",
        "CREATE TABLE status (environment TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
        "CREATE TABLE repository (name TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
    ),
    # Who wrote it, so that a version that is too old for it can say which one is needed.
    ("CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT",),
    (
        "CREATE TABLE baseline (environment TEXT NOT NULL, container TEXT NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (environment, container)) STRICT",
        "CREATE TABLE drift (environment TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT",
    ),
    (
        "CREATE TABLE pulled (engine TEXT NOT NULL, image TEXT NOT NULL, body TEXT NOT NULL,"
        " PRIMARY KEY (engine, image)) STRICT",
    ),
    (
        "CREATE TABLE past_drift (number INTEGER PRIMARY KEY AUTOINCREMENT, environment TEXT NOT NULL,"
        " ended REAL NOT NULL, body TEXT NOT NULL) STRICT",
        "CREATE INDEX past_drift_of_environment ON past_drift (environment, number)",
    ),
    (
        "CREATE TABLE told (body TEXT NOT NULL) STRICT",
        "CREATE TABLE outbox (number INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL,"
        " body TEXT NOT NULL) STRICT",
        "CREATE INDEX outbox_of_receiver ON outbox (receiver, number)",
    ),
)


def migrate(
    connection: sqlite3.Connection, file: str, steps: Sequence[Sequence[str]] = STEPS, by: str = __version__
) -> None:
    """Bring a database to the newest schema. StoreError: a newer gitopsd wrote it, and which one that was."""
    if version(connection, file, steps) < len(steps):
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Read again under the lock: another process may have migrated meanwhile.
            for step in steps[version(connection, file, steps) :]:
                for statement in step:
                    connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {len(steps)}")
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
    if numbers(written_by(connection)) < numbers(by):
        connection.execute("REPLACE INTO about VALUES ('version', ?)", (by,))


def version(connection: sqlite3.Connection, file: str, steps: Sequence[Sequence[str]] = STEPS) -> int:
    """How many steps the database has seen. StoreError: more than this gitopsd knows."""
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    refuse_newer(file, found, len(steps), written_by(connection), "another --state-dir")
    return found


def refuse_newer(named: str, found: int, known: int, writer: str, other: str) -> None:
    """StoreError where a database has seen more steps than are known, and by which gitopsd."""
    if found > known:
        newer = numbers(writer) > numbers(__version__)
        raise StoreError(
            f"{named} was written by {f'gitopsd {writer}' if newer else 'a newer gitopsd'} (schema {found}, "
            f"this one knows {known}); run that version again, or give this one {other}"
        )


def written_by(connection: sqlite3.Connection) -> str:
    """The newest gitopsd that has opened the database; "" where that was not noted yet."""
    with suppress(sqlite3.OperationalError):  # the first schema has no such table
        row = connection.execute("SELECT value FROM about WHERE name = 'version'").fetchone()
        return str(row[0]) if row else ""
    return ""


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", version)[:3])

"""The database's schema as numbered steps. `PRAGMA user_version` says how many of them a database has seen."""

import sqlite3

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
)


def migrate(connection: sqlite3.Connection, file: str) -> None:
    """Bring a database to the newest schema. StoreError: a newer gitopsd wrote it."""
    if version(connection, file) == len(STEPS):
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again under the lock: another process may have migrated meanwhile.
        for step in STEPS[version(connection, file) :]:
            for statement in step:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(STEPS)}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def version(connection: sqlite3.Connection, file: str) -> int:
    found = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if found > len(STEPS):
        raise StoreError(
            f"{file} was written by a newer gitopsd (schema {found}, this one knows {len(STEPS)}); "
            "run that version again, or give this one another --state-dir"
        )
    return found

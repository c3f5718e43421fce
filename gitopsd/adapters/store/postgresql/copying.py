"""The database as a file of SQLite's, table by table, and back: a backup of either store goes into the other."""

import sqlite3
from contextlib import closing
from pathlib import Path

from gitopsd.adapters.store import backup, identity
from gitopsd.adapters.store.migrations import migrate
from gitopsd.adapters.store.postgresql.schema import PUT_ABOUT
from gitopsd.adapters.store.statements import Statements, add

COLUMNS: dict[str, tuple[str, ...]] = {
    "journal": ("environment", "body"),
    "release": ("number", "environment", "body"),
    "counter": ("name", "value"),
    "inputs": ("environment", "input_digest", "saved", "body"),
    "event": ("number", "environment", "service", "body"),
    "operation": ("number", "done", "body"),
    "status": ("environment", "body"),
    "repository": ("name", "body"),
    "baseline": ("environment", "container", "body"),
    "drift": ("environment", "body"),
    "pulled": ("engine", "image", "body"),
    "past_drift": ("number", "environment", "ended", "body"),
    "told": ("body",),
    "outbox": ("number", "receiver", "body"),
}
COUNTED = ("event", "operation", "past_drift", "outbox")  # whose numbers the database gives
ORDER = {"pulled": "rowid"}
FILES = {"instance-id": 0o644, "key": 0o600}


def copy_out(session: Statements, room: Path) -> None:
    """Write the files of a state directory into `room`."""
    with closing(sqlite3.connect(room / backup.DATABASE)) as file:
        migrate(file, backup.DATABASE)
        for table, columns in COLUMNS.items():
            rows = session.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {ORDER.get(table, columns[0])}")
            file.execute(f"DELETE FROM {table}")
            file.executemany(add(table, *columns), rows)
        file.commit()
    for name, mode in FILES.items():
        row = session.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        if row:
            (room / name).touch(mode)
            (room / name).write_text(f"{row[0]}\n")


def copy_in(session: Statements, room: Path) -> None:
    """Put the files of a state directory in the place of everything."""
    with closing(sqlite3.connect(room / backup.DATABASE)) as file:
        migrate(file, backup.DATABASE)
        for table, columns in COLUMNS.items():
            rows = file.execute(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {ORDER.get(table, columns[0])}")
            session.execute(f"DELETE FROM {table}")
            session.executemany(add(table, *columns), rows.fetchall())
    for table in COUNTED:
        highest = f"SELECT coalesce(max(number), 0) + 1 FROM {table}"
        session.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'number'), ({highest}), false)")
    session.execute(PUT_ABOUT, ("instance-id", identity.instance_id(room)))
    session.execute(PUT_ABOUT, ("key", identity.key(room).hex()))

"""The store on PostgreSQL: for daemons on several machines, of which one acts, and any other takes its place."""

import secrets
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

from gitopsd.adapters.store import backup, identity
from gitopsd.adapters.store.postgresql.connections import Connections
from gitopsd.adapters.store.postgresql.copying import copy_in, copy_out
from gitopsd.adapters.store.postgresql.database import Database, Session
from gitopsd.adapters.store.postgresql.lease import CHANNEL, Lease, look
from gitopsd.adapters.store.statements import Statements, add
from gitopsd.adapters.store.tables import KEEPING, TableStore
from gitopsd.controller.ports import Backup
from gitopsd.model.settings import LedgerKeeping, StoreSettings


class PostgresStore(TableStore):
    """The port Store on a database. Mirrors, tokens and secrets of this machine stay in its own state directory."""

    def __init__(self, settings: StoreSettings, state_dir: Path, host: str, keeping: LedgerKeeping = KEEPING) -> None:
        self._state_dir = state_dir
        self._database = Database(settings)
        self._lease = Lease(self._database, self._connect, host, settings.lease, self._wake)
        self._sessions = Connections(self._database, self._lease.fence)
        self._known: dict[str, str] = {}  # who this gitopsd is, and its key: a pass asks for both again and again
        super().__init__(self._sessions, self._database.named, keeping)

    @contextmanager
    def lock(self, waiting: Callable[[], bool] | None = None) -> Iterator[None]:
        """Be the one that acts on this database, and the only one on this state directory."""
        with identity.exclusive(self._state_dir), self._lease.held(waiting):
            self._known.clear()  # whoever acted before may have restored another one's
            yield

    def holds(self) -> bool:
        return self._lease.holds()

    def daemon_runs(self) -> bool:
        return bool(self._holder())

    def acting(self) -> str:
        return "" if self._lease.holds() else self._holder()

    def instance_id(self) -> str:
        return self._remembered("instance-id", str(uuid.uuid4()))

    def key(self) -> bytes:
        return bytes.fromhex(self._remembered("key", secrets.token_hex(identity.KEY_BYTES)))

    def backup(self, file: Path, at: datetime) -> Backup:
        self.instance_id(), self.key()  # made by now
        with self._sessions.frozen() as session:
            return backup.write(file, at, lambda room: copy_out(session, room))

    def restore(self, file: Path, at: datetime) -> tuple[Backup, Path | None]:
        with self.lock(), backup.opened(file, self._state_dir) as (made, room):
            aside = self._state_dir / backup.aside_name(at)
            self.backup(aside, at)
            with self._connections.writing() as session:
                copy_in(session, room)
            self._known.clear()
        return made, aside

    def _ring(self, connection: Statements) -> None:
        connection.execute("SELECT pg_notify(?, '')", (CHANNEL,))

    def _holder(self) -> str:
        with self._sessions.reading() as session:
            seen = look(session)
        return seen.holder if seen.runs else ""

    def _connect(self) -> Session:
        return self._sessions.connect()

    def _wake(self) -> None:
        with suppress(OSError):
            (self._state_dir / "wake").write_text("\n")

    def _remembered(self, name: str, made: str) -> str:
        if name not in self._known:
            self._known[name] = self._made_once(name, made)
        return self._known[name]

    def _made_once(self, name: str, made: str) -> str:
        """What the database says under a name; what a state directory said before, it goes on with."""
        with self._connections.reading() as session:
            row = session.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        if row:
            return str(row[0])
        with suppress(OSError):
            made = (self._state_dir / name).read_text().strip() or made
        with self._connections.adding() as session:
            session.execute(f"{add('about', 'name', 'value')} ON CONFLICT DO NOTHING", (name, made))
            return str(session.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()[0])

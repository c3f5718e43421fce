"""The store on SQLite: a file of the state directory, and that directory's lock for its one daemon."""

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import cache
from pathlib import Path

from gitopsd.adapters.store import backup, identity
from gitopsd.adapters.store.connections import Connections
from gitopsd.adapters.store.tables import KEEPING, TableStore
from gitopsd.controller.ports import Backup
from gitopsd.model.operation import Operation
from gitopsd.model.settings import LedgerKeeping


def open_store(state_dir: Path) -> "SqliteStore":
    """The store of a state directory, which is made when it is missing.

    StoreError: not writable, damaged, or written by a newer version.
    """
    identity.make(state_dir)
    store = SqliteStore(state_dir)
    store.check()
    return store


class SqliteStore(TableStore):
    """The port Store on STATE/gitopsd.db, made at its first use. `keeping` bounds what is kept of the past."""

    def __init__(self, state_dir: Path, keeping: LedgerKeeping = KEEPING) -> None:
        self._state_dir = state_dir
        file = state_dir / "gitopsd.db"
        super().__init__(Connections(file), str(file), keeping)
        # A pass asks for both again and again.
        self._instance_id, self._key = cache(identity.instance_id), cache(identity.key)

    def lock(self, waiting: Callable[[], bool] | None = None) -> AbstractContextManager[None]:
        """Be the only daemon on this state directory, or none: nobody waits. StoreError names the process that is."""
        return identity.exclusive(self._state_dir)

    def holds(self) -> bool:
        return True  # only the end of the process takes it away

    def daemon_runs(self) -> bool:
        return identity.held(self._state_dir)

    def acting(self) -> str:
        return ""

    def instance_id(self) -> str:
        return self._instance_id(self._state_dir)

    def key(self) -> bytes:
        return self._key(self._state_dir)

    def backup(self, file: Path, at: datetime) -> Backup:
        return backup.backup(self._state_dir, file, at)

    def restore(self, file: Path, at: datetime) -> tuple[Backup, Path | None]:
        restored = backup.restore(self._state_dir, file, at)
        self._instance_id.cache_clear()
        self._key.cache_clear()
        return restored

    def submit(self, operation: Operation) -> int:
        number = super().submit(operation)
        # The operation is safe by now; without the wake the daemon finds it at its next regular look.
        with suppress(OSError):
            (self._state_dir / "wake").write_text(f"{number}\n")
        return number

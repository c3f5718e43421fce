"""Connections to PostgreSQL, lent to one thread at a time; one that the server has ended is replaced by a new one."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg

from gitopsd.adapters.store.postgresql.database import Database, Session
from gitopsd.adapters.store.postgresql.schema import migrate
from gitopsd.adapters.store.statements import Statements
from gitopsd.model.errors import StoreError


class Connections:
    """Idle ones wait here. `fence` is given the lease's token of the moment before each write of a daemon's own."""

    def __init__(self, database: Database, fence: Callable[[int], None]) -> None:
        self._database, self._fence = database, fence
        self._idle: list[Session] = []
        self._guard = threading.Lock()
        self._closed = False

    @contextmanager
    def reading(self) -> Iterator[Statements]:
        with self._transaction("BEGIN READ ONLY") as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Statements]:
        with self._transaction("BEGIN") as session:
            self._fence(_token(session))
            yield session

    @contextmanager
    def adding(self) -> Iterator[Statements]:
        with self._transaction("BEGIN") as session:
            _token(session)
            yield session

    @contextmanager
    def frozen(self) -> Iterator[Statements]:
        """To read more than once, and see one moment of the database."""
        with self._transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY") as session:
            yield session

    def connect(self) -> Session:
        """A new one, to the migrated database."""
        session = self._database.connect()
        try:
            with self._database.told():
                migrate(session, self._database.named)
        except BaseException:
            session.close()
            raise
        return session

    def close(self) -> None:
        """Close what is idle; a connection that is lent is closed when it comes back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Session]:
        with self._database.told():
            session = self._begun(begin)
            try:
                yield session
                session.execute("COMMIT")
            except BaseException:
                with suppress(psycopg.Error):
                    session.execute("ROLLBACK")
                raise
            finally:
                self._take_back(session)

    def _begun(self, begin: str) -> Session:
        """A transaction on an idle connection; those that the server ended since are dropped, nothing was on them."""
        while (session := self._lent()) is not None:
            try:
                session.execute(begin)
            except psycopg.OperationalError:
                session.close()
            else:
                return session
        session = self.connect()
        session.execute(begin)
        return session

    def _lent(self) -> Session | None:
        with self._guard:
            if self._closed:
                raise StoreError(f"{self._database.named} is closed")
            return self._idle.pop() if self._idle else None

    def _take_back(self, session: Session) -> None:
        with self._guard:
            if not self._closed and session.usable():
                self._idle.append(session)
                return
        session.close()


def _token(session: Session) -> int:
    """Wait until nobody else writes, and say whose turn it is to act."""
    return int(session.execute("SELECT token FROM lease FOR UPDATE").fetchone()[0])

"""The lease: which of the daemons on one database acts. It is theirs who renew it, and nobody's clock counts.

A daemon takes the lease when it is free, or when it has itself watched it for as long as its holder promised to be
heard of, and nobody renewed it. The holder acts only within a shorter time, counted from before it asked for the last
renewal, so that it has stopped before anybody else may begin, whatever happened to it: paused, cut off, or asleep with
its machine. Each taking has another token; a write that was begun under an older one is refused (`fence`).
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta

import psycopg

from gitopsd.adapters.store.postgresql.database import Database, Session
from gitopsd.adapters.store.statements import Statements
from gitopsd.model.errors import StoreError

RENEWED_EVERY = 0.2  # of the lease
ACTS_FOR = 0.6
LISTEN_S = 0.25
LOOK_S = 0.2
CHANNEL = "gitopsd_operation"


@dataclass(frozen=True, slots=True)
class Seen:
    """The lease at one look. `runs`: its holder was heard of in time, by the server's clock."""

    token: int
    renewals: int
    holder: str
    seconds: float
    runs: bool


class Lease:
    """One process's part in it. `connect` gives a connection to the migrated database, `rung` hears of operations."""

    def __init__(
        self, database: Database, connect: Callable[[], Session], host: str, length: timedelta, rung: Callable[[], None]
    ) -> None:
        self._database, self._connect, self._rung = database, connect, rung
        self._holder = f"process {os.getpid()} on {host}"
        self._seconds = length.total_seconds()
        self._token: int | None = None
        self._acts_until = 0.0
        self._ended = threading.Event()

    @contextmanager
    def held(self, waiting: Callable[[], bool] | None) -> Iterator[None]:
        """Hold it for a while. StoreError: another one does, and `waiting` does not wait for it any longer."""
        self._take(waiting)
        self._ended.clear()
        keeper = threading.Thread(target=self._keep, name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            self._ended.set()
            keeper.join()
            self._give_up()

    def holds(self) -> bool:
        """Whether this one may act right now."""
        return not self._ended.is_set() and _running_time() < self._acts_until

    def fence(self, token: int) -> None:
        """StoreError: this one held the lease once, and somebody else has taken it since."""
        if self._token is not None and token != self._token:
            self._ended.set()
            raise StoreError(f"another gitopsd acts on {self._database.named} by now; this one has stopped")

    def _take(self, waiting: Callable[[], bool] | None) -> None:
        watched, since, session = (-1, -1), 0.0, self._connect()
        try:
            while True:
                try:
                    seen = look(session)
                    if (seen.token, seen.renewals) != watched:
                        watched, since = (seen.token, seen.renewals), _running_time()
                    over = not seen.holder or _running_time() - since > seen.seconds
                    if over and self._taken(session, seen):
                        return
                    self._wait(seen, waiting)
                except psycopg.OperationalError:
                    # The server is away for a while, and with it whoever acts: what was watched counts no longer.
                    watched, session = (-1, -1), self._again(session, waiting)
        finally:
            session.close()

    def _taken(self, session: Session, seen: Seen) -> bool:
        """Unless somebody was quicker."""
        begun = _running_time()
        taking = (
            "UPDATE lease SET token = token + 1, renewals = 0, holder = ?, seconds = ?,"
            " until = clock_timestamp() + make_interval(secs => ?) WHERE token = ? AND renewals = ? RETURNING token"
        )
        row = session.execute(
            taking, (self._holder, self._seconds, self._seconds, seen.token, seen.renewals)
        ).fetchone()
        if row is None:
            return False
        self._token, self._acts_until = int(row[0]), begun + self._seconds * ACTS_FOR
        return True

    def _wait(self, seen: Seen, waiting: Callable[[], bool] | None) -> None:
        """For another look. One that nobody waits for is waited for all the same when its holder seems dead."""
        if waiting is None and not seen.runs:
            threading.Event().wait(LOOK_S)
        elif waiting is None or not waiting():
            raise StoreError(
                f"another gitopsd ({seen.holder}) acts on {self._database.named}; stop it, or name another store"
            )

    def _again(self, session: Session, waiting: Callable[[], bool] | None) -> Session:
        session.close()
        while waiting is not None and waiting():
            with suppress(StoreError):
                return self._connect()
        return self._connect()

    def _keep(self) -> None:
        """Renew in good time, and listen meanwhile."""
        session: Session | None = None
        while not self._ended.is_set():
            begun = _running_time()
            try:
                session = session or self._listening()
                if not self._renewed(session):
                    self._ended.set()
                    break
                self._acts_until = begun + self._seconds * ACTS_FOR
                while not self._ended.is_set() and _running_time() < begun + self._seconds * RENEWED_EVERY:
                    if session.notified(min(LISTEN_S, self._seconds * RENEWED_EVERY)):
                        self._rung()
            except (psycopg.Error, StoreError):
                if session is not None:
                    session.close()
                session = None
                self._ended.wait(LOOK_S)
        if session is not None:
            session.close()

    def _listening(self) -> Session:
        session = self._connect()
        session.execute(f"LISTEN {CHANNEL}")
        self._rung()  # what was asked for while nobody listened
        return session

    def _renewed(self, session: Session) -> bool:
        renewing = (
            "UPDATE lease SET renewals = renewals + 1, until = clock_timestamp() + make_interval(secs => seconds)"
            " WHERE token = ?"
        )
        return session.execute(renewing, (self._token or 0,)).rowcount == 1

    def _give_up(self) -> None:
        """At the end, so that the next one need not wait. Where that is not possible, the lease lapses."""
        self._acts_until = 0.0
        with suppress(psycopg.Error, StoreError), _closing(self._connect()) as session:
            session.execute("UPDATE lease SET holder = '' WHERE token = ?", (self._token or 0,))


def look(session: Statements) -> Seen:
    found = "SELECT token, renewals, holder, seconds, holder <> '' AND until > clock_timestamp() FROM lease"
    return Seen(*session.execute(found).fetchone())


@contextmanager
def _closing(session: Session) -> Iterator[Session]:
    try:
        yield session
    finally:
        session.close()


def _running_time() -> float:
    """Seconds that go on while this process, or its machine, sleeps, and that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

"""The store as tables: one row per journal, release, event, operation and status, each holding its value as JSON."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import TypeVar

from gitopsd.adapters.store.codec import dump, load
from gitopsd.adapters.store.forgetting import drop_events, drop_releases
from gitopsd.adapters.store.outbox import TableOutbox
from gitopsd.adapters.store.statements import Statements, Transactions, add, put
from gitopsd.controller.arrangement import taken_over
from gitopsd.controller.ports import NOTHING_NEW, Found, Inputs
from gitopsd.model.baseline import Baseline
from gitopsd.model.drift import Drifted, PastDrift
from gitopsd.model.errors import StoreError
from gitopsd.model.event import Event
from gitopsd.model.image import PulledImage
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release
from gitopsd.model.settings import LedgerKeeping
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus

KEEPING = LedgerKeeping()
KEPT_RELEASES = 1_000  # in memory: pages and queries read the same ones again and again
KEPT_STATUSES = 1_000
KEPT_JOURNALS = 200  # a pass reads what the one before has written
KEPT_INPUTS_READ = 100
KEPT_OPERATIONS = 1_000
KEPT_INPUTS = 500
KEPT_DRIFTS = 1_000  # of one environment
KEPT_DRIFTS_FOR = timedelta(days=180)
OF_ENVIRONMENT = ("journal", "status", "inputs", "baseline", "drift")
OF_NAME = ("inputs", "baseline", "past_drift", "release", "event")  # what an environment takes to a new name
PUT_JOURNAL = put("journal", "environment", "body")
PUT_STATUS = put("status", "environment", "body")
PUT_DRIFT = put("drift", "environment", "body")
DROP_PULLED = "DELETE FROM pulled WHERE engine = ? AND image = ?"

T = TypeVar("T")


class TableStore(TableOutbox):
    """The port Store on a database, but for who holds it and its backups. `keeping` bounds what is kept of the past.

    `named` is what the database is called where it cannot be read.
    """

    def __init__(self, connections: Transactions, named: str, keeping: LedgerKeeping = KEEPING) -> None:
        self._keeping = keeping
        self._connections, self._named = connections, named
        self._release: Callable[[str], Release] = lru_cache(KEPT_RELEASES)(partial(self._loaded, Release))
        self._status: Callable[[str], EnvironmentStatus] = lru_cache(KEPT_STATUSES)(
            partial(self._loaded, EnvironmentStatus)
        )
        self._journal: Callable[[str], Journal] = lru_cache(KEPT_JOURNALS)(partial(self._loaded, Journal))
        self._inputs: Callable[[str], Inputs] = lru_cache(KEPT_INPUTS_READ)(partial(self._loaded, Inputs))

    def use(self, keeping: LedgerKeeping) -> None:
        """Bound the past by this from now on."""
        self._keeping = keeping

    def check(self) -> None:
        """Open the database, so that what is wrong with it shows now."""
        with self._connections.reading():
            pass

    def close(self) -> None:
        self._connections.close()

    def journal(self, environment: str) -> Journal:
        bodies = self._bodies("SELECT body FROM journal WHERE environment = ?", environment)
        return next(map(self._journal, bodies), None) or Journal(environment)

    def save(
        self,
        journal: Journal,
        events: Sequence[Event] = (),
        ended: Sequence[Release] = (),
        done: Sequence[Operation] = (),
        found: Found = NOTHING_NEW,
    ) -> None:
        releases = [*ended, journal.release] if journal.release else ended
        body = dump(journal)
        with self._connections.writing() as connection:
            connection.execute(PUT_JOURNAL, (journal.environment, body))
            rows = [(each.number, each.environment, dump(each)) for each in releases]
            connection.executemany(put("release", "number", "environment", "body"), rows)
            self._append(connection, events)
            for operation in done:
                self._complete(connection, operation)
            for each in ended:
                drop_releases(connection, journal, each.finished_at or each.started_at, self._keeping)
            if found.status is not None:
                connection.execute(PUT_STATUS, (found.status.name, dump(found.status)))
            if found.drifted is not None:
                connection.execute(PUT_DRIFT, (found.drifted.environment, dump(found.drifted)))
            _add_past_drift(connection, journal.environment, found.over)

    def environments(self) -> tuple[str, ...]:
        with self._connections.reading() as connection:
            rows = connection.execute("SELECT environment FROM journal ORDER BY environment").fetchall()
        return tuple(str(name) for (name,) in rows)

    def forget(self, environment: str) -> None:
        with self._connections.writing() as connection:
            for table in OF_ENVIRONMENT:
                connection.execute(f"DELETE FROM {table} WHERE environment = ?", (environment,))

    def move(self, old: str, new: str, path: str) -> None:
        with self._connections.writing() as connection:
            before, after = self._kept_journal(connection, old), self._kept_journal(connection, new)
            connection.execute(PUT_JOURNAL, (new, dump(taken_over(before, after, path))))
            connection.execute("DELETE FROM journal WHERE environment = ?", (old,))
            for table in ("status", "drift"):
                connection.execute(f"DELETE FROM {table} WHERE environment = ?", (old,))
            for table, key in (("inputs", "input_digest"), ("baseline", "container")):
                theirs = f"SELECT {key} FROM {table} WHERE environment = ?"
                twice = f"DELETE FROM {table} WHERE environment = ? AND {key} IN ({theirs})"
                connection.execute(twice, (new, old))
            _rename_bodies(connection, old, new)
            for table in OF_NAME:
                connection.execute(f"UPDATE {table} SET environment = ? WHERE environment = ?", (new, old))

    def next_release(self) -> int:
        with self._connections.writing() as connection:
            connection.execute("UPDATE counter SET value = value + 1 WHERE name = 'release'")
            return int(connection.execute("SELECT value FROM counter WHERE name = 'release'").fetchone()[0])

    def next_address(self, engine: str) -> int:
        name = f"address {engine}"
        with self._connections.writing() as connection:
            connection.execute("INSERT INTO counter VALUES (?, 0) ON CONFLICT DO NOTHING", (name,))
            connection.execute("UPDATE counter SET value = value + 1 WHERE name = ?", (name,))
            return int(connection.execute("SELECT value FROM counter WHERE name = ?", (name,)).fetchone()[0]) - 1

    def releases(self, environment: str, limit: int = 100) -> tuple[Release, ...]:
        query = "SELECT body FROM release WHERE environment = ? ORDER BY number DESC LIMIT ?"
        return tuple(self._release(body) for body in self._bodies(query, environment, limit))

    def release(self, number: int) -> Release | None:
        bodies = self._bodies("SELECT body FROM release WHERE number = ?", number)
        return next((self._release(body) for body in bodies), None)

    def release_numbers(self) -> Mapping[int, str]:
        with self._connections.reading() as connection:
            rows = connection.execute("SELECT number, environment FROM release").fetchall()
        return {int(number): str(environment) for number, environment in rows}

    def inputs(self, environment: str, input_digest: str) -> Inputs | None:
        query = "SELECT body FROM inputs WHERE environment = ? AND input_digest = ?"
        return next(map(self._inputs, self._bodies(query, environment, input_digest)), None)

    def save_inputs(self, environment: str, inputs: Inputs) -> None:
        body = dump(inputs)
        with self._connections.writing() as connection:
            last = "SELECT coalesce(max(saved), 0) FROM inputs WHERE environment = ?"
            saved = int(connection.execute(last, (environment,)).fetchone()[0]) + 1
            row = (environment, inputs.input_digest, saved, body)
            connection.execute(put("inputs", "environment", "input_digest", "saved", "body", key=2), row)
            too_old = "DELETE FROM inputs WHERE environment = ? AND saved <= ?"
            connection.execute(too_old, (environment, saved - KEPT_INPUTS))

    def baselines(self, environment: str) -> Mapping[str, Baseline]:
        query = "SELECT container, body FROM baseline WHERE environment = ?"
        with self._connections.reading() as connection:
            rows = connection.execute(query, (environment,)).fetchall()
        return {str(container): self._loaded(Baseline, body) for container, body in rows}

    def save_baselines(self, environment: str, changed: Mapping[str, Baseline | None]) -> None:
        kept = [(environment, id, dump(baseline)) for id, baseline in changed.items() if baseline is not None]
        gone = [(environment, id) for id, baseline in changed.items() if baseline is None]
        with self._connections.writing() as connection:
            connection.executemany(put("baseline", "environment", "container", "body", key=2), kept)
            connection.executemany("DELETE FROM baseline WHERE environment = ? AND container = ?", gone)

    def drift(self, environment: str) -> Drifted:
        found = self._one(Drifted, "SELECT body FROM drift WHERE environment = ?", environment)
        return found or Drifted(environment)

    def past_drift(self, environment: str, limit: int = 100) -> tuple[PastDrift, ...]:
        query = "SELECT body FROM past_drift WHERE environment = ? ORDER BY number DESC LIMIT ?"
        return self._all(PastDrift, query, environment, limit)

    def pulled(self) -> tuple[PulledImage, ...]:
        return self._all(PulledImage, "SELECT body FROM pulled ORDER BY rowid")

    def save_pulled(self, image: PulledImage) -> None:
        with self._connections.writing() as connection:
            connection.execute(DROP_PULLED, (image.engine, image.id))  # it is the newest from now on
            connection.execute(add("pulled", "engine", "image", "body"), (image.engine, image.id, dump(image)))

    def forget_pulled(self, engine: str, image: str) -> None:
        with self._connections.writing() as connection:
            connection.execute(DROP_PULLED, (engine, image))

    def append(self, events: Sequence[Event]) -> None:
        with self._connections.adding() as connection:
            self._append(connection, events)

    def events(
        self, after: int = 0, environment: str = "", service: str = "", limit: int = 200, newest: bool = False
    ) -> tuple[Event, ...]:
        wanted = [("environment", environment), ("service", service)]
        where = "".join(f" AND {column} = ?" for column, value in wanted if value)
        order = "DESC" if newest else "ASC"
        query = f"SELECT number, body FROM event WHERE number > ?{where} ORDER BY number {order} LIMIT ?"
        with self._connections.reading() as connection:
            rows = connection.execute(query, (after, *(value for _, value in wanted if value), limit)).fetchall()
        found = [replace(self._loaded(Event, body), number=number) for number, body in rows]
        return tuple(reversed(found) if newest else found)

    def submit(self, operation: Operation) -> int:
        with self._connections.adding() as connection:
            added = connection.execute(f"{add('operation', 'done', 'body')} RETURNING number", (0, dump(operation)))
            number = int(added.fetchone()[0])
            too_old = "DELETE FROM operation WHERE done = 1 AND number <= ?"
            connection.execute(too_old, (number - KEPT_OPERATIONS,))
            self._ring(connection)
        return number

    def _ring(self, connection: Statements) -> None:
        """Have the daemon hear of an operation once this transaction is over, where the database can do that."""

    def operation(self, number: int) -> Operation | None:
        found = self._one(Operation, "SELECT body FROM operation WHERE number = ?", number)
        return replace(found, number=number) if found else None

    def pending(self) -> tuple[Operation, ...]:
        with self._connections.reading() as connection:
            rows = connection.execute("SELECT number, body FROM operation WHERE done = 0 ORDER BY number").fetchall()
        return tuple(replace(self._loaded(Operation, body), number=number) for number, body in rows)

    def complete(self, number: int, result: str, at: datetime, events: Sequence[Event] = ()) -> None:
        with self._connections.writing() as connection:
            self._append(connection, events)
            row = connection.execute("SELECT body FROM operation WHERE number = ?", (number,)).fetchone()
            if row:
                done = replace(self._loaded(Operation, row[0]), number=number, done_at=at, result=result)
                self._complete(connection, done)

    def _complete(self, connection: Statements, done: Operation) -> None:
        connection.execute("UPDATE operation SET done = 1, body = ? WHERE number = ?", (dump(done), done.number))

    def save_status(self, status: EnvironmentStatus, events: Sequence[Event] = ()) -> None:
        body = dump(status)
        with self._connections.writing() as connection:
            connection.execute(PUT_STATUS, (status.name, body))
            self._append(connection, events)

    def statuses(self) -> tuple[EnvironmentStatus, ...]:
        return tuple(map(self._status, self._bodies("SELECT body FROM status ORDER BY environment")))

    def save_repository(self, status: RepositoryStatus) -> None:
        with self._connections.writing() as connection:
            connection.execute(put("repository", "name", "body"), (status.name, dump(status)))

    def repositories(self) -> tuple[RepositoryStatus, ...]:
        return self._all(RepositoryStatus, "SELECT body FROM repository ORDER BY name")

    def _kept_journal(self, connection: Statements, environment: str) -> Journal:
        row = connection.execute("SELECT body FROM journal WHERE environment = ?", (environment,)).fetchone()
        return self._loaded(Journal, row[0]) if row else Journal(environment)

    def _append(self, connection: Statements, events: Sequence[Event]) -> None:
        for event in events:
            row = (event.environment, event.service, dump(replace(event, number=0)))
            added = connection.execute(f"{add('event', 'environment', 'service', 'body')} RETURNING number", row)
            number = int(added.fetchone()[0])
            # Now and then only: a delete costs more than an insert.
            if number % max(1, self._keeping.keep_events // 40) == 0:
                drop_events(connection, number, event.at, self._keeping)

    def _one(self, kind: type[T], query: str, *values: str | int) -> T | None:
        return next(iter(self._all(kind, query, *values)), None)

    def _all(self, kind: type[T], query: str, *values: str | int) -> tuple[T, ...]:
        return tuple(self._loaded(kind, body) for body in self._bodies(query, *values))

    def _bodies(self, query: str, *values: str | int) -> list[str]:
        with self._connections.reading() as connection:
            return [body for (body,) in connection.execute(query, values)]

    def _loaded(self, kind: type[T], body: str) -> T:
        try:
            return load(kind, body)
        except ValueError as error:
            raise StoreError(
                f"{self._named} holds a row that this version cannot read ({error}); "
                "run the version that wrote it, or restore a backup"
            ) from error


def _rename_bodies(connection: Statements, old: str, new: str) -> None:
    """Give the new name to what bears its environment's within; what was asked for and done keeps the old one."""
    asked = connection.execute("SELECT number, body FROM operation WHERE done = 0").fetchall()
    bodies = {"operation": [(number, body) for number, body in asked if json.loads(body)["environment"] == old]}
    for table in ("release", "event"):
        found = connection.execute(f"SELECT number, body FROM {table} WHERE environment = ?", (old,))
        bodies[table] = found.fetchall()
    for table, rows in bodies.items():
        renamed = [(json.dumps({**json.loads(body), "environment": new}), number) for number, body in rows]
        connection.executemany(f"UPDATE {table} SET body = ? WHERE number = ?", renamed)


def _add_past_drift(connection: Statements, environment: str, over: Sequence[PastDrift]) -> None:
    """Add to the history of an environment, which is bounded by number and by age."""
    if not over:
        return
    rows = [(environment, each.ended_at.timestamp(), dump(each)) for each in over]
    connection.executemany(add("past_drift", "environment", "ended", "body"), rows)
    now = max(each.ended_at for each in over)
    too_old = "DELETE FROM past_drift WHERE environment = ? AND ended < ?"
    connection.execute(too_old, (environment, (now - KEPT_DRIFTS_FOR).timestamp()))
    newest = "SELECT number FROM past_drift WHERE environment = ? ORDER BY number DESC LIMIT ?"
    too_many = f"DELETE FROM past_drift WHERE environment = ? AND number NOT IN ({newest})"
    connection.execute(too_many, (environment, environment, KEPT_DRIFTS))

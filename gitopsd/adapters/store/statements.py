"""What the store's SQL is spoken to: statements that SQLite and PostgreSQL read alike, with `?` where values go."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

Value = str | int | float


class Rows(Protocol):
    """What a statement found, each row a tuple, or how many rows it changed."""

    @property
    def rowcount(self) -> int: ...

    def fetchone(self) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def __iter__(self) -> Iterator[Any]: ...


class Statements(Protocol):
    """A transaction that is open."""

    def execute(self, statement: str, values: Sequence[Value] = ..., /) -> Rows: ...

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]], /) -> object: ...


class Transactions(Protocol):
    """A database to make transactions on, from any thread. Whatever fails is a StoreError, and changed nothing."""

    def reading(self) -> AbstractContextManager[Statements]: ...

    def writing(self) -> AbstractContextManager[Statements]:
        """One writer at a time. Refused to one that was the daemon and is it no more."""
        ...

    def adding(self) -> AbstractContextManager[Statements]:
        """The same for what anybody may add at any time: operations that are asked for, events that are told."""
        ...

    def close(self) -> None: ...


def put(table: str, *columns: str, key: int = 1) -> str:
    """Writes a row in the place of the one that has the same first `key` columns, if there is one."""
    fresh = ", ".join(f"{column} = excluded.{column}" for column in columns[key:])
    return f"{add(table, *columns)} ON CONFLICT ({', '.join(columns[:key])}) DO UPDATE SET {fresh}"


def add(table: str, *columns: str) -> str:
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"

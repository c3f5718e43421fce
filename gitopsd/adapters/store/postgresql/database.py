"""A PostgreSQL database as the settings name it: connected to, and every failure told as a StoreError."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from gitopsd.adapters.store.statements import Rows, Value
from gitopsd.model.errors import StoreError
from gitopsd.model.settings import StoreSettings

# A server or a network that went away silently is noticed, and a daemon that is paused in the middle of a transaction
# keeps nobody else waiting for long.
LIMITS = {"statement_timeout": 30_000, "lock_timeout": 10_000, "idle_in_transaction_session_timeout": 5_000}
DEFAULTS = {
    "connect_timeout": "5",
    "target_session_attrs": "read-write",
    "keepalives_idle": "5",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
}


class Session:
    """One connection. Outside a transaction each statement is one of its own."""

    def __init__(self, connection: "psycopg.Connection[tuple[Any, ...]]") -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Rows:
        return self._connection.execute(_with_their_placeholders(statement), values)

    def executemany(self, statement: str, rows: Iterable[Sequence[Value]], /) -> None:
        with self._connection.cursor() as cursor:
            cursor.executemany(_with_their_placeholders(statement), rows)

    def notified(self, seconds: float) -> bool:
        """Wait at most so long for a notification on a channel that is listened to; whether one came."""
        return any(True for _ in self._connection.notifies(timeout=seconds, stop_after=1))

    def usable(self) -> bool:
        """Whether it is open, and no transaction is."""
        return self._connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE

    def close(self) -> None:
        self._connection.close()


class Database:
    """Where it is, without its password: that is read from its file at each connection, so that it may change."""

    def __init__(self, settings: StoreSettings) -> None:
        self._settings = settings
        parts = urlsplit(settings.url)
        self.named = f"postgresql://{parts.netloc}{parts.path}"

    def connect(self) -> Session:
        with self.told():
            said = {name: str(value) for name, value in conninfo_to_dict(self._settings.url).items()}
            limits = " ".join(f"-c {name}={value}" for name, value in LIMITS.items())
            ours = {"options": f"{said.get('options', '')} {limits}", "client_encoding": "utf8"}
            where = make_conninfo(**{**DEFAULTS, **said, **ours, "application_name": "gitopsd"})
            return Session(psycopg.connect(where, password=self._password(), autocommit=True))

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn what PostgreSQL says into what a person can do about it."""
        try:
            yield
        except psycopg.Error as error:
            said = " ".join(str(error).split()) or type(error).__name__
            raise StoreError(f"{self.named}: {said}; {self._mend(error, said)}") from error

    def _password(self) -> str | None:
        file = self._settings.password_file
        if file is None:
            return None
        try:
            return file.read_text().rstrip("\n")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no text"
            raise StoreError(f"{file}: {reason}; store.password_file has to hold the database's password") from error

    def _mend(self, error: psycopg.Error, said: str) -> str:
        match error:
            case errors.DiskFull():
                return "make room on the server's disk"
            case errors.LockNotAvailable() | errors.QueryCanceled():
                return "another gitopsd held it for too long; try again"
            case errors.InsufficientPrivilege() | errors.InvalidSchemaName():
                return "let its user make tables there, or give it a database that it owns"
            case errors.ReadOnlySqlTransaction():
                return "it is a replica: name the primary in store.url"
            case psycopg.OperationalError():
                found = (mend for pattern, mend in _MENDS.items() if re.search(pattern, said))
                return next(found, _UNREACHED).format(file=self._settings.password_file)
        return "see that the server is well and that this version of gitopsd made what is in it"


_MENDS = {
    "no password supplied": "write store.password_file",
    "authentication failed": "see that {file} holds the password of the url's user",
    "no pg_hba.conf entry": "let the server's pg_hba.conf take this user from here, or say another sslmode in the url",
    'database ".*" does not exist': "make it with `createdb`, or name another one in store.url",
    'role ".*" does not exist': "make it with `createuser`, or name another user in store.url",
    "session is read-only": "it is a replica: name the primary in store.url",
    "too many (connections|clients)|connection slots": "let the server take more connections",
    "certificate|SSL|ssl": "see that sslmode and sslrootcert of the url suit the server",
}
_UNREACHED = "see that the server runs, and that store.url names where it is reached from here"


@cache
def _with_their_placeholders(statement: str) -> str:
    return statement.replace("%", "%%").replace("?", "%s")

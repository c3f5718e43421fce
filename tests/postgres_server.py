"""A real PostgreSQL of this machine's programs on a socket of its own, for stories of the store."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import psycopg

from gitopsd.model.settings import StoreSettings
from tests.apps import free_port
from tests.postgres import newest

USER = "postgres"  # the server refuses to run as root
PASSWORD = "a password of tests"
ACCESS = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
SETTINGS = {"fsync": "off", "full_page_writes": "off", "jit": "off", "lc_messages": "C"}


@dataclass(frozen=True, slots=True)
class Server:
    """It trusts who comes over its socket, and wants a password of who comes over TCP. Restarts lose nothing."""

    room: Path
    port: int

    def start(self) -> None:
        told = {**SETTINGS, "unix_socket_directories": str(self.room), "listen_addresses": "127.0.0.1"}
        options = " ".join(f"-c {name}={value}" for name, value in told.items())
        self._run("pg_ctl", "start", "--wait", "--silent", f"--options=-p {self.port} {options}")

    def stop(self) -> None:
        """At once: every connection is cut."""
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=immediate")

    def make(self) -> None:
        (self.room / "password").write_text(PASSWORD)
        given = [f"--username={USER}", f"--pwfile={self.room}/password", "--encoding=UTF8", "--locale=C", "--no-sync"]
        self._run("initdb", *given)
        (self.room / "data" / "pg_hba.conf").write_text(ACCESS)

    def schema(self) -> str:
        """A new one, for one story."""
        name = f"story_{uuid.uuid4().hex[:12]}"
        self.ask(f"CREATE SCHEMA {name}")
        return name

    def settings(self, schema: str, lease: timedelta = timedelta(seconds=15)) -> StoreSettings:
        return StoreSettings(self.url(schema), lease=lease)

    def url(self, schema: str) -> str:
        path = quote(f"-c search_path={schema}")
        return f"postgresql://{USER}@/postgres?host={quote(str(self.room), safe='')}&port={self.port}&options={path}"

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """By another client than gitopsd's."""
        where = f"host={self.room} port={self.port} user={USER} dbname=postgres"
        with closing(psycopg.connect(where, autocommit=True)) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(newest() / "bin" / program), f"--pgdata={self.room}/data", *arguments]
        log = self.room / "log"
        with log.open("ab") as stream:
            done = subprocess.run(command, **_as_its_user(), cwd=self.room, stdout=stream, stderr=stream, check=False)
        assert done.returncode == 0, log.read_text()


@contextmanager
def postgres_server() -> Iterator[Server]:
    newest()
    room = Path(tempfile.mkdtemp(prefix="gitopsd-postgres."))
    if os.getuid() == 0:
        shutil.chown(room, USER, USER)
    server = Server(room, free_port())
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(room)


def _as_its_user() -> dict[str, str | int]:
    return {"user": USER, "group": pwd.getpwnam(USER).pw_gid} if os.getuid() == 0 else {}

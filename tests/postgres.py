"""An image of a real PostgreSQL, server and client, of the programs of this machine and what they load.

`start-postgres` makes an empty database without passwords, and serves it to everybody who reaches the container.
"""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import docker

from tests.images import busybox_tar, import_image, install

PROGRAMS = ("postgres", "initdb", "psql", "pg_isready")
MODULES = ("plpgsql", "dict_snowball")  # without which initdb does not end
SHARED = Path("/usr/share/postgresql")
START = """#!/bin/sh
set -e
initdb --no-sync --no-locale --encoding=UTF8 --auth=trust --username=postgres --pgdata=/data/db >/dev/null
echo 'host all all all trust' >>/data/db/pg_hba.conf
exec postgres -D /data/db -c 'listen_addresses=*' -c unix_socket_directories=/tmp -c fsync=off -c jit=off
"""
USER = "postgres:x:999:999:postgres:/data:/bin/sh\n"


def postgres_image(api: docker.APIClient, tag: str) -> str:
    """Makes `tag`, and returns its id."""
    home = newest()
    files: dict[str, str | bytes] = {"/etc/passwd": f"root:x:0:0:root:/:/bin/sh\n{USER}", "/bin/start-postgres": START}
    programs = [home / "bin" / name for name in PROGRAMS]
    modules = [home / "lib" / f"{name}.so" for name in MODULES]
    data = [*(SHARED / home.name).rglob("*"), Path("/usr/share/zoneinfo/UTC"), Path("/usr/share/zoneinfo/Etc/UTC")]
    for path in (*programs, *modules, *_libraries(*programs, *modules), *data):
        if path.is_file():
            files[str(path)] = path.read_bytes()
    changes = [f"ENV PATH={home}/bin:/bin PGHOST=db PGUSER=postgres PGTZ=UTC"]
    return import_image(api, tag, busybox_tar(files), changes)


def newest() -> Path:
    """Where the newest server of this machine lies; it is installed first where that is possible."""
    found = _installed()
    if not found:
        install("postgresql")
        found = _installed()
    if not found:
        raise RuntimeError("there is no PostgreSQL on this machine; install postgresql")
    return found[-1]


def _installed() -> list[Path]:
    homes = [path.parent.parent for path in Path("/usr/lib/postgresql").glob("*/bin/postgres")]
    return sorted(homes, key=lambda home: int(home.name))


def _libraries(*programs: Path) -> Iterator[Path]:
    """What the loader finds for them, and itself, under the names by which they are asked for."""
    told = subprocess.run(["ldd", *map(str, programs)], capture_output=True, text=True, check=False).stdout
    for found in sorted(set(re.findall(r"(?:=> |^\s)(/\S+)", told, re.MULTILINE))):
        yield Path(found)

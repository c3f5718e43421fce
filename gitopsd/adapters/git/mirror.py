"""The bare mirror on disk: made, locked between processes, cleared of what killed commands left, checked and replaced.

`NAME.git` is the mirror, `NAME.git.new` one that is being made beside it, `NAME.git.old` one that was just replaced.
"""

import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from gitopsd.adapters.git.process import Commands, GitFailed
from gitopsd.model.errors import SourceUnavailable

PATIENCE = 10.0
_LOCK_RETRY_S = 0.02
# What a killed Git leaves behind; whoever holds the mirror's own lock knows that nobody uses them.
_LEFTOVERS = (
    "*.lock",
    "refs/**/*.lock",
    "gc.pid",
    "objects/tmp_*",
    "objects/incoming-*",
    "objects/??/tmp_*",
    "objects/pack/tmp_*",
    "objects/pack/.tmp-*",
    "objects/info/*.lock",
    "objects/info/commit-graphs/*.lock",
)

Trust = Literal["sound", "unsure", "suspect"]


class Mirror:
    """`damaged` is known after `writing` was entered. `suspect` asks for a thorough check at the next chance."""

    def __init__(self, directory: Path, commands: Commands, timeout_s: float) -> None:
        self.directory = directory
        self.damaged = False
        self._commands = commands
        self._timeout_s = timeout_s
        self._trust: Trust = "unsure"

    def git(self, *arguments: str, stdin: bytes = b"", variables: Mapping[str, str] | None = None) -> bytes:
        """Run a command that only reads, or only adds objects."""
        return self._commands.run(self.directory, *arguments, stdin=stdin, variables=variables)

    def suspect(self) -> None:
        """Something in it could not be read."""
        self._trust = "suspect"

    @contextmanager
    def writing(self) -> Iterator[int]:
        """Be the only one who changes the mirror, which exists and is tidy. Gives the lock's descriptor.

        SourceUnavailable: another process is at it for longer than the timeout.
        """
        with _told(), _locked(self.directory.with_suffix(".lock"), self._timeout_s) as held:
            if self._trust != "sound":
                self._prepare(held)
            try:
                yield held
            except BaseException:
                if self._trust == "sound":
                    self._trust = "unsure"
                raise

    def sound(self, held: int, thorough: bool = False) -> bool:
        """Whether every ref's tree is there; `thorough`: whether every object is there and unharmed."""
        quick = ("rev-list", "--objects", "--no-walk", "--quiet", "--all")
        full = ("fsck", "--full", "--no-dangling", "--no-reflogs", "--no-progress")
        try:
            self._commands.run(self.directory, *(full if thorough else quick), patience=PATIENCE, held=held)
        except GitFailed:
            return False
        return True

    @contextmanager
    def replacing(self, held: int) -> Iterator[Path]:
        """An empty mirror beside this one, which takes its place when the block ends well."""
        fresh = self._created(held)
        yield fresh
        old = self._beside("old")
        self.directory.rename(old)
        fresh.rename(self.directory)
        _removed(old)
        self.damaged, self._trust = False, "sound"

    def _prepare(self, held: int) -> None:
        thorough = self._trust == "suspect"
        old = self._beside("old")
        if old.exists() and not self.directory.exists():
            old.rename(self.directory)
        _removed(old)
        _removed(self._beside("new"))
        if not self.directory.exists():
            self._created(held).rename(self.directory)
        for pattern in _LEFTOVERS:
            for leftover in self.directory.glob(pattern):
                _removed(leftover)
        self.damaged = not self.sound(held, thorough)
        self._trust = "unsure" if self.damaged else "sound"

    def _created(self, held: int) -> Path:
        fresh = self._beside("new")
        _removed(fresh)
        self._commands.run(None, "init", "--quiet", "--bare", "--template=", "--", str(fresh), held=held)
        return fresh

    def _beside(self, what: str) -> Path:
        return self.directory.with_name(f"{self.directory.name}.{what}")


def _removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def _locked(file: Path, within_s: float) -> Iterator[int]:
    """A lock that belongs to the open file: Git processes that share the descriptor hold it after our own end."""
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = time.monotonic() + within_s
        while True:
            with suppress(BlockingIOError):
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            if time.monotonic() >= deadline:
                raise SourceUnavailable(f"{file}: another process has used the mirror for {within_s:g} s; try again")
            time.sleep(_LOCK_RETRY_S)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SourceUnavailable(
            f"{error.filename}: {error.strerror}; see that the state directory is writable and has room"
        ) from error

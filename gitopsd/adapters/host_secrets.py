"""Files of the host that hold secrets, and gitopsd's own store of them: STATE/secrets/ENVIRONMENT/NAME, owner only.

They are kept in the clear, as the files that they take the place of are: a key beside them would protect nothing. They
are no part of the database.
"""

import os
import secrets
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from gitopsd.adapters.store import identity
from gitopsd.adapters.unlocking import Unlocking
from gitopsd.model.errors import HostFileError
from gitopsd.model.secret import SECRET_NAME_MEND, HostFile, Lock, is_secret_name

MAX_BYTES = 1 << 20


class HostSecrets:
    """The port Secrets on the file system, with what opens encrypted files."""

    def __init__(self, state_dir: Path, unlocking: Callable[[bytes, Lock], bytes] | None = None) -> None:
        self._directory = state_dir / "secrets"
        self._unlocking = unlocking or Unlocking().unlock

    def unlock(self, data: bytes, lock: Lock) -> bytes:
        return self._unlocking(data, lock)

    def file(self, path: Path) -> HostFile | None:
        try:
            data, changed_at = _read(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise HostFileError(f"{path} cannot be read: {error.strerror}; mend its path or mode") from None
        if len(data) > MAX_BYTES:
            raise HostFileError(f"{path} has more than {MAX_BYTES} bytes; name a smaller file")
        return HostFile(str(path), data, datetime.fromtimestamp(changed_at, tz=UTC))

    def kept(self, environment: str, name: str) -> HostFile | None:
        return self.file(self.directory(environment) / name) if _fits(environment, name) else None

    def names(self, environment: str) -> tuple[str, ...]:
        directory = self.directory(environment)
        with identity.told_of(directory):
            listed = os.listdir(directory) if directory.is_dir() else []
        return tuple(sorted(filter(is_secret_name, listed)))

    def keep(self, environment: str, name: str, value: bytes) -> None:
        if not _fits(environment, name):
            raise HostFileError(f"{environment}/{name!a} cannot be the name of a secret; {SECRET_NAME_MEND}")
        if not 0 < len(value) <= MAX_BYTES:
            what = f"has more than {MAX_BYTES} bytes" if value else "is empty"
            raise HostFileError(f"the secret {what}; nothing was written")
        directory = self.directory(environment)
        identity.make(self._directory.parent)
        identity.make(self._directory)
        identity.make(directory)
        draft = directory / f".{secrets.token_hex(8)}"
        with identity.told_of(directory):
            try:
                _write(draft, value)
                os.replace(draft, directory / name)
            finally:
                draft.unlink(missing_ok=True)

    def drop(self, environment: str, name: str) -> bool:
        if not _fits(environment, name):
            return False
        path = self.directory(environment) / name
        with identity.told_of(path.parent):
            try:
                path.unlink()
            except (FileNotFoundError, NotADirectoryError):
                return False
        return True

    def directory(self, environment: str) -> Path:
        return self._directory / environment


def _fits(environment: str, name: str) -> bool:
    """Whether both can be names in a directory; an environment is called as its own directory in Git is."""
    return is_secret_name(name) and "/" not in environment and not environment.startswith(".") and bool(environment)


def _read(path: Path) -> tuple[bytes, float]:
    """What a file holds, one byte more than is allowed at most, and when it changed."""
    # Without O_NONBLOCK a named pipe would be waited for until somebody writes.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            kind = "a directory" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise HostFileError(f"{path} is {kind}; name a file")
        with open(descriptor, "rb", closefd=False) as stream:
            return stream.read(MAX_BYTES + 1), status.st_mtime
    finally:
        os.close(descriptor)


def _write(path: Path, value: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as stream:
        stream.write(value)
        stream.flush()
        os.fsync(descriptor)

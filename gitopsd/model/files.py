"""The files of one commit as a value: what is there, and what was asked of it."""

import hashlib
import posixpath
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gitopsd.model.errors import LockedError
from gitopsd.model.secret import Lock, lock_of

SYMLINK = 0o120000
SUBMODULE = 0o160000


Unlock = Callable[[bytes, Lock], bytes]


def _locked(data: bytes, lock: Lock) -> bytes:
    raise LockedError(f"it is encrypted ({lock.partition('-')[0]}), and there is no key here; name one in gitopsd.yaml")


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of a commit: Git's mode (0o100644, 0o100755, 0o120000, 0o160000), blob id, size in bytes."""

    mode: int
    blob: str
    size: int


class Files:
    """An immutable mapping of one commit that remembers what was asked of it.

    `entries` maps repository paths (POSIX, no leading slash) to entries, which may be made when they are asked for.
    `read` gives a blob's bytes by blob id; blobs are addressed by their content, so reading late gives the same value
    as reading early. `unlock` gives the clear bytes of an encrypted one.
    """

    def __init__(
        self,
        revision: str,
        entries: Mapping[str, Entry],
        read: Callable[[str], bytes],
        unlock: Unlock = _locked,
    ) -> None:
        self.revision = revision
        self._entries = entries
        self._read = read
        self._unlock = unlock
        self._asked: set[str] = set()

    @classmethod
    def of(cls, contents: Mapping[str, str | bytes], revision: str = "0" * 40) -> "Files":
        """Files from plain contents, for directories on disk and for tests."""
        blobs = {path: data.encode() if isinstance(data, str) else data for path, data in contents.items()}
        by_id = {hashlib.sha1(data, usedforsecurity=False).hexdigest(): data for data in blobs.values()}
        entries = {
            path: Entry(0o100644, hashlib.sha1(data, usedforsecurity=False).hexdigest(), len(data))
            for path, data in blobs.items()
        }
        return cls(revision, entries, by_id.__getitem__)

    def entry(self, path: str) -> Entry | None:
        """The file at `path`, or None; the question is remembered either way."""
        path = posixpath.normpath(path)
        self._asked.add(path)
        return self._entries.get(path)

    def read(self, path: str) -> bytes:
        """The bytes of the file at `path`, in the clear. KeyError when there is none; links are not followed.

        LockedError: it is encrypted, and cannot be read.
        """
        data = self._stored(path)
        lock = lock_of(data)
        return data if lock is None else self._unlock(data, lock)

    def sealed(self, path: str) -> bytes | None:
        """The bytes of an encrypted file as they are stored; None where it is in the clear, or is none."""
        if self.entry(path) is None:
            return None
        data = self._stored(path)
        return data if lock_of(data) is not None else None

    def _stored(self, path: str) -> bytes:
        entry = self.entry(path)
        if entry is None:
            raise KeyError(path)
        return self._read(entry.blob)

    def below(self, directory: str) -> dict[str, Entry]:
        """Every file under `directory` by its full path; the whole directory counts as asked for."""
        prefix = _prefix(directory)
        self._asked.add(prefix or "/")
        return {path: self._entries[path] for path in self._entries if path.startswith(prefix)}

    def named(self, names: Iterable[str]) -> tuple[str, ...]:
        """The paths of all files that bear one of `names`, whatever their directory. Does not count as asking."""
        wanted = frozenset(names)
        return tuple(path for path in self._entries if posixpath.basename(path) in wanted)

    def is_directory(self, path: str) -> bool:
        """Whether any file lies under `path`."""
        prefix = _prefix(path)
        return any(name.startswith(prefix) for name in self._entries)

    def again(self) -> "Files":
        """The same files, of which nothing has been asked yet."""
        return Files(self.revision, self._entries, self._read, self._unlock)

    def unlocked_by(self, unlock: Unlock) -> "Files":
        """The same files, of which nothing has been asked yet, where encrypted ones can be read."""
        return Files(self.revision, self._entries, self._read, unlock)

    @property
    def asked(self) -> frozenset[str]:
        """Every path that was looked at; a directory ends with a slash."""
        return frozenset(self._asked)

    def input_digest(self, asked: Iterable[str]) -> str:
        """Hash of path, mode and blob id, or absence, of each asked path. Equal digest: nothing to do for a commit."""
        lines: list[str] = []
        for path in sorted(set(asked)):
            if path.endswith("/"):
                prefix = "" if path == "/" else path
                found = {name: self._entries[name] for name in self._entries if name.startswith(prefix)}
                lines += [_line(name, found[name]) for name in sorted(found)] or [f"{path}\0absent"]
            else:
                lines.append(_line(path, self._entries.get(path)))
        return hashlib.sha256("\n".join(lines).encode(errors="surrogateescape")).hexdigest()


def _line(path: str, entry: Entry | None) -> str:
    return f"{path}\0absent" if entry is None else f"{path}\0{entry.mode:o}\0{entry.blob}"


def _prefix(directory: str) -> str:
    directory = posixpath.normpath(directory)
    return "" if directory in (".", "/") else directory.rstrip("/") + "/"

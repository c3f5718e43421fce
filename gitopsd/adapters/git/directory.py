"""A directory on disk as if it were a commit, for commands that need no repository."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from gitopsd.model.errors import SourceError
from gitopsd.model.files import SYMLINK, Entry, Files

_CHUNK = 1 << 20
_LOOK = 1 << 12


def directory_files(root: Path, without: Collection[Path] = (), most: int = 0) -> Files:
    """Every file below `root` but for `.git`, with Git's modes and blob ids. Symbolic links are files that hold a path.

    `without` are directories below it that are passed over; `most` is how many bytes there may be, 0 for any number.
    SourceError: `root` is no directory, what is asked for cannot be read, or there is more than that.
    """
    if not root.is_dir():
        raise SourceError(f"{root} is not a directory; name one that holds a Compose file")
    entries = _Entries(dict(_paths(root, frozenset(without), most)))
    return Files("0" * 40, entries, entries.content)


class _Entries(Mapping[str, Entry]):
    """What is there, by name; a file is read and hashed when it is asked for, as most of a work tree never is."""

    def __init__(self, paths: Mapping[str, str]) -> None:
        self._paths = paths
        self._known: dict[str, Entry] = {}
        self._by_blob: dict[str, Path] = {}

    def __getitem__(self, name: str) -> Entry:
        if name not in self._known:
            entry = self._known[name] = _entry(Path(self._paths[name]))
            self._by_blob.setdefault(entry.blob, Path(self._paths[name]))
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def content(self, blob: str) -> bytes:
        return _content(self._by_blob[blob])


def _paths(root: Path, without: frozenset[Path], most: int) -> Iterator[tuple[str, str]]:
    """Files and links by their names below `root`. Git keeps no sockets, pipes and devices."""
    total = 0
    for name, found in _walk(str(root), "", frozenset(map(str, without))):
        total += _size(found) if most else 0
        if most and total > most:
            raise SourceError(f"{root} holds more than {most >> 20} MiB; it is not read as a repository")
        yield name, found


def _walk(directory: str, prefix: str, without: frozenset[str]) -> Iterator[tuple[str, str]]:
    try:
        with os.scandir(directory) as found:
            inside = sorted(found, key=lambda each: each.name)
    except OSError as error:
        raise _refused(error) from error
    for each in inside:
        if each.name == ".git":
            continue
        if each.is_dir(follow_symlinks=False):
            if each.path not in without:
                yield from _walk(each.path, f"{prefix}{each.name}/", without)
        elif each.is_file(follow_symlinks=False) or each.is_symlink():
            yield prefix + each.name, each.path


def _size(path: str) -> int:
    """What the file counts for; also an empty one costs a look."""
    try:
        return os.lstat(path).st_size + _LOOK
    except OSError as error:
        raise _refused(error) from error


def _entry(path: Path) -> Entry:
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            target = os.fsencode(path.readlink())
            return Entry(SYMLINK, _blob_id([target], len(target)), len(target))
        mode = 0o100755 if status.st_mode & stat.S_IXUSR else 0o100644
        with path.open("rb") as stream:
            blob = _blob_id(iter(lambda: stream.read(_CHUNK), b""), status.st_size)
        return Entry(mode, blob, status.st_size)
    except OSError as error:
        raise _refused(error) from error


def _content(path: Path) -> bytes:
    try:
        return os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
    except OSError as error:
        raise _refused(error) from error


def _blob_id(chunks: Iterable[bytes], size: int) -> str:
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def _refused(error: OSError) -> SourceError:
    return SourceError(f"{error.filename}: {error.strerror}; make it readable")

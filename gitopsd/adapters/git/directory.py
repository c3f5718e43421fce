"""A directory on disk as if it were a commit, for commands that need no repository."""

import hashlib
import os
import stat
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from gitopsd.model.errors import SourceError
from gitopsd.model.files import SYMLINK, Entry, Files

_CHUNK = 1 << 20
_LOOK = 1 << 12


def directory_files(root: Path, without: Collection[Path] = (), most: int = 0) -> Files:
    """Every file below `root` but for `.git`, with Git's modes and blob ids. Symbolic links are files that hold a path.

    `without` are directories below it that are passed over; `most` is how many bytes there may be, 0 for any number.
    SourceError: `root` is no directory, something in it cannot be read, or there is more than that.
    """
    if not root.is_dir():
        raise SourceError(f"{root} is not a directory; name one that holds a Compose file")
    entries: dict[str, Entry] = {}
    paths: dict[str, Path] = {}
    for path in _paths(root, frozenset(without), most):
        if entry := _entry(path):
            entries[path.relative_to(root).as_posix()] = entry
            paths.setdefault(entry.blob, path)
    return Files("0" * 40, entries, lambda blob: _content(paths[blob]))


def _paths(root: Path, without: frozenset[Path], most: int) -> Iterator[Path]:
    total = 0
    for directory, subdirectories, names in os.walk(root, onerror=_refuse):
        links = [name for name in subdirectories if os.path.islink(os.path.join(directory, name))]
        subdirectories[:] = sorted(
            name for name in subdirectories if _walked(name, links) and Path(directory, name) not in without
        )
        for path in (Path(directory, name) for name in sorted([*names, *links]) if name != ".git"):
            total += _size(path) if most else 0
            if most and total > most:
                raise SourceError(f"{root} holds more than {most >> 20} MiB; it is not read as a repository")
            yield path


def _walked(name: str, links: Collection[str]) -> bool:
    return name != ".git" and name not in links


def _size(path: Path) -> int:
    """What the file counts for; also an empty one costs a look."""
    try:
        return path.lstat().st_size + _LOOK
    except OSError as error:
        raise _refused(error) from error


def _entry(path: Path) -> Entry | None:
    """None for what Git does not keep: sockets, pipes, devices."""
    try:
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            target = os.fsencode(path.readlink())
            return Entry(SYMLINK, _blob_id([target], len(target)), len(target))
        if not stat.S_ISREG(status.st_mode):
            return None
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


def _refuse(error: OSError) -> None:
    raise _refused(error) from error


def _refused(error: OSError) -> SourceError:
    return SourceError(f"{error.filename}: {error.strerror}; make it readable")

"""Paths within a revision: symbolic links are resolved inside the repository, what leads out of it is refused."""

import posixpath
import re
from dataclasses import dataclass

from gitopsd.model.errors import LockedError
from gitopsd.model.files import SUBMODULE, SYMLINK, Files

MAX_LINKS = 40
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
_REMOTE = re.compile(r"^(?:[A-Za-z][A-Za-z0-9+.-]*://|[A-Za-z0-9._-]+@[A-Za-z0-9.-]+:|[a-z]+:)")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a path cannot be used, and how to mend it."""

    reason: str


def joined(directory: str, path: str) -> str | Refusal:
    """The repository path of a relative path that a file in `directory` names."""
    if path.startswith(("/", "~")):
        return Refusal(f"the absolute path '{path}' is outside the repository; keep the file in the repository")
    if _REMOTE.match(path):
        return Refusal(f"'{path}' is remote; remote files are not loaded, keep a copy in the repository")
    whole = posixpath.normpath(posixpath.join(directory, path))
    if whole == ".." or whole.startswith("../"):
        return Refusal(f"'{path}' leads out of the repository; keep the file in the repository")
    return "" if whole == "." else whole


def resolved(files: Files, path: str) -> str | Refusal:
    """The path of what is behind `path` once its symbolic links are followed; it need not exist."""
    entry = files.entry(path) if path else None
    if entry is not None and entry.mode not in (SYMLINK, SUBMODULE):
        return path
    return _walked(files, path)


def read(files: Files, path: str, limit: int) -> bytes | Refusal:
    """The bytes of a file of at most `limit` bytes."""
    real = resolved(files, path)
    if isinstance(real, Refusal):
        return real
    entry = files.entry(real)
    if entry is None:
        if files.is_directory(real):
            return Refusal(f"'{path}' is a directory; name a file in it")
        return Refusal(f"'{path}' does not exist in this revision; commit it, or mend the path")
    if entry.size > limit:
        return Refusal(f"'{path}' has {entry.size} bytes, more than the limit of {limit}; keep large files elsewhere")
    try:
        data = files.read(real)
    except LockedError as error:
        return Refusal(f"'{path}' cannot be read: {error}")
    if data.startswith(LFS_POINTER):
        return Refusal(f"'{path}' is a Git LFS pointer, its content is not in the repository; commit the file itself")
    return data


def sealed(files: Files, path: str) -> bytes | None:
    """The stored bytes of an encrypted file; None where it is in the clear."""
    real = resolved(files, path)
    return None if isinstance(real, Refusal) else files.sealed(real)


def _walked(files: Files, path: str) -> str | Refusal:
    """Component by component, so that no link is followed that was not looked at."""
    waiting = list(reversed(path.split("/"))) if path else []
    here: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part in ("", "."):
            continue
        if part == "..":
            if not here:
                return _out_of_bounds(path)
            here.pop()
            continue
        candidate = "/".join((*here, part))
        entry = files.entry(candidate)
        if entry is not None and entry.mode == SUBMODULE:
            return Refusal(f"'{candidate}' is a submodule, its files are not loaded; copy them into the repository")
        if entry is None or entry.mode != SYMLINK:
            here.append(part)
            continue
        links += 1
        target = files.read(candidate).decode(errors="replace")
        if links > MAX_LINKS:
            return Refusal(f"OutOfBoundsSymlink: '{path}' runs through a loop of symbolic links; remove the loop")
        if target.startswith("/"):
            return _out_of_bounds(candidate)
        waiting.extend(reversed(target.split("/")))
    return "/".join(here)


def _out_of_bounds(path: str) -> Refusal:
    return Refusal(f"OutOfBoundsSymlink: the symbolic link '{path}' leads out of the repository; link inside it only")

"""The router's files: each table a directory of its own, and a link to the one that counts, which moves in one step."""

import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path

from gitopsd.adapters.haproxy.config import SOCKETS, STATES
from gitopsd.adapters.haproxy.names import original

_CURRENT = "current"
_GENERATIONS = "generations"
_SALT = "salt"
_NO_STATES = "1\n"


class Disk:
    """The directory that gitopsd and HAProxy share. Nobody but root reads it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for directory in (root, root / _GENERATIONS, root / SOCKETS):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    def salt(self) -> bytes:
        """A secret made once, so that who is on which side of a share outlives gitopsd and the router."""
        path = self.root / _SALT
        if not path.exists():
            write_privately(path.with_suffix(".new"), secrets.token_hex(32))
            path.with_suffix(".new").replace(path)
        return bytes.fromhex(path.read_text())

    def current(self) -> str:
        """The generation that counts, "" before the first."""
        link = self.root / _CURRENT
        return Path(os.readlink(link)).name if link.is_symlink() else ""

    def holds(self, files: Mapping[str, str]) -> bool:
        """Whether what counts is just this."""
        directory = self.root / _CURRENT
        if not directory.is_dir() or {path.name for path in directory.iterdir()} != files.keys():
            return False
        return all((directory / name).read_text() == text for name, text in files.items())

    def certificates(self) -> dict[str, str]:
        """Those that count, by the names of their own files."""
        directory = self.root / _CURRENT
        found = {original(path.name): path for path in (directory.iterdir() if directory.is_dir() else ())}
        return {name: path.read_text() for name, path in found.items() if name}

    def write(self, files: Mapping[str, str]) -> str:
        """A new generation, complete and on the disk, that does not count yet."""
        name = str(int(self.current() or "0") + 1)
        directory, before = self.directory(name), self.root / _CURRENT
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(mode=0o700)
        for file, text in files.items():
            if (before / file).is_file() and (before / file).read_text() == text:
                os.link(before / file, directory / file)  # to wait for the disk again would delay a change of shares
            else:
                write_privately(directory / file, text)
        return name

    def directory(self, generation: str) -> Path:
        return self.root / _GENERATIONS / generation

    def turn_to(self, generation: str) -> None:
        """From here on this generation counts. The one before stays, for the way back."""
        before, link = self.current(), self.root / f"{_CURRENT}.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path(_GENERATIONS) / generation)
        link.replace(self.root / _CURRENT)
        for directory in (self.root / _GENERATIONS).iterdir():
            if directory.name not in (before, generation):
                shutil.rmtree(directory, ignore_errors=True)

    def leave_states(self, text: str = _NO_STATES) -> None:
        """What the next worker takes over from the one before. A start at another time takes nothing over."""
        write_privately(self.root / f"{STATES}.new", text)
        (self.root / f"{STATES}.new").replace(self.root / STATES)


def write_privately(path: Path, text: str) -> None:
    """On the disk when it returns, and nobody else ever reads it."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)

"""The file of tokens: a line for each, `NAME ROLE MADE-AT sha256:DIGEST`, written by `gitopsd token`, owner only.

A token has 256 random bits, so that a plain digest of it cannot be guessed back.
"""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from gitopsd.controller.page_port import ROLES, Caller, Role
from gitopsd.model.errors import TokenError

PREFIX = "gitopsd_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,62}")
_LINE = re.compile(r"(?P<name>\S+) (?P<role>\S+) (?P<at>\S+) sha256:(?P<digest>[0-9a-f]{64})")


class FileTokens:
    """The port Tokens on one file, read at every question, so that a revoked token ends at once."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def find(self, token: str) -> Caller | None:
        digest, found = _digest(token), None
        for caller in self.callers():
            if hmac.compare_digest(caller.digest, digest):
                found = caller
        return found

    def callers(self) -> tuple[Caller, ...]:
        return tuple(sorted(self._read(), key=lambda caller: caller.name))

    def add(self, name: str, role: Role, at: datetime) -> str:
        if not _NAME.fullmatch(name):
            raise TokenError(f"{name!a} is no name of a token; write at most 63 letters, digits and _.@-")
        token = PREFIX + secrets.token_urlsafe(32)
        with self._writing():
            callers = self._read()
            if any(caller.name == name for caller in callers):
                raise TokenError(f"there is a token {name} already; revoke it first, or name this one otherwise")
            self._write((*callers, Caller(name, role, _digest(token), at)))
        return token

    def revoke(self, name: str) -> None:
        with self._writing():
            callers = self._read()
            left = tuple(caller for caller in callers if caller.name != name)
            if len(left) == len(callers):
                known = ", ".join(sorted(caller.name for caller in callers)) or "none"
                raise TokenError(f"there is no token {name}; there are {known}")
            self._write(left)

    def _read(self) -> tuple[Caller, ...]:
        try:
            text = self._file.read_text()
        except FileNotFoundError:
            return ()
        except (OSError, UnicodeDecodeError) as error:
            raise TokenError(f"{self._file} cannot be read: {error}; mend its mode or content") from None
        lines = ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())
        return tuple(_caller(line, f"{self._file}:{number}") for number, line in lines if line[0] != "#")

    def _write(self, callers: tuple[Caller, ...]) -> None:
        draft = self._file.with_name(f".{self._file.name}.{secrets.token_hex(8)}")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write("".join(_line(caller) for caller in callers))
                file.flush()
                os.fsync(file.fileno())
            os.replace(draft, self._file)
        except OSError as error:
            raise TokenError(f"{self._file} cannot be written: {error.strerror}; mend its directory's mode") from None

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One writer at a time: two at once would lose a token, or a revocation."""
        try:
            self._file.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            descriptor = os.open(self._file.parent, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise TokenError(f"{self._file.parent} cannot be opened: {error.strerror}; mend its mode") from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _line(caller: Caller) -> str:
    at = caller.made_at.isoformat() if caller.made_at is not None else "-"
    return f"{caller.name} {caller.role} {at} sha256:{caller.digest}\n"


def _caller(line: str, place: str) -> Caller:
    found = _LINE.fullmatch(line.strip())
    role = next((each for each in ROLES if found is not None and each == found["role"]), None)
    if found is None or role is None:
        raise TokenError(f"{place}: is no line of a token; remove it, and make one with `gitopsd token add`")
    try:
        at = datetime.fromisoformat(found["at"]).astimezone(UTC) if found["at"] != "-" else None
    except ValueError:
        at = None
    return Caller(found["name"], role, found["digest"], at)

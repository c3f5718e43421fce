"""Tokens in memory, and a page that is only asked to begin and to end."""

from datetime import datetime
from hashlib import sha256

from gitopsd.controller.page_port import Caller, Role
from gitopsd.model.errors import TokenError


class FakeTokens:
    """The port Tokens. Its tokens can be guessed."""

    def __init__(self) -> None:
        self._callers: dict[str, Caller] = {}

    def find(self, token: str) -> Caller | None:
        return next((each for each in self._callers.values() if each.digest == _digest(token)), None)

    def callers(self) -> tuple[Caller, ...]:
        return tuple(caller for _, caller in sorted(self._callers.items()))

    def add(self, name: str, role: Role, at: datetime) -> str:
        if name in self._callers:
            raise TokenError(f"there is a token {name} already; revoke it first, or name this one otherwise")
        self._callers[name] = Caller(name, role, _digest(f"token-of-{name}"), at)
        return f"token-of-{name}"

    def revoke(self, name: str) -> None:
        if self._callers.pop(name, None) is None:
            raise TokenError(f"there is no token {name}; there are {', '.join(sorted(self._callers)) or 'none'}")


class FakePage:
    """The port Page."""

    def __init__(self) -> None:
        self.running = False

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False


def _digest(token: str) -> str:
    return sha256(token.encode()).hexdigest()

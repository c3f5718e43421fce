"""The ports of the HTTP side: who may ask, what the page is started with, and the daemon that it rings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Literal, Protocol, get_args

if TYPE_CHECKING:
    from gitopsd.controller.application import Application

Role = Literal["read", "operate", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)  # each may do what those before it may


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the name of a token, and what it allows. `digest` tells this token from a later one of its name."""

    name: str
    role: Role
    digest: str = ""
    made_at: datetime | None = None

    def may(self, role: Role) -> bool:
        return ROLES.index(self.role) >= ROLES.index(role)


class Tokens(Protocol):
    """Who may ask, by token. Only digests are kept, so that whoever reads them can ask for nothing."""

    def find(self, token: str) -> Caller | None:
        """Whose token it is. Every digest is compared, each in constant time."""
        ...

    def callers(self) -> tuple[Caller, ...]:
        """All that there are by now, by name."""
        ...

    def add(self, name: str, role: Role, at: datetime) -> str:
        """Make a token, and return it: it is shown this once. TokenError when the name is taken."""
        ...

    def revoke(self, name: str) -> None:
        """From now on it allows nothing. TokenError when there is none of that name."""
        ...


class Doorbell(Protocol):
    """The daemon, for who is outside: its application as the settings are by now, and a bell for its repositories."""

    def application(self) -> "Application": ...

    def poll(self, repository: str) -> None:
        """Ask a repository now, on another thread. An unknown one is nobody's."""
        ...


class Page(Protocol):
    """What answers HTTP while the daemon runs, on threads of its own."""

    def start(self) -> None:
        """Begin to listen; where that is not possible now, it is told in the ledger and tried again."""
        ...

    def stop(self) -> None: ...


OpenPage = Callable[[Doorbell], Page]

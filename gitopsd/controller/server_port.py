"""Another gitopsd, asked over its HTTP API; the command line's way to a daemon on another machine."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


class Server(Protocol):
    """Paths are below /api/v1. ServerError: it does not answer, or refuses, in its own words."""

    def get(self, path: str, **query: str | int) -> Any: ...

    def post(self, path: str, body: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One of a fleet. `connect` reads what it is asked with."""

    name: str
    url: str
    connect: Callable[[], Server]

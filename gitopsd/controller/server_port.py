"""Another gitopsd, asked over its HTTP API; the command line's way to a daemon on another machine."""

from typing import Any, Protocol


class Server(Protocol):
    """Paths are below /api/v1. ServerError: it does not answer, or refuses, in its own words."""

    def get(self, path: str, **query: str | int) -> Any: ...

    def post(self, path: str, body: Any) -> Any: ...

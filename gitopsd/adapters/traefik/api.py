"""Traefik's own word, by its API: what it has loaded, where it listens, and what it has counted."""

import json
from collections.abc import Mapping
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from gitopsd.adapters.traefik.entry_points import shown
from gitopsd.model.errors import RouterError, RouterUnavailable

_PATIENCE_S: Final = 5.0
_MOST_BYTES: Final = 64 << 20
_OPEN: Final = build_opener(ProxyHandler({}))


class Api:
    """`url` is where its API answers, and `metrics` its metrics."""

    def __init__(self, url: str, metrics: str = "") -> None:
        self._url, self._metrics = url.rstrip("/"), metrics or f"{url.rstrip('/')}/metrics"

    def loaded(self) -> Mapping[str, Any]:
        """Its routers, services and middlewares. RouterUnavailable: nobody answers."""
        found: Mapping[str, Any] = self._json("/api/rawdata")
        return found

    def entry_points(self) -> dict[str, str]:
        return shown(self._json("/api/entrypoints"))

    def metrics(self) -> str:
        return _asked(self._metrics)

    def _json(self, path: str) -> Any:
        said = _asked(f"{self._url}{path}")
        try:
            return json.loads(said)
        except ValueError as error:
            raise RouterError(f"Traefik's API is not understood: {said[:80]!r} at {self._url}{path}") from error


def _asked(url: str) -> str:
    try:
        with _OPEN.open(Request(url, headers={"User-Agent": "gitopsd"}), timeout=_PATIENCE_S) as answer:
            said: bytes = answer.read(_MOST_BYTES)
    except HTTPError as error:
        error.close()
        # While it starts, and where its API or its metrics are not switched on.
        raise RouterUnavailable(f"Traefik answers {error.code} at {url}; has it `--api` and `--metrics`?") from error
    except (URLError, OSError, HTTPException) as error:
        reason = getattr(error, "reason", error)
        words = (getattr(reason, "strerror", None) or str(reason)).lower()
        raise RouterUnavailable(f"no Traefik answers at {url}: {words}") from error
    return said.decode(errors="replace")

"""Calls to one engine: a client for each thread, one pool below them, an API version agreed on at the first call."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import quote

import docker
import requests

from gitopsd.adapters.docker.translate import translated, understood
from gitopsd.adapters.docker.transport import ADDRESS, CONNECT_TIMEOUT, OnePoolAdapter, open_pool
from gitopsd.model.errors import EngineRefused, EngineUnavailable
from gitopsd.model.settings import TargetEngine

OLDEST_API: Final = (1, 41)
# The newest whose changes are known here, and at which Compose asks for what we ask for.
NEWEST_API: Final = (1, 51)
TIMEOUT: Final = 60.0

Version = tuple[int, int]


class Connection:
    """The wire to one engine. Made without a call; safe to use from several threads.

    `timeout` is how many seconds an answer may be silent. A failed connection makes the next call agree on the API
    version anew: the engine may have been replaced meanwhile.
    """

    def __init__(self, target: TargetEngine, timeout: float = TIMEOUT, pool_size: int | None = None) -> None:
        self.target = target
        self.timeout = timeout
        self._pool = open_pool(target, pool_size or 0)
        self._threads = threading.local()
        self._api: Version | None = None

    def call(
        self, method: str, path: str, *, doing: str, timeout: float | None = None, stream: bool = False, **more: Any
    ) -> requests.Response:
        """One request below the agreed version; raises our errors, also for an error status.

        `more` are `params`, `json`, `data` and `headers` as requests takes them.
        """
        waits = (CONNECT_TIMEOUT, timeout or self.timeout)
        with self.client(doing) as client:
            response = client.request(
                method, f"{ADDRESS}/v{client.api_version}{path}", timeout=waits, stream=stream, **more
            )
            response.raise_for_status()
        return response

    def json(self, method: str, path: str, *, doing: str, **more: Any) -> Any:
        """The same, with the decoded answer; None when it is empty."""
        response = self.call(method, path, doing=doing, **more)
        with translated(doing):
            return response.json() if response.content.strip() else None

    @contextmanager
    def client(self, doing: str) -> Iterator[docker.APIClient]:
        """This thread's SDK client, speaking the agreed version; what fails within raises our errors."""
        api = self.api()
        try:
            with translated(doing):
                yield self._client(_text(api))
        except EngineUnavailable:
            self._api = None
            raise

    def api(self) -> Version:
        """The version that both sides speak."""
        if self._api is None:
            self._api = self._negotiate()
        return self._api

    def close(self) -> None:
        self._pool.close()

    def _negotiate(self) -> Version:
        doing = f"connect to {self.target.url}"
        patience = min(CONNECT_TIMEOUT, self.timeout)
        with translated(doing):
            response = self._client(_text(NEWEST_API)).get(f"{ADDRESS}/version", timeout=(CONNECT_TIMEOUT, patience))
            response.raise_for_status()
            answer = response.json()
        with understood(doing):
            newest = _version(answer["ApiVersion"])
            oldest = _version(answer.get("MinAPIVersion") or "1.12")
        if newest < OLDEST_API:
            raise EngineRefused(f"{doing}: it speaks API {_text(newest)}; 1.41 is needed: upgrade Docker to 20.10", 400)
        return max(min(newest, NEWEST_API), oldest)

    def _client(self, version: str) -> docker.APIClient:
        """The SDK makes no call here, as it is told a version; where the requests go is the pool's business."""
        client: docker.APIClient | None = getattr(self._threads, "client", None)
        if client is None or client.api_version != version:
            client = docker.APIClient(base_url="unix:///engine", version=version, timeout=int(self.timeout) or 1)
            client.mount("http+docker://", OnePoolAdapter(self._pool))
            # Otherwise every request looks through the environment for proxies.
            client.trust_env = False
            self._threads.client = client
        return client


def escaped(name: str) -> str:
    """A name as one part of a path."""
    return quote(name, safe="")


def _version(written: str) -> Version:
    major, minor = written.split(".")
    return int(major), int(minor)


def _text(version: Version) -> str:
    return f"{version[0]}.{version[1]}"

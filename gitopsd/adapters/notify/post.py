"""Posts something over HTTP within a time, however slowly it is answered, and says what that means for trying again."""

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from gitopsd import __version__
from gitopsd.adapters.patience import patience
from gitopsd.model.errors import NotTaken, Refused

TIMEOUT_S: Final = 10.0
MOST: Final = 1 << 16  # bytes of an answer; what follows is nobody's
LATER: Final = frozenset((401, 403, 404, 408, 409, 425, 429))  # a token or an address may be mended, a crowd goes home


@dataclass(frozen=True, slots=True)
class Post:
    """`path` is what follows the host of `url`, which is not shown to anybody."""

    url: str = field(repr=False)
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    status: int
    headers: HTTPMessage = field(repr=False)
    body: bytes = field(repr=False)


def post(asked: Post, now: datetime | None = None, timeout: float = TIMEOUT_S) -> None:
    """Deliver it. NotTaken and Refused name the host alone: a path may be a secret."""
    host = urlsplit(asked.url).hostname or ""
    judge(host, send(asked, timeout), now or datetime.now(UTC))


def send(asked: Post, timeout: float = TIMEOUT_S) -> Answered:
    """The answer, whatever its status; nobody is followed to another address. NotTaken: there is none in time."""
    parts = urlsplit(asked.url)
    host = parts.hostname or ""
    try:
        kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        connection = kind(host, parts.port, timeout=timeout)
        late = threading.Timer(timeout, _cut, [connection])  # an answer byte by byte is none
        late.start()
        try:
            path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, asked.body, {"User-Agent": f"gitopsd/{__version__}", **asked.headers})
            answer = connection.getresponse()
            return Answered(answer.status, answer.headers, answer.read(MOST))
        finally:
            late.cancel()
            connection.close()
    except TimeoutError:
        raise NotTaken(f"{host} does not answer within {timeout:g} s") from None
    except (OSError, HTTPException, ValueError, AttributeError) as error:  # a connection that was cut lacks its parts
        said = getattr(error, "strerror", None) or type(error).__name__
        raise NotTaken(f"{host} cannot be asked: {said}") from None


def judge(host: str, answer: Answered, now: datetime) -> None:
    """Raise what an answer means, unless it is good."""
    status = answer.status
    if 200 <= status < 300:
        return
    if 300 <= status < 400:
        raise NotTaken(f"{host} answers with status {status}, and nobody is followed elsewhere; write the new address")
    if status in LATER or status >= 500:
        raise NotTaken(f"{host} answers with status {status}", patience(answer.headers, now))
    raise Refused(f"{host} answers with status {status}")


def _cut(connection: HTTPConnection) -> None:
    """End it whatever it is doing: reading fails from here on."""
    with suppress(OSError):
        if connection.sock is not None:
            connection.sock.shutdown(2)

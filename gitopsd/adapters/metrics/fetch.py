"""Gets an answer over HTTP within a time, whoever gives it and however slowly."""

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from typing import IO, Any, Final, cast
from urllib.error import HTTPError

from gitopsd.model.analysis import VARIABLES, Trouble

TIMEOUT_S: Final = 5.0
MOST: Final = 1 << 20  # bytes of an answer
_VARIABLE = re.compile(rf"\$(?:\{{({'|'.join(VARIABLES)})\}}|({'|'.join(VARIABLES)})\b)")


@dataclass(frozen=True, slots=True)
class Fetched:
    """`body` is the answer read as JSON, None where it is none, `text` as it came."""

    status: int
    body: object
    text: str


def filled(query: str, variables: Mapping[str, str], shape: Callable[[str], str]) -> str:
    """The query with what its variables stand for; any other dollar sign stays."""

    def value(found: re.Match[str]) -> str:
        return shape(variables.get(found[1] or found[2], ""))

    return _VARIABLE.sub(value, query)


def fetch(url: str, timeout: float, headers: Mapping[str, str]) -> Fetched | Trouble:
    """The answer to a GET, whatever its status. Nobody is followed to another address."""
    deadline = time.monotonic() + timeout
    try:
        status, body = _got(urllib.request.Request(url, headers=dict(headers)), timeout, deadline)
    except (OSError, HTTPException, ValueError) as error:
        return Trouble(_words(error, timeout))
    if len(body) > MOST:
        return Trouble(f"the answer is longer than {MOST >> 20} MiB")
    text = body.decode(errors="replace")
    try:
        return Fetched(status, json.loads(text), text)
    except (ValueError, RecursionError):
        return Fetched(status, None, text)


def _got(request: urllib.request.Request, timeout: float, deadline: float) -> tuple[int, bytes]:
    try:
        with _OPENER.open(request, timeout=timeout) as answer:
            return answer.status, _body(answer, deadline)
    except HTTPError as refused:
        with refused:
            return refused.code, _body(cast("HTTPResponse", refused.fp), deadline)


def _body(answer: HTTPResponse, deadline: float) -> bytes:
    """All of it. TimeoutError: it comes too slowly."""
    parts, size = [], 0
    while size <= MOST and (part := answer.read1(1 << 16)):
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline:
            raise TimeoutError
    return b"".join(parts)


def _words(error: Exception, timeout: float) -> str:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, TimeoutError):
        return f"no answer within {timeout:g} s"
    said = getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
    return f"it cannot be asked: {said}"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A token is for who was named, and for nobody that they name."""

    def redirect_request(self, req: Any, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)

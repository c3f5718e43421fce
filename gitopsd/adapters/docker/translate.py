"""The one place where the SDK's two families of errors, HTTP answers and broken connections, become our errors."""

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import docker.errors
import requests.exceptions
import urllib3.exceptions

from gitopsd.model.errors import Conflict, EngineRefused, EngineUnavailable, NotFound

_BROKEN: Final = (
    requests.exceptions.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    json.JSONDecodeError,
    docker.errors.DockerException,
    OSError,
)
# What a proxy in front of an engine answers when the engine is not there.
_GATEWAY: Final = frozenset({502, 503, 504})


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Around every call: what went wrong, with the call in words (`start container web`)."""
    try:
        yield
    except docker.errors.APIError as refused:
        raise _refused(doing, refused) from refused
    except _BROKEN as broken:
        raise EngineUnavailable(f"{doing}: the engine did not answer: {_words(broken)}") from broken


@contextmanager
def understood(doing: str) -> Iterator[None]:
    """Around reading an answer: one of another shape is as good as none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as strange:
        raise EngineUnavailable(f"{doing}: the engine's answer makes no sense ({strange!r})") from strange


def _refused(doing: str, refused: docker.errors.APIError) -> EngineRefused | EngineUnavailable:
    status = refused.status_code or 500
    message = f"{doing}: {str(refused.explanation or refused).strip()}"
    if status in _GATEWAY:
        return EngineUnavailable(message)
    match status:
        case 404:
            return NotFound(message, status)
        case 409:
            return Conflict(message, status)
        case _:
            return EngineRefused(message, status)


def _words(broken: BaseException) -> str:
    """The innermost reason; the outer ones only say in how many layers it was wrapped."""
    seen: BaseException = broken
    while (inner := seen.__cause__ or seen.__context__) is not None:
        seen = inner
    return str(seen) or type(seen).__name__

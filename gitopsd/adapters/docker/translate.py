"""The one place where the SDK's two families of errors, HTTP answers and broken connections, become our errors."""

import http.client
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import docker.errors
import requests
import requests.exceptions
import urllib3.exceptions

from gitopsd.model.errors import Conflict, EngineRefused, EngineUnavailable, HostTrouble, NotFound

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
# What engines say of their host, whatever the status, and what a person can do. The bare "Address already in use" is
# not among them: two services of one manifest may want the same fixed address.
_OF_THE_HOST: Final = (
    (
        r"port is already allocated|bind: address already in use|failed to bind host port|ports are not available",
        "free the port on the host, or publish another one",
    ),
    (r"no space left on device|disk quota exceeded", "make room on the engine's host"),
    (
        r"could not find an available, non-overlapping|address pools have been fully subnetted|no available IP",
        "remove networks that nothing uses, or give the engine or the network more addresses",
    ),
    (r"pool overlaps|networks have overlapping", "remove the other network, or choose another subnet"),
    (r"of a non running container|container [0-9a-f]{64} is not running", "the container that it lives in has to run"),
)
# What a manager says, with status 500, when too few of them reach each other to agree on anything, or only just do. For
# the first of the questions it takes 20 s to find that out; what it was told may have been agreed on all the same.
_NO_QUORUM: Final = re.compile(
    r"swarm does not have a leader|rpc error: code = (DeadlineExceeded|Unavailable)"
    r"|raft: (failed to process the request|no elected cluster leader)"
)
NO_QUORUM: Final = (
    "too few managers of the swarm reach each other to agree on anything. Tasks run on as they are, and nothing can be "
    "changed until more than half of the managers are back"
)
_NO_MANAGER: Final = "This node is not a swarm manager"
NO_MANAGER: Final = (
    "the engine manages no swarm, or no more. Tasks run on as they are; name one of its managers in target.swarm, or "
    "make this one a manager (`docker node promote`)"
)
_OF_ANOTHER: Final = re.compile(r"no such container: ([0-9a-f]{64})", re.IGNORECASE)

# Podman has one status for its own faults and for what stands in the way; Docker says 409 to the latter.
_IN_THE_WAY: Final = re.compile(
    r"update out of sequence|is already in use by|network is being used|running or paused containers cannot be removed"
    r"|UNIQUE constraint failed: ContainerConfig\.Name"
)


@contextmanager
def translated(doing: str) -> Iterator[None]:
    """Around every call: what went wrong, with the call in words (`start container web`)."""
    try:
        yield
    except (*_BROKEN, KeyError, TypeError) as failed:
        answer = _error_answer(failed)
        if answer is not None:
            raise _refused(doing, answer) from failed
        if isinstance(failed, KeyError | TypeError):
            raise
        raise EngineUnavailable(f"{doing}: the engine did not answer: {_words(failed)}") from failed


@contextmanager
def understood(doing: str) -> Iterator[None]:
    """Around reading an answer: one of another shape is as good as none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as strange:
        raise EngineUnavailable(f"{doing}: the engine's answer makes no sense ({strange!r})") from strange


def _error_answer(failed: BaseException) -> requests.Response | None:
    """The answer with an error status behind an exception.

    The SDK stumbles over one whose JSON has no `message`, as proxies send; then it is in the exception's context.
    """
    if not isinstance(failed, docker.errors.APIError | requests.exceptions.HTTPError):
        inner = failed.__context__
        return inner.response if isinstance(inner, requests.exceptions.HTTPError) else None
    return failed.response


def _refused(doing: str, answer: requests.Response) -> EngineRefused | EngineUnavailable:
    status, said = answer.status_code, _explanation(answer)
    message = f"{doing}: {said}"
    if _NO_MANAGER in said:
        return EngineUnavailable(f"{doing}: {NO_MANAGER}")
    if status in _GATEWAY:
        return EngineUnavailable(message)
    if _NO_QUORUM.search(said):
        return EngineUnavailable(f"{doing}: {NO_QUORUM}")
    mend = next((mend for words, mend in _OF_THE_HOST if re.search(words, said, re.IGNORECASE)), "")
    if (other := _OF_ANOTHER.search(said)) and other.group(1) not in doing:
        mend = "the container that it lives in is gone"
    if mend:
        return HostTrouble(f"{message}; {mend}", status)
    match status:
        case 404:
            return NotFound(message, status)
        case 409:
            return Conflict(message, status)
        case 500 if _IN_THE_WAY.search(said):
            return Conflict(message, status)
        case _:
            return EngineRefused(message, status)


def _explanation(answer: requests.Response) -> str:
    """The engine's words; a proxy's page is cut to a line."""
    try:
        decoded = answer.json()
    except (*_BROKEN, ValueError):
        decoded = None
    if isinstance(decoded, dict) and isinstance(decoded.get("message"), str):
        return str(decoded["message"]).strip()
    return " ".join(answer.text.split())[:200] or f"HTTP status {answer.status_code} {answer.reason}"


def _words(broken: BaseException) -> str:
    """The innermost reason; the outer ones only say in how many layers it was wrapped."""
    seen: BaseException = broken
    while (inner := seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)) is not None:
        seen = inner
    if isinstance(seen, PermissionError):
        return f"{seen}; run gitopsd as root, or as a member of the group that owns the socket"
    return str(seen) or type(seen).__name__

"""What instances are asked to learn whether they work, and what can come of asking one of them once."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class HttpCheck:
    """A GET of `path`, answered with one of these statuses (each a range, both ends within).

    `body` is a regular expression that must be found in the answer, "" for any. `latency` bounds the whole answer.
    """

    port: int
    path: str = "/"
    status: tuple[tuple[int, int], ...] = ((200, 399),)
    body: str = ""
    latency: timedelta | None = None

    def __str__(self) -> str:
        return f"http :{self.port}{self.path}"


@dataclass(frozen=True, slots=True)
class TcpCheck:
    """A port that accepts a connection."""

    port: int

    def __str__(self) -> str:
        return f"tcp :{self.port}"


Check = HttpCheck | TcpCheck


@dataclass(frozen=True, slots=True)
class Checks:
    """How the instances of a service are asked, all checks together each time. Without any, running is enough.

    Failures within `start_period` of a start do not count; 0: only `healthy_deadline` bounds a start. An instance is
    ready after `success_threshold` good rounds in a row, and no more after `failure_threshold` bad ones.
    """

    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    interval: timedelta = timedelta(seconds=2)
    timeout: timedelta = timedelta(seconds=1)
    start_period: timedelta = timedelta(0)
    failure_threshold: int = 3
    success_threshold: int = 1

    @property
    def each(self) -> tuple[Check, ...]:
        return tuple(check for check in (self.http, self.tcp) if check is not None)


@dataclass(frozen=True, slots=True)
class Subject:
    """An instance to be asked: its container, and its address as its engine's host knows it ("": it has none)."""

    container: str
    address: str


@dataclass(frozen=True, slots=True)
class Pass:
    """It answered as it should."""


@dataclass(frozen=True, slots=True)
class Fail:
    """It did not; `reason` names the check and the answer."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """It could not be asked, which is no word on it, for better or worse."""

    reason: str


Answer = Pass | Fail | Unknown

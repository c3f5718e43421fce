"""What instances are asked to learn whether they work, and what can come of asking one of them once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal


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

    A start may take until `deadline`. Failures within `start_period` do not count; where there is one, those that come
    after it do not wait for the deadline. An instance is ready after `success_threshold` good rounds in a row, and no
    more after `failure_threshold` bad ones.
    """

    http: HttpCheck | None = None
    tcp: TcpCheck | None = None
    interval: timedelta = timedelta(seconds=2)
    timeout: timedelta = timedelta(seconds=1)
    start_period: timedelta = timedelta(0)
    failure_threshold: int = 3
    success_threshold: int = 1
    deadline: timedelta = timedelta(minutes=5)

    @property
    def each(self) -> tuple[Check, ...]:
        return tuple(check for check in (self.http, self.tcp) if check is not None)


NOT_ASKED = Checks()


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


@dataclass(frozen=True, slots=True)
class Asked:
    """Who is to be asked, and how. `started_at` is the engine's word for its last start.

    Failures count from `counts_from` on.
    """

    subject: Subject
    started_at: datetime | None
    checks: Checks
    counts_from: datetime


@dataclass(frozen=True, slots=True)
class Heard:
    """What an instance has answered since a start, as far as this process has asked it.

    `passes` and `failures` are rounds in a row, so one of them is 0. `said` is what was wrong with the last round, ""
    for nothing. `trouble`: in the last round it could not be asked.
    """

    started_at: datetime | None
    passes: int = 0
    failures: int = 0
    said: str = ""
    trouble: bool = False


@dataclass(frozen=True, slots=True)
class Readiness:
    """How an instance that is asked stands since its last start. A restart begins anew.

    `starting`: it has not been ready yet; nobody holds that against it before its deadline, or the failures that follow
    its `start_period`. `unhealthy`: it was ready and has failed since, or it did not become so in time.

    `since` is when this began, by the controller's clock; `until` when a start will have taken too long. `proven`: it
    was ready at some moment. `sure`: its last answer bears its state out; so not before a new process has asked it.
    `said` and `trouble` are as in Heard.
    """

    started_at: datetime | None
    state: Literal["starting", "ready", "unhealthy"]
    since: datetime
    until: datetime | None = None
    proven: bool = False
    sure: bool = False
    said: str = ""
    trouble: bool = False

"""Requests of gitopsd's own to newer content, through the router: before it gets any others, and while they are few."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from gitopsd.model.analysis import SlotCounts


@dataclass(frozen=True, slots=True)
class PreWarm:
    """Fills what newer content has to fill before it is fast: `rate` requests a second, to one path after the other.

    It ends after so many `requests`, after so long a `duration`, or once 95 of a hundred of the latest were answered
    within `latency_p95`; whichever is written, and after `most` in any case.
    """

    paths: tuple[str, ...] = ("/",)
    rate: float = 20.0
    requests: int | None = None
    duration: timedelta | None = None
    latency_p95: timedelta | None = None
    most: timedelta = timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class Warmed:
    """What pre-warming took. `met`: its end condition was; `words` tell how it ended."""

    requests: int
    seconds: float
    met: bool
    words: str


@dataclass(frozen=True, slots=True)
class Visits:
    """What came of the requests up to now.

    `reached`: newer content answered as it should. `failures` are in a row, and `said` is what was wrong with the last.
    `warmed` None: pre-warming has not ended, or there is none. `own` are the synthetic ones by slot since the `epoch`
    began; they count for the judge.
    """

    reached: bool = False
    failures: int = 0
    said: str = ""
    warmed: Warmed | None = None
    epoch: str = ""
    own: Mapping[str, SlotCounts] = field(default_factory=dict)


NOT_VISITED = Visits()
NOBODY_VISITS = Visits(reached=True, warmed=Warmed(0, 0.0, True, "nobody pre-warms here"))

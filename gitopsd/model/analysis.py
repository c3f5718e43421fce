"""Analysis: what is measured of a rollout, what was seen in an interval, and what the judge remembers and says."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Literal

Source = Literal["router", "engine", "prometheus", "http", "job"]
Unit = Literal["share of requests", "seconds", "requests per second", "cores", "bytes", "restarts", "number"]
Worse = Literal["higher", "lower", "both"]
Rule = Literal["requests", "volume", "usage", "restarts", "query"]
NoDataPolicy = Literal["hold", "fail"]
PATIENCE = timedelta(minutes=5)
VARIABLES = ("fingerprint", "environment", "service", "slot")  # in a query, each written as `$fingerprint`
_SIDED = re.compile(r"\$\{?(?:fingerprint|slot)\b")
BOUNDS = ("min", "max", "min_ratio", "max_ratio")


@dataclass(frozen=True, slots=True)
class Nature:
    """What there is to know of a metric before anybody asks for it.

    `bounds` are those that it can have. `no_data`: when it counts as having none; that never passes. `percentile` is of
    a latency. `interval` is how often it is looked at unless the manifest says it.
    """

    unit: Unit
    worse: Worse
    sources: tuple[Source, ...]
    rule: Rule
    bounds: tuple[str, ...]
    no_data: str
    interval: timedelta
    percentile: int = 0


_FEW = "fewer requests on the canary than min_samples"
_ROUTER = timedelta(seconds=1)
_ENGINE = timedelta(seconds=10)


def _latency(percentile: int) -> Nature:
    bounds = ("max", "max_ratio")
    return Nature("seconds", "higher", ("router",), "requests", bounds, _FEW, _ROUTER, percentile)


NAMES: Mapping[str, Nature] = MappingProxyType(
    {
        "error-rate": Nature(
            "share of requests", "higher", ("router",), "requests", ("max", "max_ratio"), _FEW, _ROUTER
        ),
        "latency-p50": _latency(50),
        "latency-p95": _latency(95),
        "latency-p99": _latency(99),
        "request-rate": Nature(
            "requests per second",
            "both",
            ("router",),
            "volume",
            ("min_ratio", "max_ratio"),
            "fewer requests on both sides than would give the canary its min_samples",
            _ROUTER,
        ),
        "cpu": Nature(
            "cores", "higher", ("engine",), "usage", ("max", "max_ratio"), "no reading of any canary instance", _ENGINE
        ),
        "memory": Nature(
            "bytes", "higher", ("engine",), "usage", ("max", "max_ratio"), "no reading of any canary instance", _ENGINE
        ),
        "restarts": Nature(
            "restarts", "higher", ("engine",), "restarts", ("max",), "no count of any canary instance", _ENGINE
        ),
    }
)
QUERY = Nature(
    "number",
    "both",
    ("prometheus", "http", "job"),
    "query",
    BOUNDS,
    "an empty answer or NaN",
    timedelta(seconds=30),
)


@dataclass(frozen=True, slots=True)
class Metric:
    """One of the closed names, or a query that somebody wrote.

    `query` is PromQL or a URL; VARIABLES in it stand for what is asked about. `path` leads to the number within a JSON
    answer. `command` is a job's, which runs beside a new instance and may take until `timeout`; its exit code decides.

    `min` and `max` bound the canary: an error rate and an expected quantity as a share of 1, a latency in seconds, CPU
    and memory as a share of their limit, restarts and what a query gives as they are. `min_ratio` and `max_ratio` bound
    it against stable; for an error rate, the odds; for a request rate, against the canary's share of all requests.

    `initial_delay` counts from the rollout's first interval. `min_samples` are requests on the canary within a step.
    `inconclusive_limit` is for how many intervals a step may stay inconclusive after its time is up (None: as many as
    5 minutes hold), `consecutive_error_limit` how many errors in a row may be; beyond them a person is asked. `no_data`
    is what comes of having none until the step's time is up.
    """

    name: str
    source: Source
    query: str = ""
    path: str = ""
    min: float | None = None
    max: float | None = None
    min_ratio: float | None = None
    max_ratio: float | None = None
    interval: timedelta = _ROUTER
    initial_delay: timedelta = timedelta(0)
    min_samples: int = 50
    inconclusive_limit: int | None = None
    consecutive_error_limit: int = 4
    no_data: NoDataPolicy = "hold"
    command: tuple[str, ...] = ()
    timeout: timedelta = timedelta(minutes=1)

    @property
    def nature(self) -> Nature:
        return NAMES.get(self.name, QUERY)

    @property
    def sided(self) -> bool:
        """Whether its query asks something else of each of the two sides."""
        return bool(_SIDED.search(self.query))

    @property
    def patience(self) -> timedelta:
        """For how long after a step's time it may stay inconclusive before a person is asked."""
        return PATIENCE if self.inconclusive_limit is None else self.interval * self.inconclusive_limit


@dataclass(frozen=True, slots=True)
class Synthetic:
    """Requests of gitopsd's own, so many a second to each of the two sides, where those of users are few."""

    path: str
    rate: float


@dataclass(frozen=True, slots=True)
class Analysis:
    """What a service's rollouts are judged by. `synthetic` requests count beside those of users."""

    metrics: tuple[Metric, ...] = ()
    synthetic: Synthetic | None = None


# What watches every routed rollout without being asked. None of these needs a number that only a person could know.
GUARD = (
    Metric("error-rate", "router"),
    Metric("latency-p95", "router", max_ratio=3.0),
    Metric("memory", "engine", max=0.9, max_ratio=2.0, interval=_ENGINE),
)


@dataclass(frozen=True, slots=True)
class NoData:
    """The source answered, and had nothing."""

    reason: str


@dataclass(frozen=True, slots=True)
class Trouble:
    """The source did not answer, or not with what can be read: a time-out, an error, another type."""

    reason: str


@dataclass(frozen=True, slots=True)
class Number:
    """The source answered with this. `said` is what a job wrote last."""

    value: float
    said: str = ""


Reading = Number | NoData | Trouble


@dataclass(frozen=True, slots=True)
class SlotCounts:
    """What one slot of the router answered within a time. `bad`: with 5xx, made by the application or the router.

    `within` counts the answers that came within each bound of the interval, each including the ones before; its last
    number, for which there is no bound, are all of them. Empty: the router measures no times.
    """

    requests: int = 0
    bad: int = 0
    within: tuple[int, ...] = ()

    def plus(self, other: "SlotCounts") -> "SlotCounts":
        """Both together; times only where both have them for the same bounds."""
        alike = not self.requests or not other.requests or len(self.within) == len(other.within)
        return SlotCounts(self.requests + other.requests, self.bad + other.bad, self._times(other) if alike else ())

    def _times(self, other: "SlotCounts") -> tuple[int, ...]:
        if len(self.within) != len(other.within):
            return self.within or other.within
        return tuple(mine + its for mine, its in zip(self.within, other.within, strict=True))

    def since(self, earlier: "SlotCounts") -> "SlotCounts | None":
        """What was counted after `earlier`, where both count from one moment; None: they do not."""
        if len(self.within) != len(earlier.within):
            return None
        within = tuple(now - then for now, then in zip(self.within, earlier.within, strict=True))
        found = replace(self, requests=self.requests - earlier.requests, bad=self.bad - earlier.bad, within=within)
        return None if min(found.requests, found.bad, *within) < 0 else found


@dataclass(frozen=True, slots=True)
class Usage:
    """What one instance takes: cores and bytes of memory, both with their limits, and its restarts in the rollout.

    None: not known, or without a limit.
    """

    cpu: float | None = None
    memory: float | None = None
    cpu_limit: float | None = None
    memory_limit: float | None = None
    restarts: int | None = None


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two that are compared, within an interval.

    `instances` are those that are not warming up any more: whoever measures leaves the others out, and out of `counts`
    too where they can be told apart. None: they were not looked at this time. `synthetic` are requests of gitopsd's
    own, which are not in `counts`.
    """

    counts: SlotCounts | NoData | Trouble = field(default=NoData("the router counts nothing"))
    instances: tuple[Usage, ...] | None = None
    synthetic: SlotCounts = field(default=SlotCounts())


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query gave for the canary, and for stable where it is to be compared."""

    canary: Reading
    stable: Reading = field(default=NoData("stable was not asked"))


@dataclass(frozen=True, slots=True)
class Answered:
    """What a query gave when it was asked last."""

    at: datetime
    answer: Answer


@dataclass(frozen=True, slots=True)
class Measures:
    """The newest of what was measured of a service beside the passes, each with its moment by the controller's clock.

    `used` has what instances take, by id, of those that could be looked at; the engine was asked last at `looked_at`.
    `answers` are by metric.
    """

    looked_at: datetime | None = None
    used: Mapping[str, Usage] = field(default_factory=dict)
    answers: Mapping[str, Answered] = field(default_factory=dict)


NOTHING_MEASURED = Measures()


@dataclass(frozen=True, slots=True)
class Interval:
    """What was seen of both sides within one stretch of time.

    `number` counts up over a rollout, `step` is the one that the rollout stands at, `share` the canary's in basis
    points during all of it, `seconds` its length. `bounds` are those of the latency counts, in seconds, going up.
    `answers` has the queries that were asked this time, by metric. `due`: the step's time is up.
    """

    number: int
    canary: Side
    stable: Side
    share: int
    step: int = 0
    seconds: float = 1.0
    bounds: tuple[float, ...] = ()
    answers: Mapping[str, Answer] = field(default_factory=dict)
    due: bool = False


@dataclass(frozen=True, slots=True)
class Pass:
    """Nothing speaks against the canary, and enough was seen of it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Fail:
    """There is evidence against the canary."""

    metric: str
    reason: str


@dataclass(frozen=True, slots=True)
class Inconclusive:
    """Neither: the share stays as it is. `pause`: waiting has not helped, a person is needed."""

    metric: str
    reason: str
    pause: bool = False


Verdict = Pass | Fail | Inconclusive


@dataclass(frozen=True, slots=True)
class Tally:
    """Requests, and the bad ones among them."""

    requests: int = 0
    bad: int = 0

    def plus(self, other: "Tally") -> "Tally":
        return Tally(self.requests + other.requests, self.bad + other.bad)

    @property
    def rate(self) -> float:
        return self.bad / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class Evidence:
    """How much better each factor of a grid explains what was seen than the most that is tolerated, as logarithms.

    `looks` are the intervals in which both sides were asked.
    """

    looks: int = 0
    bets: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Track:
    """What is remembered of one metric.

    Of the whole rollout: `evidence`, `canary`, `stable`, and `tests`, how often a bound was tested. Of the step:
    `step_canary`, `step_stable`, the latest of them, which a long calm before cannot hide (`late_canary`,
    `late_stable`), how many requests the last test had (`tested`), `expected`, those that the canary's share of all
    would be, and `overtime`, for how many seconds after its time it was inconclusive.

    `streak` counts readings in a row: within the bounds above 0, outside of them below. `errors` are in a row too.

    `here` and `there` are the metric's newest values for the canary and for stable, in its unit; None: not known.
    """

    evidence: Evidence = field(default=Evidence())
    canary: Tally = field(default=Tally())
    stable: Tally = field(default=Tally())
    step_canary: SlotCounts = field(default=SlotCounts())
    step_stable: SlotCounts = field(default=SlotCounts())
    late_canary: SlotCounts = field(default=SlotCounts())
    late_stable: SlotCounts = field(default=SlotCounts())
    expected: float = 0.0
    tests: int = 0
    tested: int = 0
    streak: int = 0
    errors: int = 0
    overtime: float = 0.0
    here: float | None = None
    there: float | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Accumulator:
    """What the judge remembers of a rollout; kept with it, so that a restart neither forgets nor repeats an interval.

    `number`, `step` and `share` are those of the last interval, `seconds` all of them together. `tracks` are by metric.
    A `verdict` that is Fail stays one.
    """

    number: int = -1
    step: int | None = None
    share: int | None = None
    seconds: float = 0.0
    tracks: Mapping[str, Track] = field(default_factory=dict)
    verdict: Verdict | None = None

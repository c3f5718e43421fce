"""What a daemon has done since it began, counted: for whoever watches it from outside."""

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


@dataclass(frozen=True, slots=True)
class Durations:
    """How many took at most each of BOUNDS_S, one after the other, and longer; and seconds in all."""

    within: tuple[int, ...] = (0,) * (len(BOUNDS_S) + 1)
    total_s: float = 0.0

    def and_one(self, seconds: float) -> "Durations":
        at = bisect_left(BOUNDS_S, seconds)
        return Durations(tuple(count + (at == i) for i, count in enumerate(self.within)), self.total_s + seconds)


@dataclass(frozen=True, slots=True)
class Counts:
    """`git` by repository and whether it answered, `events` by engine, `passes` by environment and how they ended."""

    git: Mapping[tuple[str, bool], int] = field(default_factory=dict)
    events: Mapping[str, int] = field(default_factory=dict)
    passes: Mapping[str, Durations] = field(default_factory=dict)
    failed_passes: Mapping[str, int] = field(default_factory=dict)


class Tally:
    """Any thread may count. What is forgotten with an environment is not shown any more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._git: Counter[tuple[str, bool]] = Counter()
        self._events: Counter[str] = Counter()
        self._passes: dict[str, Durations] = {}
        self._failed: Counter[str] = Counter()

    def asked_git(self, repository: str, *, answered: bool) -> None:
        with self._lock:
            self._git[repository, answered] += 1

    def heard(self, engine: str) -> None:
        """An event of an engine."""
        with self._lock:
            self._events[engine] += 1

    def passed(self, environment: str, seconds: float) -> None:
        """A pass over an environment, to its end."""
        with self._lock:
            self._passes[environment] = self._passes.get(environment, Durations()).and_one(seconds)

    def failed(self, environment: str) -> None:
        """A pass that could not be made."""
        with self._lock:
            self._failed[environment] += 1

    def forget(self, environment: str) -> None:
        with self._lock:
            self._passes.pop(environment, None)
            self._failed.pop(environment, None)

    def counts(self) -> Counts:
        with self._lock:
            return Counts(dict(self._git), dict(self._events), dict(self._passes), dict(self._failed))

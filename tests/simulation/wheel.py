"""Simulated time: what is due next happens next, and no thread waits for anything."""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.fakes.clock import FakeClock


class Wheel:
    """Everything that is to happen, in its order, in one thread. The clock stands still between two calls."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.seconds = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        heapq.heappush(self._due, (self.seconds + max(0.0, seconds), next(self._numbers), call))

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        end = self.seconds + seconds
        while self._due and self._due[0][0] <= end:
            when, _, call = heapq.heappop(self._due)
            self._move(when)
            call()
        self._move(end)

    def _move(self, when: float) -> None:
        if when > self.seconds:
            self.clock.advance(when - self.seconds)
            self.seconds = when


@dataclass(eq=False, slots=True)
class Job:
    call: Callable[[], None]


class HostTimer:
    """The port Timer of one host, on the wheel that all share."""

    def __init__(self, wheel: Wheel) -> None:
        self._wheel = wheel
        self._jobs: dict[str, Job] = {}

    def every(self, name: str, interval: timedelta, call: Callable[[], None]) -> None:
        def again() -> None:
            self._set(name, interval.total_seconds(), again)
            call()

        self._set(name, 0.0, again)

    def at(self, name: str, when: datetime, call: Callable[[], None]) -> None:
        self._set(name, (when - self._wheel.clock.now()).total_seconds(), call)

    def cancel(self, name: str) -> None:
        self._jobs.pop(name, None)

    def running(self) -> bool:
        return True

    def start(self) -> None:
        pass

    def stop(self) -> None:
        self._jobs.clear()

    def _set(self, name: str, seconds: float, call: Callable[[], None]) -> None:
        job = self._jobs[name] = Job(call)

        def ring() -> None:
            if self._jobs.get(name) is job:
                del self._jobs[name]
                job.call()

        self._wheel.after(seconds, ring)

"""A timer whose calls come when the test lets time pass."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.fakes.clock import FakeClock


@dataclass(frozen=True, slots=True)
class Job:
    when: datetime
    call: Callable[[], None]
    interval: timedelta | None = None


class FakeTimer:
    """Implements `controller.ports.Timer`. Nothing is called before `tick`, which calls in the test's own thread.

    As with a real one, a jump of the wall clock brings every call forward, once, and a call that fails is called again
    in its turn; `errors` holds what it raised.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.jobs: dict[str, Job] = {}
        self.errors: list[Exception] = []
        self._guard = threading.Lock()
        self._running = False
        self._apart = self._between_clocks()

    def every(self, name: str, interval: timedelta, call: Callable[[], None]) -> None:
        self._put(name, Job(self.clock.now(), call, interval))

    def at(self, name: str, when: datetime, call: Callable[[], None]) -> None:
        self._put(name, Job(when, call))

    def cancel(self, name: str) -> None:
        with self._guard:
            self.jobs.pop(name, None)

    def running(self) -> bool:
        return self._running

    def start(self) -> None:
        self._running = True

    def stop(self) -> None:
        self._running = False

    def tick(self, seconds: float = 0.0) -> None:
        """Let time pass, and make every call that is due by then, once."""
        now = self.clock.advance(seconds)
        before, self._apart = self._apart, self._between_clocks()
        jumped = before != self._apart
        with self._guard:
            due = {name: job for name, job in self.jobs.items() if (job.when <= now or jumped) and self._running}
            for name, job in due.items():
                del self.jobs[name]
                if job.interval is not None:
                    self.jobs[name] = Job(now + job.interval, job.call, job.interval)
        for job in due.values():
            try:
                job.call()
            except Exception as error:  # noqa: BLE001
                self.errors.append(error)

    def _between_clocks(self) -> int:
        """The whole seconds from the one clock to the other."""
        return round(self.clock.now().timestamp() - self.clock.monotonic())

    def _put(self, name: str, job: Job) -> None:
        with self._guard:
            self.jobs[name] = job

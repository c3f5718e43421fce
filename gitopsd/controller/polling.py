"""When each repository is asked: one request for all that live in it, spread, so that a fleet never comes as a herd."""

import threading
from collections.abc import Callable, Collection, Iterable
from datetime import timedelta
from functools import partial

from gitopsd.controller.ports import Clock, Timer
from gitopsd.controller.repositories import Known
from gitopsd.model.settings import Repository

SPREAD = 0.1  # of the interval, to either side
LEAST_OFTEN = 8  # intervals within which a repository that does not answer is asked again, however long it has been


class Polling:
    """The polls of all repositories, each at a time of its own. `chance` is a number from 0 to below 1.

    One of a repository at a time; all who ask for one while it is under way share the next, which comes at once.
    """

    def __init__(
        self,
        clock: Clock,
        timer: Timer,
        chance: Callable[[], float],
        known: Callable[[str], Known],
        poll: Callable[[str], None],
    ) -> None:
        self._clock, self._timer, self._chance, self._known, self._poll = clock, timer, chance, known, poll
        self._intervals: dict[str, timedelta] = {}
        self._running: set[str] = set()
        self._again: set[str] = set()
        self._lock = threading.Lock()

    def keep(self, repositories: Iterable[Repository], at_once: Collection[str]) -> None:
        """Poll these from now on; those `at_once` first, and those of which nothing is known. The others take turns.

        So a fleet that comes up together, as after a power cut, does not ask together.
        """
        with self._lock:
            before, self._intervals = self._intervals, {each.name: each.interval for each in repositories}
            for name in before.keys() - self._intervals.keys():
                self._timer.cancel(_job(name))
            for name, interval in self._intervals.items():
                if name in at_once or self._known(name).head is None:
                    self._ask(name)
                else:
                    self._set(name, interval * self._chance())

    def soon(self, name: str) -> None:
        """Ask now, on the timer's thread, whatever is waited for: a remote that hangs delays no other wake."""
        with self._lock:
            self._ask(name)

    def _ask(self, name: str) -> None:
        if name in self._running:
            self._again.add(name)
        else:
            self._set(name, timedelta(0), asked=True)

    def _run(self, name: str, *, asked: bool) -> None:
        with self._lock:
            if name in self._running:
                self._again.add(name)
                return
            self._running.add(name)
        try:
            if asked or self._clock.monotonic() >= self._known(name).not_before:  # a jump of the clock calls early
                self._poll(name)
        finally:
            self._over(name)

    def _over(self, name: str) -> None:
        with self._lock:
            self._running.discard(name)
            if name in self._again:
                self._again.discard(name)
                self._ask(name)
            elif name in self._intervals:
                known, now = self._known(name), self._clock.monotonic()
                self._set(name, wait_after(known, self._intervals[name], now, self._chance()))

    def _set(self, name: str, wait: timedelta, *, asked: bool = False) -> None:
        self._timer.at(_job(name), self._clock.now() + wait, partial(self._run, name, asked=asked))


def wait_after(known: Known, interval: timedelta, now: float, chance: float) -> timedelta:
    """How long to leave a repository alone after a poll.

    While it fails, any time up to a limit that doubles, after the time for which it wants to be left alone: who was
    turned away together does not come back together.
    """
    if not known.failures:
        return interval * (1 - SPREAD + 2 * SPREAD * chance)
    left = timedelta(seconds=max(0.0, known.not_before - now))
    return left + interval * min(1 << min(known.failures, LEAST_OFTEN), LEAST_OFTEN) * chance


def _job(name: str) -> str:
    return f"poll {name}"

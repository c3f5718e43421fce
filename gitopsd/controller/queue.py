"""The work queue: keys that want a pass. No key is worked on twice at once, and a failing one backs off alone."""

import logging
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitopsd.controller.ports import Clock, Timer

COALESCE_S = 0.03  # a second wake within this time of the last pass waits for it to be over
LONGEST_BACKOFF_S = 60.0

_log = logging.getLogger(__name__)


@dataclass
class Key:
    """What the queue knows of a key. `dirty`: woken since its pass began. `eager`: the next pass waits for nothing."""

    running: bool = False
    dirty: bool = False
    eager: bool = False
    failures: int = 0
    last: float = -1.0


class WorkQueue:
    """Worker threads over keys. `work` returns when the key wants a look by time alone, or None.

    The first wake acts at once; wakes during a pass or right after it are taken together, but for one that says not to
    wait. `failed` is told of what `work` raised, and the key is tried again after 1 s, 2 s, 4 s, ... up to a minute.
    """

    def __init__(
        self,
        work: Callable[[str], datetime | None],
        failed: Callable[[str, Exception, float], None],
        clock: Clock,
        timer: Timer,
        *,
        name: str,
        workers: int = 2,
    ) -> None:
        self._work, self._failed, self._clock, self._timer = work, failed, clock, timer
        self._name = name
        self._keys: dict[str, Key] = {}
        self._ready: list[str] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [threading.Thread(target=self._serve, name=f"{name}-{n}", daemon=True) for n in range(workers)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let running passes end; start no more."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def wake(self, key: str, *, at_once: bool = False) -> None:
        """Ask for a pass over the key: soon, or without waiting for other wakes that may follow."""
        with self._changed:
            state = self._keys.setdefault(key, Key())
            state.eager = state.eager or at_once
            if state.running:
                state.dirty = True
                return
            if key not in self._ready:
                self._ready.append(key)
            self._changed.notify()

    def running(self, key: str) -> bool:
        """Whether a pass over the key is being made right now."""
        with self._changed:
            return key in self._keys and self._keys[key].running

    def idle(self) -> bool:
        """Whether nothing is running or waiting to run right now."""
        with self._changed:
            return not self._ready and not any(state.running for state in self._keys.values())

    def _serve(self) -> None:
        while (key := self._next()) is not None:
            try:
                wake_at = self._work(key)
            except Exception as error:  # noqa: BLE001  the loop survives whatever one key does
                self._retry(key, error)
            else:
                self._done(key, wake_at)

    def _next(self) -> str | None:
        with self._changed:
            while not self._stopped:
                now = self._clock.monotonic()
                due = [key for key in self._ready if self._due(self._keys[key], now)]
                if due:
                    self._ready.remove(due[0])
                    state = self._keys[due[0]]
                    state.running, state.dirty, state.eager = True, False, False
                    return due[0]
                self._changed.wait(COALESCE_S if self._ready else None)
            return None

    @staticmethod
    def _due(state: Key, now: float) -> bool:
        return state.eager or now - state.last >= COALESCE_S

    def _done(self, key: str, wake_at: datetime | None) -> None:
        with self._changed:
            self._keys[key].failures = 0
        if wake_at is not None:
            self._timer.at(f"{self._name} {key}", wake_at, lambda: self.wake(key))
        else:
            self._timer.cancel(f"{self._name} {key}")
        self._release(key)

    def _retry(self, key: str, error: Exception) -> None:
        with self._changed:
            self._keys[key].failures += 1
            failures = self._keys[key].failures
        wait = min(2.0 ** (failures - 1), LONGEST_BACKOFF_S) * random.uniform(0.8, 1.2)
        try:
            self._failed(key, error, wait)
        except Exception:  # noqa: BLE001  the disk may be full: that is no reason to stop looking after the key
            _log.exception("a failed pass over %s could not be noted", key)
        when = self._clock.now() + timedelta(seconds=wait)
        self._timer.at(f"{self._name} {key}", when, lambda: self.wake(key))
        self._release(key, forget=True)

    def _release(self, key: str, *, forget: bool = False) -> None:
        """The pass is over; what woke the key meanwhile asks for another, unless it failed and waits."""
        with self._changed:
            state = self._keys[key]
            state.running, state.last = False, self._clock.monotonic()
            if state.dirty and not forget and key not in self._ready:
                self._ready.append(key)
                self._changed.notify()

"""A clock that stands still until a test moves it."""

import threading
from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class FakeClock:
    """Implements `controller.ports.Clock`. Both times move together, unless `jump` says otherwise."""

    def __init__(self, start: datetime = NOON) -> None:
        self._now = start
        self._monotonic = 1000.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        with self._lock:
            return self._now

    def monotonic(self) -> float:
        with self._lock:
            return self._monotonic

    def advance(self, seconds: float) -> datetime:
        """Let time pass."""
        with self._lock:
            self._now += timedelta(seconds=seconds)
            self._monotonic += seconds
            return self._now

    def jump(self, seconds: float) -> None:
        """Set the wall clock without time passing, as an administrator or the end of summer time does."""
        with self._lock:
            self._now += timedelta(seconds=seconds)

"""Restarts of all containers that gitopsd keeps on one engine: too many at once, and nothing new begins there."""

import threading
from collections import Counter, deque
from datetime import datetime, timedelta

from gitopsd.controller.ports import Clock
from gitopsd.model.live import LiveState
from gitopsd.model.release import Hold, Journal
from gitopsd.model.settings import RestartStorm

GUARD = "restart-storm"
MOST_REMEMBERED = 10_000


class Storm:
    """What the looks at an engine's instances told of their restarts; those from before the first look do not count.

    It goes by the monotonic clock: somebody who sets the other one neither ends a storm nor makes it last.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, dict[str, int]] = {}  # by environment and container id
        self._seen: deque[tuple[float, str]] = deque(maxlen=MOST_REMEMBERED)  # when, and the container's name

    def look(self, journal: Journal, live: LiveState, guard: RestartStorm, now: datetime) -> tuple[Hold, ...]:
        """One look at an environment's instances; what holds everything on their engine, and until when at least."""
        moment = self._clock.monotonic()
        self._note(journal, live, moment)
        return self._holds(guard, moment, now)

    def _note(self, journal: Journal, live: LiveState, moment: float) -> None:
        with self._lock:
            before = self._counts.get(journal.environment, {})
            ours = [each for each in live.instances if each.id in journal.inventory]
            for each in ours:
                more = each.restart_count - before.get(each.id, each.restart_count)
                self._seen.extend([(moment, each.name)] * more)
            self._counts[journal.environment] = {each.id: each.restart_count for each in ours}

    def _holds(self, guard: RestartStorm, moment: float, now: datetime) -> tuple[Hold, ...]:
        within = guard.within.total_seconds()
        with self._lock:
            lately = [(at, name) for at, name in self._seen if moment - at < within]
        if len(lately) < guard.restarts:
            return ()
        worst, times = Counter(name for _, name in lately).most_common(1)[0]
        until = now + timedelta(seconds=lately[len(lately) - guard.restarts][0] + within - moment)
        reason = (
            f"{len(lately)} restarts on this engine within {within:g} s, "
            f"{times} of them of {worst}; stop what restarts, or go on with `gitopsd sync`"
        )
        return (Hold(GUARD, reason, until=until),)

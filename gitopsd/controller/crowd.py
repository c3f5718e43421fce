"""How many environments of one engine roll out at once; who waits is woken when another one has ended."""

import threading
from collections.abc import Callable


class Crowd:
    """The environments of one engine with a release under way. Any thread may ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: set[str] | None = None
        self._waiting: dict[str, Callable[[], None]] = {}

    def enter(self, name: str, most: int, known: Callable[[], set[str]], wake: Callable[[], None]) -> tuple[str, ...]:
        """Be one of `most` that are under way (0: any number); else those that are. `known` tells them at first."""
        with self._lock:
            if self._inside is None:
                self._inside = known()
            others = tuple(sorted(self._inside - {name}))
            if most and len(others) >= most:
                self._waiting[name] = wake
                return others
            self._inside.add(name)
            self._waiting.pop(name, None)
            return ()

    def note(self, name: str, *, under_way: bool) -> None:
        """How an environment stands at the end of its pass."""
        with self._lock:
            if self._inside is None:
                return
            left = not under_way and name in self._inside
            (self._inside.add if under_way else self._inside.discard)(name)
            wakes, self._waiting = (self._waiting, {}) if left else ({}, self._waiting)
        for wake in wakes.values():
            wake()

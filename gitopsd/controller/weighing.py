"""Looks at the memory of instances in threads of its own, at a bounded rate, and wakes whom a spike concerns."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from gitopsd.controller.ports import Clock, EngineView, Timer
from gitopsd.model.errors import GitopsdError
from gitopsd.rollout.memory import Weighed, Weight, weigh

_log = logging.getLogger(__name__)
Key = tuple[str, str, int]  # environment, service, release


@dataclass(frozen=True, slots=True)
class Watched:
    subject: Weighed
    wake: Callable[[], None]
    weight: Weight = field(default_factory=Weight)


class Weighing:
    """One engine's. What the looks said is kept here only: a new process looks anew."""

    def __init__(self, engine: EngineView, clock: Clock, timer: Timer) -> None:
        self._engine, self._clock, self._timer = engine, clock, timer
        self._watched: dict[Key, Watched] = {}
        self._lock = threading.Lock()
        self._looks = 0
        self._stopped = False

    def keep(self, environment: str, subjects: Mapping[str, Weighed], wake: Callable[[], None]) -> None:
        """The services of an environment that are looked at from now on; a new one at once."""
        keys = {(environment, each.service, each.release): each for each in subjects.values()}
        with self._lock:
            for key in [key for key in self._watched if key[0] == environment and key not in keys]:
                del self._watched[key]
            fresh = [key for key in keys if key not in self._watched]
            for key, subject in keys.items():
                known = self._watched.get(key, Watched(subject, wake))
                self._watched[key] = replace(known, subject=subject, wake=wake)
        for key in fresh:
            self._begin(key)

    def spikes(self, environment: str) -> dict[str, str]:
        """The services whose new instances take too much, each with that in words."""
        with self._lock:
            return {key[1]: each.weight.words for key, each in self._watched.items()
                    if key[0] == environment and each.weight.words}  # fmt: skip

    def stop(self) -> None:
        """Look no more. Nobody waits for a look that is under way."""
        with self._lock:
            self._stopped = True

    def _begin(self, key: Key) -> None:
        threading.Thread(target=self._look, args=(key,), name="memory", daemon=True).start()

    def _look(self, key: Key) -> None:
        with self._lock:
            known = self._watched.get(key)
        if known is None:
            return
        used = self._used(known.subject)
        with self._lock:
            known = self._watched.get(key)
            if known is None or self._stopped:
                return
            weight = weigh(known.weight, known.subject, used, self._clock.now())
            self._watched[key] = replace(known, weight=weight)
            self._looks += 1
            # Each alarm has a name of its own, as one that rings still bears its.
            named, when = f"memory {id(self)} {self._looks}", self._clock.now() + known.subject.interval
            self._timer.at(named, when, lambda: self._begin(key))
        if weight.words and not known.weight.words:
            known.wake()

    def _used(self, subject: Weighed) -> Mapping[str, int]:
        """An engine that does not answer has told nothing."""
        try:
            found = self._engine.used((*subject.new, *subject.stable))
            return {id: each.memory for id, each in found.items()}
        except GitopsdError:
            return {}
        except Exception as error:  # noqa: BLE001  one look that goes wrong may not end the looking
            _log.error("memory of %s: unexpected %s", subject.service, type(error).__name__)
            return {}

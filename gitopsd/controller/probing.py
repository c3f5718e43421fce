"""Asks the instances of one engine again and again, each at its own interval, and wakes whom an answer may concern."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Clock, Probe, Timer
from gitopsd.model.desired import SealedState
from gitopsd.model.health import Answer, Asked, Check, Heard, Unknown
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.release.readiness import judged, to_ask
from gitopsd.rollout.health import heard, telling

AT_ONCE = 64  # so many may be slow, and no other waits for them
Key = tuple[str, str]  # environment, container id


@dataclass(frozen=True, slots=True)
class Watched:
    """One who is asked: `due` by the monotonic clock, `busy` while a round is under way."""

    asked: Asked
    wake: Callable[[], None]
    due: float
    heard: Heard | None = None
    busy: bool = False


class Probing:
    """Rounds of questions, in threads of their own. What was heard is kept here only: a new process asks anew."""

    def __init__(self, probe: Probe, clock: Clock, timer: Timer) -> None:
        self.probe = probe
        self._clock, self._timer = clock, timer
        self._places = threading.BoundedSemaphore(AT_ONCE)
        self._watched: dict[Key, Watched] = {}
        self._lock = threading.Lock()
        self._alarms = 0
        self._alarm: float | None = None  # when the last one that was set goes off
        self._stopped = False

    def keep(self, environment: str, asked: Mapping[str, Asked], wake: Callable[[], None]) -> None:
        """Who of an environment is asked from now on. A new one, and one that was started again, is asked at once."""
        now = self._clock.monotonic()
        with self._lock:
            gone = [key for key in self._watched if key[0] == environment and key[1] not in asked]
            for key in gone:
                del self._watched[key]
            for container, each in asked.items():
                key = (environment, container)
                known = self._watched.get(key)
                fresh = known is None or known.asked.started_at != each.started_at or known.asked.checks != each.checks
                self._watched[key] = Watched(each, wake, now) if known is None or fresh else replace(known, asked=each)
            self._set()

    def heard(self, environment: str) -> dict[str, Heard]:
        """What instances answered since their last start, by container id."""
        with self._lock:
            return {
                key[1]: each.heard
                for key, each in self._watched.items()
                if key[0] == environment and each.heard is not None
            }

    def stop(self) -> None:
        """Ask no more. Nobody waits for a question that is under way."""
        with self._lock:
            self._stopped = True

    def _set(self) -> None:
        """Come back when the next one is due. Each alarm has a name of its own, as one that rings still bears its."""
        due = min((each.due for each in self._watched.values() if not each.busy), default=None)
        if due is None or self._stopped or (self._alarm is not None and self._alarm <= due):
            return
        self._timer.cancel(self._named())
        self._alarms, self._alarm = self._alarms + 1, due
        wait = timedelta(seconds=max(0.0, due - self._clock.monotonic()))
        self._timer.at(self._named(), self._clock.now() + wait, self._ask)

    def _named(self) -> str:
        return f"probes {id(self)} {self._alarms}"

    def _ask(self) -> None:
        now = self._clock.monotonic()
        with self._lock:
            self._alarm = None
            if self._stopped:
                return
            for key, each in self._watched.items():
                if not each.busy and each.due <= now:
                    self._watched[key] = replace(each, busy=True)
                    threading.Thread(target=self._round, args=(key, each.asked), name="probe", daemon=True).start()
            self._set()

    def _round(self, key: Key, asked: Asked) -> None:
        checks = asked.checks
        with self._places:
            answers = tuple(self._answer(asked, check) for check in checks.each)
        with self._lock:
            known = self._watched.get(key)
            if known is None or not known.busy:
                return
            due = self._clock.monotonic() + checks.interval.total_seconds()
            current = (known.asked.started_at, known.asked.checks) == (asked.started_at, checks)
            after = heard(known.heard, known.asked, answers, self._clock.now()) if current else known.heard
            self._watched[key] = replace(known, heard=after, busy=False, due=due if current else known.due)
            wakes = current and after is not None and telling(known.heard, after, checks)
            self._set()
        if wakes:
            known.wake()

    def _answer(self, asked: Asked, check: Check) -> Answer:
        try:
            return self.probe.probe(asked.subject, check, asked.checks.timeout)
        except Exception as error:  # noqa: BLE001  one question that goes wrong may not end the asking
            return Unknown(f"{check}: unexpected {type(error).__name__}: {error}")


class Rounds:
    """What one environment has its instances asked; `masked` takes secrets out of what they answer."""

    def __init__(self, environment: str, probing: Probing, masked: Callable[[str], str]) -> None:
        self._environment, self._probing, self._masked = environment, probing, masked
        self.probe = probing.probe

    def judged(self, journal: Journal, wanted: SealedState | None, live: LiveState, now: datetime) -> Journal:
        """The journal that knows how everybody stands by what was answered up to now."""
        heard = self._probing.heard(self._environment)
        return judged(journal, wanted, live, {id: self._without_secrets(each) for id, each in heard.items()}, now)

    def keep(
        self,
        environment: Environment,
        journal: Journal,
        wanted: SealedState | None,
        live: LiveState,
        wake: Callable[[], None],
    ) -> None:
        """Ask all who are there from now on. What is only observed is not asked: a probe may be a container there."""
        asked = to_ask(journal, wanted, live) if environment.mode != "observe" else {}
        self._probing.keep(self._environment, asked, wake)

    def _without_secrets(self, found: Heard) -> Heard:
        return replace(found, said=self._masked(found.said)) if found.said else found

"""Sends requests of gitopsd's own through the router to newer content: to see it answer, to warm it, to have it judged.

Each goes in a thread of its own, at the pace that is wanted; whoever is slow keeps no other waiting. What came of them
is kept here only: a new process asks anew where it matters still.
"""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from gitopsd.controller.ports import Clock, Timer
from gitopsd.model.analysis import SlotCounts
from gitopsd.model.health import Answer, Fail, Pass, Unknown
from gitopsd.model.route import RouteName, SlotName
from gitopsd.model.visits import NOT_VISITED, Visits
from gitopsd.release.visiting import Visited
from gitopsd.rollout.warming import Warmth, ended, warmer

AT_ONCE = 32  # requests under way to one service; who is slower than their pace gets fewer
PATIENCE = timedelta(seconds=10)  # with an answer that only warms, or is counted
ASKED_EVERY = timedelta(milliseconds=200)  # whether newer content answers, until somebody can tell
LEAST_WAIT = timedelta(milliseconds=50)

_log = logging.getLogger(__name__)
Key = tuple[str, str, int]  # environment, service, release


class Way(Protocol):
    """To a slot of a service through the router, as RouterDesk has it."""

    def probe(self, name: RouteName, slot: SlotName, timeout: timedelta, path: str = "") -> Answer: ...


@dataclass(frozen=True, slots=True)
class Errand:
    """A service that is visited. `number` tells it from one that was forgotten meanwhile.

    `paced_from` is since when, by the monotonic clock, requests go at a pace, with `sent` up to now; `away` are those
    that are under way. `ticking`: an alarm is set. Whether newer content answers is not asked again before
    `not_before`.
    """

    number: int
    subject: Visited
    wake: Callable[[], None]
    visits: Visits = NOT_VISITED
    warmth: Warmth | None = None
    paced_from: float | None = None
    sent: int = 0
    away: int = 0
    ticking: bool = False
    not_before: float = 0.0


class Visiting:
    """One engine's. `way` None: nobody routes here, and nobody is visited."""

    def __init__(self, way: Way | None, clock: Clock, timer: Timer) -> None:
        self._way, self._clock, self._timer = way, clock, timer
        self._errands: dict[Key, Errand] = {}
        self._lock = threading.Lock()
        self._count = self._ticks = 0
        self._stopped = False

    def keep(self, environment: str, subjects: Mapping[str, Visited], wake: Callable[[], None]) -> None:
        """The services of an environment that are visited from now on; a new one at once."""
        keys = {(environment, each.service, each.release): each for each in subjects.values()}
        fresh: list[tuple[Key, int]] = []
        with self._lock:
            for key in [key for key in self._errands if key[0] == environment and key not in keys]:
                del self._errands[key]
            for key, subject in keys.items():
                known = self._errands.get(key)
                if known is None or known.subject.slot != subject.slot:
                    self._count += 1
                    epoch = f"{self._clock.now().isoformat()} {self._count}"
                    known = Errand(self._count, subject, wake, Visits(epoch=epoch))
                known = replace(known, subject=subject, wake=wake)
                if not known.ticking and _is_due(known):
                    known = replace(known, ticking=True)
                    fresh.append((key, known.number))
                self._errands[key] = known
        for key, number in fresh:
            self._tick(key, number)

    def visits(self, environment: str) -> dict[str, Visits]:
        """What came of them, by service."""
        with self._lock:
            return {key[1]: each.visits for key, each in self._errands.items() if key[0] == environment}

    def stop(self) -> None:
        """Send no more. Nobody waits for what is under way."""
        with self._lock:
            self._stopped = True

    def _tick(self, key: Key, number: int) -> None:
        """Send what is due, and come back for the next."""
        with self._lock:
            known = self._errands.get(key)
            if known is None or known.number != number or self._stopped:
                return
            known = _over(known, self._clock.monotonic())
            after, requests, wait = _turn(known, self._clock.monotonic())
            self._errands[key] = replace(after, ticking=wait is not None)
            if wait is not None:
                self._ticks += 1
                # Each alarm has a name of its own, as one that rings still bears its.
                name, when = f"visits {id(self)} {self._ticks}", self._clock.now() + max(wait, LEAST_WAIT)
                self._timer.at(name, when, lambda: self._tick(key, number))
        for request in requests:
            threading.Thread(target=self._send, args=(key, number, request), name="visit", daemon=True).start()

    def _send(self, key: Key, number: int, request: "Request") -> None:
        begun = self._clock.monotonic()
        answer = self._asked(key, request)
        with self._lock:
            known = self._errands.get(key)
            if known is None or known.number != number:
                return
            now = self._clock.monotonic()
            after = _heard(replace(known, away=known.away - 1), request, answer, now - begun)
            if isinstance(answer, Fail) and not request.path:
                after = replace(after, not_before=now + after.subject.interval.total_seconds())
            self._errands[key] = after = _over(after, now)
        if _telling(after.visits) != _telling(known.visits):
            after.wake()

    def _asked(self, key: Key, request: "Request") -> Answer:
        if self._way is None:
            return Unknown("nobody routes here")
        try:
            return self._way.probe(RouteName(key[0], key[1]), request.slot, request.timeout, request.path)
        except Exception as error:  # noqa: BLE001  one request that goes wrong may not end the asking
            _log.error("request to %s/%s: unexpected %s", key[0], key[1], type(error).__name__)
            return Unknown(f"unexpected {type(error).__name__}")


@dataclass(frozen=True, slots=True)
class Request:
    """One of them. `path` "": that of the health check, which tells whether newer content answers."""

    slot: SlotName
    timeout: timedelta
    path: str = ""
    warms: bool = False


def _turn(errand: Errand, now: float) -> tuple[Errand, tuple[Request, ...], timedelta | None]:
    """What to send now, and when to come again; None: not by itself."""
    subject = errand.subject
    if not _is_due(errand):
        return replace(errand, paced_from=None, sent=0), (), None
    if subject.asked and not errand.visits.reached:
        if errand.away or now < errand.not_before:
            return errand, (), ASKED_EVERY
        return replace(errand, away=1), (Request(subject.slot, subject.timeout),), ASKED_EVERY
    if subject.asked and subject.pre_warm is not None:
        warmth = errand.warmth or Warmth(now)
        errand, due = _paced(replace(errand, warmth=warmth), subject.pre_warm.rate, now)
        paths = subject.pre_warm.paths
        first = errand.sent - due
        found = tuple(Request(subject.slot, PATIENCE, paths[(first + each) % len(paths)], True) for each in range(due))
        return replace(errand, away=errand.away + due), found, timedelta(seconds=1 / subject.pre_warm.rate)
    if (synthetic := subject.synthetic) is None:
        return errand, (), None
    errand, due = _paced(errand, synthetic.rate, now)
    found = tuple(Request(slot, PATIENCE, synthetic.path) for _ in range(due) for slot in subject.slots)
    return replace(errand, away=errand.away + len(found)), found, timedelta(seconds=1 / synthetic.rate)


def _is_due(errand: Errand) -> bool:
    subject, visits = errand.subject, errand.visits
    asked = subject.asked and not (visits.reached and (subject.pre_warm is None or visits.warmed is not None))
    return asked or subject.synthetic is not None


def _paced(errand: Errand, rate: float, now: float) -> tuple[Errand, int]:
    """How many are due. What could not be sent in time, as too many are under way, is not made up for."""
    begun = errand.paced_from if errand.paced_from is not None else now
    total = int((now - begun) * rate) + 1
    due = max(0, min(total - errand.sent, AT_ONCE - errand.away))
    return replace(errand, paced_from=begun, sent=total if due < total - errand.sent else errand.sent + due), due


def _heard(errand: Errand, request: Request, answer: Answer, seconds: float) -> Errand:
    """After one more answer. What could not be asked says nothing."""
    visits = errand.visits
    if isinstance(answer, Unknown):
        return errand
    good = isinstance(answer, Pass)
    if not request.path:
        if good:
            return replace(errand, visits=replace(visits, reached=True, failures=0, said=""))
        said = answer.reason if isinstance(answer, Fail) else ""
        return replace(errand, visits=replace(visits, failures=visits.failures + 1, said=said))
    if request.warms:
        warmth = errand.warmth
        return errand if warmth is None else replace(errand, warmth=warmer(warmth, seconds, good=good))
    within = tuple(int(seconds <= bound) for bound in errand.subject.bounds)
    one = SlotCounts(1, int(not good), (*within, 1) if within else ())
    own = {**visits.own, request.slot: visits.own.get(request.slot, SlotCounts()).plus(one)}
    return replace(errand, visits=replace(visits, own=own))


def _over(errand: Errand, now: float) -> Errand:
    """With pre-warming at its end, where it is."""
    wanted, warmth, visits = errand.subject.pre_warm, errand.warmth, errand.visits
    if wanted is None or warmth is None or visits.warmed is not None:
        return errand
    return replace(errand, visits=replace(visits, warmed=ended(wanted, warmth, now)))


def _telling(visits: Visits) -> object:
    """What makes a difference to a pass, beside what it asks for by the clock."""
    return visits.reached, visits.failures, visits.warmed is not None

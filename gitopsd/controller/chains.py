"""Chains under way in one environment: what is busy, what was refused, what waits before it is tried again."""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.controller.execute import Executor, Making, Outcome
from gitopsd.controller.ports import Clock, Engine
from gitopsd.model.action import Chain, Update
from gitopsd.model.errors import EngineError, EngineRefused, EngineUnavailable, GitopsdError, ImageUnavailable
from gitopsd.model.event import Event
from gitopsd.model.release import Journal
from gitopsd.release import Signals

TRIES_OF_A_FAULT = 3  # an engine's 5xx may be a fault of the moment; its word counts as evidence after so many
LONGEST_WAIT_S = 60.0
FORGOTTEN_AFTER = timedelta(minutes=10)
EVIDENCE = (
    *("port is already allocated", "address already in use", "pool overlaps", "no such file"),
    "executable file not found",
)
NO_EVIDENCE = ("no space left on device", "disk quota exceeded")


@dataclass(frozen=True, slots=True)
class Wait:
    """A chain that failed without evidence against what it runs."""

    attempts: int
    until: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Pause:
    """A key whose chains are refused again and again: whatever is decided about it, it does not spin."""

    refusals: int
    last: datetime
    until: datetime


class Chains:
    """Submits chains and takes their outcomes in. Belongs to one environment; outcomes come from executor threads."""

    def __init__(self, environment: str, engine: Engine, executor: Executor, clock: Clock) -> None:
        self._environment, self._engine, self._executor, self._clock = environment, engine, executor, clock
        self._lock = threading.Lock()
        self._outcomes: list[Outcome] = []
        self._refused: dict[str, str] = {}
        self._waits: dict[str, Wait] = {}
        self._pauses: dict[str, Pause] = {}
        self._under_way: frozenset[str] = frozenset()

    def submit(self, chain: Chain, making: Making, wake: Callable[[], None]) -> None:
        """Have a chain carried out, unless its key pauses; then the pass at the end of the pause brings it again."""
        if chain.key in self._pauses and self._clock.now() < self._pauses[chain.key].until:
            return

        def done(outcome: Outcome) -> None:
            with self._lock:
                self._outcomes.append(outcome)
            wake()

        self._executor.submit(
            self._environment, chain.key, lambda: self._executor.chain(chain, self._engine, making), done
        )

    def collect_content(self) -> None:
        """Clear away delivered content that nothing uses any more, beside the loop; what fails is tried next time."""

        def work() -> Outcome:
            with contextlib.suppress(EngineError):
                self._engine.collect_content(self._environment)
            return Outcome("content", ())

        self._executor.submit(self._environment, "content", work, lambda _: None)

    def take_in(self, journal: Journal, now: datetime) -> tuple[Journal, tuple[Event, ...]]:
        """The journal and ledger after the chains that have ended since the last call. A look at the engine follows."""
        # What ends during that look may be missing in it, so it counts as under way until the next one.
        self._under_way = self._executor.busy(self._environment)
        with self._lock:
            outcomes, self._outcomes = self._outcomes, []
        events: list[Event] = []
        for outcome in outcomes:
            journal = _limits_noted(journal, outcome)
            events += _told(self._environment, outcome, now)
            if outcome.error is None:
                self._waits.pop(outcome.key, None)
                self._pauses.pop(outcome.key, None)
            else:
                self._weigh(outcome.key, outcome.error, now)
        return journal, tuple(events)

    def signals(self, now: datetime) -> Signals:
        """What the release room needs to know; each refusal is told once."""
        busy = self._under_way | self._executor.busy(self._environment)
        waiting = frozenset(key for key, wait in self._waits.items() if now < wait.until)
        refused, self._refused = self._refused, {}
        return Signals(busy | waiting, refused)

    def retry_at(self, now: datetime) -> datetime | None:
        times = [wait.until for wait in self._waits.values()] + [pause.until for pause in self._pauses.values()]
        return min((until for until in times if until > now), default=None)

    def trouble(self, now: datetime) -> str:
        """Why something waits, in words."""
        return next((wait.reason for wait in self._waits.values() if wait.until > now), "")

    def forget_waits(self) -> None:
        """Try everything again now: the times that it was put off to mean nothing any more."""
        self._waits.clear()

    def settled(self) -> bool:
        with self._lock:
            return not self._outcomes and not self._executor.busy(self._environment)

    def _weigh(self, key: str, error: GitopsdError, now: datetime) -> None:
        """Evidence goes to the rollout; what is the engine's own trouble waits, and is tried again."""
        before = self._waits.get(key)
        attempts = before.attempts + 1 if before is not None else 1
        tried = isinstance(error, EngineRefused) and not _denied(error) and attempts >= TRIES_OF_A_FAULT
        if (_is_evidence(error) or tried) and not any(word in str(error).lower() for word in NO_EVIDENCE):
            self._waits.pop(key, None)
            self._refused[key] = str(error)
            self._pauses[key] = _pause(self._pauses.get(key), now)
            return
        seconds = min(2.0 ** (attempts - 1), LONGEST_WAIT_S)
        self._waits[key] = Wait(attempts, now + timedelta(seconds=seconds), str(error))


def _pause(before: Pause | None, now: datetime) -> Pause:
    """None after the first refusal, then 1 s, 2 s, 4 s, ... up to a minute."""
    lately = before is not None and now - before.last < FORGOTTEN_AFTER
    refusals = before.refusals + 1 if before is not None and lately else 1
    seconds = min(2.0 ** (refusals - 2), LONGEST_WAIT_S) if refusals > 1 else 0.0
    return Pause(refusals, now, now + timedelta(seconds=seconds))


def _is_evidence(error: GitopsdError) -> bool:
    match error:
        case EngineUnavailable() | ImageUnavailable():
            return False
        case EngineRefused(status=status) if status >= 500 or _denied(error):
            return any(word in str(error).lower() for word in EVIDENCE)
        case _:
            return True


def _denied(error: EngineRefused) -> bool:
    """It may not be done at all, as a proxy before the engine says; the engine itself says so of addresses too."""
    return error.status in (401, 403)


def _limits_noted(journal: Journal, outcome: Outcome) -> Journal:
    """A container whose limits were brought up to date is known for it."""
    updates = {
        done.action.container: done.action.in_place
        for done in outcome.performed
        if isinstance(done.action, Update) and done.action.container in journal.inventory
    }
    if not updates:
        return journal
    changed = {id: replace(journal.inventory[id], in_place=in_place) for id, in_place in updates.items()}
    return replace(journal, inventory={**journal.inventory, **changed})


def _told(environment: str, outcome: Outcome, now: datetime) -> list[Event]:
    events = [
        Event(
            now,
            "ActionDone",
            _line(done.action) + (f"; not enforceable here: {done.note}" if _ignored(done) else ""),
            "warning" if _ignored(done) else "info",
            environment=environment,
            service=getattr(done.action, "service", ""),
            data={"action": type(done.action).__name__, "seconds": round(done.seconds, 3)},
        )
        for done in outcome.performed
    ]
    if outcome.error is not None:
        what = _line(outcome.failed) if outcome.failed is not None else outcome.key
        service = getattr(outcome.failed, "service", "")
        events.append(
            Event(now, "ActionFailed", f"{what}: {outcome.error}", "error", environment=environment, service=service)
        )
    return events


def _ignored(done: object) -> bool:
    return isinstance(getattr(done, "action", None), Update) and bool(getattr(done, "note", ""))


def _line(action: object) -> str:
    return " ".join(str(action).split())

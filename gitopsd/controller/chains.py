"""Chains under way in one environment: what is busy, what was refused, what waits before it is tried again."""

import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.controller.execute import Executor, Making, Outcome
from gitopsd.controller.ports import Clock, Engine
from gitopsd.engine_json.cures import updated_paths
from gitopsd.model.action import Action, Chain, Create, Exchange, OnInstance, Rename, Update
from gitopsd.model.canonical import Json
from gitopsd.model.errors import (
    EngineError,
    EngineRefused,
    EngineUnavailable,
    GitopsdError,
    HostTrouble,
    ImageUnavailable,
)
from gitopsd.model.event import Event
from gitopsd.model.parted import with_first
from gitopsd.model.release import Hold, Journal, Release
from gitopsd.release import Signals
from gitopsd.release.refusals import Aim, Refusal, aim_of, concerning

TRIES_OF_A_FAULT = 3  # an engine's 5xx may be a fault of the moment; its word counts as evidence after so many
LONGEST_WAIT_S = 60.0
LONGEST_WAIT_FOR_THE_HOST_S = 300.0  # each attempt may cost a stop-first service a moment
FORGOTTEN_AFTER = timedelta(minutes=10)
EVIDENCE = ("address already in use", "no such file", "executable file not found")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wait:
    """A chain that failed without evidence against what it runs. `host`: its host cannot have that now."""

    attempts: int
    until: datetime
    reason: str
    aim: Aim
    host: bool = False


@dataclass(frozen=True, slots=True)
class Pause:
    """A key whose chains are refused again and again: whatever is decided about it, it does not spin."""

    refusals: int
    last: datetime
    until: datetime


class Chains:
    """Submits chains and takes their outcomes in. Belongs to one environment; outcomes come from executor threads.

    `masked` takes secrets out of what the engine says.
    """

    def __init__(
        self,
        environment: str,
        engine: Engine,
        executor: Executor,
        clock: Clock,
        masked: Callable[[str], str] = str,
    ) -> None:
        self._environment, self._engine, self._executor, self._clock = environment, engine, executor, clock
        self._masked = masked
        self._lock = threading.Lock()
        self._outcomes: list[tuple[Outcome, Aim]] = []
        self._refused: dict[str, Refusal] = {}
        self._waits: dict[str, Wait] = {}
        self._pauses: dict[str, Pause] = {}
        self._under_way: frozenset[str] = frozenset()
        self._acted_on: dict[str, frozenset[str]] = {}

    def submit(self, chain: Chain, journal: Journal, making: Making, wake: Callable[[], None]) -> None:
        """Have a chain carried out, unless its key pauses; then the pass at the end of the pause brings it again."""
        if chain.key in self._pauses and self._clock.now() < self._pauses[chain.key].until:
            return
        aim = aim_of(journal, chain.key)

        def done(outcome: Outcome) -> None:
            with self._lock:
                self._outcomes.append((outcome, aim))
            wake()

        self._executor.submit(
            self._environment,
            chain.key,
            lambda: self._executor.chain(chain, self._engine, making),
            done,
            containers=frozenset(each for action in chain.actions for each in _container(action)),
        )

    def collect_content(self, names: Sequence[str], wake: Callable[[], None]) -> None:
        """Clear away delivered content that nothing uses any more, beside the loop; what fails is tried next time.

        `names` are all that the environment ever had. `wake`: a pass meanwhile has seen that something is under way.
        """

        def work() -> Outcome:
            with contextlib.suppress(EngineError):
                for name in names:
                    self._engine.collect_content(name)
            return Outcome("content", ())

        self._executor.submit(self._environment, "content", work, lambda _: wake())

    def take_in(self, journal: Journal, now: datetime) -> tuple[Journal, tuple[Event, ...]]:
        """The journal and ledger after the chains that have ended since the last call. A look at the engine follows."""
        # What ends during that look may be missing in it, so it counts as under way until the next one.
        self._under_way = self._executor.busy(self._environment)
        with self._lock:
            outcomes, self._outcomes = self._outcomes, []
        events: list[Event] = []
        for outcome, aim in outcomes:
            for container, ignored in _containers(outcome):
                self._acted_on[container] = self._acted_on.get(container, frozenset()) | ignored
            journal = _in_place_noted(journal, outcome)
            events += _told(self._environment, outcome, _release_of(journal, outcome), self._masked, now)
            if outcome.trace:
                _log.error("%s of %s: %s", outcome.key, self._environment, self._masked(outcome.trace))
            if outcome.error is None:
                self._done(outcome.key, now)
            else:
                self._weigh(outcome.key, outcome.error, aim, now)
        return journal, tuple(events)

    def acted_on(self) -> Mapping[str, frozenset[str]]:
        """Containers, by id or name, that ended chains changed; each is told once.

        With each go the paths of the fields that the engine was asked for and ignored.
        """
        found, self._acted_on = self._acted_on, {}
        return found

    def busy(self) -> frozenset[str]:
        """Keys of chains whose effect the look at hand may not show whole."""
        return self._under_way | self._executor.busy(self._environment)

    def signals(self, journal: Journal, now: datetime, *, returned: bool = False) -> Signals:
        """What the release room needs to know; each refusal is told once, if it still concerns what is aimed at.

        `returned`: the engine was away.
        """
        busy = self.busy()
        waiting = {key for key, wait in self._waits.items() if now < wait.until and not wait.host}
        refused, self._refused = self._refused, {}
        return Signals(busy | waiting, concerning(journal, refused), self.held(now), returned)

    def held(self, now: datetime) -> frozenset[str]:
        """Keys of what the engine's host cannot have now."""
        return frozenset(key for key, wait in self._waits.items() if wait.host and now < wait.until)

    def retry_at(self, now: datetime) -> datetime | None:
        times = [wait.until for wait in self._waits.values()] + [pause.until for pause in self._pauses.values()]
        return min((until for until in times if until > now), default=None)

    def trouble(self, now: datetime) -> str:
        """Why something waits for the engine, in words."""
        return next((wait.reason for wait in self._waits.values() if wait.until > now and not wait.host), "")

    def holds(self, now: datetime, release: Release | None) -> tuple[Hold, ...]:
        """What the engine's host cannot have now, and when it is tried again."""
        waits = (wait for _, wait in sorted(self._waits.items()) if wait.until > now and wait.host)
        return tuple(Hold("host", wait.reason, release.number if release else None, wait.until) for wait in waits)

    def forget_waits(self) -> None:
        """Try everything again now: the times that it was put off to mean nothing any more."""
        self._waits.clear()
        self._pauses.clear()

    def forget_holds(self) -> bool:
        """What is wanted has changed, and the host may have that. Whether anything was held."""
        held = [key for key, wait in self._waits.items() if wait.host]
        for key in held:
            del self._waits[key]
        return bool(held)

    def settled(self) -> bool:
        with self._lock:
            return not self._outcomes and not self._executor.busy(self._environment)

    def _done(self, key: str, now: datetime) -> None:
        """A success ends the waiting; but while the host cannot have something, others may do their part."""
        self._pauses.pop(key, None)
        if key in self._waits and not (self._waits[key].host and now < self._waits[key].until):
            del self._waits[key]

    def _weigh(self, key: str, error: GitopsdError, aim: Aim, now: datetime) -> None:
        """Evidence goes to the rollout; what is the engine's own trouble, or its host's, waits and is tried again."""
        before = self._waits.get(key)
        attempts = before.attempts + 1 if before is not None and before.aim == aim else 1
        host = isinstance(error, HostTrouble)
        if not host and (_is_evidence(error) or (attempts >= TRIES_OF_A_FAULT and _has_spoken(error))):
            self._waits.pop(key, None)
            self._refused[key] = Refusal(self._masked(str(error)), aim)
            self._pauses[key] = _pause(self._pauses.get(key), now)
            return
        longest = LONGEST_WAIT_FOR_THE_HOST_S if host else LONGEST_WAIT_S
        seconds = min(2.0 ** min(attempts - 1, 20), longest)
        self._waits[key] = Wait(attempts, now + timedelta(seconds=seconds), self._masked(str(error)), aim, host)


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


def _has_spoken(error: GitopsdError) -> bool:
    """The engine itself said no, and not that it may not be done."""
    return isinstance(error, EngineRefused) and not _denied(error)


def _denied(error: EngineRefused) -> bool:
    """It may not be done at all, as a proxy before the engine says; the engine itself says so of addresses too."""
    return error.status in (401, 403)


def _containers(outcome: Outcome) -> Iterator[tuple[str, frozenset[str]]]:
    done = [(each.action, updated_paths(each.note.split(", ")) if _ignored(each) else ()) for each in outcome.performed]
    failed = [(outcome.failed, ())] if outcome.failed is not None else []
    for action, ignored in (*done, *failed):
        for container in _container(action):
            yield container, frozenset(ignored)


def _container(action: Action) -> tuple[str, ...]:
    """The container that an action is on, by its id or, before it has one, by its name."""
    match action:
        case Create(name=container) | OnInstance(container=container) | Rename(container=container):
            return (container,)
        case _:
            return ()


def _in_place_noted(journal: Journal, outcome: Outcome) -> Journal:
    """A container whose limits or files were brought up to date is known for them."""
    inventory = dict(journal.inventory)
    for done in outcome.performed:
        match done.action:
            case Update(container=container, in_place=in_place) if container in inventory:
                known = with_first(inventory[container].in_place, in_place)
            case Exchange(container=container, in_place=in_place) if container in inventory:
                known = with_first(in_place, inventory[container].in_place)
            case _:
                continue
        inventory[container] = replace(inventory[container], in_place=known)
    return journal if inventory == journal.inventory else replace(journal, inventory=inventory)


def _release_of(journal: Journal, outcome: Outcome) -> int | None:
    """The release that the actions on a service, or for all of them, were for; None for mending what drifted."""
    rollout = journal.rollouts.get(outcome.key.rpartition("/")[0])
    if rollout is not None:
        return rollout.release if rollout.kind != "repair" else None
    return journal.release.number if journal.release is not None else None


def _told(
    environment: str, outcome: Outcome, release: int | None, masked: Callable[[str], str], now: datetime
) -> list[Event]:
    events = [
        Event(
            now,
            "ActionDone",
            _line(done.action) + (f"; not enforceable here: {done.note}" if _ignored(done) else ""),
            "warning" if _ignored(done) else "info",
            environment=environment,
            service=getattr(done.action, "service", ""),
            release=release,
            data={**_facts(done.action), "seconds": round(done.seconds, 3)},
        )
        for done in outcome.performed
    ]
    if outcome.error is not None:
        what = _line(outcome.failed) if outcome.failed is not None else outcome.key
        service = getattr(outcome.failed, "service", "")
        message = f"{what}: {masked(str(outcome.error))}"
        facts = _facts(outcome.failed) if outcome.failed is not None else {}
        failed = Event(now, "ActionFailed", message, "error", environment, service=service, release=release, data=facts)
        events.append(failed)
    return events


def _facts(action: Action) -> dict[str, Json]:
    """What tells later which container or resource the action was for, and why."""
    container = getattr(action, "container", "")
    slot = {"slot": action.slot} if isinstance(action, Create | OnInstance | Rename) else {}
    return {"action": type(action).__name__, "container": container, "name": action.name, "cause": action.cause} | slot


def _ignored(done: object) -> bool:
    return isinstance(getattr(done, "action", None), Update) and bool(getattr(done, "note", ""))


def _line(action: object) -> str:
    return " ".join(str(action).split())

"""Hosts of a simulated fleet, each with polls, guards and questions to others of its own, by gitopsd's own code.

A whole host runs every pass of the real controller over a simulated engine. A light one asks the real guards whether it
may begin, and then takes as long as a whole host of its kind takes, which is found out once.
"""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING

from gitopsd.controller.desire import Desires
from gitopsd.controller.elsewhere import Elsewhere
from gitopsd.controller.engine_loop import EngineLoop
from gitopsd.controller.environments import Environment, discovered
from gitopsd.controller.execute import Executor, Outcome
from gitopsd.controller.guarding import case_of
from gitopsd.controller.polling import Polling
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.shared import shared
from gitopsd.controller.weighing import Weighing
from gitopsd.model.desired import SealedState
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal
from gitopsd.release.guarding import standing
from tests.controller.house import HERE
from tests.fakes.containers import exits
from tests.fakes.engine import FakeEngine
from tests.fakes.metrics import FakeMetrics
from tests.fakes.probe import FakeProbe
from tests.fakes.secrets import FakeSecrets
from tests.fakes.store import FakeStore
from tests.simulation.wheel import HostTimer, Wheel

if TYPE_CHECKING:
    from tests.simulation.fleet import Fleet

SERVICES = 10
VERSIONS = (1, 2, 3, 4)
BROKEN = 9  # a version whose first service falls over
PULLS_S = (5.0, 10.0, 20.0, 40.0)  # how long the pull of an image takes, by kind of host
CHAIN_S = 0.5  # how long the engine takes for the actions of one service
LOOK_S = 1.0  # between two passes while a release is open, in the place of the engine's events


class Host(ABC):
    """What all have: a mirror, polls, a store, and questions to those that go first."""

    def __init__(self, fleet: "Fleet", name: str, kind: int) -> None:
        self.fleet, self.name, self.kind = fleet, name, kind
        self.wheel, self.timer, self.store = fleet.wheel, HostTimer(fleet.wheel), FakeStore()
        clock, settings = fleet.wheel.clock, fleet.settings_of(name)
        source = fleet.server.mirror()
        self.repositories = Repositories(settings.repositories, lambda _: source, self.store, clock)
        chance = Random(f"{fleet.seed} polls of {name}").random
        self.polling = Polling(clock, self.timer, chance, self.repositories.known, self._poll)
        chance = Random(f"{fleet.seed} questions of {name}").random
        self.elsewhere = Elsewhere(clock, self.timer, chance, fleet.groups, lambda: name)
        self.begun: dict[str, float] = {}  # when the release of a commit began
        self.converged: dict[str, float] = {}  # and when all of it served

    def start(self) -> None:
        """The daemon starts, and knows the repository from before."""
        self.polling.keep(self.fleet.settings_of(self.name).repositories.values(), ())

    @property
    def head(self) -> str:
        known = self.repositories.head("default")
        return known.commit if known is not None else ""

    def _poll(self, name: str) -> None:
        if self.repositories.poll(name):
            self.moved()

    @abstractmethod
    def moved(self) -> None:
        """There is a new commit."""


class TimedExecutor(Executor):
    """Every chain takes its time, and every pull the time of this kind of host."""

    def __init__(self, wheel: Wheel, pull_s: float) -> None:
        super().__init__(wheel.clock)
        self._wheel, self._pull_s = wheel, pull_s

    def submit(
        self,
        environment: str,
        key: str,
        work: Callable[[], Outcome],
        done: Callable[[Outcome], None],
        *,
        containers: frozenset[str] = frozenset(),
        aside: bool = False,
    ) -> None:
        with self._lock:
            if (environment, key) in self._busy:
                return
            self._busy[environment, key] = containers
        self._wheel.after(self._pull_s if aside else CHAIN_S, lambda: self._run(environment, key, work, done))


class Unweighed(Weighing):
    """Nobody's memory is looked at: that would be a thread for each service."""

    def keep(self, environment: str, subjects: object, wake: Callable[[], None]) -> None:
        pass


class Loop(EngineLoop):
    """The real loop of an engine without its threads: the wheel makes its passes."""

    on_wake: Callable[[], None]

    def wake(self, name: str, *, at_once: bool = False) -> None:
        self.on_wake()

    def work(self) -> datetime | None:
        return self._work("shop")


class Whole(Host):
    """Every pass is a real one."""

    def __init__(self, fleet: "Fleet", name: str, kind: int) -> None:
        super().__init__(fleet, name, kind)
        self.engine, self.passes, self.held = FakeEngine(self.wheel.clock), 0, False
        for number in range(SERVICES):
            for version in VERSIONS:
                self.engine.publish(f"app{number}:{version}")
            self.engine.publish(f"app{number}:{BROKEN}", exits(1, after=2.0))
        clock = self.wheel.clock
        here = shared(self.engine, FakeProbe(), FakeMetrics(), clock, self.timer)
        executor = TimedExecutor(self.wheel, PULLS_S[kind])
        weighing = Unweighed(self.engine, clock, self.timer)
        here = replace(here, executor=executor, weighing=weighing, elsewhere=self.elsewhere)
        registry = Registry()
        self.desires = Desires(self.repositories, self.store, registry, FakeSecrets())
        self._loop = Loop(HERE, here, self.store, clock, self.timer, lambda _: self.desires, registry)
        self._loop.on_wake = self._wake

    @property
    def journal(self) -> Journal:
        return self.store.journal("shop")

    def environment(self) -> Environment:
        found, _ = discovered(self.fleet.settings_of(self.name), self.repositories.heads())
        return found["shop"]

    def moved(self) -> None:
        self._loop.keep({"shop": self.environment()})
        self._wake()

    def _wake(self) -> None:
        self.timer.at("pass", self.wheel.clock.now() + timedelta(milliseconds=30), self._pass)

    def _pass(self) -> None:
        begun = time.process_time()
        wake_at = self._loop.work()
        self.fleet.pass_s += time.process_time() - begun
        self.fleet.passes += 1
        self.passes += 1
        now, journal = self.wheel.clock.now(), self.journal
        (status,) = self.store.statuses()
        self.held = any(hold.guard == "requires" for hold in status.holds)
        if journal.release is not None:
            self.begun.setdefault(journal.release.revision, self.wheel.seconds)
            look = now + timedelta(seconds=LOOK_S)
            wake_at = min(wake_at, look) if wake_at is not None else look
        elif (status.sync, status.health, status.revision) == ("Synced", "Healthy", self.head):
            self.converged.setdefault(self.head, self.wheel.seconds)
        if wake_at is not None:
            self.timer.at("pass", wake_at, self._pass)


@dataclass(frozen=True, slots=True)
class Course:
    """How a release goes on a whole host of a kind: the case for it, and how long it takes until it may begin, and on.

    `takes_s` None: it never serves, as it is rejected.
    """

    environment: Environment
    journal: Journal
    state: SealedState
    ready_s: float
    takes_s: float | None
    passes: int


class Light(Host):
    """Its releases take the course that they take on a whole host of its kind."""

    serving = ""

    def moved(self) -> None:
        course = self.fleet.course(self.kind, self.serving, self.head)
        self.timer.at("consider", self.wheel.clock.now() + timedelta(seconds=course.ready_s), self._consider)

    def _consider(self) -> None:
        commit, now = self.head, self.wheel.clock.now()
        if commit in self.begun:
            return
        course = self.fleet.course(self.kind, self.serving, commit)
        ask = partial(self.elsewhere.proof, wake=self._consider)
        plan = Plan("shop", commit)
        policy = self.fleet.settings_of(self.name).policy
        environment = replace(course.environment, policy=policy)
        case = case_of(environment, course.journal, course.state, plan, self.store, ask)
        holds = standing(course.journal, case, now)
        if not holds:
            self.begun[commit] = self.wheel.seconds
            if course.takes_s is not None:
                self.wheel.after(course.takes_s, partial(self._serves, commit))
        elif untils := [hold.until for hold in holds if hold.until is not None]:
            self.timer.at("consider", min(untils), self._consider)

    def _serves(self, commit: str) -> None:
        self.serving = commit
        self.converged[commit] = self.wheel.seconds

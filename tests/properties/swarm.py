"""A gitopsd over a fake swarm that makes one pass when it is told to, and the laws that hold whatever happens."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import discovered
from gitopsd.controller.reconcile import Pass
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.shared import Shared, shared
from gitopsd.controller.swarm_reconcile import SwarmReconciler
from gitopsd.controller.swarm_watch import NodeWatch
from gitopsd.drift.swarm import differences, healable
from gitopsd.engine_json.labels import SERVICE
from gitopsd.engine_json.swarm_mode import runs_to_end
from gitopsd.model.errors import Conflict, EngineRefused, EngineUnavailable
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.release import Journal
from gitopsd.model.settings import EnvironmentSettings, Repository, Settings, TargetEngine
from gitopsd.model.swarm import DropNetwork, DropObject, DropService, SendService, SwarmAction, SwarmState
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.metrics import FakeMetrics
from tests.fakes.probe import FakeProbe
from tests.fakes.secrets import FakeSecrets
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore
from tests.fakes.swarm import FakeSwarm
from tests.fakes.timer import FakeTimer

HERE = TargetEngine("unix:///here", swarm=True)
REPOSITORY = Repository("default", "https://git.example.com/environments.git")


class TroubledSwarm(FakeSwarm):
    """The next call that begins with `at` comes to nothing (`lost`), or does without anybody hearing (`silent`), or is
    refused, once.
    """

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self.at, self.how = "", ""

    def _asked(self, call: str) -> None:
        super()._asked(call)
        if call and self.how in ("lost", "refused", "conflict") and call.startswith(self.at):
            how, self.how = self.how, ""
            self.calls.pop()  # it never got there
            if how == "lost":
                raise EngineUnavailable(f"{call}: the connection was reset")
            raise EngineRefused(f"{call}: invalid", 400) if how == "refused" else Conflict(f"{call}: busy", 409)

    def heard(self, call: str) -> None:
        """After the call took effect."""
        if self.how == "silent" and call.startswith(self.at):
            self.how = ""
            raise EngineUnavailable(f"{call}: nobody heard how it ended")

    def create_service(self, spec: Any) -> None:
        super().create_service(spec)
        self.heard(f"create {spec.name}")

    def update_service(self, id: str, version: int, spec: Any, forced: int = 0) -> None:
        super().update_service(id, version, spec, forced)
        self.heard(f"update {spec.name}")


@dataclass
class Laws:
    """What is watched from outside. `runs` counts, by release and job, how often Swarm was made to run it."""

    rejected: set[str] = field(default_factory=set)
    runs: dict[tuple[int, str], int] = field(default_factory=dict)
    excused: set[str] = field(default_factory=set)  # jobs that somebody laid hands on, or that were cut off

    def before(self, journal: Journal, actions: tuple[SwarmAction, ...], state: SwarmState, told: Any) -> None:
        """What a pass is about to do."""
        for action in actions:
            assert action.cause, f"no cause: {action}"
            match action:
                case SendService():
                    self._never_told_what_it_was_told(action, state)
                    self._a_job_runs_once_for_a_release(journal, action)
                case DropObject():
                    self._never_collected_while_it_is_needed(action, state, told)
                case DropNetwork():
                    assert journal.release is None, f"{action.name} is removed while a release is open"
                case DropService():
                    self._never_dropped_while_it_serves(journal, action)

    def after(self, before: Journal, now: Journal) -> None:
        """A pass is over."""
        release = now.release
        if release is not None and (before.release is None or before.release.number != release.number):
            assert release.content_digest not in self.rejected, f"{release.content_digest} was rejected before"
        if release is None and now.serving is not None:
            self.rejected.discard(now.serving.content_digest)

    def _never_told_what_it_was_told(self, action: SendService, state: SwarmState) -> None:
        service = state.services.get(action.spec.name)
        if service is not None and not runs_to_end(action.spec.body):
            found = healable(differences(action.spec, service))
            assert found, f"{action.service} is told again though nothing differs: {action.cause}"

    def _a_job_runs_once_for_a_release(self, journal: Journal, action: SendService) -> None:
        if not runs_to_end(action.spec.body) or "cut off" in action.cause:
            return
        rollout = journal.rollouts[action.service]
        key = (rollout.release, action.target.fingerprint)
        taken = self.runs.get(key, 0)
        assert not taken or action.service in self.excused, f"{action.service} runs again in release {key[0]}"

    def ran(self, journal: Journal, service: str, fingerprint: str) -> None:
        """Swarm was made to run a job, whoever heard of it."""
        rollout = journal.rollouts.get(service)
        if rollout is not None:
            self.runs[rollout.release, fingerprint] = self.runs.get((rollout.release, fingerprint), 0) + 1

    @staticmethod
    def _never_collected_while_it_is_needed(action: DropObject, state: SwarmState, told: Any) -> None:
        users = [each.name for each in state.services.values() if action.id in each.uses]
        assert not users, f"{action.name} is collected, and {users} have it or could go back to it"
        needed = {made.name for spec in told.values() for made in spec.objects}
        assert action.name not in needed, f"{action.name} is collected, and what serves is told with it"

    @staticmethod
    def _never_dropped_while_it_serves(journal: Journal, action: DropService) -> None:
        kept = action.service in journal.stable and action.service not in journal.rollouts
        assert not kept, f"{action.service} serves, and is removed: {action.cause}"


class Managed:
    """One environment. `made` is the class of its passes; a daemon that dies leaves nothing but the store."""

    def __init__(self, made: type[SwarmReconciler] = SwarmReconciler) -> None:
        self.clock, self.store, self.source = FakeClock(), FakeStore(), FakeSource()
        self.swarm, self.laws = TroubledSwarm(self.clock), Laws()
        self.engine = FakeEngine(self.clock)
        self._made = made
        self._here: Shared | None = None
        self._passes: SwarmReconciler | None = None
        self._repositories = Repositories(
            {"default": REPOSITORY}, lambda repository: self.source, self.store, self.clock
        )
        self._settings = Settings(
            "here",
            Path("/state"),
            {"default": REPOSITORY},
            engine=HERE,
            environments={"shop": EnvironmentSettings("shop")},
        )

    def commit(self, files: dict[str, str]) -> str:
        commit = self.source.write({f"environments/shop/{path}": text for path, text in files.items()})
        self._repositories.poll("default")
        return commit

    def die(self) -> None:
        if self._here is not None:
            self._here.executor.stop()
        self._here = self._passes = None

    @property
    def journal(self) -> Journal:
        return self.store.journal("shop")

    def look(self) -> Pass | None:
        """One pass; None where the manager was not reached, or did not say how it ended."""
        environment = discovered(self._settings, self._repositories.heads())[0]["shop"]
        before, running = self.journal, self._counts()
        try:
            done = (self._passes or self._begin()).reconcile(environment, lambda: None)
        except EngineUnavailable:
            done = None
        for service, (count, fingerprint) in self._counts().items():
            if count > running.get(service, (0, ""))[0]:
                self.laws.ran(self.journal, service, fingerprint)
        self.laws.after(before, self.journal)
        ended = self.store.release(before.release.number) if before.release is not None else None
        if ended is not None and ended.outcome in ("rolled-back", "failed", "cancelled"):
            self.laws.rejected.add(ended.content_digest)
        return done

    def ask(self, verb: Verb, **arguments: Any) -> None:
        self.store.submit(Operation(verb, "shop", "ada", self.clock.now(), arguments))

    def rest(self) -> None:
        """Nobody troubles it until nothing is left to do, twice, and then it does nothing."""
        still, calls = 0, len(self.swarm.calls)
        for step in range(120):
            done = self.look()
            moving = any(each.update == "updating" for each in self.swarm.services.values())
            self.swarm.step()
            self.clock.advance(2 if step < 40 else 60)
            quiet = done is not None and done.settled and done.wake_at is None and not moving
            did, calls = self.swarm.calls[calls:], len(self.swarm.calls)
            assert not (did and still), f"at rest, and does {did}"
            still = still + 1 if quiet and not did else 0
            if still == 2:
                return
        raise AssertionError(f"still open: {self.journal.rollouts} {self.journal.release}")

    def _begin(self) -> SwarmReconciler:
        here = shared(self.engine, FakeProbe(), FakeMetrics(), self.clock, FakeTimer(self.clock))
        desires = Desires(self._repositories, self.store, Registry(), FakeSecrets())
        self._here = here
        nodes = NodeWatch("unix:///swarm.sock", self.store)
        self._passes = _watched(self._made, self)("shop", here, self.swarm, nodes, self.store, self.clock, desires)
        return self._passes

    def _counts(self) -> dict[str, tuple[int, str]]:
        """How often Swarm began each job there is, and what it runs of it."""
        found = {}
        for kept in self.swarm.services.values():
            if runs_to_end(kept.body):
                labels = kept.body["Labels"]
                found[labels.get(SERVICE, "")] = (kept.version, labels.get("gitopsd.fingerprint", ""))
        return found


def _watched(made: type[SwarmReconciler], managed: Managed) -> Callable[..., SwarmReconciler]:
    class Watched(made):  # type: ignore[misc, valid-type]
        def _act(self, look: Any, turn: Any, wake: Any) -> None:
            managed.laws.before(turn.journal, self._actions, self._state, self._told)
            super()._act(look, turn, wake)

    return Watched

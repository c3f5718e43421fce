"""The loop of one engine: its work queue, its executor, and the thread that listens to its events.

Engines do not know of each other: one that hangs delays nobody else.
"""

import contextlib
import logging
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.collecting import Kept, collect_images
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import Environment
from gitopsd.controller.execute import Outcome
from gitopsd.controller.passes import Pass
from gitopsd.controller.ports import Clock, Store, Timer
from gitopsd.controller.queue import WorkQueue
from gitopsd.controller.reconcile import Reconciler
from gitopsd.controller.registry import Registry
from gitopsd.controller.shared import Shared
from gitopsd.controller.standing import to_keep
from gitopsd.controller.swarm_reconcile import SwarmReconciler
from gitopsd.controller.swarm_watch import NodeWatch
from gitopsd.model.errors import EngineRefused, EngineUnavailable, GitopsdError, StoreError
from gitopsd.model.event import Event
from gitopsd.model.live import EngineEvent
from gitopsd.model.status import EnvironmentStatus

TELLING = frozenset(
    ("create", "start", "restart", "stop", "kill", "die", "oom", "destroy", "rename", "update", "pause", "unpause")
)
NETWORKING = frozenset(("connect", "disconnect", "destroy", "remove"))
BRINGING = frozenset(("pull", "load", "import"))
NAMING = frozenset(("tag", "untag"))
TASK = "com.docker.swarm.task.id"  # a label of containers that a swarm runs
LACKING = frozenset(("image", "pull_policy", "disk"))
NOBODY = ""  # whose work it is that concerns the whole engine
RESUBSCRIBE_S = (0.1, 0.5, 2.0, 5.0, 15.0)

_log = logging.getLogger(__name__)


class EngineLoop:
    """Keeps the environments of one engine. `desires` makes the view of Git that each environment needs.

    `registry` hears once what the engine calls itself.
    """

    def __init__(
        self,
        url: str,
        shared: Shared,
        store: Store,
        clock: Clock,
        timer: Timer,
        desires: Callable[[str], Desires],
        registry: Registry,
    ) -> None:
        self._url, self._shared, self._store, self._clock = url, shared, store, clock
        self._engine, self._executor, self._witness = shared.engine, shared.executor, shared.witness
        self._desires, self._registry = desires, registry
        self._nodes = NodeWatch(url, store)
        self._known = False
        self._queue = WorkQueue(self._work, self._failed, clock, timer, name=f"engine {url}")
        self._environments: dict[str, Environment] = {}
        self._reconcilers: dict[str, Reconciler] = {}
        self._remembering = threading.Lock()  # or one with the old settings might be kept after `forget`
        self._projects: dict[str, str] = {}  # by environment
        self._settled: dict[str, bool] = {}
        self._passes: dict[str, Pass] = {}  # the last one of each
        self._collecting = True  # once at the start: the last process may have ended before it came to that
        self._failures: dict[str, int] = {}
        self._thorough: set[str] = set()
        self._away: set[str] = set()  # environments that were not looked at since the engine was away
        self._stopped = threading.Event()
        self._listener = threading.Thread(target=self._listen, name=f"events {url}", daemon=True)

    def start(self) -> None:
        self._shared.desks.start(self.wake)
        self._queue.start()
        self._listener.start()

    def stop(self) -> None:
        """Let running passes and actions end; nothing is cut off in the middle."""
        self._stopped.set()
        self._engine.close_events()
        self._queue.stop()
        self._shared.desks.stop()
        self._executor.stop()
        self._shared.probing.stop()
        self._shared.weighing.stop()
        self._shared.metering.stop()
        self._shared.visiting.stop()
        if self._listener.is_alive():
            self._listener.join(timeout=5)

    def keep(self, environments: Mapping[str, Environment]) -> None:
        """The environments of this engine from now on; new and changed ones are looked at at once."""
        before, self._environments = self._environments, dict(environments)
        for name in before.keys() - environments.keys():
            self._shared.probing.keep(name, {}, lambda: None)
            self._shared.weighing.keep(name, {}, lambda: None)
            self._shared.metering.keep(name, {})
        self._shared.desks.know(environments)
        for name, environment in self._environments.items():
            if name not in before:
                self._away.add(name)
            if before.get(name) != environment:
                self.wake(name)

    def forget(self) -> None:
        """Drop what only saves work: the settings changed, and with them perhaps where Git is read from."""
        with self._remembering:
            self._reconcilers.clear()
            self._collecting = True

    def wake(self, name: str, *, at_once: bool = False) -> None:
        if name in self._environments:
            self._settled[name] = False
            self._queue.wake(name, at_once=at_once)

    def wake_all(self, *, thorough: bool = False) -> None:
        """Look at every environment; `thorough`: whether events came or not."""
        for name in self._environments:
            if thorough:
                self._thorough.add(name)
            self.wake(name)

    def let_go(self, name: str) -> None:
        """Drop what is remembered of an environment that is no more."""
        for memory in (self._reconcilers, self._projects, self._settled, self._failures, self._passes):
            memory.pop(name, None)
        self._shared.tally.forget(name)

    def quiet(self, name: str) -> bool:
        """Whether nothing is done for the environment any more; it is not kept, so nothing new begins."""
        return name not in self._environments and not self._queue.running(name) and not self._executor.busy(name)

    def settled(self) -> bool:
        """Whether every environment has had its pass and nothing is left that time or actions will bring on."""
        quiet = self._queue.idle() and not self._executor.busy(NOBODY)
        quiet = quiet and self._shared.desks.settled()
        return quiet and all(self._settled.get(name, False) for name in self._environments)

    def failures(self) -> Mapping[str, int]:
        """How many passes in a row failed, by environment."""
        return dict(self._failures)

    def _work(self, name: str) -> datetime | None:
        environment = self._environments.get(name)
        if environment is None:
            return None
        if not self._known:
            self._identify()
        thorough, returned = name in self._thorough, name in self._away
        self._away.discard(name)
        begun = self._clock.monotonic()
        try:
            done = self._reconciler(name).reconcile(
                environment, lambda: self.wake(name, at_once=True), thorough=thorough, returned=returned
            )
        except Exception as error:
            if returned or isinstance(error, EngineUnavailable):
                self._away.add(name)
            raise
        self._shared.tally.passed(name, self._clock.monotonic() - begun)
        self._thorough.discard(name)
        self._failures.pop(name, None)
        self._note(name, done)
        self._collect()
        return done.wake_at

    def _identify(self) -> None:
        """Before the first pass acts on a claim. A proxy may deny the question: then the URL is all that is known."""
        with contextlib.suppress(EngineRefused):
            self._registry.identify(self._url, self._engine.facts().id)
        self._known = True

    def _reconciler(self, name: str) -> Reconciler:
        with self._remembering:
            if name not in self._reconcilers:
                self._reconcilers[name] = self._new(name)
            return self._reconcilers[name]

    def _new(self, name: str) -> Reconciler:
        environment, swarm, desires = self._environments.get(name), self._shared.swarm, self._desires(name)
        if swarm is not None and environment is not None and environment.engine.swarm:
            return SwarmReconciler(name, self._shared, swarm, self._nodes, self._store, self._clock, desires)
        return Reconciler(name, self._shared, self._store, self._clock, desires)

    def _note(self, name: str, done: Pass) -> None:
        with self._remembering:
            self._passes[name] = done
            self._collecting = self._collecting or done.ended
        self._settled[name] = done.settled
        if done.status is not None:
            self._projects[name] = done.status.project

    def _collect(self) -> None:
        """Clear superseded images and commits away after a release has ended, once none is open.

        By then it is known who needs which.
        """
        environments = dict(self._environments)
        with self._remembering:
            passes = [done for name in environments if (done := self._passes.get(name)) is not None]
            quiet = len(passes) == len(environments) and not any(done.busy for done in passes)
            if not self._collecting or not quiet or all(each.mode == "observe" for each in environments.values()):
                return
            self._collecting = False
        others = frozenset(self._store.environments()) - self._registry.elsewhere(self._url)
        kept = Kept(
            environments=others | environments.keys(),
            releases=next(iter(environments.values())).images.keep_releases,
            wanted=frozenset(image for done in passes for image in done.wants),
            observed=frozenset(
                name
                for each in environments.values()
                if each.mode == "observe"
                for name in (each.name, *(former.name for former in each.formerly))
            ),
            at=self._clock.now(),
        )

        def work() -> Outcome:
            for name, environment in environments.items():
                self._desires(name).collect(environment)
            collect_images(self._engine, self._store, kept, self._clock)
            return Outcome("images", ())

        self._executor.submit(NOBODY, "images", work, lambda _: None, aside=True)

    def _failed(self, name: str, error: Exception, wait: float) -> None:
        """A pass that could not be made: told once, and shown as Unknown until one can be made again."""
        self._failures[name] = self._failures.get(name, 0) + 1
        self._shared.tally.failed(name)
        self._settled[name] = False
        with self._remembering:
            self._passes.setdefault(name, Pass(None))  # nobody waits for it
        now, known = self._clock.now(), self._reconcilers.get(name)
        masked = known.masked if known is not None else str
        message = masked(str(error))
        if not isinstance(error, GitopsdError):
            message = f"unexpected {type(error).__name__}: {message}"
            _log.error("pass over %s: %s", name, masked("".join(traceback.format_exception(error))))
        failed = Event(now, "PassFailed", f"{message}; next try in {wait:.0f} s", "error", name)
        events = [failed] if self._failures[name] == 1 else []
        unknown = self._unknown(name, message, now)
        kept = to_keep(unknown, self._url, self._store) if unknown is not None else None
        if kept is not None:
            self._store.save_status(kept, events)
        elif events:
            self._store.append(events)

    def _unknown(self, name: str, message: str, now: datetime) -> EnvironmentStatus | None:
        """How an environment stands that could not be looked at; None for one that is kept no more."""
        before = next((each for each in self._store.statuses() if each.name == name), None)
        environment = self._environments.get(name)
        if environment is None:
            return None
        if before is not None:
            gone = replace(before, services=(), nodes=(), quorum=None)
            return replace(gone, sync="Unknown", health="Unknown", reason=message, since=now)
        return EnvironmentStatus(
            name, "", environment.mode, "", "", sync="Unknown", health="Unknown", reason=message, since=now
        )

    def _listen(self) -> None:
        """Subscribe, then look, then follow; an end of the stream, however silent, begins that anew."""
        silent = 0
        while not self._stopped.is_set():
            begun = self._clock.monotonic()
            try:
                self._follow()
            except Exception as error:  # noqa: BLE001  without this thread nothing would be healed at once any more
                self._lost(error, first=silent == 0)
            self._away |= set(self._environments)
            lasted = self._clock.monotonic() - begun
            silent = 0 if lasted > RESUBSCRIBE_S[-1] else min(silent + 1, len(RESUBSCRIBE_S) - 1)
            self._stopped.wait(RESUBSCRIBE_S[silent])

    def _lost(self, error: Exception, *, first: bool) -> None:
        """The stream of events could not be read; told once while that goes on."""
        if not isinstance(error, GitopsdError):
            _log.error("events of %s: unexpected %r", self._url, error, exc_info=error)
        elif first:
            with contextlib.suppress(StoreError):
                self._store.append([Event(self._clock.now(), "EventsLost", f"{self._url}: {error}", "warning")])

    def _follow(self) -> None:
        stream = self._engine.events(None)
        self.wake_all()  # after the subscription: nothing falls between the look and the stream
        for event in stream:
            if self._stopped.is_set():
                return
            self._heard(event)

    def _heard(self, event: EngineEvent) -> None:
        """Wake whom the event concerns; network events do not say whom, so they wake all.

        What an action of ours brings about is looked at when its chain has ended, which wakes too.
        """
        self._shared.tally.heard(self._url)
        touched = self._witness.hear(event)
        if self._executor.acts_on(self._witness.names(event)):
            return
        action = event.action.partition(":")[0]
        if event.kind == "image":
            self._image_heard(event.id, action)
        if action not in TELLING and action not in NETWORKING and action != "health_status" and not touched:
            return
        if event.project:
            for name in [name for name, project in list(self._projects.items()) if project == event.project]:
                self.wake(name)
        elif event.kind in ("network", "volume", "service", "node") or TASK in event.attributes:
            self.wake_all()

    def _image_heard(self, image: str, action: str) -> None:
        """What was removed and comes back is somebody else's; what comes may be what a release waits for."""
        if action == "delete":
            for each in self._store.pulled():
                if each.id == image and each.engine == self._engine.facts().id:
                    self._store.forget_pulled(each.engine, each.id)
        elif action in NAMING:
            self.wake_all()  # whose image it is, the event does not say
        elif action in BRINGING:
            for name, done in list(self._passes.items()):
                if done.status is not None and any(hold.guard in LACKING for hold in done.status.holds):
                    self.wake(name)

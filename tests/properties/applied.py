"""A gitopsd that stands still between calls, on a real engine: what is written down is applied, and looked at again."""

from collections.abc import Mapping
from pathlib import Path

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.docker.engine import DockerEngine
from gitopsd.adapters.timer import SchedulerTimer
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import discovered
from gitopsd.controller.ports import Source
from gitopsd.controller.reconcile import Pass, Reconciler
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.shared import shared
from gitopsd.model.drift import DriftItem
from gitopsd.model.errors import EngineUnavailable
from gitopsd.model.release import Release
from gitopsd.model.settings import Repository, Settings, TargetEngine
from tests.fakes.metrics import FakeMetrics
from tests.fakes.probe import FakeProbe
from tests.fakes.secrets import FakeSecrets
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore
from tests.waiting import eventually

NAME = "made-up"


class Applied:
    """One environment on one engine."""

    def __init__(self, engine: DockerEngine, directory: Path) -> None:
        self._engine, self._directory = engine, directory
        self._source: FakeSource = FakeSource()
        self.store = FakeStore()
        self.held_by: tuple[str, ...] = ()

    def apply(self, files: Mapping[str, str], within: float) -> None:
        """Commit the files, and make passes until nothing is left to do."""
        self._source.write({f"environments/{NAME}/{path}": text for path, text in files.items()})
        self.settle(within)

    def settle(self, within: float) -> None:
        """Passes by a process that has just begun, which looks at everything anew."""
        clock = SystemClock()
        settings = Settings("here", self._directory, {"default": Repository("default", "https://git.example.com/x.git")},
                            engine=TargetEngine("unix:///here"))  # fmt: skip
        repositories = Repositories(settings.repositories, self._opened, self.store, clock)
        repositories.poll("default")
        environment = discovered(settings, repositories.heads())[0][NAME]
        here = shared(self._engine, FakeProbe(), FakeMetrics(), clock, SchedulerTimer(clock))
        desires = Desires(repositories, self.store, Registry(), FakeSecrets())
        passes = Reconciler(NAME, here, self.store, clock, desires)

        def done(*, thorough: bool = False) -> bool:
            try:
                found: Pass = passes.reconcile(environment, lambda: None, thorough=thorough)
            except EngineUnavailable:
                return False  # a daemon comes back later, too
            self.held_by = tuple(hold.reason for hold in found.status.holds) if found.status is not None else ()
            return found.settled

        try:
            eventually(done, within, every=0.2)
            eventually(lambda: done(thorough=True), within, every=0.2)
        finally:
            here.executor.stop()

    def _opened(self, repository: Repository) -> Source:
        return self._source

    def release(self) -> Release:
        """The newest one."""
        return self.store.releases(NAME)[0]

    def drift(self) -> tuple[DriftItem, ...]:
        """What the last pass found."""
        return self.store.drift(NAME).items

    def forget_baselines(self) -> None:
        """As after an upgrade: only what the manifest owns can be compared."""
        self.store.save_baselines(NAME, dict.fromkeys(self.store.baselines(NAME)))

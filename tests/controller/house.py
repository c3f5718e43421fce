"""A whole daemon over fakes: its threads are real, its time is the test's."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

from gitopsd.controller.application import Application
from gitopsd.controller.daemon import Daemon
from gitopsd.manifest.seal import VERSION
from gitopsd.model.errors import Place, Problem, SettingsError
from gitopsd.model.settings import EnvironmentSettings, Repository, Settings, TargetEngine
from gitopsd.model.status import EnvironmentStatus
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.metrics import FakeMetrics
from tests.fakes.notifier import FakeNotifier
from tests.fakes.page import FakePage, FakeTokens
from tests.fakes.probe import FakeProbe
from tests.fakes.router import FakeRouter
from tests.fakes.secrets import FakeSecrets
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore
from tests.fakes.swarm import FakeSwarm
from tests.fakes.timer import FakeTimer
from tests.fakes.watcher import FakeWatcher
from tests.waiting import eventually

Seen = TypeVar("Seen")
HERE = "unix:///here"
SETTINGS = Settings(
    host="web1",
    state_dir=Path("/state"),
    repositories={"default": Repository("default", "https://git.example.com/environments.git")},
    engine=TargetEngine(HERE),
    config_file=Path("/etc/gitopsd/gitopsd.yaml"),
)


def compose(image: str = "web:1", more: str = "") -> str:
    """A Compose file of one service, which counts as good as soon as it runs."""
    return f"services:\n  web:\n    image: {image}\n    x-gitopsd: {{min_ready: 0s}}\n{more}"


class House:
    """Everything around one daemon. Engines and sources are made when they are first connected to."""

    def __init__(self, settings: Settings = SETTINGS) -> None:
        self.settings: Settings | SettingsError = settings
        self.clock = FakeClock()
        self.timer = FakeTimer(self.clock)
        self.watcher = FakeWatcher()
        self.store = FakeStore()
        self.secrets = FakeSecrets()
        self.probe = FakeProbe()
        self.metrics = FakeMetrics()
        self.router = self._new_router()
        self.tokens = FakeTokens()
        self.notifiers: dict[str, FakeNotifier] = {}
        self.engines: dict[str, FakeEngine] = {}
        self.sources: dict[str, FakeSource] = {}
        self.swarm = FakeSwarm(self.clock)
        self.daemon = Daemon(self.application())

    def application(self, fingerprints: str = VERSION) -> Application:
        """What the composition root would make of the settings as they are."""
        return Application(
            settings=self._load(),
            store=self.store,
            clock=self.clock,
            secrets=self.secrets,
            open_timer=lambda: self.timer,
            open_watcher=lambda: self.watcher,
            open_source=lambda repository: self.source(repository.name),
            connect=lambda target: self.engine(target.url),
            connect_swarm=lambda target: self.swarm,
            open_probe=lambda target, image: self.probe,
            open_router=lambda target, settings: self.router,
            open_metrics=lambda prometheus: self.metrics,
            directory=lambda root, without=(), most=0: self.source().files(""),
            load_settings=self._load,
            tokens=lambda settings: self.tokens,
            open_page=lambda doorbell: FakePage(),
            open_notifiers=lambda settings: dict(self.notifiers),
            fingerprints=fingerprints,
            chance=lambda: 0.5,
        )

    def upgrade(self, fingerprints: str) -> None:
        """Another version of gitopsd takes over, which makes other fingerprints of the same services."""
        self.daemon.stop()
        self.daemon = Daemon(self.application(fingerprints))
        self.daemon.start()

    def edit_before_start(self, settings: Settings) -> None:
        self.settings = settings
        self.daemon = Daemon(self.application())

    def engine(self, url: str = HERE) -> FakeEngine:
        if url not in self.engines:
            self.engines[url] = FakeEngine(self.clock)
            for tag in ("web:1", "web:2"):
                self.engines[url].add_image(tag)
        return self.engines[url]

    def writes(self, url: str = HERE) -> list[str]:
        """What was done to an engine. That unused content is cleared away after a rollout counts for nothing."""
        return [write for write in self.engine(url).writes if write != "collect content"]

    def source(self, name: str = "default") -> FakeSource:
        return self.sources.setdefault(name, FakeSource())

    def push(self, files: Mapping[str, str | None], source: str = "default") -> str:
        """Someone pushes; the commit's id. Paths are below `environments`."""
        return self.source(source).write({f"environments/{path}": text for path, text in files.items()})

    def edit(self, settings: Settings | str) -> None:
        """Someone edits gitopsd.yaml, well or (a text) badly."""
        wrong = [Problem(Place("gitopsd.yaml", 3, 1), "moode", str(settings))]
        self.settings = SettingsError(wrong) if isinstance(settings, str) else settings
        self.watcher.changed("settings")

    def start(self) -> "House":
        self.daemon.start()
        return self

    def once(self) -> int:
        """A single run to its end, with time passing meanwhile; its code."""
        codes: list[int] = []
        running = threading.Thread(target=lambda: codes.append(self.daemon.once()))
        running.start()
        self.eventually(lambda: codes)
        running.join()
        return codes[0]

    def eventually(self, check: Callable[[], Seen]) -> Seen:
        """As `tests.waiting.eventually`, with time passing, so that polls, events and passes come."""

        def passing() -> Seen:
            self.timer.tick(0.5)
            return check()

        return eventually(passing, within=120)

    def status(self, environment: str) -> EnvironmentStatus | None:
        return next((each for each in self.store.statuses() if each.name == environment), None)

    def guards(self, environment: str) -> set[str]:
        """The words of what holds an environment."""
        status = self.status(environment)
        return {hold.guard for hold in status.holds} if status is not None else set()

    def synced(self, commit: str, *environments: str) -> None:
        """Wait until a commit serves everywhere."""
        for name in environments:
            self.eventually(partial(self._serves, name, commit))

    def _serves(self, name: str, commit: str) -> bool:
        status = self.status(name)
        return status is not None and (status.revision, status.sync) == (commit, "Synced")

    def told(self, reason: str) -> list[str]:
        return [event.message for event in self.store.events(limit=10_000) if event.reason == reason]

    def stop(self) -> None:
        self.daemon.stop()

    def _new_router(self) -> FakeRouter:
        return FakeRouter()

    def _load(self) -> Settings:
        if isinstance(self.settings, SettingsError):
            raise self.settings
        return self.settings


def with_environments(settings: Settings, *environments: EnvironmentSettings) -> Settings:
    return replace(settings, environments={each.name: each for each in environments})


class NearHouse(House):
    """A house that sees a push at once."""

    def push(self, files: Mapping[str, str | None], source: str = "default") -> str:
        commit = super().push(files, source)
        self.wait(SETTINGS.repositories["default"].interval.total_seconds())
        return commit

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.timer.tick(seconds)

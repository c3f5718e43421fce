"""A small gitopsd over fakes: commits are released pass by pass, and the command line is asked about them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from click.testing import CliRunner, Result

from gitopsd.adapters.file_schemas import schema_of_file
from gitopsd.adapters.fleet_file import fleet
from gitopsd.adapters.git.checkout import open_checkout
from gitopsd.adapters.git.directory import directory_files
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.server import HttpServer
from gitopsd.cli.main import gitopsd
from gitopsd.controller.application import Application
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import Environment, discovered, orphan
from gitopsd.controller.flags import Flags
from gitopsd.controller.ground import Ground
from gitopsd.controller.ports import Timer, Watcher
from gitopsd.controller.queries.view import View
from gitopsd.controller.reconcile import Reconciler
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.server_port import Member, Server
from gitopsd.controller.shared import shared
from gitopsd.controller.swarm_reconcile import SwarmReconciler
from gitopsd.controller.swarm_watch import NodeWatch
from gitopsd.model.guards import NO_POLICY, OperatorPolicy
from gitopsd.model.mode import Mode
from gitopsd.model.settings import EnvironmentSettings, Repository, Settings, TargetEngine
from tests.fakes.clock import FakeClock
from tests.fakes.containers import STEADY, Behaviour
from tests.fakes.engine import FakeEngine
from tests.fakes.metrics import FakeMetrics
from tests.fakes.notifier import FakeNotifier
from tests.fakes.page import FakePage, FakeTokens
from tests.fakes.probe import FakeProbe
from tests.fakes.router import FakeRouter
from tests.fakes.source import FakeSource
from tests.fakes.store import FakeStore
from tests.fakes.swarm import FakeSwarm
from tests.fakes.timer import FakeTimer
from tests.waiting import eventually

MANIFEST = "environments/shop/compose.yaml"


def compose(*services: str) -> str:
    """A Compose file of services, each written as the lines below its name."""
    return "services:\n" + "".join(f"  {service}\n" for service in services)


def service(name: str, *lines: str, image: str = "db:1") -> str:
    """A service that is good as soon as it runs. `lines` are more keys of it."""
    return "\n    ".join([f"{name}:", f"image: {image}", "x-gitopsd: {min_ready: 0s}", *lines])


def web(image: str = "web:1", *lines: str) -> str:
    return service("web", *lines, image=image)


ENGINE = TargetEngine()


@dataclass
class Shop:
    """One repository, one engine, one store. Nothing runs between calls."""

    directory: Path
    mode: Mode = "auto"
    environments: dict[str, EnvironmentSettings] = field(default_factory=dict)
    policy: OperatorPolicy = NO_POLICY
    target: TargetEngine = ENGINE

    def __post_init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.swarm = FakeSwarm(self.clock)
        self.source = FakeSource()
        self.store = FakeStore()
        self.secrets = HostSecrets(self.directory)
        self.probe = FakeProbe()
        self.router = FakeRouter()
        self.tokens = FakeTokens()
        self.notifiers: dict[str, FakeNotifier] = {}
        self.flags: list[Flags] = []
        for number in (1, 2, 3):
            self.engine.add_image(f"web:{number}", STEADY)
            self.engine.add_image(f"db:{number}", STEADY)

    # Arranging.

    @property
    def settings(self) -> Settings:
        repository = Repository("default", "https://git.example.com/shop.git")
        self.directory.mkdir(exist_ok=True)
        return Settings(
            "host1",
            self.directory,
            {"default": repository},
            mode=self.mode,
            environments=dict(self.environments),
            policy=self.policy,
            engine=self.target,
        )

    def application(self, flags: Flags | None = None) -> Application:
        self.flags.append(flags or Flags())
        settings = self.settings
        return Application(
            settings=settings,
            store=self.store,
            clock=self.clock,
            secrets=self.secrets,
            open_timer=lambda: cast(Timer, None),
            open_watcher=lambda: cast(Watcher, None),
            open_source=lambda repository: self.source,
            connect=lambda target: self.engine,
            connect_swarm=lambda target: self.swarm,
            open_probe=lambda target, image: self.probe,
            open_router=lambda target, settings: self.router,
            open_metrics=lambda prometheus: FakeMetrics(),
            directory=directory_files,
            load_settings=lambda: settings,
            tokens=lambda settings: self.tokens,
            open_page=lambda doorbell: FakePage(),
            open_notifiers=lambda settings: dict(self.notifiers),
        )

    def ground(self, flags: Flags | None = None) -> Ground:
        found = self.application(flags)
        return Ground(found.settings, found.secrets, found.directory, open_checkout)

    def server(self, url: str, token_file: Path | None) -> Server:
        return HttpServer(url, token_file)

    def fleet(self, file: Path, timeout_s: float) -> tuple[Member, ...]:
        return fleet(file, timeout_s)

    def schema(self, file: str) -> Mapping[str, Any]:
        return schema_of_file(file)

    def image(self, reference: str, behaviour: Behaviour) -> None:
        self.engine.add_image(reference, behaviour)

    def commit(self, changes: Mapping[str, str | bytes | None] | str, subject: str = "Change") -> str:
        """Commit files, or the shop's Compose file alone."""
        return self.source.write({MANIFEST: changes} if isinstance(changes, str) else changes, subject)

    def release(self, changes: Mapping[str, str | bytes | None] | str, subject: str = "Change") -> str:
        """Commit, and let the daemon bring it about; it stands still afterwards."""
        commit = self.commit(changes, subject)
        self.work()
        return commit

    def work(self, until: Callable[[], object] | None = None) -> None:
        """What a daemon does until nothing is left to do, or `until` that is so, without time passing."""
        settings = self.settings
        repositories = Repositories(settings.repositories, lambda _: self.source, self.store, self.clock)
        repositories.poll("default")
        registry = Registry()
        here = shared(self.engine, self.probe, FakeMetrics(), self.clock, FakeTimer(self.clock))
        found, _ = discovered(settings, repositories.heads())
        for name in self.store.environments():
            found.setdefault(name, orphan(settings, name))
        for name, environment in found.items():
            desires = Desires(repositories, self.store, registry, self.secrets)
            if environment.engine.swarm:
                nodes = NodeWatch(environment.engine.url, self.store)
                self._work_on_swarm(
                    SwarmReconciler(name, here, self.swarm, nodes, self.store, self.clock, desires), environment
                )
                continue
            passes = Reconciler(name, here, self.store, self.clock, desires)

            def settled() -> bool:
                done = passes.reconcile(environment, lambda: None)  # noqa: B023  called at once
                return bool(until()) if until is not None else done.settled

            eventually(settled)
        here.executor.stop()

    def _work_on_swarm(self, passes: SwarmReconciler, environment: Environment) -> None:
        """Swarm takes its time."""

        def settled() -> bool:
            self.swarm.step()
            self.clock.advance(1)
            return passes.reconcile(environment, lambda: None).settled

        eventually(settled)

    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)

    # Asking.

    def view(self) -> View:
        return View(self.application())

    def ask(self, *arguments: str) -> Result:
        """Call the command line."""
        return CliRunner().invoke(gitopsd, list(arguments), obj=self)

    def text(self, *arguments: str) -> str:
        """What a command prints, when all is well."""
        result = self.ask(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        result = self.ask(*arguments, "-o", "json")
        return json.loads(result.stdout)

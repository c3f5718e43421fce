"""The composition root: the only file that names every adapter."""

import os
from collections.abc import Callable, Collection
from pathlib import Path

from gitopsd.adapters import settings_file
from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.remembered import recall, remember
from gitopsd.adapters.store import SqliteStore
from gitopsd.adapters.timer import SchedulerTimer
from gitopsd.adapters.watch import FileWatcher
from gitopsd.controller.application import Application, Flags
from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.page_port import Doorbell, Page, Tokens
from gitopsd.controller.ports import Engine, Probe, Source
from gitopsd.controller.router_port import Router
from gitopsd.model.files import Files
from gitopsd.model.settings import (
    DEFAULT_STATE_DIR,
    PrometheusSettings,
    Registry,
    Repository,
    RouterSettings,
    Settings,
    TargetEngine,
)


def wire(flags: Flags) -> Application:
    """One gitopsd from its settings file and flags. SettingsError and StoreError say what to mend."""
    docker_host = os.environ.get("DOCKER_HOST", "")
    said = recall(flags.state_dir or DEFAULT_STATE_DIR, flags)
    given = settings_file.Flags(
        repository=said.repository or None,
        branch=said.branch or None,
        state_dir=said.state_dir,
        mode=said.mode,
        engine=said.engine or None,
        listen=said.listen or None,
        docker_host=docker_host or None,
    )

    settings = settings_file.load(said.config, given)
    logins = dict(settings.registries)

    def load_settings() -> Settings:
        """The settings anew; engines that are connected already log in as they say from now on."""
        found = settings_file.load(said.config, given)
        logins.update(found.registries)
        for gone in logins.keys() - found.registries.keys():
            del logins[gone]
        return found

    clock = SystemClock()
    return Application(
        settings=settings,
        store=SqliteStore(settings.state_dir, settings.ledger),
        clock=clock,
        timer=SchedulerTimer(clock),
        watcher=FileWatcher(),
        secrets=HostSecrets(settings.state_dir),
        open_source=lambda repository: _open_source(repository, settings.state_dir),
        connect=lambda target: _connect(target, logins),
        open_router=_open_router,
        open_metrics=_open_metrics,
        open_probe=lambda target, image: _open_probe(target, image, logins),
        directory=_directory,
        load_settings=load_settings,
        tokens=_tokens,
        open_page=_open_page,
        remember=lambda: remember(settings.state_dir, flags, docker_host),
    )


# GitPython and the Docker SDK take a fifth of a second to import, which a command that needs neither does not wait for.


def _open_source(repository: Repository, state_dir: Path) -> Source:
    from gitopsd.adapters.git.source import open_source

    return open_source(repository, state_dir)


def _connect(target: TargetEngine, registries: dict[str, Registry]) -> Engine:
    from gitopsd.adapters.docker.engine import connect

    return connect(target, registries)


def _open_probe(target: TargetEngine, image: Callable[[], str], registries: dict[str, Registry]) -> Probe:
    from gitopsd.adapters.docker.probing import DockerProbe

    return DockerProbe(target, image, registries)


def _open_router(target: TargetEngine, settings: RouterSettings) -> Router:
    from gitopsd.adapters.haproxy.managed import open_router

    return open_router(target, settings.image, certificates=settings.certificates)


def _open_metrics(prometheus: Callable[[], PrometheusSettings | None]) -> Metrics:
    from gitopsd.adapters.metrics.sources import Sources

    return Sources(prometheus)


def _tokens(settings: Settings) -> Tokens:
    from gitopsd.adapters.tokens import FileTokens

    return FileTokens(settings.http.tokens_file or settings.state_dir / "tokens")


def _open_page(doorbell: Doorbell) -> Page:
    from gitopsd.web.server import PageServer

    return PageServer(doorbell)


def _directory(root: Path, without: Collection[Path] = (), most: int = 0) -> Files:
    from gitopsd.adapters.git.directory import directory_files

    return directory_files(root, without, most)

"""The composition root: the only file that names every adapter."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.host_secrets import HostSecrets
from gitopsd.adapters.remembered import remember
from gitopsd.adapters.unlocking import Unlocking
from gitopsd.controller.application import Application
from gitopsd.controller.flags import Flags
from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.notify_port import Notifier
from gitopsd.controller.page_port import Doorbell, Page, Tokens
from gitopsd.controller.ports import Clock, Engine, Probe, Source, Timer, Watcher
from gitopsd.controller.router_port import Router
from gitopsd.controller.server_port import Member
from gitopsd.controller.swarm_port import Swarm
from gitopsd.ground import directory, settings_reader
from gitopsd.model.canonical import digest
from gitopsd.model.errors import StoreError
from gitopsd.model.settings import PrometheusSettings, Registry, Repository, RouterSettings, Settings, TargetEngine

if TYPE_CHECKING:
    from gitopsd.adapters.store.postgresql.store import PostgresStore
    from gitopsd.adapters.store.sqlite import SqliteStore


def wire(flags: Flags) -> Application:
    """One gitopsd from its settings file and flags. SettingsError and StoreError say what to mend."""
    read_settings = settings_reader(flags)
    settings = read_settings()
    logins, unlocking = dict(settings.registries), Unlocking(settings.keys)
    store = _open_store(settings)

    def load_settings() -> Settings:
        """The settings anew. From now on engines that are connected log in, and the ledger forgets, as they say."""
        found = read_settings()
        logins.update(found.registries)
        unlocking.use(found.keys)
        store.use(found.ledger)
        for gone in logins.keys() - found.registries.keys():
            del logins[gone]
        return found

    clock = SystemClock()
    return Application(
        settings=settings,
        store=store,
        clock=clock,
        secrets=HostSecrets(settings.state_dir, unlocking.unlock),
        open_timer=lambda: _open_timer(clock),
        open_watcher=_open_watcher,
        open_source=lambda repository: _open_source(repository, settings),
        connect=lambda target: _connect(target, logins),
        connect_swarm=lambda target: _connect_swarm(target, logins, store.key),
        open_router=lambda target, each: _open_router(target, each, logins, store.key, settings.state_dir),
        open_metrics=_open_metrics,
        open_probe=lambda target, image: _open_probe(target, image, logins),
        directory=directory,
        load_settings=load_settings,
        tokens=_tokens,
        open_page=_open_page,
        open_notifiers=lambda settings: _open_notifiers(settings, clock),
        open_groups=_open_groups,
        remember=lambda: remember(settings.state_dir, flags, os.environ.get("DOCKER_HOST", "")),
    )


# Client libraries take half a second to import, which a command that needs none of them does not wait for.


def _open_store(settings: Settings) -> "SqliteStore | PostgresStore":
    if settings.store is None:
        from gitopsd.adapters.store.sqlite import SqliteStore

        return SqliteStore(settings.state_dir, settings.ledger)
    try:
        from gitopsd.adapters.store.postgresql.store import PostgresStore
    except ImportError as error:
        raise StoreError("psycopg is not installed; `pip install 'gitopsd[postgresql]'` brings it") from error
    return PostgresStore(settings.store, settings.state_dir, settings.host, settings.ledger)


def _open_timer(clock: Clock) -> Timer:
    from gitopsd.adapters.timer import SchedulerTimer

    return SchedulerTimer(clock)


def _open_watcher() -> Watcher:
    from gitopsd.adapters.watch import FileWatcher

    return FileWatcher()


def _open_source(repository: Repository, settings: Settings) -> Source:
    from gitopsd.adapters.git.source import open_source

    return open_source(repository, settings.state_dir)


def _connect(target: TargetEngine, registries: dict[str, Registry]) -> Engine:
    from gitopsd.adapters.docker.engine import connect

    return connect(target, registries)


def _connect_swarm(target: TargetEngine, registries: dict[str, Registry], key: Callable[[], bytes]) -> Swarm:
    from gitopsd.adapters.docker.swarm import connect_swarm

    return connect_swarm(target, registries, key)


def _open_probe(target: TargetEngine, image: Callable[[], str], registries: dict[str, Registry]) -> Probe:
    from gitopsd.adapters.docker.probing import DockerProbe

    return DockerProbe(target, image, registries)


def _open_router(
    target: TargetEngine,
    settings: RouterSettings,
    registries: dict[str, Registry],
    key: Callable[[], bytes],
    state_dir: Path,
) -> Router:
    if target.swarm:
        from gitopsd.adapters.haproxy.on_swarm import SwarmHaproxy

        root = state_dir / "routers" / digest(target.url)[:12]
        swarm = _connect_swarm(target, registries, key)
        return SwarmHaproxy(swarm, settings.image, key(), root, certificates=settings.certificates)
    if settings.mode == "traefik" and settings.directory is not None:
        from gitopsd.adapters.traefik.router import TraefikRouter

        return TraefikRouter(settings.directory, settings.api, settings.metrics, settings.entry_points)
    from gitopsd.adapters.haproxy.opening import open_router

    return open_router(target, settings.image, certificates=settings.certificates, network=settings.network)


def _open_metrics(prometheus: Callable[[], PrometheusSettings | None]) -> Metrics:
    from gitopsd.adapters.metrics.sources import Sources

    return Sources(prometheus)


def _open_groups(file: Path) -> Mapping[str, tuple[Member, ...]]:
    from gitopsd.adapters.fleet_file import groups

    return groups(file)


def _tokens(settings: Settings) -> Tokens:
    from gitopsd.adapters.tokens import FileTokens

    return FileTokens(settings.http.tokens_file or settings.state_dir / "tokens")


def _open_notifiers(settings: Settings, clock: Clock) -> Mapping[str, Notifier]:
    from gitopsd.adapters.notify.receivers import open_notifiers

    return open_notifiers(settings, clock.now)


def _open_page(doorbell: Doorbell) -> Page:
    from gitopsd.web.server import PageServer

    return PageServer(doorbell)

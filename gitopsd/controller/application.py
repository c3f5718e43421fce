"""What the composition root hands to the doors: settings, and the adapters behind their ports."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from gitopsd.controller.elsewhere import OpenGroups
from gitopsd.controller.ground import ReadDirectory
from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.notify_port import Notifier
from gitopsd.controller.page_port import OpenPage, Tokens
from gitopsd.controller.ports import Clock, Engine, Probe, Secrets, Source, Store, Timer, Watcher
from gitopsd.controller.router_port import Router
from gitopsd.controller.swarm_port import Swarm
from gitopsd.controller.tally import Tally
from gitopsd.manifest.seal import VERSION
from gitopsd.model.settings import PrometheusSettings, Repository, RouterSettings, Settings, TargetEngine


@dataclass(frozen=True, slots=True)
class Application:
    """One configured gitopsd. Nothing is connected or opened before it is used; `load_settings` reads them anew.

    `open_probe` is given what says by now which image probes on that engine's host are made from, "" for none, and
    `open_metrics` what says where Prometheus answers.

    `tokens` are those that the settings name, `open_page` makes what answers HTTP beside a daemon, and `tally` counts
    what that does. `open_notifiers` makes those whom the settings want told, by name.

    `remember` keeps how this one was started, for commands that are given the state directory alone. `fingerprints` is
    the version that they are made in. `chance` is a number from 0 to below 1, by which what many do is spread.
    `open_groups` reads which other machines there are to ask.
    """

    settings: Settings
    store: Store
    clock: Clock
    secrets: Secrets
    open_timer: Callable[[], Timer]
    open_watcher: Callable[[], Watcher]
    open_source: Callable[[Repository], Source]
    connect: Callable[[TargetEngine], Engine]
    connect_swarm: Callable[[TargetEngine], Swarm]
    open_probe: Callable[[TargetEngine, Callable[[], str]], Probe]
    open_router: Callable[[TargetEngine, RouterSettings], Router]
    open_metrics: Callable[[Callable[[], PrometheusSettings | None]], Metrics]
    directory: ReadDirectory
    load_settings: Callable[[], Settings]
    tokens: Callable[[Settings], Tokens]
    open_page: OpenPage
    open_notifiers: Callable[[Settings], Mapping[str, Notifier]] = lambda settings: {}
    tally: Tally = field(default_factory=Tally)
    remember: Callable[[], None] = lambda: None
    fingerprints: str = VERSION
    chance: Callable[[], float] = random.random
    open_groups: OpenGroups = lambda file: {}

"""What the composition root hands to the doors: settings, and the adapters behind their ports."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.page_port import OpenPage, Tokens
from gitopsd.controller.ports import Clock, Engine, Probe, Secrets, Source, Store, Timer, Watcher
from gitopsd.controller.router_port import Router
from gitopsd.controller.tally import Tally
from gitopsd.manifest.seal import VERSION
from gitopsd.model.files import Files
from gitopsd.model.settings import PrometheusSettings, Repository, RouterSettings, Settings, TargetEngine
from gitopsd.model.status import Mode


@dataclass(frozen=True, slots=True)
class Flags:
    """What the command line says about the settings; None or "": the file or the default says it."""

    config: Path | None = None
    state_dir: Path | None = None
    repository: str = ""
    branch: str = ""
    mode: Mode | None = None
    engine: str = ""
    listen: str = ""


class ReadDirectory(Protocol):
    """Reads a directory of this machine as if it were a commit; see adapters.git.directory."""

    def __call__(self, root: Path, without: Collection[Path] = (), most: int = 0) -> Files: ...


@dataclass(frozen=True, slots=True)
class Application:
    """One configured gitopsd. Nothing is connected or opened before it is used; `load_settings` reads them anew.

    `open_probe` is given what says by now which image probes on that engine's host are made from, "" for none, and
    `open_metrics` what says where Prometheus answers.

    `tokens` are those that the settings name, `open_page` makes what answers HTTP beside a daemon, and `tally` counts
    what that does.

    `remember` keeps how this one was started, for commands that are given the state directory alone. `fingerprints` is
    the version that they are made in.
    """

    settings: Settings
    store: Store
    clock: Clock
    timer: Timer
    watcher: Watcher
    secrets: Secrets
    open_source: Callable[[Repository], Source]
    connect: Callable[[TargetEngine], Engine]
    open_probe: Callable[[TargetEngine, Callable[[], str]], Probe]
    open_router: Callable[[TargetEngine, RouterSettings], Router]
    open_metrics: Callable[[Callable[[], PrometheusSettings | None]], Metrics]
    directory: ReadDirectory
    load_settings: Callable[[], Settings]
    tokens: Callable[[Settings], Tokens]
    open_page: OpenPage
    tally: Tally = field(default_factory=Tally)
    remember: Callable[[], None] = lambda: None
    fingerprints: str = VERSION


Wire = Callable[[Flags], Application]

"""One gitopsd as a process: it acts while the store is its own, and while another acts, it answers and waits."""

import signal
from contextlib import suppress
from dataclasses import replace
from queue import Empty, SimpleQueue

from gitopsd.controller.application import Application
from gitopsd.controller.daemon import Daemon
from gitopsd.controller.page_port import Page
from gitopsd.model.errors import SettingsError, StoreError
from gitopsd.model.event import Event, Severity
from gitopsd.plan.explain import prepare

LOOK_S = 1.0


def run(application: Application, *, once: bool, observe: bool = False) -> int:
    """Run until a signal, or with `once` until all is settled. Returns the process's exit code."""
    if once:
        with application.store.lock():
            application.remember()
            return Daemon(application, observe=observe).once()
    service = Service(application, observe=observe)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.end())
    return service.run()


class Service:
    """Serves from its first chance to act, or to wait for one, until it is told to end; running actions end first."""

    def __init__(self, application: Application, *, observe: bool = False) -> None:
        self._application, self._observe = application, observe
        # The one thing to wait on that a signal's handler may touch at any moment.
        self._heard: SimpleQueue[bool] = SimpleQueue()
        self._over = False
        self._daemon: Daemon | None = None
        self._page: Page | None = None

    def run(self) -> int:
        while not self._over:
            try:
                with self._application.store.lock(self._stands_by):
                    self._act()
            except StoreError:
                if self._page is None:
                    raise  # it cannot even begin
                if not self._over:
                    self._ends_within(LOOK_S)
        self._end_page()
        return 0

    def end(self) -> None:
        self._heard.put(True)

    def application(self) -> Application:
        daemon = self._daemon
        return self._application if daemon is None else daemon.application()

    def poll(self, repository: str) -> None:
        """Who waits for its turn leaves it to the one who acts, which asks Git at its own time."""
        if (daemon := self._daemon) is not None:
            daemon.poll(repository)

    def _act(self) -> None:
        """Be the daemon, until a signal comes or another one may be it."""
        store = self._application.store
        self._application.remember()
        with suppress(SettingsError):  # they may have changed while this one waited
            self._application = replace(self._application, settings=self._application.load_settings())
        daemon = Daemon(self._application, observe=self._observe)
        self._tell("Started", f"gitopsd {store.instance_id()[:8]} on {self._application.settings.host}")
        try:
            prepare()
            daemon.start()
            self._daemon = daemon
            self._serve()
            while store.holds() and not self._ends_within(LOOK_S):
                pass
        finally:
            self._daemon = None
            self._application = replace(self._application, settings=daemon.application().settings)
            if self._over:
                self._end_page()
            daemon.stop()
        if self._over:
            self._tell("Stopped", "stopped by a signal")
        else:
            self._tell("Relieved", "its lease was not renewed in time: it acts no more until it holds one", "warning")

    def _stands_by(self) -> bool:
        """Whether to go on waiting for the end of whoever acts. Until then this one answers from the same store."""
        if self._page is None:
            here = self._application.settings.host
            self._tell(
                "StandingBy", f"gitopsd on {here} answers, and acts when {self._application.store.acting()} ends"
            )
            self._serve()
        return not self._ends_within(LOOK_S)

    def _serve(self) -> None:
        if self._page is None:
            self._page = self._application.open_page(self)
            self._page.start()

    def _end_page(self) -> None:
        page, self._page = self._page, None
        if page is not None:
            page.stop()

    def _ends_within(self, seconds: float) -> bool:
        """A signal that the kernel gave to another thread ends no wait of this one, so waits are short."""
        with suppress(Empty):
            self._heard.get(timeout=seconds)
            self._over = True
        return self._over

    def _tell(self, reason: str, message: str, severity: Severity = "info") -> None:
        self._application.store.append([Event(self._application.clock.now(), reason, message, severity)])

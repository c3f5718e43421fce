"""The HTTP server on a thread of its own beside the daemon; a taken port is told, and tried again."""

import asyncio
import socket
import threading
from contextlib import suppress

import uvicorn

from gitopsd.controller.page_port import Doorbell
from gitopsd.model.errors import TokenError
from gitopsd.model.event import Event, Severity
from gitopsd.model.settings import HttpSettings, Listen
from gitopsd.web.site import site

RETRY_S = 5.0
END_S = 3  # what is being answered at the end has this long
LOOK_S = 1.0


class PageServer:
    """The port Page: listens where the settings say by now, or nowhere."""

    def __init__(self, doorbell: Doorbell, retry_s: float = RETRY_S) -> None:
        self._doorbell, self._retry_s = doorbell, retry_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="page", daemon=True)
        self._told = ""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(END_S + 2)

    def _serve(self) -> None:
        """One listener after the other, each until the settings want another, or the end."""
        while not self._ended.is_set():
            settings = self._doorbell.application().settings.http
            listener = self._listener(settings)
            if listener is None:
                self._ended.wait(self._retry_s if settings.listen is not None else LOOK_S)
                continue
            with listener:
                asyncio.run(self._until_another(listener, settings))

    def _listener(self, settings: HttpSettings) -> socket.socket | None:
        if settings.listen is None or not self._guarded(settings.listen):
            return None
        try:
            listener = _bound(settings.listen)
        except OSError as error:
            reason = error.strerror or str(error)
            self._tell("PageUnavailable", f"{settings.listen}: {reason}; set http.listen, or free it", "warning")
            return None
        host, port = listener.getsockname()[:2]
        self._tell("PageListens", f"page and API answer at http://{Listen(host, port)}/")
        return listener

    def _guarded(self, listen: Listen) -> bool:
        """Whoever reaches more than this machine needs tokens: without any, everybody there could read."""
        if listen.loopback:
            return True
        application = self._doorbell.application()
        try:
            guarded = bool(application.tokens(application.settings).callers())
        except TokenError as error:
            self._tell("PageUnavailable", str(error), "warning")
            return False
        if not guarded:
            mend = "make one with `gitopsd token add NAME`, or listen at 127.0.0.1"
            self._tell(
                "PageUnavailable", f"{listen} is reached from elsewhere, and there is no token; {mend}", "warning"
            )
        return guarded

    async def _until_another(self, listener: socket.socket, settings: HttpSettings) -> None:
        config = uvicorn.Config(
            site(self._doorbell),
            log_config=None,
            access_log=False,
            lifespan="on",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=END_S,
            limit_concurrency=500,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve(sockets=[listener]))  # `serve` would take the daemon's signals
        while not serving.done():
            changed = self._doorbell.application().settings.http != settings
            if self._ended.is_set() or changed:
                server.should_exit = True
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(serving), 0.2)

    def _tell(self, reason: str, message: str, severity: Severity = "info") -> None:
        """Once, until it is another."""
        if message != self._told:
            self._told = message
            application = self._doorbell.application()
            application.store.append([Event(application.clock.now(), reason, message, severity)])


def _bound(listen: Listen) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(listen.host, listen.port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener

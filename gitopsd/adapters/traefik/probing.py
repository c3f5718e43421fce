"""One request through Traefik to one instance, by a word in a header that is known to gitopsd alone."""

import io
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gitopsd.adapters.asking import Until, silent, weighed
from gitopsd.adapters.traefik.config import PROBE
from gitopsd.model.health import Answer, Fail, HttpCheck, Unknown
from gitopsd.model.route import Route

_ANY_GOOD: Final = ((200, 499),)


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients of a route come in."""

    route: Route

    def ask(self, word: str, timeout: timedelta, path: str = "") -> Answer:
        """A GET of the instance that the word stands for; `path` "" is that of its health check."""
        begun = time.monotonic()
        asked = self.route.health.http or HttpCheck(self.route.listen, status=_ANY_GOOD)
        check = HttpCheck(self.route.listen, path or asked.path, asked.status, asked.body, asked.latency)
        try:
            with self._connected(timeout) as wire:
                wire.sendall(self._request(check.path, word))
                said = io.BufferedReader(Until(wire, begun + timeout.total_seconds()))
                return weighed(check, said, _since(begun))
        except TimeoutError:
            return silent(check, timeout)
        except ConnectionRefusedError:
            return Unknown(f"{check}: Traefik does not listen there")
        except OSError as error:
            return Fail(f"{check} through Traefik: {(error.strerror or str(error)).lower()}")

    @property
    def _host(self) -> str:
        return next((host for host in self.route.hosts if "*" not in host), "localhost")

    def _connected(self, timeout: timedelta) -> socket.socket:
        place = (self.route.host_address or "127.0.0.1", self.route.listen)
        wire = socket.create_connection(place, timeout.total_seconds())
        if not self.route.tls:
            return wire
        # Whether its certificate is a good one is between Traefik and its clients.
        tls = ssl.create_default_context()
        tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        try:
            return tls.wrap_socket(wire, server_hostname=self._host)
        except OSError:
            wire.close()
            raise

    def _request(self, path: str, word: str) -> bytes:
        head = (f"GET {path} HTTP/1.1", f"Host: {self._host}", f"{PROBE}: {word}", "User-Agent: gitopsd")
        return "\r\n".join((*head, "Accept: */*", "Connection: close", "", "")).encode()


def _since(begun: float) -> Callable[[], float]:
    return lambda: time.monotonic() - begun

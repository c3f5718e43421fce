"""The managed router on a bridge: its ports are published ones, which a container has from its start to its end.

So another one cannot begin beside it: with other ports, or of another image, it takes the place of the one before,
which finishes what it can meanwhile. For that moment nobody listens, and how long it was is told.
"""

import errno
import socket
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from gitopsd.adapters.docker.connection import Connection
from gitopsd.adapters.haproxy.entrances import Place, port_inside
from gitopsd.adapters.haproxy.managed import MADE, ManagedHaproxy, is_bridged
from gitopsd.adapters.haproxy.runtime import Runtime, rows
from gitopsd.engine_json.routed import NETWORK, NOWHERE
from gitopsd.model.errors import EngineError, RouterError, RouterUnavailable

_FAREWELL_S: Final = 3.0
_EVERY_S: Final = 0.02
_OUTSIDE: Final = "bridge"


class BridgedHaproxy(ManagedHaproxy):
    """It reaches instances over their own network, on which containers have to reach each other."""

    def __init__(self, connection: Connection, image: str, name: str, root: Path) -> None:
        super().__init__(connection, image, name)
        self._runtime = Runtime(root)
        self._places: frozenset[Place] = frozenset()
        self._stopped = 0.0
        self._news: tuple[str, ...] = ()

    def publish(self, places: Collection[Place]) -> None:
        self._places = frozenset(each for each in places if each[0] != NOWHERE)

    def displaced(self) -> bool:
        """A port that cannot be had is told before anybody has to go without an answer for it."""
        if not self.outdated():
            return False
        others = self._labelled()
        has = {int(port["PublicPort"]) for each in others for port in each["Ports"] if port.get("PublicPort")}
        for address, port in sorted(self._places) if all(map(is_bridged, others)) else ():
            if port not in has and _is_taken(address, port):
                raise RouterError(f"the router cannot have port {port} of the host, which is somebody else's")
        return True

    def start_beside(self) -> None:
        """What takes time comes first, then the one that runs goes, and the new one starts."""
        try:
            for each in self._others():
                self._post(each["Id"], "rename", name=f"{self._name}-{each['Id'][:12]}")
            made = self._created(self._name, self._wanted())
            self._stopped = time.monotonic()
            self._make_way()
            self._post(made, "start")
        except EngineError as error:
            raise RouterUnavailable(f"the new router cannot be started: {error}") from error

    def retire(self) -> None:
        took = time.monotonic() - self._stopped
        self._news = (f"another one has taken its place, with nobody at its ports for {took:.1f} s",)
        for each in self._others():
            self._remove(each["Id"])

    def give_up(self) -> None:
        super().give_up()
        self._post(self._name, "start")

    def news(self) -> tuple[str, ...]:
        told, self._news = self._news, ()
        return told

    def _others(self) -> list[dict[str, Any]]:
        made = self._wanted()["Labels"][MADE]
        return [each for each in self._labelled() if each["Labels"].get(MADE) != made]

    def _make_way(self) -> None:
        running = [each["Id"] for each in self._others() if each["State"] == "running"]
        for each in running:
            self._post(each, "kill", signal="SIGUSR1")
        until = time.monotonic() + _FAREWELL_S
        while self._answering() and time.monotonic() < until:
            time.sleep(_EVERY_S)
        for each in running:
            self._post(each, "stop", t=0)

    def _answering(self) -> bool:
        """Whether one that leaves still has a request. An idle connection is none, and its client makes another."""
        left = [row for each in self._runtime.older() for row in rows(self._runtime.ask("show stat", worker=each))]
        return any(row.current for row in left)

    def _placed(self) -> tuple[dict[str, Any], dict[str, Any]]:
        bindings: dict[str, list[dict[str, str]]] = {}
        for address, port in sorted(self._places):
            bindings.setdefault(f"{port_inside(address, port)}/tcp", []).append(
                {"HostIp": address, "HostPort": str(port)}
            )
        host = {"NetworkMode": _OUTSIDE, "PortBindings": bindings}
        return {"ExposedPorts": {each: {} for each in bindings}}, host

    def _created(self, name: str, body: Mapping[str, Any]) -> str:
        """An engine takes one network at the making, and that of instances alone would have no ports."""
        made = super()._created(name, body)
        if body["HostConfig"]["NetworkMode"] == _OUTSIDE:
            doing = f"connect {name} to network {NETWORK}"
            self._connection.call("POST", f"/networks/{NETWORK}/connect", doing=doing, json={"Container": made})
        return made


def _is_taken(address: str, port: int) -> bool:
    """Whether somebody listens there; what this process may not know is left to the engine."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        socket.create_server((address, port), family=family).close()
    except OSError as error:
        return error.errno == errno.EADDRINUSE
    return False

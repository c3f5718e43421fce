"""The routers of a swarm, one by one: where each is told and asked, and what it says."""

import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Final

from gitopsd.adapters.haproxy.config import SHARES
from gitopsd.adapters.haproxy.observing import Look, parted
from gitopsd.adapters.haproxy.proof import trusting
from gitopsd.adapters.haproxy.runtime import process, rows, shares, switches
from gitopsd.controller.swarm_port import Swarm
from gitopsd.engine_json.swarm_router import DESK_PORT, ROUTER
from gitopsd.model.errors import EngineError, EngineRefused, RouterError, RouterUnavailable
from gitopsd.model.swarm import SwarmState

_PATIENCE_S: Final = 5.0
_KNOWN_S: Final = 1.0  # for so long the routers are those that Swarm named last


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one router is told and asked: its task, and its node with the address of that."""

    task: str
    node: str
    address: str


class Desks:
    """Those of all routers; `pem` proves gitopsd and routers to each other."""

    def __init__(self, swarm: Swarm, pem: str) -> None:
        self._swarm, self._trust = swarm, trusting(pem)
        self._known: tuple[float, tuple[Desk, ...]] = (0.0, ())
        self._turns = count()

    def all(self) -> tuple[Desk, ...]:
        """The routers that run on nodes that are ready; those of others nobody can tell anything."""
        at, desks = self._known
        if time.monotonic() - at > _KNOWN_S:
            with router_trouble():
                desks = tuple(_desks_of(self._swarm.look(ROUTER)))
            self._known = (time.monotonic(), desks)
        return desks

    def forget(self) -> None:
        """They may be others by now."""
        self._known = (0.0, ())

    def looks(self) -> Iterator[tuple[Desk, Look]]:
        for desk in self.all():
            yield desk, self.look(desk)

    def look(self, desk: Desk) -> Look:
        info, stat, map = parted(self.ask(desk, "show info", "show stat", f"show map {SHARES}"))
        return Look(process(info), rows(stat), shares(map), switches(map))

    def ask(self, desk: Desk, *commands: str) -> str:
        """What it answers to commands in one go. RouterUnavailable: it does not answer."""
        try:
            return asked(desk.address, self._trust, "; ".join(commands))
        except OSError as error:
            self.forget()
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            raise RouterUnavailable(
                f"the router of node {desk.node} does not answer ({desk.address}:{DESK_PORT}: {str(reason).lower()}); "
                "nothing moves until it does, or Swarm calls the node down"
            ) from error

    def way(self, name: str, timeout: float) -> socket.socket:
        """A connection to a socket of a router, of another one each time; in seconds. OSError: there is none."""
        desks = self.all()
        if not desks:
            raise ConnectionRefusedError("no router runs")
        return _connected(desks[next(self._turns) % len(desks)].address, self._trust, timeout, name)


@contextmanager
def router_trouble() -> Iterator[None]:
    """That a manager does not answer is the router's trouble, too; what it refuses, the table's."""
    try:
        yield
    except EngineRefused as error:
        raise RouterError(f"the manager refuses the routers: {error}") from error
    except EngineError as error:
        raise RouterUnavailable(f"nobody can tell where routers run: {error}") from error


def _desks_of(state: SwarmState) -> Iterator[Desk]:
    nodes = {each.id: each for each in state.nodes if each.state == "ready" and each.address}
    service = state.services.get(ROUTER)
    for task in service.tasks if service is not None else ():
        if task.runs and task.node in nodes:
            yield Desk(task.id, nodes[task.node].hostname, nodes[task.node].address)


def asked(address: str, trust: ssl.SSLContext, line: str) -> str:
    """What the router of the node at an address answers to commands. OSError: none does, or not to this proof."""
    with _connected(address, trust, _PATIENCE_S) as secure:
        secure.sendall(f"{line}\n".encode())
        said = bytearray()
        while chunk := secure.recv(1 << 16):
            said += chunk
    return said.decode(errors="replace")


def _connected(address: str, trust: ssl.SSLContext, timeout: float, name: str = "") -> ssl.SSLSocket:
    """To what gitopsd alone is let to: the router's interface, or the socket of a name."""
    with socket.create_connection((address, DESK_PORT), timeout) as wire:
        return trust.wrap_socket(wire, server_hostname=name or None)

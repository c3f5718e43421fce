"""The router port over HAProxy: what changes at run time goes through its socket, all else through a new worker.

Either way the files come first, and what the router then shows comes last. The order of the calls for one server is
such that at no moment it gets a request before its first good check.
"""

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

from gitopsd.adapters.haproxy.backends import server
from gitopsd.adapters.haproxy.certificates import CertificateDirectory
from gitopsd.adapters.haproxy.config import (
    BOUNDS,
    CONFIGURATION,
    DEFAULT,
    SHARES,
    SOCKETS,
    TABLE,
    Rendered,
    Tuning,
    rendered,
)
from gitopsd.adapters.haproxy.disk import Disk
from gitopsd.adapters.haproxy.entrances import places
from gitopsd.adapters.haproxy.host import Host
from gitopsd.adapters.haproxy.names import backend, slot_of
from gitopsd.adapters.haproxy.observing import NO_SAMPLES, Look, eventually, observed, parted, sample, to_move
from gitopsd.adapters.haproxy.probing import probe
from gitopsd.adapters.haproxy.runtime import (
    Row,
    Runtime,
    Worker,
    connected,
    counters,
    process,
    rows,
    sessions,
    shares,
    switches,
)
from gitopsd.adapters.haproxy.states import states
from gitopsd.model.certificate import Certificates
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import Answer
from gitopsd.model.route import (
    SLOTS,
    ObservedRouting,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    SlotName,
    SlotSample,
    Target,
    differences,
)

_LEAVING_S: Final = 2.0
_START_TICK_S: Final = 1.5
_BEGIN: Final = "Name: "  # of what a worker tells of itself
_TRIAL: Final = "certificate.new"


class HaproxyRouter:
    """Implements `controller.router_port.Router`. HAProxy shares the directory `root`, and knows it as `inside`.

    `certificates` is the directory of those that clients with TLS are shown.
    """

    def __init__(
        self,
        root: Path,
        host: Host,
        inside: str = "",
        tuning: Tuning = DEFAULT,
        certificates: Path | None = None,
    ) -> None:
        self._disk, self._host, self._runtime = Disk(root), host, Runtime(root)
        self._certificates = CertificateDirectory(certificates, root / _TRIAL, self._disk.certificates)
        self._root, self._inside, self._tuning = root, inside or str(root), tuning
        self._loading = tuning.loading.total_seconds()
        self._guard = threading.Lock()

    @property
    def capabilities(self) -> RouterCapabilities:
        return RouterCapabilities(latency_bounds=BOUNDS, new_route_needs_reload=True)

    def apply(self, table: RoutingTable) -> None:
        with self._guard:
            self._apply(table)

    def renew(self, table: RoutingTable) -> bool:
        with self._guard:
            self._apply(table)
            outdated = self._host.outdated()
            if outdated:
                self._hand_over(table)
            return outdated

    def observe(self) -> ObservedRouting | None:
        look = self._look()
        try:
            return None if look is None else observed(look, self._older())
        except RouterUnavailable:
            return None  # gone in between

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        return probe(lambda name, s: connected(self._root / SOCKETS / name, s), route, slot, timeout, path)

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        name, servers = backend(route, slot), frozenset(ids)
        with self._guard:
            return sum(self._cut(worker, name, servers) for worker in (None, *self._runtime.older()))

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        said = self._runtime.ask("show info", "show stat", f"show table {TABLE}")
        info, stat, table = parted(said)
        epoch, counted = process(info).epoch, counters(table)
        found = {}
        for row in rows(stat):
            name = slot_of(row.backend)
            if name is not None and row.server == "BACKEND":
                found[name] = sample(epoch, row, counted.get(row.backend, NO_SAMPLES))
        return found

    def certificates(self) -> Certificates:
        with self._guard:
            return self._certificates.read().certificates

    def news(self) -> tuple[str, ...]:
        return self._host.news()

    def _apply(self, table: RoutingTable) -> None:
        self._host.publish(places(table))
        wanted = rendered(table, self._inside, self._disk.salt(), self._tuning, self._certificates.needed(table))
        running = self._look()
        if running is None:
            self._start(wanted)
        elif running.process.stamp != wanted.stamp and self._host.displaced():
            self._replace(wanted, table)
        elif running.process.stamp != wanted.stamp:
            self._reload(wanted, table)
        else:
            self._keep(wanted)
            self._prove(table, self._change(table, running))
            return
        self._prove(table)

    def _look(self, *first: str) -> Look | None:
        """What it shows after it was told these things, in one go: each time that it is asked takes its turn."""
        try:
            said = self._runtime.ask(*first, "show info", "show stat", f"show map {SHARES}")
        except RouterUnavailable:
            return None
        answers, name, rest = said.partition(_BEGIN)
        if answers.strip():
            raise RouterError(f"the router answers {answers.strip()!r} to {'; '.join(first)!r}")
        info, stat, map = parted(name + rest)
        return Look(process(info), rows(stat), shares(map), switches(map))

    def _older(self) -> tuple[Row, ...]:
        return tuple(
            row for worker in self._runtime.older() for row in rows(self._runtime.ask("show stat", worker=worker))
        )

    def _start(self, wanted: Rendered) -> None:
        self._keep(wanted, self._host.check)
        self._disk.leave_states()
        self._host.start()
        if not eventually(lambda: self._stamp() == wanted.stamp, self._loading):
            raise RouterUnavailable("the router does not start with its configuration; its log says why")

    def _reload(self, wanted: Rendered, table: RoutingTable) -> None:
        before = self._disk.current()
        failed = self._runtime.failed_reloads()
        self._keep(wanted, self._host.check)
        try:
            self._disk.leave_states(states(self._runtime.ask("show servers state"), table))
            self._start_worker()
            eventually(lambda: self._stamp() == wanted.stamp or self._runtime.failed_reloads() > failed, self._loading)
            if self._stamp() != wanted.stamp:
                self._turn_back(before, table)
        finally:
            self._disk.leave_states()

    def _start_worker(self) -> None:
        try:
            self._runtime.reload()
        except RouterUnavailable:
            self._host.start()  # the master's socket is lost

    def _turn_back(self, before: str, table: RoutingTable) -> None:
        if before:
            self._disk.turn_to(before)
        ports = ", ".join(sorted({str(port) for route in table.routes for port in route.ports}))
        raise RouterError(
            f"the router cannot start with the new configuration and goes on as before; its log says why "
            f"(has somebody else one of the ports {ports}?)"
        )

    def _replace(self, wanted: Rendered, table: RoutingTable) -> None:
        before = self._disk.current()
        self._keep(wanted, self._host.check)
        try:
            self._hand_over(table)
        except RouterError:
            if before:
                self._disk.turn_to(before)
            raise

    def _hand_over(self, table: RoutingTable) -> None:
        """Both listen on the same ports for a moment; what comes to the one that leaves later goes to its successor."""
        before = process(self._runtime.ask("show info"))
        self._disk.leave_states(states(self._runtime.ask("show servers state"), table))
        # In containers both have the same number, and the second of their start alone tells one from the other.
        eventually(lambda: time.time() >= before.started + 1, _START_TICK_S)
        self._runtime.set_aside(before.epoch)
        failed = self._taken_over(before.epoch)
        self._disk.leave_states()
        if failed:
            self._host.give_up()
            self._runtime.take_back(before.epoch)
            raise RouterError(f"the new router does not start: {failed}; the one before goes on")
        self._host.retire()
        self._prove(table)

    def _taken_over(self, before: str) -> str:
        """Why the new one does not answer in place of the one before, "" once it does."""
        try:
            self._host.start_beside()
            if eventually(lambda: (look := self._look()) is not None and look.process.epoch != before, self._loading):
                return ""
        except RouterError as error:
            return str(error)
        return f"it says nothing within {self._loading:g} s, its log says why"

    def _keep(self, wanted: Rendered, check: Callable[[Path], str] | None = None) -> None:
        """The files, on the disk from here on; those that HAProxy would not start with never count."""
        if self._disk.holds(wanted.files):
            return
        generation = self._disk.write(wanted.files)
        refused = check(self._disk.directory(generation) / CONFIGURATION) if check else ""
        if refused:
            raise RouterError(f"HAProxy refuses the configuration: {_alerts(refused)}")
        self._disk.turn_to(generation)

    def _change(self, table: RoutingTable, running: Look) -> tuple[str, ...]:
        """Room for more first, then the shares, then less; a share never moves to what is about to go.

        What is to be told last of all comes back.
        """
        has = {
            (row.backend, row.server): row for row in running.rows if slot_of(row.backend) and row.server != "BACKEND"
        }
        wanted = dict(_targets(table))
        for key, (route, target) in wanted.items():
            if key not in has:
                self._runtime.tell(f"add server {_named(key)} {server(route, target, weight=0)}")
                self._renew(key, target)
            elif _is_astray(has[key], target):
                self._renew(key, target)
            elif has[key].takes < target.takes:
                self._runtime.tell(f"set server {_named(key)} weight {target.takes}")
        shares = tuple(to_move(table, running))
        less = [key for key, (_, target) in wanted.items() if key in has and has[key].takes > target.takes]
        if not less and has.keys() <= wanted.keys():
            return shares
        for each in shares:
            self._runtime.tell(each)
        for key in less:
            self._runtime.tell(f"set server {_named(key)} weight {wanted[key][1].takes}")
        for key in has.keys() - wanted.keys():
            self._forget(key)
        return ()

    def _renew(self, key: tuple[str, str], target: Target) -> None:
        """Down until it is checked: a server is taken for ready when it is made, and when it is enabled."""
        name = _named(key)
        self._runtime.tell(f"set server {name} weight 0")
        self._runtime.tell(f"set server {name} addr {target.address} port {target.port}")
        self._runtime.tell(f"set server {name} state ready")
        self._runtime.tell(f"set server {name} health down")
        self._runtime.tell(f"set server {name} weight {target.takes}")
        self._runtime.tell(f"enable health {name}")

    def _forget(self, key: tuple[str, str]) -> None:
        name, refused = _named(key), [""]
        self._runtime.tell(f"set server {name} weight 0")

        def gone() -> bool:
            self._runtime.tell(f"set server {name} state maint")
            refused[:] = [self._runtime.attempt(f"del server {name}")]
            if refused[0] and not self._answers(key):
                # To be put to rest anew is what closes connections to it that became idle after the first time.
                self._runtime.tell(f"set server {name} state ready")
            return not refused[0]

        if not eventually(gone, _LEAVING_S):
            raise RouterError(f"{name} cannot be forgotten yet ({refused[0]}): drain or cut it first")

    def _answers(self, key: tuple[str, str]) -> bool:
        """Whether it has a request, and so will not be forgotten soon."""
        look = self._look()
        return look is None or any(row.current > 0 for row in look.rows if (row.backend, row.server) == key)

    def _prove(self, table: RoutingTable, first: Collection[str] = ()) -> None:
        look = self._look(*first)
        if look is None:
            raise RouterUnavailable("the router has stopped answering; what it is to route is on its disk")
        wrong = differences(table, observed(look))
        if wrong:
            raise RouterError("the router shows something else: " + "; ".join(wrong))

    def _cut(self, worker: Worker | None, backend: str, servers: frozenset[str]) -> int:
        shown = self._runtime.ask("show sess", worker=worker)
        pointers = list(sessions(shown, backend, servers))
        return sum(not self._runtime.ask(f"shutdown session {each}", worker=worker).strip() for each in pointers)

    def _stamp(self) -> str:
        look = self._look()
        return "" if look is None else look.process.stamp


def _alerts(said: str) -> str:
    """What counts of the words that HAProxy has for a configuration it refuses, on one line."""
    found = [line.partition(" : ")[2] for line in said.splitlines() if line.startswith("[ALERT]")]
    return "; ".join(found[:3]) or " ".join(said.split())


def _targets(table: RoutingTable) -> Iterator[tuple[tuple[str, str], tuple[Route, Target]]]:
    for route in table.routes:
        for slot in SLOTS:
            for target in route.slot(slot).targets:
                yield (backend(route.name, slot), target.id), (route, target)


def _is_astray(row: Row, target: Target) -> bool:
    """Somewhere else, put to rest by hand, or left half made."""
    at_rest = row.status.split()[0] in ("MAINT", "DRAIN", "no")
    return at_rest or (row.address, row.port) != (target.address, target.port)


def _named(key: tuple[str, str]) -> str:
    return "/".join(key)

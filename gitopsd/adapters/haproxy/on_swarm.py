"""The router port over the HAProxys of a swarm, one a node: what one of them has not, nobody counts on.

Each starts from the same files, which say what ways there are and give everything to slot a. Tasks they find by
themselves; shares alone are told at run time, to each over TLS.
"""

import socket
import ssl
import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from gitopsd.adapters.haproxy.config import BOUNDS, CONFIGURATION, RESOLVERS, SHARES, TABLE, Tuning, rendered
from gitopsd.adapters.haproxy.entrances import places
from gitopsd.adapters.haproxy.names import backend, slot_of, way
from gitopsd.adapters.haproxy.observing import NO_SAMPLES, Look, eventually, parted, sample
from gitopsd.adapters.haproxy.proof import derived, proof, trusting
from gitopsd.adapters.haproxy.runtime import counters, process, rows, sessions, shares
from gitopsd.adapters.haproxy.together import together
from gitopsd.controller.swarm_port import Swarm
from gitopsd.engine_json.routed import NETWORK
from gitopsd.engine_json.swarm_router import (
    DESK_PORT,
    LEAVES_S,
    PEM,
    ROUTER,
    RUN,
    routed_overlay,
    router_labels,
    router_spec,
)
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.certificate import Certificates
from gitopsd.model.errors import EngineError, EngineRefused, RouterError, RouterUnavailable
from gitopsd.model.health import Answer, Pass
from gitopsd.model.route import (
    ObservedRouting,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    SlotName,
    SlotSample,
    differences,
)
from gitopsd.model.swarm import SwarmService, SwarmSpec, SwarmState

_PATIENCE_S: Final = 5.0
_REPLACED_S: Final = 60.0
_KNOWN_S: Final = 1.0  # for so long the routers are those that Swarm named last
_TUNING: Final = Tuning(farewell=timedelta(seconds=LEAVES_S), bridged=True, heir=False)
_DESK: Final = f"""
resolvers {RESOLVERS}
    nameserver engine 127.0.0.11:53
    # One answer has all tasks; while none comes at all, those that are known stay.
    accepted_payload_size 8192
    resolve_retries 2
    timeout resolve 500ms
    timeout retry 500ms
    hold valid 500ms
    hold obsolete 0s
    hold nx 500ms
    hold other 1h
    hold refused 1h
    hold timeout 1h

frontend desk from tcp
    bind :{DESK_PORT} ssl crt {PEM} ca-file {PEM} verify required
    timeout client 10s
    default_backend desk

backend desk from tcp
    timeout server 10s
    server admin unix@{RUN}/admin.sock
"""


@dataclass(frozen=True, slots=True)
class Desk:
    """Where one router is told and asked: its task, and its node with the address of that."""

    task: str
    node: str
    address: str


class SwarmHaproxy:
    """Implements `controller.router_port.Router`. `key` is the store's."""

    def __init__(self, swarm: Swarm, image: str, key: bytes) -> None:
        self._swarm, self._image, self._pem, self._salt = swarm, image, proof(key), derived(key, "sticky")
        self._trust = trusting(self._pem)
        self._guard = threading.Lock()
        self._table: RoutingTable | None = None
        self._known: tuple[float, tuple[Desk, ...]] = (0.0, ())
        self._ids: Mapping[tuple[RouteName, SlotName, str], str] = {}  # by address; of slot b also those of before
        self._told = ""
        self._news: tuple[str, ...] = ()

    @property
    def capabilities(self) -> RouterCapabilities:
        return RouterCapabilities(header_probe=False, latency_bounds=BOUNDS, new_route_needs_reload=True)

    def apply(self, table: RoutingTable) -> None:
        with self._guard, _as_router_trouble():
            self._remember(table)
            if not table.routes:
                self._cleared()
                return
            made = rendered(RoutingTable(tuple(each.bare for each in table.routes)), RUN, self._salt, _TUNING)
            files = {**made.files, CONFIGURATION: made.files[CONFIGURATION] + _DESK}
            ports = [port for _, port in places(table)]
            self._brought(router_spec(self._image, files, self._pem, ports), made.stamp)
            for desk, look in self._looks():
                if moved := tuple(_moved(table, look.shares)):
                    self._ask(desk, *moved)
            if wrong := differences(table, self._observed()):
                raise RouterError("the routers show something else: " + "; ".join(wrong))

    def certificates(self) -> Certificates:
        return Certificates()

    def renew(self, table: RoutingTable) -> bool:
        """Whatever makes another router of it is in what Swarm is told, so that `apply` has done it."""
        self.apply(table)
        return False

    def news(self) -> tuple[str, ...]:
        told, self._news = self._news, ()
        return told

    def observe(self) -> ObservedRouting | None:
        with _as_router_trouble():
            if self._desks():
                return self._observed()
            nothing = self._table is not None and not self._table.routes
            return ObservedRouting("", RoutingTable().ways) if nothing else None

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        """No way leads past the share; that its checks are good is what is known of a slot."""
        return Pass()

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        """Those of a canary alone: whatever else leaves a swarm's routers, Swarm gives its time to end."""
        name, ended = backend(route, slot), 0
        if slot == "a":
            return 0
        with self._guard:
            for desk, look in self._looks():
                mine = (row for row in look.rows if row.backend == name and row.server != "BACKEND")
                servers = frozenset(row.server for row in mine if self._ids.get((route, slot, row.address)) in ids)
                for pointer in sessions(self._ask(desk, "show sess"), name, servers):
                    ended += not self._ask(desk, f"shutdown session {pointer}").strip()
        return ended

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        found: dict[tuple[RouteName, SlotName], list[SlotSample]] = {}
        desks = self._desks()
        epochs: list[str] = []
        for desk in desks:
            info, stat, table = parted(self._ask(desk, "show info", "show stat", f"show table {TABLE}"))
            epochs.append(f"{desk.task} {process(info).epoch}")
            counted = counters(table)
            for row in rows(stat):
                name = slot_of(row.backend)
                if name is not None and row.server == "BACKEND":
                    found.setdefault(name, []).append(sample("", row, counted.get(row.backend, NO_SAMPLES)))
        epoch = " ".join(sorted(epochs))
        return {name: _sum(each, epoch) for name, each in found.items() if len(each) == len(desks)}

    def _remember(self, table: RoutingTable) -> None:
        """Whose address is whose. Who is left of a canary keeps its name until nothing is in flight there."""
        self._table = table
        known = {key: id for key, id in self._ids.items() if key[1] == "b"}
        self._ids = known | {
            (route.name, slot, target.address): target.id
            for route in table.routes
            for slot in ("a", "b")
            for target in route.slot(slot).targets
        }

    def _brought(self, spec: SwarmSpec, stamp: str) -> None:
        """Every router runs from these files; those that run from others are replaced, one node after the other."""
        state = self._swarm.look(ROUTER)
        service = state.services.get(ROUTER)
        if service is None or service.labels.get(SPEC) != spec.digest:
            self._send(spec, service)
            self._known = (0.0, ())
        if not eventually(lambda: self._runs(stamp, spec), _REPLACED_S):
            raise RouterUnavailable(f"the routers are being replaced; {self._waiting(stamp)}")
        self._collect(state, spec)

    def _send(self, spec: SwarmSpec, service: SwarmService | None) -> None:
        if service is not None and self._told == spec.digest and service.update.startswith("rollback"):
            why = next((each.why for each in reversed(service.tasks) if each.why), service.message)
            self._told = ""
            raise RouterError(f"the routers do not start with the new configuration, and go on as before: {why}")
        self._swarm.create_network(NETWORK, routed_overlay())
        self._swarm.create_objects(spec.objects, router_labels())
        self._told = spec.digest
        if service is None:
            self._swarm.create_service(spec)
            return
        self._swarm.update_service(service.id, service.version, spec)
        self._news = (*self._news, "what it routes changed, so that the router of each node is replaced, one by one")

    def _runs(self, stamp: str, spec: SwarmSpec) -> bool:
        service = self._swarm.look(ROUTER).services.get(ROUTER)
        if service is not None and service.labels.get(SPEC) != spec.digest and service.update.startswith("rollback"):
            self._send(spec, service)
        self._known = (0.0, ())
        with suppress(RouterUnavailable):
            looks = tuple(self._looks())
            updating = service is not None and service.update in ("updating", "rollback_started")
            return bool(looks) and not updating and all(look.process.stamp == stamp for _, look in looks)
        return False

    def _waiting(self, stamp: str) -> str:
        done, desks = 0, self._desks()
        for desk in desks:
            with suppress(RouterUnavailable):
                done += self._look(desk).process.stamp == stamp
        return f"{done} of {len(desks)} are done"

    def _collect(self, state: SwarmState, spec: SwarmSpec) -> None:
        """Files that no router has, nor could go back to."""
        used = {id for service in self._swarm.look(ROUTER).services.values() for id in service.uses}
        needed = {each.name for each in spec.objects}
        for each in state.objects:
            if each.id not in used and each.name not in needed:
                with suppress(EngineRefused):
                    self._swarm.remove_object(each.kind, each.id)

    def _cleared(self) -> None:
        """Nothing is routed: no router runs, and no port is held."""
        state = self._swarm.look(ROUTER)
        for service in state.services.values():
            self._swarm.remove_service(service.id)
        self._known = (0.0, ())
        for each in state.objects:
            with suppress(EngineRefused):
                self._swarm.remove_object(each.kind, each.id)
        for network in state.networks:
            with suppress(EngineRefused):  # tasks are only just ending
                self._swarm.remove_network(network.id)

    def _desks(self) -> tuple[Desk, ...]:
        """The routers that run on nodes that are ready; those of others nobody can tell anything."""
        at, desks = self._known
        if time.monotonic() - at > _KNOWN_S:
            with _as_router_trouble():
                desks = tuple(_desks_of(self._swarm.look(ROUTER)))
            self._known = (time.monotonic(), desks)
        return desks

    def _looks(self) -> Iterator[tuple[Desk, Look]]:
        for desk in self._desks():
            yield desk, self._look(desk)

    def _look(self, desk: Desk) -> Look:
        info, stat, map = parted(self._ask(desk, "show info", "show stat", f"show map {SHARES}"))
        return Look(process(info), rows(stat), shares(map))

    def _ask(self, desk: Desk, *commands: str) -> str:
        try:
            return asked(desk.address, self._trust, "; ".join(commands))
        except OSError as error:
            self._known = (0.0, ())
            reason = error.reason if isinstance(error, ssl.SSLError) else error.strerror or str(error)
            raise RouterUnavailable(
                f"the router of node {desk.node} does not answer ({desk.address}:{DESK_PORT}: {str(reason).lower()}); "
                "nothing moves until it does, or Swarm calls the node down"
            ) from error

    def _observed(self) -> ObservedRouting:
        looks = tuple(self._looks())
        return together(self._table or RoutingTable(), looks, self._ids)


@contextmanager
def _as_router_trouble() -> Iterator[None]:
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
    with (
        socket.create_connection((address, DESK_PORT), _PATIENCE_S) as wire,
        trust.wrap_socket(wire) as secure,
    ):
        secure.sendall(f"{line}\n".encode())
        said = bytearray()
        while chunk := secure.recv(1 << 16):
            said += chunk
    return said.decode(errors="replace")


def _moved(table: RoutingTable, has: Mapping[RouteName, int]) -> Iterator[str]:
    for route in table.routes:
        if has.get(route.name) != route.share:
            yield f"{'set' if route.name in has else 'add'} map {SHARES} {way(route.name)} {route.share}"


def _sum(samples: list[SlotSample], epoch: str) -> SlotSample:
    within = tuple(map(sum, zip(*(each.within for each in samples), strict=True)))
    requests, errors = sum(each.requests for each in samples), sum(each.errors for each in samples)
    return replace(samples[0], epoch=epoch, requests=requests, errors=errors, within=within)

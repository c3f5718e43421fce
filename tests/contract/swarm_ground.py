"""The ground of the router contract where a swarm's routers stand: two real HAProxys, one a node, and a name server."""

import itertools
import random
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from gitopsd.adapters.haproxy.desks import asked
from gitopsd.adapters.haproxy.on_swarm import SwarmHaproxy
from gitopsd.adapters.haproxy.proof import proof, trusting
from gitopsd.adapters.haproxy.runtime import rows
from gitopsd.controller.router_port import Router
from gitopsd.model.certificate import Certificates
from gitopsd.model.health import Answer
from gitopsd.model.route import (
    SLOTS,
    ObservedRouting,
    Route,
    RouteName,
    RouterCapabilities,
    RoutingTable,
    Slot,
    SlotName,
    SlotSample,
    Target,
)
from tests.apps import App, free_port
from tests.contract.routing_grounds import LocalHands, RouterGround
from tests.names import Names
from tests.routers_of_a_swarm import RoutersOfASwarm

KEY = b"k" * 32
ROOM = 8
FIRST_OF_TASKS = 10


class SwarmGround(RouterGround):
    """Its tables are those of a swarm: slots are found by their names, and ports are those of every node."""

    def route(self, a: tuple[Target, ...] = (), b: tuple[Target, ...] = (), share: int = 0, **changes: Any) -> Route:
        made = replace(super().route(a, b, share), host_address="", **changes)
        assert isinstance(self.hands, SwarmHands)
        port = self.hands.port_of_tasks
        serving, canary = (f"tasks.shop_{each}:{port}" for each in (made.service, f"{made.service}-canary"))
        return replace(made, a=Slot(a, serving, ROOM), b=Slot(b, canary, ROOM))

    def rest(self, id: str) -> None:
        hands = self.hands
        assert isinstance(hands, SwarmHands)
        self.eventually(lambda: all(hands.addresses[id] not in hands.taking(node) for node in hands.nodes))


class Placing:
    """A router as gitopsd has it on a swarm: by the time of a table, Swarm's name server has the tasks that are in it.

    Of what serves it has none that drains, as Swarm takes out what it is about to stop; a canary is there as a whole.
    """

    def __init__(self, router: Router, names: Names) -> None:
        self._router, self._names = router, names

    @property
    def capabilities(self) -> RouterCapabilities:
        return self._router.capabilities

    def apply(self, table: RoutingTable) -> None:
        self._place(table)
        self._router.apply(table)

    def renew(self, table: RoutingTable) -> bool:
        self._place(table)
        return self._router.renew(table)

    def _place(self, table: RoutingTable) -> None:
        self._names.known = {
            route.slot(slot).found.partition(":")[0]: [
                each.address for each in route.slot(slot).targets if slot == "b" or each.state == "serving"
            ]
            for route in table.routes
            for slot in SLOTS
        }

    def certificates(self) -> Certificates:
        return self._router.certificates()

    def news(self) -> tuple[str, ...]:
        return self._router.news()

    def observe(self) -> ObservedRouting | None:
        return self._router.observe()

    def probe(self, route: Route, slot: SlotName, timeout: timedelta, path: str = "") -> Answer:
        return self._router.probe(route, slot, timeout, path)

    def cut(self, route: RouteName, slot: SlotName, ids: Collection[str]) -> int:
        return self._router.cut(route, slot, ids)

    def samples(self) -> Mapping[tuple[RouteName, SlotName], SlotSample]:
        return self._router.samples()


class SwarmHands(LocalHands):
    """Clients ask one node after the other; every task has an address of its own, and all one port."""

    def __init__(self, root: Path, program: str) -> None:
        one, other = (random.SystemRandom().randrange(1, 255) for _ in range(2))
        self._network = f"127.{one}.{other}"
        self.nodes = [f"{self._network}.{number}" for number in (1, 2)]
        self.names = Names()
        self.swarm = RoutersOfASwarm(program, root, self.nodes, self.names)
        self.port_of_tasks = free_port()
        self.addresses: dict[str, str] = {}
        super().__init__(free_port(), self)
        self._at, self._task = itertools.cycle(self.nodes), itertools.count(FIRST_OF_TASKS)

    away = old = False

    def at(self) -> str:
        return next(self._at)

    def instance(self, id: str, healthy: bool) -> Target:
        address = f"{self._network}.{next(self._task)}"
        self.apps[id] = App(id, self.port_of_tasks, healthy, address)
        self.addresses[id] = address
        return Target(id, address, self.port_of_tasks)

    def taking(self, node: str) -> set[str]:
        """The addresses that the router of a node sends requests to."""
        said = asked(node, trusting(proof(KEY)), "show stat")
        return {row.address for row in rows(said) if row.status.startswith("UP")}

    def share_by_hand(self, share: int) -> None:
        """At one of the nodes."""
        asked(self.nodes[1], trusting(proof(KEY)), f"set map share.map shop:web {share}")

    def crash(self) -> None:
        self.swarm.stop()

    def start(self) -> None:
        for name in self.swarm.containers:
            self.swarm.crash(name)

    def close(self) -> None:
        super().close()
        self.names.close()


def swarm_ground(root: Path, program: str, certificates: Path | None = None) -> tuple[SwarmGround, SwarmHands]:
    hands = SwarmHands(root, program)
    router = SwarmHaproxy(hands.swarm, "haproxy", KEY, root / "own", certificates)
    return SwarmGround(Placing(router, hands.names), hands), hands

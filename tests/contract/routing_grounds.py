"""Where the router contract is tried: a fake, and HAProxy and Traefik with small servers on loopback behind them."""

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.adapters.haproxy.runtime import Runtime
from gitopsd.adapters.traefik.api import Api
from gitopsd.adapters.traefik.disk import FILE
from gitopsd.adapters.traefik.router import TraefikRouter
from gitopsd.controller.router_port import Router
from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.route import (
    ALL,
    ObservedRoute,
    ObservedRouting,
    ObservedTarget,
    Route,
    RouteName,
    RoutingTable,
    Slot,
    SlotName,
    Target,
)
from tests.apps import App, free_port
from tests.fakes.router import FakeRouter, Reply
from tests.haproxy import HaproxyProcess
from tests.traefik import TraefikProcess
from tests.waiting import eventually

Seen = TypeVar("Seen")

HOST = "shop.example.com"
QUICK = Checks(HttpCheck(0, "/healthz"), interval=timedelta(milliseconds=100), failure_threshold=1)
NAME = RouteName("shop", "web")


class Hands(Protocol):
    """Clients, instances, and what is done behind gitopsd's back."""

    port: int

    def instance(self, id: str, healthy: bool) -> Target: ...

    def checks(self, id: str, good: bool) -> None: ...

    def answer(self, id: str, status: int) -> None: ...

    def asked(self, id: str) -> int: ...

    def get(self, user: str, headers: Mapping[str, str]) -> Reply: ...

    def many(self, count: int) -> Counter[str]: ...

    def hold(self) -> Callable[[], int]: ...

    def restart(self) -> None: ...

    def share_by_hand(self, share: int) -> None: ...

    def take_away(self) -> None: ...

    def outdate(self) -> None: ...


@dataclass(frozen=True)
class RouterGround:
    """A router with one service on it, whose instances are called by what they say."""

    router: Router
    hands: Hands

    def route(self, a: tuple[Target, ...] = (), b: tuple[Target, ...] = (), share: int = 0, **changes: Any) -> Route:
        whole = Route("shop", "web", self.hands.port, "127.0.0.1", hosts=(HOST,), health=QUICK)
        return replace(whole, a=Slot(a), b=Slot(b), share=share, **changes)

    def apply(self, a: tuple[Target, ...] = (), b: tuple[Target, ...] = (), share: int = 0, **changes: Any) -> Route:
        route = self.route(a, b, share, **changes)
        self.router.apply(RoutingTable((route,)))
        return route

    def serve(self, a: tuple[Target, ...] = (), b: tuple[Target, ...] = (), share: int = 0, **changes: Any) -> Route:
        """Applied, and all of it ready."""
        route = self.apply(a, b, share, **changes)
        self.ready(*(target.id for target in (*a, *b)))
        return route

    def ready(self, *ids: str) -> None:
        eventually(lambda: all(self.shown(id).ready for id in ids), within=45)

    def rest(self, id: str) -> None:
        """Waits until an instance that drains, or fails its checks, gets nothing any more."""
        self.eventually(lambda: (shown := self.seen().target(id)) is None or not (shown.ready and shown.weight))

    def in_flight(self, id: str) -> int:
        target = self.seen().target(id)
        return target.in_flight if target is not None else 0

    def instance(self, id: str, healthy: bool = True) -> Target:
        return self.hands.instance(id, healthy)

    def get(self, user: str = "", headers: Mapping[str, str] | None = None) -> Reply:
        return self.hands.get(user, headers or {})

    def observed(self) -> ObservedRouting:
        """What the router shows. Waits for an answer: a busy machine may take its time for one."""
        shown = self.eventually(self.router.observe)
        assert shown is not None
        return shown

    def seen(self) -> ObservedRoute:
        route = self.observed().route(NAME)
        assert route is not None
        return route

    def shown(self, id: str) -> ObservedTarget:
        target = self.seen().target(id)
        assert target is not None, f"{id} is not routed"
        return target

    def eventually(self, check: Callable[[], Seen]) -> Seen:
        return eventually(check, within=45)

    def counts(self, slot: SlotName, requests: int, errors: int = 0) -> None:
        """Waits for them: a router counts a request when its stream ends, and by then its client has the answer."""

        def counted() -> bool:
            sample = self.router.samples()[NAME, slot]
            assert (sample.requests, sample.errors) == (requests, errors)
            return True

        self.eventually(counted)


class FakeHands:
    port = 80

    def __init__(self, router: FakeRouter) -> None:
        self._router = router
        self._asked: Counter[str] = Counter()

    def instance(self, id: str, healthy: bool) -> Target:
        self.checks(id, healthy)
        return Target(id, "172.18.0.2", 8080 + len(self._router.answers))

    def checks(self, id: str, good: bool) -> None:
        (self._router.failing.discard if good else self._router.failing.add)(id)

    def answer(self, id: str, status: int) -> None:
        self._router.answers[id] = status

    def asked(self, id: str) -> int:
        return self._asked[id]

    def get(self, user: str, headers: Mapping[str, str]) -> Reply:
        reply = self._router.request(NAME, user, headers)
        self._asked[reply.by] += 1
        return reply

    def many(self, count: int) -> Counter[str]:
        return Counter(self.get("", {}).by for _ in range(count))

    def hold(self) -> Callable[[], int]:
        by = self.get("", {}).by
        self._router.in_flight[by] += 1

        def release() -> int:
            if not self._router.in_flight[by]:
                return 0
            self._router.in_flight[by] -= 1
            return 200

        return release

    def restart(self) -> None:
        self._router.restart()

    def share_by_hand(self, share: int) -> None:
        self._router.share_by_hand(NAME, share)

    def take_away(self) -> None:
        self._router.away = True

    def outdate(self) -> None:
        self._router.outdated = True


class Process(Protocol):
    """A router of this machine. `away`: it does not start; `old`: another one is to take over."""

    away: bool
    old: bool

    def start(self) -> None: ...

    def crash(self) -> None: ...


class LocalHands:
    """Clients and instances on loopback; `port` is where the router listens."""

    def __init__(self, port: int, process: Process) -> None:
        self.port, self._process = port, process
        self.apps: dict[str, App] = {}

    def at(self) -> str:
        """The address where the next connection goes."""
        return "127.0.0.1"

    def instance(self, id: str, healthy: bool) -> Target:
        self.apps[id] = App(id, healthy=healthy)
        return Target(id, "127.0.0.1", self.apps[id].port)

    def checks(self, id: str, good: bool) -> None:
        self.apps[id].healthy = good

    def answer(self, id: str, status: int) -> None:
        self.apps[id].status = status

    def asked(self, id: str) -> int:
        return self.apps[id].asked

    def get(self, user: str, headers: Mapping[str, str], path: str = "/") -> Reply:
        client = http.client.HTTPConnection(self.at(), self.port, timeout=45)
        cookie = {"Cookie": f"user={user}"} if user else {}
        try:
            client.request("GET", path, headers={"Host": HOST, **cookie, **headers})
            response = client.getresponse()
        except OSError:
            return Reply(0)
        finally:
            client.close()
        set_cookie = response.getheader("Set-Cookie", "").partition(";")[0].removeprefix("user=")
        return Reply(response.status, response.getheader("X-Version", ""), set_cookie)

    def many(self, count: int) -> Counter[str]:
        """Over one connection: the router draws for each request."""
        found: Counter[str] = Counter()
        with socket.create_connection((self.at(), self.port), timeout=45) as wire:
            answers = wire.makefile("rb")
            for _ in range(count):
                wire.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
                length = 0
                while (line := answers.readline().decode().lower().strip()) != "":
                    length = int(line.partition(":")[2]) if line.startswith("content-length:") else length
                found[answers.read(length).decode()] += 1
        return found

    def hold(self) -> Callable[[], int]:
        before = {name: app.asked for name, app in self.apps.items()}
        replies: list[Reply] = []
        asking = threading.Thread(target=lambda: replies.append(self._held()), daemon=True)
        asking.start()
        (by,) = eventually(lambda: [app for name, app in self.apps.items() if app.asked > before[name]], within=45)

        def release() -> int:
            by.release.set()
            asking.join(45)
            by.release.clear()
            return 0 if replies[0].status == 502 else replies[0].status

        return release

    def _held(self) -> Reply:
        return self.get("", {}, "/hold")

    def restart(self) -> None:
        self._process.crash()
        self._process.start()
        eventually(self._serves, within=45)

    def _serves(self) -> bool:
        return self.get("", {}).status == 200

    def take_away(self) -> None:
        self._process.crash()
        self._process.away = True

    def outdate(self) -> None:
        self._process.old = True

    def close(self) -> None:
        self._process.crash()
        for app in self.apps.values():
            app.close()


class HaproxyHands(LocalHands):
    """The port is free, and stays so unless somebody else is quick."""

    def __init__(self, root: Path, host: HaproxyProcess) -> None:
        super().__init__(free_port(), host)
        self._root = root

    def share_by_hand(self, share: int) -> None:
        Runtime(self._root).tell(f"set map share.map shop:web {share}")


class TraefikHands(LocalHands):
    """The port is that of its entry point, which it has from its start."""

    def __init__(self, traefik: TraefikProcess) -> None:
        super().__init__(traefik.port, traefik)
        self._traefik = traefik

    def share_by_hand(self, share: int) -> None:
        file = self._traefik.directory / FILE
        document = json.loads(file.read_text())
        both = document["http"]["services"]["shop:web"]["weighted"]["services"]
        both[0]["weight"], both[1]["weight"] = ALL - share, share
        new = file.with_suffix(".new")  # Traefik would take half of it for all of it
        new.write_text(json.dumps(document))
        new.replace(file)
        shown = Api(self._traefik.url)
        eventually(lambda: share == shown.loaded()["services"]["shop:web@file"]["weighted"]["services"][1]["weight"])


def fake_ground() -> RouterGround:
    router = FakeRouter()
    return RouterGround(router, FakeHands(router))


def haproxy_ground(root: Path, host: HaproxyProcess) -> tuple[RouterGround, HaproxyHands]:
    hands = HaproxyHands(root, host)
    return RouterGround(HaproxyRouter(root, host), hands), hands


def traefik_ground(traefik: TraefikProcess) -> tuple[RouterGround, TraefikHands]:
    hands = TraefikHands(traefik)
    return RouterGround(TraefikRouter(traefik.directory, traefik.url), hands), hands

"""The way through a router held against the bare instance, in turns, and how soon a share is another one."""

import os
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.adapters.traefik.router import TraefikRouter
from gitopsd.controller.router_port import Router
from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.route import Route, RoutingTable, Slot, Target
from tests.apps import free_port
from tests.bench.ground import Ground
from tests.bench.result import Result
from tests.e2e import app
from tests.haproxy import HaproxyProcess, haproxy_directory, program
from tests.traefik import started
from tests.waiting import eventually

ROUNDS = 5
ROUND_S = 1.0
CONNECTIONS = 8
SHARES = 60
_REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n"


def routing(ground: Ground) -> list[Result]:
    """Requests over eight connections that are kept, through each in turn; one change of a share after the other."""
    with _instance() as bare, haproxy_directory() as root, tempfile.TemporaryDirectory() as directory:
        haproxy, host, port = *_haproxy(root), free_port()
        traefik = started(Path(directory))
        try:
            own = TraefikRouter(traefik.directory, traefik.url)
            route, other = (_served(router, at, bare) for router, at in ((haproxy, port), (own, traefik.port)))
            taken = _in_turns({"bare": bare, "HAProxy": port, "Traefik": traefik.port})
            return [
                *_compared(taken),
                *_changed(haproxy, route, "HAProxy", 0.01),
                *_changed(own, other, "Traefik", 2.0),
            ]
        finally:
            traefik.crash()
            host.crash()


def _compared(taken: dict[str, list[list[float]]]) -> Iterator[Result]:
    """A router is one more hop on the same two cores; the aims are what it may cost at most."""
    asked = {name: 10_000 * ROUND_S / statistics.median(map(len, rounds)) for name, rounds in taken.items()}
    for by, beside, most in (("HAProxy", "bare", 6.0), ("Traefik", "bare", 12.0), ("HAProxy", "Traefik", 1.0)):
        than = "the bare instance" if beside == "bare" else beside
        yield Result(f"10,000 requests through {by}, vs. {than}", asked[by], asked[beside], most)
        for percent in (50, 99):
            here, there = (_quantile(taken[each], percent) * 1000 for each in (by, beside))
            yield Result(f"p{percent} of them", here, there, most * (1 if percent == 50 or most == 1 else 2), "ms")


def _changed(router: Router, route: Route, by: str, aim: float) -> list[Result]:
    """Applied and read back, from one share to the next."""
    taken = []
    for each in range(SHARES if by == "HAProxy" else SHARES // 6):
        table = RoutingTable((replace(route, share=100 + each),))
        begun = time.perf_counter()
        router.apply(table)
        taken.append(time.perf_counter() - begun)
    return [
        Result(f"a share applied and read back with {by}, the quickest", min(taken), None, aim),
        Result(f"the same, the median of {len(taken)}", statistics.median(taken), None, aim),
    ]


def _in_turns(ports: dict[str, int]) -> dict[str, list[list[float]]]:
    taken: dict[str, list[list[float]]] = {name: [] for name in ports}
    for _ in range(ROUNDS):
        for name, port in ports.items():
            taken[name].append(_round(port))
    return taken


def _round(port: int) -> list[float]:
    found: list[list[float]] = [[] for _ in range(CONNECTIONS)]
    threads = [threading.Thread(target=_client, args=(port, each)) for each in found]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [each for part in found for each in part]


def _client(port: int, taken: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", port), 30) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        until = time.perf_counter() + ROUND_S
        while (begun := time.perf_counter()) < until:
            wire.sendall(_REQUEST)
            answer = wire.recv(1 << 16)
            assert answer.startswith(b"HTTP/1.1 200"), answer
            taken.append(time.perf_counter() - begun)


def _quantile(rounds: list[list[float]], percent: int) -> float:
    return statistics.median(sorted(each)[len(each) * percent // 100] for each in rounds)


def _served(router: Router, port: int, instance: int) -> Route:
    health = Checks(HttpCheck(0, "/healthz"), interval=timedelta(seconds=1), timeout=timedelta(seconds=5))
    slots = [Slot((Target(name, "127.0.0.1", instance),)) for name in ("old", "new")]
    hosts = ("shop.example.com",)
    route = Route("shop", "web", port, "127.0.0.1", hosts=hosts, health=health, a=slots[0], b=slots[1], share=100)
    router.apply(RoutingTable((route,)))
    eventually(_ready(router, route), within=45)
    return route


def _ready(router: Router, route: Route) -> Callable[[], bool]:
    def ready() -> bool:
        seen = router.observe()
        found = seen.route(route.name) if seen is not None else None
        return found is not None and all(each.ready for each in (*found.a, *found.b))

    return ready


def _haproxy(root: Path) -> tuple[Router, HaproxyProcess]:
    host = HaproxyProcess(root, program())
    return HaproxyRouter(root, host), host


@contextmanager
def _instance() -> Iterator[int]:
    port = free_port()
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "app"
        path.write_bytes(app.program())
        path.chmod(0o755)
        environment = {**os.environ, "VERSION": "1", "PORT": str(port)}
        process = subprocess.Popen([path], env=environment)
        try:
            eventually(lambda: _listens(port), within=30)
            yield port
        finally:
            process.kill()
            process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as wire:
        return wire.connect_ex(("127.0.0.1", port)) == 0

"""The pages over a full ledger, and what a hundred who follow events cost the daemon's own work."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from statistics import median

from gitopsd.adapters.clock import SystemClock
from gitopsd.adapters.store.sqlite import open_store
from gitopsd.controller.application import Application
from gitopsd.controller.ports import Store
from gitopsd.model.event import Event
from gitopsd.model.release import Journal, Release, ReleasedService
from gitopsd.model.settings import HttpSettings, Listen
from gitopsd.model.status import EnvironmentStatus, ServiceStatus
from gitopsd.web.server import PageServer
from tests.apps import free_port
from tests.bench.ground import Ground, Repository, manifest, typical, wait_until
from tests.bench.result import Result
from tests.controller.house import SETTINGS, House

ENVIRONMENTS, SERVICES, RELEASES = 50, 10, 200  # services and releases of each
CLIENTS, REPLICAS, ROUNDS, PASSES = 100, 4, 9, 9
SETTLES_S = 1.5  # until what begins or ends with a hundred streams is over
LOOKS = 31
LISTENING_S = 20.0
MOST_MS = 50.0

Pass = tuple[Callable[[], object], Callable[[], None]]


def paging(
    ground: Ground,
    once: Callable[[Ground, Repository, Path], None],
    passes: Callable[[Ground, Repository, Path], Pass],
) -> Iterator[Result]:
    """Pages from a ledger of 10,000 releases; passes over containers with streams beside them, and without."""
    name = "benchpages"
    repository, state = Repository(ground.directory, name), ground.directory / f"{name}-state"
    repository.commit(manifest(10, REPLICAS, ground.image(1)))
    repository.push()
    store = open_store(state)
    try:
        once(ground, repository, state)
        fill(store)
        with served(store) as port:
            for path in ("/", "/environments/env-07", "/environments/env-07/timeline", "/releases/7"):
                what = f"{path} over 50 environments, 500 services, 10,000 releases"
                yield Result(what, took(port, path), None, MOST_MS, "ms")
            yield listening(port)
            yield followed(ground, repository, state, passes, port)
    finally:
        store.close()
        ground.remove(name)


def listening(port: int) -> Result:
    """Of one core, what the daemon's process takes while clients wait for news, and not while nobody does."""
    alone = _share_of_a_core()
    with streams(port):
        beside = _share_of_a_core()
    return Result(f"CPU that {CLIENTS} who follow the event stream add, of one core", beside - alone, None, 5, "%")


def _share_of_a_core() -> float:
    """In percent, over a while in which nothing happens."""
    begun, used = time.monotonic(), time.process_time()
    threading.Event().wait(LISTENING_S)
    return (time.process_time() - used) / (time.monotonic() - begun) * 100


def followed(
    ground: Ground, repository: Repository, state: Path, passes: Callable[[Ground, Repository, Path], Pass], port: int
) -> Result:
    """Each round's passes beside streams over those just before and just after them, as a machine that does other work
    too is not equally busy all the time; of those ratios, the median.
    """
    work, close = passes(ground, repository, state)
    try:
        work()
        ratios, before = [], _pass_s(work)
        for _ in range(ROUNDS):
            with streams(port):
                beside = _pass_s(work)
            after = _pass_s(work)
            ratios.append(beside / ((before + after) / 2))
            before = after
    finally:
        close()
    what = f"a pass over {10 * REPLICAS} containers while {CLIENTS} follow the event stream, vs. while nobody does"
    return Result(what, median(ratios), None, 1.05, "times")


def _pass_s(work: Callable[[], object]) -> float:
    threading.Event().wait(SETTLES_S)
    return typical(work, PASSES)


@contextmanager
def streams(port: int) -> Iterator[None]:
    """So many clients whose streams have begun, and wait for news."""
    with ExitStack() as stack:
        wires = [stack.enter_context(socket.create_connection(("127.0.0.1", port), 30)) for _ in range(CLIENTS)]
        for wire in wires:
            wire.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for wire in wires:
            told = b""
            while b"still here" not in told:  # from then on it waits
                told += wire.recv(1000)
            assert told.startswith(b"HTTP/1.1 200")
        yield


def took(port: int, path: str) -> float:
    """Milliseconds from the request to the last byte, median; the first one warms what is kept."""
    found = []
    for _ in range(LOOKS):
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        begun = time.perf_counter()
        connection.request("GET", path, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        body = answer.read()
        found.append((time.perf_counter() - begun) * 1000)
        connection.close()
        assert answer.status == 200, body
    return median(found[1:])


@contextmanager
def served(store: Store) -> Iterator[int]:
    """A page server on this store, as beside a daemon."""
    port = free_port()
    house = House(replace(SETTINGS, http=HttpSettings(Listen("127.0.0.1", port))))
    application = replace(house.application(), store=store, clock=SystemClock())
    server = PageServer(Bell(application))
    with ExitStack() as stack:
        stack.callback(house.stop)
        stack.enter_context(store.lock())
        stack.callback(server.stop)
        server.start()
        wait_until(partial(_answers, port))
        yield port


class Bell:
    """A doorbell that nobody rings."""

    def __init__(self, application: Application) -> None:
        self._application = application

    def application(self) -> Application:
        return self._application

    def poll(self, repository: str) -> None:
        pass


def _answers(port: int) -> bool:
    try:
        return socket.create_connection(("127.0.0.1", port), 1).close() is None
    except OSError:
        return False


def fill(store: Store) -> None:
    """Environments with services, and a ledger as years leave it."""
    now, numbers = SystemClock().now(), count(store.next_release())
    for number in range(ENVIRONMENTS):
        name = f"env-{number:02}"
        ended = [release(name, next(numbers), now - timedelta(hours=each)) for each in range(RELEASES, 0, -1)]
        told = [
            Event(each.started_at, word, f"release {each.number} {word}", environment=name, release=each.number)
            for each in ended
            for word in ("ReleaseStarted", "ReleaseEnded")
        ]
        store.save(Journal(name), told, ended)
        services = tuple(
            ServiceStatus(f"s{each}", "Synced", "Healthy", f"v2:{each}", "shop/web:1.4.2", 2, 2)
            for each in range(SERVICES)
        )
        last = ended[-1]
        words = (name, name, "auto", last.revision, last.revision, "Synced", "Healthy", "", now)
        store.save_status(
            EnvironmentStatus(*words, last.revision, last.number, services=services)  # type: ignore[arg-type]
        )


def release(environment: str, number: int, at: datetime) -> Release:
    services = tuple(
        ReleasedService(f"s{each}", f"shop/web:1.{number}", f"sha256:{number:064x}", f"v2:{number}", f"{number:064x}")
        for each in range(SERVICES)
    )
    return Release(
        number,
        environment,
        f"{number:040x}",
        f"{number:064x}",
        f"{number:064x}",
        "Ada",
        f"Change {number}",
        "newer content in Git",
        at,
        services,
        finished_at=at + timedelta(minutes=2),
        outcome="succeeded",
        phase="ended",
    )

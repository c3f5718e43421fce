"""The managed router: a container of a real engine, with instances of that engine behind it."""

import http.client
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import docker
import pytest

from gitopsd.adapters.haproxy.opening import open_router
from gitopsd.adapters.haproxy.router import HaproxyRouter
from gitopsd.engine_json.labels import ROUTER
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.health import NOT_ASKED, Checks, HttpCheck, Pass
from gitopsd.model.route import ALL, Route, RoutingTable, Slot, Target, differences
from gitopsd.model.settings import TargetEngine
from tests.apps import App, free_port
from tests.conftest import gone_is_fine
from tests.haproxy import image_of_haproxy
from tests.images import Images
from tests.load import load
from tests.waiting import eventually

IMAGE = "gitopsd-test/haproxy:1"
CHECKS = Checks(HttpCheck(8080), interval=timedelta(milliseconds=200))
PATIENT = timedelta(seconds=20)
GREEDY = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); bytearray(os.urandom(1 << 20)) * 200"


@dataclass
class Managed:
    """A router of a name that nobody else has, on a port that nobody else has."""

    api: docker.APIClient
    images: Images
    url: str
    name: str = field(default_factory=lambda: f"gitopsd-test-{uuid.uuid4().hex[:8]}")
    port: int = field(default_factory=free_port)

    def router(self, image: str = IMAGE) -> HaproxyRouter:
        return open_router(TargetEngine(self.url), image, self.name)

    def instance(self, says: str) -> Target:
        image = self.images.web(f"gitopsd-test/routed-{says}:1", says)
        made = self.api.create_container(image, labels={"gitopsd-test.router": self.name})
        self.api.start(made["Id"])
        shown = self.api.inspect_container(made["Id"])
        return Target(made["Id"], shown["NetworkSettings"]["IPAddress"], 8080)

    def table(self, a: tuple[Target, ...] = (), b: tuple[Target, ...] = (), share: int = 0) -> RoutingTable:
        route = Route("shop", "web", self.port, health=CHECKS, a=Slot(a), b=Slot(b), share=share)
        return RoutingTable((route,))

    def get(self) -> str:
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.request("GET", "/")
            return client.getresponse().read().decode().strip()
        except OSError as error:
            return str(error)
        finally:
            client.close()

    def routers(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": f"{ROUTER}={self.name}"})
        return found

    def clear(self) -> None:
        for label in (f"{ROUTER}={self.name}", f"{ROUTER}={self.name}-check", f"gitopsd-test.router={self.name}"):
            for each in self.api.containers(all=True, filters={"label": label}):
                gone_is_fine(partial(self.api.remove_container, each["Id"], force=True, v=True))
        gone_is_fine(partial(self.api.remove_volume, self.name, force=True))


@pytest.fixture
def managed(engine_url: str, docker_api: docker.APIClient, images: Images) -> Iterator[Managed]:
    image_of_haproxy(docker_api, IMAGE)
    made = Managed(docker_api, images, engine_url)
    yield made
    made.clear()


def ready(router: HaproxyRouter, *targets: Target) -> Callable[[], bool]:
    def check() -> bool:
        shown = router.observe()
        seen = [route.target(target.id) for route in shown.routes for target in targets] if shown else []
        return bool(seen) and all(each is not None and each.ready for each in seen)

    return check


def test_instances_of_the_engine_are_reached_through_the_router_and_changed_behind_it(managed: Managed) -> None:
    router, old, new = managed.router(), managed.instance("old"), managed.instance("new")

    router.apply(managed.table((old,), (new,)))
    eventually(ready(router, old, new), within=45)

    assert managed.get() == "old"
    assert router.probe(managed.table().routes[0], "b", PATIENT) == Pass()
    router.apply(managed.table((old,), (new,), ALL))
    assert managed.get() == "new"
    router.apply(managed.table((), (new,), ALL))
    (container,) = managed.routers()
    host = managed.api.inspect_container(container["Id"])["HostConfig"]
    assert (host["CapDrop"], host["CapAdd"], host["ReadonlyRootfs"]) == (["ALL"], ["NET_BIND_SERVICE"], True)


def killed(managed: Managed, container: str) -> None:
    os.kill(managed.api.inspect_container(container)["State"]["Pid"], signal.SIGKILL)


def out_of_memory(managed: Managed, container: str) -> None:
    """Somebody who shares its memory takes all of it, and the kernel takes the router for the one to end."""
    managed.api.update_container(container, mem_limit="96m", memswap_limit="96m")
    processes = [int(row[1]) for row in managed.api.top(container)["Processes"]]
    for process in processes:
        Path(f"/proc/{process}/oom_score_adj").write_text("1000")
    begun, group = time.time(), memory_group(processes[0])
    greedy = subprocess.Popen([sys.executable, "-c", GREEDY, str(group / "cgroup.procs")])
    told = {"event": ["oom"], "container": [container]}
    eventually(lambda: list(managed.api.events(since=begun, until=time.time(), filters=told)), within=45)
    greedy.wait(timeout=45)


def memory_group(process: int) -> Path:
    """The directory of the cgroup that counts a process's memory, of version 1 or 2."""
    groups = [line.split(":", 2) for line in Path(f"/proc/{process}/cgroup").read_text().splitlines()]
    where = {name: path for _, names, path in groups for name in names.split(",")}
    return Path(f"/sys/fs/cgroup/memory{where['memory']}" if "memory" in where else f"/sys/fs/cgroup{where['']}")


@pytest.mark.parametrize("ends", [killed, out_of_memory])
def test_a_router_that_is_killed_is_back_with_its_table_and_no_gitopsd(
    managed: Managed, ends: Callable[[Managed, str], None]
) -> None:
    router, old, new = managed.router(), managed.instance("old"), managed.instance("new")
    table = managed.table((old,), (new,), ALL)
    router.apply(managed.table((old,)))
    router.apply(table)
    eventually(ready(router, old, new), within=45)
    (container,) = managed.routers()
    before = router.observe()
    assert before is not None
    began = int(before.epoch.rpartition("-")[2])
    eventually(lambda: time.time() >= began + 1)  # HAProxy tells of its beginning in seconds, and is process 7 again

    ends(managed, container["Id"])

    eventually(lambda: (shown := router.observe()) is not None and shown.epoch != before.epoch, within=45)
    eventually(lambda: managed.get() == "new", within=45)
    after = router.observe()
    assert after is not None
    assert differences(table, after) == ()


def test_a_leftover_router_is_gone_before_another_takes_its_ports(managed: Managed) -> None:
    stale = managed.api.create_container(IMAGE, ["-v"], entrypoint=["haproxy"], labels={ROUTER: managed.name})
    router, old = managed.router(), managed.instance("old")

    router.apply(managed.table((old,)))

    assert stale["Id"] not in [each["Id"] for each in managed.routers()]
    assert len(managed.routers()) == 1


def test_a_router_that_somebody_stopped_is_started_again(managed: Managed) -> None:
    router, old = managed.router(), managed.instance("old")
    router.apply(managed.table((old,)))
    (container,) = managed.routers()
    managed.api.stop(container["Id"], timeout=2)
    eventually(lambda: router.observe() is None, within=45)

    managed.router().apply(managed.table((old,)))

    assert [each["Id"] for each in managed.routers()] == [container["Id"]]
    eventually(ready(router, old), within=45)
    assert managed.get() == "old"


def test_another_image_takes_over_without_a_break(managed: Managed) -> None:
    newer = image_of_haproxy(managed.api, "gitopsd-test/haproxy:2", "newer")
    with closing(App("app")) as app:
        target = Target("app", "127.0.0.1", app.port)
        table = RoutingTable((replace(managed.table((target,)).routes[0], health=NOT_ASKED),))
        router = managed.router()
        router.apply(table)
        eventually(ready(router, target), within=45)
        (before,) = managed.routers()

        with load(managed.port, "localhost", clients=2) as clients:
            eventually(lambda: clients.total > 50, within=45)
            renewed = [managed.router(newer).renew(table) for _ in range(2)]
            enough = clients.total + 50
            eventually(lambda: clients.total > enough, within=45)

        assert renewed == [True, False]
        assert not clients.failed
        running = [each for each in managed.routers() if each["State"] == "running"]
        assert [(each["Image"], each["Names"]) for each in running] == [(newer, [f"/{managed.name}"])]
        assert before["Id"] != running[0]["Id"]


def test_an_image_that_the_engine_lacks_is_told_and_nothing_is_started(managed: Managed) -> None:
    router = open_router(TargetEngine(managed.url), "gitopsd-test/no-such-router:1", managed.name)

    with pytest.raises(RouterUnavailable, match="no-such-router"):
        router.apply(managed.table())

    assert managed.routers() == []


def test_an_engine_on_another_host_has_no_managed_router() -> None:
    with pytest.raises(
        RouterError, match="shares files with gitopsd, and the engine ssh://deploy@web2 is on another host"
    ):
        open_router(TargetEngine("ssh://deploy@web2"), IMAGE)

"""A shop behind a real router, which stays from story to story, and clients in front of it who count every request."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gitopsd.engine_json.labels import ROUTER as LABEL
from tests.apps import free_port
from tests.certificates import put_certificate, trusting
from tests.e2e.app import HAPROXY, routed, street_engine
from tests.e2e.conftest import LASTING
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.own_engine import OwnEngine
from tests.e2e.rig import Rig
from tests.load import Kind, Load, load

PATIENCE_S = 180.0  # many clients and few processors
ROUTER = "gitopsd-router"
# As deploy/gitopsd-router.conf starts it: it is root, and has none of root's powers.
AS_THE_SERVICE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")
PLAIN: tuple[Kind, ...] = ("GET", "POST", "websocket")
STEPS: list[dict[str, Any]] = [
    *({"set_weight": 5}, {"pause": {}}),
    *({"set_weight": 20}, {"pause": {}}),
    *({"set_weight": 50}, {"pause": {}}),
]
BY_STEPS: dict[str, Any] = {"x": {"strategy": "canary", "steps": STEPS}}
BLUE_GREEN: dict[str, Any] = {"x": {"strategy": "blue-green"}}
CANARY: dict[str, Any] = {"x": {"strategy": "canary", "steps": [{"set_weight": 20}, {"pause": {}}]}}


@dataclass
class Street:
    """One service on an engine whose router nobody else has. With `tls` its clients speak TLS and HTTP/2."""

    rig: Rig
    engine: OwnEngine
    proxy: EngineProxy
    port: int
    certificates: Path
    tls: bool = False

    def push(self, version: str, **how: Any) -> str:
        x = how.pop("x", {})
        traffic = {**x.get("traffic", {}), **({"tls": True} if self.tls else {})}
        return self.rig.push(web=routed(version, self.port, x={**x, "traffic": traffic}, **how))

    def serving(self, version: str, **how: Any) -> str:
        """It has everything, and nothing is left to do."""
        commit = self.push(version, **how)
        self.rig.synced(commit, within=PATIENCE_S)
        return commit

    def begins(self, version: str, **how: Any) -> None:
        """It serves, whatever did before, and however that was brought."""
        self.serving(version, **how, deploy={"update_config": {"order": "start-first", "parallelism": 0}})

    def canary(self, seen: Load, version: str, **how: Any) -> str:
        """It has its share of the traffic and waits."""
        commit, before = self.push(version, **how), seen.answered[version]
        self.rig.eventually(lambda: seen.answered[version] > before, PATIENCE_S)
        return commit

    def promote(self, seen: Load, version: str, *, above: float) -> None:
        """The canary takes one step more, and has more than so many percent then."""
        self.rig.ask("promote")
        self.rig.eventually(lambda: recent(seen, version, 200) > above, PATIENCE_S)

    @contextmanager
    def load(self, clients: int = 4, pause: float = 0.002, slow: int = 0) -> Iterator[Load]:
        """So many clients of each kind; `slow` ones beside them ask for what takes 0.3 to 1.5 seconds."""
        tls = trusting("http/1.1") if self.tls else None
        seen, multiplexed = Load(), clients if self.tls else 0
        with (
            load(self.port, "localhost", clients, pause, tls, kinds=PLAIN, into=seen),
            load(self.port, "localhost", slow, pause, tls, kinds=("slow",), into=seen),
            load(self.port, "localhost", multiplexed, pause, trusting("h2"), kinds=("HTTP/2",), into=seen),
        ):
            yield seen

    def router_images(self) -> list[str]:
        """Of those that run, each once more for every container."""
        label = {"label": [f"{LABEL}={ROUTER}"]}
        return [str(each["Image"]) for each in self.engine.api().containers(filters=label)]

    def connected(self) -> socket.socket:
        wire = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        return trusting("http/1.1").wrap_socket(wire, server_hostname="localhost") if self.tls else wire

    def ready(self) -> "Street":
        """Whatever the story before did."""
        self.proxy.mend()
        if not self.engine.alive():
            self.engine.start()
        if not self.rig.process.alive():
            self.rig.start()
        return self


def recent(seen: Load, version: str, count: int) -> float:
    """What part of the next so many answers a version gives, in percent."""
    before = seen.so_far()
    seen.more(count)
    return seen.share(version, before)


@contextmanager
def street(directory: Path, tls: bool = False) -> Iterator[Street]:
    with street_engine() as engine:
        proxy = EngineProxy(engine.url)
        directory.mkdir(parents=True, exist_ok=True)
        put_certificate(directory, "localhost")
        settings: dict[str, Any] = {"router": {"image": HAPROXY, "certificates": str(directory)}}
        rig = Rig(directory / "rig", engine.api(), proxy.url, f"gitopsd-test-{os.urandom(4).hex()}", settings)
        proxy.kill, rig.process.by = rig.process.kill, AS_THE_SERVICE
        LASTING.append(rig)
        try:
            yield Street(rig.start(), engine, proxy, free_port(), directory, tls)
        finally:
            LASTING.remove(rig)
            rig.close()
            proxy.close()


def on(*roads: str) -> pytest.MarkDecorator:
    """A story of streets with these clients, and in the long profile of those with the others."""
    others = [pytest.param(each, marks=pytest.mark.long) for each in ("http", "tls") if each not in roads]
    return pytest.mark.parametrize("road", [*roads, *others], scope="module")

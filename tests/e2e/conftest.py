"""A rig for each test, with a project nobody else uses; and the images that the stories speak of."""

import socket
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import docker
import pytest

from tests.e2e.compose import Compose
from tests.e2e.engine_proxy import EngineProxy
from tests.e2e.nodes import Nodes, three_nodes
from tests.e2e.own_engine import OwnEngine, own_engine
from tests.e2e.rig import Rig
from tests.e2e.swarm_rig import SwarmRig
from tests.images import Images

CHECK = "HEALTHCHECK --interval=200ms --timeout=5s --retries=2"
ONE, TWO, THREE = "gitopsd-test/web:1", "gitopsd-test/web:2", "gitopsd-test/web:3"
CRASHING, FAILING, DONE = "gitopsd-test/crash:1", "gitopsd-test/fail:1", "gitopsd-test/done:1"
SLOW_TO_START = "gitopsd-test/slow-to-start:2"
SICK, SOUND = "gitopsd-test/sick:1", "gitopsd-test/sound:1"


@pytest.fixture(scope="session", autouse=True)
def _pictures(images: Images) -> None:
    """Every image that a story names."""
    make_pictures(images)


def make_pictures(images: Images) -> None:
    images.web(ONE, "one")
    images.web(TWO, "two")
    images.web(THREE, "three")
    images.web(SLOW_TO_START, "two", ['CMD ["sh", "-c", "sleep 1; exec httpd -f -p 8080 -h /www"]'])
    images.busybox(CRASHING, changes=['CMD ["sh", "-c", "echo no database; exit 3"]'])
    images.busybox(FAILING, changes=['CMD ["sh", "-c", "echo no table; exit 4"]'])
    images.busybox(DONE, changes=['CMD ["sh", "-c", "echo migrated"]'])
    images.web(SICK, "sick", [f'{CHECK} CMD ["false"]'])
    images.web(SOUND, "sound", [f'{CHECK} CMD ["true"]'])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure shows what the daemons said and did."""
    report = yield
    if report.when == "call" and report.failed:
        for rig in (*RIGS, *LASTING):
            report.sections.append((f"gitopsd of {rig.project}", rig.account()))
    return report


RIGS: list[Rig] = []
LASTING: list[Rig] = []  # those that stay from test to test
MakeRig = Callable[..., Rig]


@pytest.fixture
def make_rig(tmp_path: Path, docker_api: docker.APIClient, engine_url: str) -> Iterator[MakeRig]:
    """Makes rigs, started or not, and ends them after the test."""

    def make(*, engine: str = "", project: str = "", api: docker.APIClient = docker_api, **settings: Any) -> Rig:
        name = project or f"gitopsd-test-{uuid.uuid4().hex[:8]}"
        RIGS.append(Rig(tmp_path / f"rig{len(RIGS)}", api, engine or engine_url, name, settings))
        return RIGS[-1]

    yield make
    try:
        for each in RIGS:  # one that went on would bring back what is cleared away after another
            each.end()
    finally:
        while RIGS:
            RIGS.pop().close()


StartEngine = Callable[..., OwnEngine]
LONG_ENOUGH = 60.0  # for what waits until an engine is back


@pytest.fixture
def start_engine() -> Iterator[StartEngine]:
    """Starts engines; it is named before `make_rig`, as they must outlive their rigs."""
    with ExitStack() as started:

        def start(**how: Any) -> OwnEngine:
            made = started.enter_context(own_engine(**how))
            make_pictures(Images(made.api()))
            return made

        yield start


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    """A swarm of three nodes for the stories of one file; by `nodes_rig` each leaves it whole and empty."""
    with three_nodes(lambda api: make_pictures(Images(api))) as made:
        yield made


@pytest.fixture
def nodes_rig(nodes: Nodes, make_rig: MakeRig) -> Iterator[SwarmRig]:
    """A rig whose daemon runs on that swarm, which is whole and empty again afterwards."""
    url = nodes.alpha.engine.url
    rig = make_rig(engine=url, api=nodes.api, target={"swarm": url})
    yield SwarmRig(rig.start())
    rig.end()
    nodes.whole()
    nodes.clear()


def rig_on(make_rig: MakeRig, engine: OwnEngine, url: str = "") -> Rig:
    """A rig whose daemon runs, on a test's own engine."""
    return make_rig(engine=url or engine.url, api=engine.api()).start()


@pytest.fixture
def rig(make_rig: MakeRig) -> Rig:
    """A rig whose daemon runs."""
    return make_rig().start()


@pytest.fixture
def proxy(engine_url: str) -> Iterator[EngineProxy]:
    made = EngineProxy(engine_url)
    yield made
    made.close()


@pytest.fixture
def free_port() -> int:
    """A port of this host that nobody uses."""
    return free_port_number()


def free_port_number() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@pytest.fixture
def compose(tmp_path: Path, compose_program: Path, engine_url: str) -> Compose:
    """The real Compose, in an empty directory."""
    directory = tmp_path / "compose"
    directory.mkdir()
    return Compose(compose_program, engine_url, directory)

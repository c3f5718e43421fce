"""Gives every test the same Hypothesis settings, and those that need one a real Docker engine that they leave clean."""

import importlib.util
import os
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

import docker
import docker.errors
import pytest
import requests.exceptions
from hypothesis import HealthCheck, settings

from tests.again import ENDED
from tests.images import Images
from tests.load import PROVEN, SENT
from tests.postgres_server import Server, postgres_server
from tests.registry import MakeRegistry, registries
from tests.waiting import eventually

TO_BE_PROVEN, STORIES = 50_000, "tests/e2e/test_traffic"
PROJECT_LABEL = "com.docker.compose.project"

settings.register_profile(
    "quick",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("long", settings.get_profile("quick"), derandomize=False, max_examples=2000, print_blob=True)
settings.load_profile("quick")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks whatever asks for an engine, so that `-m "not engine"` runs without one."""
    for item in items:
        if "engine_url" in getattr(item, "fixturenames", ()):
            item.add_marker("engine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test's report says how many requests it has sent, wherever it ran."""
    report = yield
    if report.when == "call" and SENT:
        report.user_properties += [("requests", dict(SENT)), ("proven", dict(PROVEN if report.passed else {}))]
        SENT.clear()
        PROVEN.clear()
    return report


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """`make test` and `make test-long` prove of so many requests that none was lost, or they are not good."""
    enough = not _proves(session.config) or _counted(session.config, "proven").total() >= TO_BE_PROVEN
    if getattr(session.config, "cache", None) is not None and not hasattr(session.config, "workerinput"):
        session.config.cache.set(ENDED, int(session.exitstatus) if enough else None)
    if not enough:
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    sent, proven = (_counted(terminalreporter.config, name) for name in ("requests", "proven"))
    if sent:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in sent.most_common())
        terminalreporter.write_line(f"{sent.total():,} requests were sent through routers and counted: {kinds}")
    if sent or _proves(terminalreporter.config):
        least = f"; a run of all tests needs {TO_BE_PROVEN:,}" if _proves(terminalreporter.config) else ""
        terminalreporter.write_line(f"{proven.total():,} of them were sent in stories that lose none{least}")


def _proves(config: pytest.Config) -> bool:
    """Whether all tests have run, on an engine, and none that has a router had to be skipped, as only root has one."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    skipped = reporter is not None and any(STORIES in each.nodeid for each in reporter.stats.get("skipped", ()))
    whole = config.args_source is config.ArgsSource.TESTPATHS and not config.option.keyword
    all_marks = config.option.markexpr in ("not long and not bench", "not bench")
    engine = os.environ.get("GITOPSD_REQUIRE_ENGINE") == "1"
    return whole and all_marks and engine and not skipped and not hasattr(config, "workerinput")


def _counted(config: pytest.Config, name: str) -> Counter[str]:
    """What the reports of all tests say under a name, by kind."""
    reporter, found = config.pluginmanager.get_plugin("terminalreporter"), Counter[str]()
    for report in (each for reports in reporter.stats.values() for each in reports) if reporter else ():
        for word, kinds in getattr(report, "user_properties", ()):
            found.update(kinds if word == name else {})
    return found


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A real PostgreSQL; each story has a schema of its own there."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="session")
def engine_url() -> str:
    """The URL of a real engine, from DOCKER_HOST; without one the test is skipped, or fails where one was promised."""
    url = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    refused = refusal()
    if refused is None:
        return url
    reason = f"no Docker engine answers at {url} ({refused}); run: scripts/engine .venv/bin/pytest ..."
    if os.environ.get("GITOPSD_REQUIRE_ENGINE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def refusal() -> str | None:
    """Why no engine answers, in a few words; None when one does."""
    try:
        client = docker.from_env(timeout=10)
    except (docker.errors.DockerException, requests.exceptions.RequestException) as refused:
        return str(refused)
    client.close()
    return None


@pytest.fixture(scope="session")
def docker_api(engine_url: str) -> Iterator[docker.APIClient]:
    """The low-level client of the real engine, to look with other eyes than gitopsd's at what is there."""
    api = docker.from_env(timeout=60).api
    yield api
    api.close()


@pytest.fixture(scope="session")
def images(docker_api: docker.APIClient) -> Images:
    """Makes images on the real engine, without a registry."""
    return Images(docker_api)


@pytest.fixture
def make_registry(docker_api: docker.APIClient, tmp_path: Path) -> Iterator[MakeRegistry]:
    """Starts real registries; after the test they are gone, and so is what the engine pulled from them."""
    with registries(docker_api, tmp_path) as make:
        yield make


@pytest.fixture
def project(docker_api: docker.APIClient) -> Iterator[str]:
    """A project name nobody else uses; all that carries it on the engine is gone after the test."""
    name = f"gitopsd-test-{uuid.uuid4().hex[:8]}"
    yield name
    remove_project(docker_api, name)


@pytest.fixture(scope="session")
def compose_program() -> Path:
    """The real Compose command; the package's own `docker-compose` is a Python wrapper, which would cost start time."""
    package = importlib.util.find_spec("compose")
    program = Path(str(package.origin)).with_name("docker-compose") if package else Path("docker-compose")
    try:
        subprocess.run([program, "version"], check=True, capture_output=True)
    except OSError as refused:
        pytest.skip(f"the Compose command of the lock does not run on this machine: {refused}")
    return program


def remove_project(api: docker.APIClient, name: str) -> None:
    """Removes the containers, networks and volumes of one project; what goes by itself meanwhile is no error."""
    label = {"label": f"{PROJECT_LABEL}={name}"}
    for container in api.containers(all=True, filters=label):
        gone_is_fine(partial(api.remove_container, container["Id"], v=True, force=True))
    for network in api.networks(filters=label):
        eventually(partial(network_is_gone, api, network["Id"], time.monotonic() + 5))
    for volume in api.volumes(filters=label)["Volumes"] or []:
        gone_is_fine(partial(api.remove_volume, volume["Name"], force=True))


def network_is_gone(api: docker.APIClient, network: str, patience: float) -> bool:
    """Removes a network. Past `patience` one without containers may stay: engines can lose track of an endpoint whose
    container was removed while it was being connected, and let go of its network at their next start only.
    """
    if gone_is_fine(partial(api.remove_network, network)):
        return True
    return time.monotonic() > patience and not api.inspect_network(network)["Containers"]


def gone_is_fine(remove: Callable[[], object]) -> bool:
    """Runs one removal; not found, or being removed already (409), counts as done. False: it is still in use."""
    try:
        remove()
    except docker.errors.APIError as refused:
        already = refused.status_code == 404 or "already in progress" in str(refused)
        if "active endpoints" in str(refused):
            return False  # an engine lets go of a removed container's endpoint a moment later
        if not already:
            raise
    return True

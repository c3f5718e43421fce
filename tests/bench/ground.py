"""What every measurement stands on: projects of small containers, a daemon, the compose program, the raw engine."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import docker
import yaml

from tests.conftest import network_is_gone
from tests.images import Images

PATIENCE_S = 30.0
RESTS_S, RESTS_OVER_S = 0.02, 0.5  # who uses no more of a core than that in so long has nothing to do
PATIENCE_WITH_A_CALL_S = 300  # an engine that starts many at once beside other work takes its time
SLEEPER = 'CMD ["/bin/sh", "-c", "trap \'exit 0\' TERM; while true; do sleep 3600 & wait $!; done"]'


@dataclass(frozen=True)
class Ground:
    """An engine with two versions of a sleeping image, and the real compose program."""

    api: docker.APIClient
    compose: Path
    directory: Path

    def image(self, version: int) -> str:
        return f"gitopsd-bench/sleeper:{version}"

    def compose_up(self, directory: Path, project: str) -> None:
        """`docker compose up -d` as a person runs it."""
        command = [str(self.compose), "-p", project, "up", "-d", "--quiet-pull"]
        subprocess.run(command, cwd=directory, check=True, capture_output=True, env=_environment())

    def remove(self, project: str) -> None:
        """Everything of a project, volumes included."""
        label = {"label": f"com.docker.compose.project={project}"}
        for container in self.api.containers(all=True, filters=label):
            wait_until(partial(self._removed, container["Id"]), within=2 * PATIENCE_S, every=0.5)
        for network in self.api.networks(filters=label):
            self.let_go(network["Id"])
        for volume in self.api.volumes()["Volumes"] or []:
            if (volume.get("Labels") or {}).get("com.docker.compose.project") == project or project in volume["Name"]:
                self.api.remove_volume(volume["Name"])

    def _removed(self, container: str) -> bool:
        """An engine beside much other work says no to a kill whose end it has not heard of yet."""
        try:
            self.api.remove_container(container, force=True)
        except docker.errors.NotFound:
            return True
        except docker.errors.APIError:
            return False
        return True

    def let_go(self, network: str) -> None:
        """Remove a network; the engine lets go of the endpoints of removed containers a moment later."""
        patience = time.monotonic() + PATIENCE_S
        wait_until(partial(network_is_gone, self.api, network, patience), within=2 * PATIENCE_S, every=0.1)

    def running(self, project: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api.containers(filters={"label": f"com.docker.compose.project={project}"})
        return found

    def all(self, project: str) -> list[dict[str, Any]]:
        label = f"com.docker.compose.project={project}"
        found: list[dict[str, Any]] = self.api.containers(all=True, filters={"label": label})
        return found

    def last_event(self, project: str, since: float) -> float:
        """When the engine last did something to a container of a project, in seconds since the epoch, as `since`."""
        ours = {"type": "container", "label": f"com.docker.compose.project={project}"}
        events = self.api.events(since=int(since), until=int(time.time()) + 1, filters=ours, decode=True)
        return max(float(event["timeNano"]) / 1e9 for event in events)


def _environment() -> dict[str, str]:
    return {**os.environ, "GIT_CONFIG_NOSYSTEM": "1"}


@contextmanager
def ground() -> Iterator[Ground]:
    """The ground of one run; its files are gone afterwards."""
    import compose

    api = docker.APIClient(base_url=os.environ.get("DOCKER_HOST"), version="auto", timeout=PATIENCE_WITH_A_CALL_S)
    directory = Path(tempfile.mkdtemp(prefix="gitopsd-bench-"))
    images = Images(api)
    found = Ground(api, Path(compose.__path__[0]) / "docker-compose", directory)
    for version in (1, 2):
        images.busybox(found.image(version), {"/version": f"{version}\n"}, [SLEEPER])
    try:
        yield found
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def manifest(services: int, replicas: int, image: str, changed: str = "") -> str:
    """A Compose file of equal services; `changed` is the image of the first one."""
    body = {
        f"s{number:02}": {
            "image": changed if changed and number == 0 else image,
            "environment": {"NUMBER": str(number)},
            "deploy": {"replicas": replicas},
            "x-gitopsd": {"min_ready": "0s"},
        }
        for number in range(services)
    }
    return yaml.safe_dump({"services": body})


class Repository:
    """A bare repository with one environment, and a clone to push from."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self.bare, self.work = directory / f"{name}.git", directory / f"{name}-work"
        self._git("init", "-q", "--bare", "-b", "main", str(self.bare), at=directory)
        self._git("clone", "-q", str(self.bare), str(self.work), at=directory)
        self._git("checkout", "-q", "-B", "main", at=self.work)

    @property
    def environment(self) -> Path:
        return self.work / "environments" / self.name

    def commit(self, content: str) -> None:
        self.environment.mkdir(parents=True, exist_ok=True)
        (self.environment / "compose.yaml").write_text(content)
        self._git("add", "-A", at=self.work)
        self._git(
            "-c", "user.name=bench", "-c", "user.email=bench@localhost", "commit", "-q", "-m", "bench", at=self.work
        )

    def push(self) -> None:
        self._git("push", "-q", "origin", "main", at=self.work)

    def clone(self, directory: Path) -> None:
        self._git("clone", "-q", str(self.bare), str(directory), at=directory.parent)

    @staticmethod
    def _git(*arguments: str, at: Path) -> None:
        subprocess.run(["git", *arguments], cwd=at, check=True, capture_output=True)


@contextmanager
def daemon(repository: Repository, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`gitopsd run` on a repository, stopped at the end."""
    command = [
        sys.executable,
        "-m",
        "gitopsd",
        "run",
        "--listen",
        "off",
        "--repository",
        str(repository.bare),
        "--state-dir",
        str(state),
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=60)


def cpu_seconds(pid: int) -> float:
    """What a process has used of a core since it began."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def at_rest(process: "subprocess.Popen[bytes]") -> None:
    """Wait until a daemon that was just started is as one that has been there for long: up, and with nothing to do."""
    used = [0.0]

    def rests() -> bool:
        used.append(cpu_seconds(process.pid))
        return used[-2] > 0 and used[-1] - used[-2] <= RESTS_S

    wait_until(rests, every=RESTS_OVER_S)


def wait_until(check: Callable[[], bool], within: float = 600.0, every: float = 0.005) -> None:
    """Return as soon as `check` holds. What asks the engine should not ask too often: it has other work to do."""
    end = time.monotonic() + within
    while not check():
        if time.monotonic() > end:
            raise TimeoutError("the condition did not come true")
        time.sleep(every)


def seconds(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def typical(work: Callable[[], object], times: int) -> float:
    """The median of several runs, in seconds."""
    return median(seconds(work) for _ in range(times))

"""A Docker engine of a test's own, which the test may stop, kill, fill up and start again; nobody else's is touched."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import docker
import pytest

from tests.e2e.wire import Machine, Wire, free_octet, namespace_of, owned_directory, run
from tests.images import ROOT
from tests.waiting import eventually

CONTAINERD = 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
ENDS_WITHIN_S = 30
# With it a task on a swarm does not wait for a registry that is not there, and never asks one.
OFFLINE = "DOCKER_SERVICE_PREFER_OFFLINE_IMAGE"


class OwnEngine:
    """As scripts/engine starts one: own socket, data, containerd and bridge, no firewall rules, no forwarding.

    `pools` is how many networks it can make; `disk` the size of its disk, as `mount -o size=` takes it. With `firewall`
    it has its rules, in a network namespace of its own, where `inside` runs commands. On a `wire` it has them too, and
    is a machine named `name`. Tasks of a swarm ask a registry for their images only where it `pulls`.
    """

    def __init__(
        self,
        pools: int = 0,
        disk: str = "",
        firewall: bool = False,
        wire: Wire | None = None,
        name: str = "",
        *,
        pulls: bool = False,
    ) -> None:
        self._firewall = firewall
        self._environment = {**os.environ} if pulls else {**os.environ, OFFLINE: "1"}
        self.directory = owned_directory()
        self.data = self.directory / "data"
        self.url = f"unix://{self.directory}/docker.sock"
        self._link = namespace_of(self.directory)
        self._pools, self._octet = pools, wire.octet if wire is not None else free_octet()
        self.machine: Machine | None = wire.machine(self._link, name) if wire is not None else None
        self._dockerd: subprocess.Popen[bytes] | None = None
        (self.directory / "containerd.toml").write_text(CONTAINERD)
        (self.directory / "daemon.json").write_text("{}")
        self.data.mkdir()
        if disk:
            run("mount", "-t", "tmpfs", "-o", f"size={disk}", "tmpfs", str(self.data))
        if self.machine is None:
            run("ip", "link", "add", self._link, "type", "bridge")
            run("ip", "address", "add", f"10.{self._octet}.0.1/24", "dev", self._link)
            run("ip", "link", "set", self._link, "up")
        self._containerd = self._begin("containerd", *self._containerd_options())
        try:
            self.start()
        except BaseException:
            self._remove()
            raise

    def start(self) -> None:
        if self._containerd.poll() is not None:
            self._containerd = self._begin("containerd", *self._containerd_options())
        apart = ("unshare", "--net", "--") if self._firewall else ()
        by = self.machine.boot if self.machine is not None else apart
        self._dockerd = self._begin("dockerd", *self._dockerd_options(), by=by)
        eventually(self._answers, within=ENDS_WITHIN_S)

    def stop(self) -> None:
        """As an upgrade of Docker does: its containers are stopped, its socket goes."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """As the out-of-memory killer does: its containers run on without it, until it is back."""
        self._end(signal.SIGKILL)

    def cut_power(self) -> None:
        """Everything there ends at once: the engine, its containerd and every container. `start` boots it again."""
        running = [each["Id"] for each in self.api().containers()]
        pids = [int(self.api().inspect_container(each)["State"]["Pid"]) for each in running]
        self.kill()
        self._containerd.kill()
        self._containerd.wait(timeout=ENDS_WITHIN_S)
        for pid in (*processes_naming(self.directory), *pids):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def alive(self) -> bool:
        return self._dockerd is not None and self._dockerd.poll() is None

    def api(self) -> docker.APIClient:
        return docker.APIClient(base_url=self.url, timeout=60)

    def close(self) -> None:
        with suppress(AssertionError, pytest.fail.Exception):
            if self._dockerd is None:
                self.start()
            subprocess.run([sys.executable, ROOT / "scripts/engine_api.py", "empty", self.url], check=False)
        self._remove()

    def _remove(self) -> None:
        self._end(signal.SIGTERM)
        self._containerd.terminate()
        self._containerd.wait(timeout=ENDS_WITHIN_S)
        for mounted in mounts_below(self.directory):
            run("umount", "--lazy", mounted)
        if self.machine is None:
            run("ip", "link", "delete", self._link)
        shutil.rmtree(self.directory)

    def words(self) -> str:
        """The engine's last words."""
        return (self.directory / "dockerd.log").read_text(errors="replace")[-3000:]

    @property
    def pid(self) -> int:
        assert self._dockerd is not None
        return self._dockerd.pid

    def inside(self, *command: str) -> str:
        """What a command prints that sees the engine's own network."""
        assert self._dockerd is not None
        own = ("nsenter", f"--net=/proc/{self._dockerd.pid}/ns/net", "--")
        entered = (*(self.machine.enter if self.machine is not None else own), *command)
        return subprocess.run(entered, check=True, capture_output=True, text=True, timeout=30).stdout

    def _begin(self, program: str, *options: str, by: tuple[str, ...] = ()) -> "subprocess.Popen[bytes]":
        words = [*by, program, *options]
        with (self.directory / f"{program}.log").open("ab") as log:
            return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment)

    def _end(self, number: signal.Signals) -> None:
        if self._dockerd is not None:
            self._dockerd.send_signal(number)
            self._dockerd.wait(timeout=ENDS_WITHIN_S)
            self._dockerd = None

    def _answers(self) -> bool:
        if self._dockerd is not None and self._dockerd.poll() is not None:
            pytest.fail(f"the test's own Docker engine does not start: {self.words()}")
        with suppress(docker.errors.DockerException, OSError):
            return bool(self.api().ping())
        return False

    def _containerd_options(self) -> tuple[str, ...]:
        at = self.directory
        return ("--config", f"{at}/containerd.toml", "--address", f"{at}/containerd.sock",
                "--root", f"{at}/containerd", "--state", f"{at}/containerd-run")  # fmt: skip

    def _dockerd_options(self) -> tuple[str, ...]:
        at, base = self.directory, f"10.{self._octet}"
        pool = f"base={base}.128.0/{24 - (self._pools - 1).bit_length()}" if self._pools else f"base={base}.0.0/16"
        apart: tuple[str, ...] = (
            "--bridge", self._link, "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false"
        )  # fmt: skip
        if self.machine is not None:  # the first of the addresses are those of the wire
            pool, apart = f"base={base}.128.0/17", ("--bip", f"{base}.64.1/24")
        elif self._firewall:
            apart = ("--bip", f"{base}.0.1/24")
        return ("--config-file", f"{at}/daemon.json", "--host", self.url, "--containerd", f"{at}/containerd.sock",
                "--data-root", str(self.data), "--exec-root", f"{at}/run", "--pidfile", f"{at}/dockerd.pid",
                "--default-address-pool", f"{pool},size=24", "--shutdown-timeout", "1", *apart)  # fmt: skip


@contextmanager
def own_engine(pools: int = 0, disk: str = "", firewall: bool = False, *, pulls: bool = False) -> Iterator[OwnEngine]:
    """An engine that is gone afterwards; the test is skipped where none can be started."""
    needs_root(*(("iptables",) if firewall else ()))
    made = OwnEngine(pools, disk, firewall, pulls=pulls)
    try:
        yield made
    finally:
        made.close()


def needs_root(*programs: str) -> None:
    """Skips the test where no Docker engine of its own can be started, with these programs."""
    if os.geteuid() != 0:
        pytest.skip("only root can start a Docker engine of its own")
    missing = [program for program in ("dockerd", "containerd", "ip", *programs) if not shutil.which(program)]
    if missing:
        pytest.skip(f"there is no {missing[0]} here to start a Docker engine of its own with")


def processes_naming(directory: Path) -> list[int]:
    """The processes whose command line has a path in the directory."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended by now
            if f"{directory}/".encode() in file.read_bytes():
                found.append(int(file.parent.name))
    return found


def mounts_below(directory: Path) -> list[str]:
    """The mounts in a directory, the innermost first."""
    places = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
    return sorted((place for place in places if place.startswith(f"{directory}/")), reverse=True)

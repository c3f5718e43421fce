"""A swarm in memory whose routers are real: a HAProxy for each node, at a loopback address of the node's own.

What its containers would have, each process has here: files where its paths lead, ports of its own, a name server.
"""

import re
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from gitopsd.engine_json.swarm_router import DESK_PORT, FILES, PEM, ROUTER, RUN, SOCKETS
from gitopsd.model.swarm import SwarmObject, SwarmSpec
from tests.fakes.swarm import FakeSwarm
from tests.names import Names
from tests.waiting import eventually

DNS_OF_CONTAINERS = "127.0.0.11:53"
_PATHS = re.compile("|".join(map(re.escape, (FILES, RUN, PEM))))
_BIND = re.compile(r"bind :(?=\d)")
_STARTS_WITHIN_S = 10.0


class Container:
    """The router of one node: a process, and its directory in place of a container's file system."""

    def __init__(self, program: str, root: Path, address: str, names: Names) -> None:
        self.address, self._program, self._root, self._names = address, program, root, names
        self._process: subprocess.Popen[bytes] | None = None
        self.log = root / "log"

    def run(self, files: Mapping[str, bytes], command: Sequence[str]) -> bool:
        """Stop what runs, and start from these files; whether that listens."""
        self.stop()
        for directory in (RUN, SOCKETS):
            self._at(directory).mkdir(parents=True, exist_ok=True)
        for path, data in files.items():
            self._at(path).parent.mkdir(parents=True, exist_ok=True)
            self._at(path).write_text(self._here(data.decode()))
        return self._started(command)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _started(self, command: Sequence[str]) -> bool:
        with self.log.open("ab") as log:
            words = [self._program, *map(self._here, command[1:])]
            self._process = process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)
        desk = f"{int.from_bytes(bytes(map(int, reversed(self.address.split('.'))))):08X}:{DESK_PORT:04X}"
        eventually(lambda: process.poll() is not None or desk in _listening(), _STARTS_WITHIN_S)
        return process.poll() is None

    def _at(self, path: str) -> Path:
        return self._root / path.lstrip("/")

    def _here(self, text: str) -> str:
        text = _PATHS.sub(lambda found: str(self._at(found[0])), text)
        text = text.replace(DNS_OF_CONTAINERS, f"127.0.0.1:{self._names.port}")
        return _BIND.sub(f"bind {self.address}:", text)


class RoutersOfASwarm(FakeSwarm):
    """Its service of routers runs; `sent` counts what Swarm was told of it. `held`: they are kept from starting."""

    def __init__(self, program: str, root: Path, addresses: Sequence[str], names: Names) -> None:
        super().__init__()
        self.nodes = ()
        self.containers: dict[str, Container] = {}
        self.sent = 0
        self.held = False
        self._data: dict[str, bytes] = {}
        self._broken: set[tuple[str, ...]] = set()
        for number, address in enumerate(addresses, 1):
            self.node(f"n{number}", address=address)
            (root / f"n{number}").mkdir()
            self.containers[f"n{number}"] = Container(program, root / f"n{number}", address, names)

    def create_objects(self, objects: Collection[SwarmObject], labels: Mapping[str, str]) -> None:
        super().create_objects(objects, labels)
        self._data |= {each.name: each.data for each in objects}

    def create_service(self, spec: SwarmSpec) -> None:
        self._replace(spec)
        super().create_service(spec)

    def update_service(self, id: str, version: int, spec: SwarmSpec, forced: int = 0) -> None:
        """One node after the other, and back at the first one that does not start."""
        before = self.services[ROUTER].body
        self._replace(spec)
        super().update_service(id, version, spec, forced)
        self.step()
        if self.services[ROUTER].update.startswith("rollback"):
            self._run_all(before)

    def remove_service(self, id: str) -> None:
        super().remove_service(id)
        self.stop()

    def crash(self, node: str) -> None:
        """A router ends; the task that Swarm makes in its place is another one."""
        self.containers[node].stop()
        kept = self.services[ROUTER]
        kept.tasks = [each for each in kept.tasks if each.node != node]
        self._run(self.containers[node], kept.body)
        self._tasks(kept)

    def stop(self) -> None:
        for each in self.containers.values():
            each.stop()

    def _replace(self, spec: SwarmSpec) -> None:
        self.sent += 1
        for each in self.containers.values():
            if self.held or not self._run(each, spec.body):
                self._broken.add(_files_of(spec.body))
                return

    def _run_all(self, body: Mapping[str, Any]) -> None:
        for each in self.containers.values():
            assert self._run(each, body), each.log.read_text()[-2000:]

    def _run(self, container: Container, body: Mapping[str, Any]) -> bool:
        made = body["TaskTemplate"]["ContainerSpec"]
        given = ((each["File"]["Name"], each["ConfigName"]) for each in made["Configs"])
        secret = ((each["File"]["Name"], each["SecretName"]) for each in made["Secrets"])
        return container.run({path: self._data[name] for path, name in (*given, *secret)}, made["Command"])

    def _fails(self, kept: Any) -> bool:
        return _files_of(kept.body) in self._broken


def _files_of(body: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["ConfigName"] for each in body["TaskTemplate"]["ContainerSpec"].get("Configs") or ())


def _listening() -> set[str]:
    """Every address and port of this machine where somebody listens, as the system writes them."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return {row[1] for row in rows if row[3] == "0A"}

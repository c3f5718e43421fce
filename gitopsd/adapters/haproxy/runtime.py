"""HAProxy's runtime socket: one connection a command, as its inode changes with every start.

Answers are texts without an exit status, so an answer that is not known to be a good one is an error.
"""

import csv
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gitopsd.adapters.haproxy.names import name_of, slot_of, switch_of
from gitopsd.model.errors import RouterError, RouterUnavailable
from gitopsd.model.route import RouteName

_PATIENCE_S: Final = 5.0
_STARTING_S: Final = 20.0  # as long as a worker may take on a busy machine
_EVERY_S: Final = 0.01
_GOOD: Final = ("", "New server registered.", "Server deleted.")
_GONE: Final = "Can't find the target"  # a worker that has ended meanwhile
_LEAVING: Final = "leaving-{}.sock"
_NO_MAP: Final = "Unknown map identifier"
_MOVED: Final = re.compile(r"(IP changed from|port changed from|no need to change the) .* by 'stats socket command'$")
_GOOD_CHECKS: Final = ("L4OK", "L6OK", "L7OK", "L7OKC")


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that takes nothing new and finishes what it has, and its master's socket."""

    master: Path
    id: int


class Runtime:
    """The sockets of a router: `admin.sock` of the worker that takes requests, `master.sock` of its master.

    `leaving-*.sock` are those of masters that another one has taken over from.
    """

    def __init__(self, root: Path) -> None:
        self._root, self._admin, self._master = root, root / "admin.sock", root / "master.sock"

    def ask(self, *commands: str, worker: Worker | None = None) -> str:
        """What the current worker, or an older one, answers to commands in one go.

        An older one that is gone answers nothing. RouterUnavailable: no router answers.
        """
        if worker is None:
            try:
                return _asked(self._admin, "; ".join(commands))
            except RouterUnavailable:
                # Its socket alone may be lost, which no reload brings back.
                return _asked(self._master, "; ".join(f"@1 {command}" for command in commands))
        said = self._asked_master("; ".join(f"@!{worker.id} {command}" for command in commands), worker.master)
        return "" if said.startswith(_GONE) else said

    def tell(self, command: str, worker: Worker | None = None) -> None:
        """A command that changes something. RouterError: the answer is not one of success."""
        said = self.ask(command, worker=worker).strip()
        if said not in _GOOD and not _MOVED.match(said):
            raise RouterError(f"the router answers {said!r} to {command!r}")

    def attempt(self, command: str) -> str:
        """A command that changes something, and what was answered where that is not success; else ""."""
        said = self.ask(command).strip()
        return "" if said in _GOOD else said

    def reload(self) -> None:
        """Have the master start a new worker from the files; the answer comes before that is done."""
        self._asked_master("reload")

    def failed_reloads(self) -> int:
        """How often the master could not start a worker since it last could; 0 where it cannot be asked."""
        said = self._asked_master("show proc") if self._master.exists() else ""
        found = re.search(r" master .*\[failed: (\d+)\]", said)
        return int(found[1]) if found else 0

    def older(self) -> tuple[Worker, ...]:
        """Workers of this master before the current one, and all of masters that are leaving."""
        found = [Worker(self._master, id) for id in self._workers(self._master, "# old workers")]
        for leaving in sorted(self._root.glob(_LEAVING.format("*"))):
            ids = self._workers(leaving, "# workers")
            found += [Worker(leaving, id) for id in ids]
            if not ids:
                leaving.unlink(missing_ok=True)
        return tuple(found)

    def set_aside(self, epoch: str) -> None:
        """Make room for the socket of a master that takes over; the one that leaves is reached under another name."""
        self._master.rename(self._root / _LEAVING.format(epoch))

    def take_back(self, epoch: str) -> None:
        (self._root / _LEAVING.format(epoch)).rename(self._master)

    def _workers(self, master: Path, begin: str) -> list[int]:
        """Those from a line of `show proc` on; none where nobody answers."""
        if not master.exists():
            return []
        try:
            said = self._asked_master("show proc", master) if master == self._master else _asked(master, "show proc")
        except RouterUnavailable:
            if master == self._master:
                raise
            return []
        lines = said.partition(begin)[2].partition("# programs")[0].splitlines()
        return [int(line.split()[0]) for line in lines if line[:1].isdigit()]

    def _asked_master(self, line: str, master: Path | None = None) -> str:
        """A master does not listen for a moment at its start, and whenever it starts a worker."""
        until, path = time.monotonic() + _STARTING_S, master or self._master
        while True:
            try:
                return _asked(path, line)
            except RouterUnavailable:
                if time.monotonic() > until or not path.exists():
                    raise
                time.sleep(_EVERY_S)


def _asked(path: Path, line: str) -> str:
    try:
        with connected(path, _PATIENCE_S) as wire:
            wire.sendall(f"{line}\n".encode())
            wire.shutdown(socket.SHUT_WR)
            said = bytearray()
            while chunk := wire.recv(1 << 16):
                said += chunk
    except OSError as error:
        raise RouterUnavailable(f"no router answers at {path}: {(error.strerror or str(error)).lower()}") from error
    return said.decode(errors="replace")


def connected(path: Path, timeout: float) -> socket.socket:
    """A connection to a socket however long its path is: the system takes one of up to 107 bytes only."""
    wire = socket.socket(socket.AF_UNIX)
    try:
        wire.settimeout(timeout)
        directory = os.open(path.parent, os.O_PATH)
        try:
            wire.connect(f"/proc/self/fd/{directory}/{path.name}")
        finally:
            os.close(directory)
    except OSError:
        wire.close()
        raise
    return wire


@dataclass(frozen=True, slots=True)
class Process:
    """A worker: its number, the second of its start, and the stamp of the files that it was started from."""

    number: str
    started: int
    stamp: str

    @property
    def epoch(self) -> str:
        return f"{self.number}-{self.started}"


@dataclass(frozen=True, slots=True)
class Row:
    """A line of `show stat`: a server, or with `server` "BACKEND" all of a backend."""

    backend: str
    server: str
    mode: str
    status: str
    check: str
    address: str
    port: int
    weight: int
    current: int
    sessions: int
    failed_connections: int
    answers: int
    answers_5xx: int

    @property
    def ready(self) -> bool:
        return self.status.startswith("UP") and self.check in _GOOD_CHECKS

    @property
    def takes(self) -> int:
        """The weight that counts: somebody may have put it to rest by hand."""
        return self.weight if self.status.split()[0] not in ("MAINT", "DRAIN") else 0


def process(info: str) -> Process:
    found = dict(line.split(": ", 1) for line in info.splitlines() if ": " in line)
    try:
        return Process(found["Pid"], int(found["Start_time_sec"]), found.get("description", ""))
    except (KeyError, ValueError) as missing:
        raise RouterError(f"the router says nothing of its {missing} in {info[:200]!r}") from missing


def rows(stat: str) -> tuple[Row, ...]:
    """The servers and backends of slots in `show stat`."""
    lines = [line for line in stat.removeprefix("# ").splitlines() if line]
    try:
        return tuple(_row(each) for each in csv.DictReader(lines) if slot_of(each["pxname"]))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise RouterError(f"the router's counters are not understood: {error!r} in {stat[:200]!r}") from error


def _row(each: Mapping[str, str]) -> Row:
    address, _, port = each["addr"].rpartition(":")
    return Row(
        backend=each["pxname"],
        server=each["svname"],
        mode=each["mode"],
        status=each["status"],
        check=each["check_status"].removeprefix("* "),
        address=address.strip("[]"),
        port=int(port or 0),
        weight=int(each["weight"] or 0),
        current=int(each["scur"] or 0),
        sessions=int(each["stot"] or 0),
        failed_connections=int(each["econ"] or 0),
        answers=sum(int(each[f"hrsp_{hundred}xx"] or 0) for hundred in range(1, 6)),
        answers_5xx=int(each["hrsp_5xx"] or 0),
    )


def shares(map: str) -> Mapping[RouteName, int]:
    """The map of shares: a line is a pointer, a name and a number."""
    found: dict[RouteName, int] = {}
    for line in () if map.startswith(_NO_MAP) else map.splitlines():
        match line.split():
            case [_, way, share] if share.isdigit() and (name := name_of(way)) is not None:
                found[name] = int(share)
            case [_, key, on] if on.isdigit() and switch_of(key) is not None:
                continue
            case []:
                continue
            case _:
                raise RouterError(f"the router's shares are not understood: {line!r}")
    return found


def switches(map: str) -> Mapping[RouteName, int]:
    """The switches in the map of shares that are on."""
    lines = (line.split() for line in map.splitlines())
    found = {switch_of(line[1]): int(line[2]) for line in lines if len(line) == 3 and line[2].isdigit()}
    return {name: on for name, on in found.items() if name is not None and on}


def counters(table: str) -> Mapping[str, tuple[int, ...]]:
    """The stick table: by key, its general purpose counters in order."""
    found = {}
    for line in table.splitlines():
        key = re.search(r" key=(\S+) ", line)
        if key:
            by_index = {int(index): int(count) for index, count in re.findall(r" gpc(\d+)=(\d+)", line)}
            found[key[1]] = tuple(by_index[index] for index in sorted(by_index))
    return found


def sessions(text: str, backend: str, servers: frozenset[str]) -> Iterator[str]:
    """The sessions of `show sess` that are with one of these servers, by pointer."""
    for line in text.splitlines():
        pointer, _, rest = line.partition(":")
        facts = dict(part.split("=", 1) for part in rest.split() if "=" in part)
        if facts.get("be") == backend and facts.get("srv") in servers:
            yield pointer.strip()

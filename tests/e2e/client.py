"""A client of a service: asks all its instances over HTTP, on and on, and remembers what it heard, and what it did not.

There is no router yet, so it goes where one would: to the address of each instance that runs, or to a published port.
The promise for a start-first service is told as `fewest`: at every moment at least `replicas` less `max_unavailable`
instances of a good version answer.
"""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass

import docker
import requests.exceptions

from tests.e2e.rig import WITHIN, Rig
from tests.waiting import eventually

PORT = 8080
PATIENCE_S = 5.0
PAUSE_S = 0.05
GONE_S = 0.2  # between two looks at who is still there
AT_ONCE = 32  # some still wait for what is gone
SILENT = ""


@dataclass(frozen=True, slots=True)
class Look:
    """One round. `said` is by instance, `SILENT` where none was given; `failures` say why. Times are monotonic.

    `settled`: the same instances ran before and after it. Otherwise one that did not answer may have been replaced by
    one that was not asked: a client whose name service is current would have gone there.
    """

    begun: float
    ended: float
    said: Mapping[str, str]
    failures: Mapping[str, str]
    settled: bool

    def answers(self, *versions: str) -> int:
        """How many instances answered, and as one of these versions."""
        return sum(each in versions for each in self.said.values())


@dataclass(frozen=True, slots=True)
class Seen:
    """What a client saw in a while, look by look."""

    looks: tuple[Look, ...]

    @property
    def answers(self) -> Counter[str]:
        """How often each version answered."""
        return Counter(each for look in self.looks for each in look.said.values() if each != SILENT)

    @property
    def last(self) -> dict[str, str]:
        """What each instance said in the end."""
        return dict([look for look in self.looks if look.settled][-1].said)

    def fewest(self, *versions: str) -> int:
        """The fewest instances that answered at one time as one of these versions."""
        return min(look.answers(*versions) for look in self.looks if look.settled)

    @property
    def most(self) -> int:
        """The most instances that ran at one time, whatever they answered."""
        return max(len(look.said) for look in self.looks if look.settled)

    def silence(self, *versions: str) -> float:
        """The longest time, in seconds, in which nothing answered as one of these versions."""
        longest, heard = 0.0, self.looks[0].begun
        for look in self.looks:
            if look.answers(*versions):
                longest, heard = max(longest, look.begun - heard), look.ended
        return max(longest, self.looks[-1].ended - heard)

    @property
    def story(self) -> list[str]:
        """What was heard, one after the other, without silence and repetitions."""
        heard = [said for look in self.looks for said in sorted(look.said.values()) if said != SILENT]
        return [said for at, said in enumerate(heard) if at == 0 or heard[at - 1] != said]

    def failures(self) -> list[str]:
        """Who did not answer, when, and why; for a person who reads a failed test."""
        first = self.looks[0].begun
        return [
            f"{look.begun - first:.2f} s: {name}: {why}" for look in self.looks for name, why in look.failures.items()
        ]


class Client:
    """Asks from its making until `close`. `addresses` gives HOST:PORT by name, as they are now."""

    def __init__(self, addresses: Callable[[], Mapping[str, str]], path: str = "/") -> None:
        self._addresses, self._path = addresses, path
        self._known: Mapping[str, str] = {}
        self._looks: list[Look] = []
        self._guard = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._ask_on, daemon=True).start()
        self.seen()

    def seen(self) -> Seen:
        """All that was seen since the last call, with at least one look that began after this one."""
        now = time.monotonic()
        eventually(lambda: any(look.begun >= now and look.settled for look in self._now()), WITHIN)
        with self._guard:
            looks, self._looks = tuple(self._looks), []
        return Seen(looks)

    def close(self) -> None:
        """No look begins after the one that is under way."""
        self._ended.set()

    def _now(self) -> list[Look]:
        with self._guard:
            return list(self._looks)

    def _ask_on(self) -> None:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="client") as askers:
            while not self._ended.wait(PAUSE_S):
                look = self._look(askers)
                with self._guard:
                    self._looks.append(look)

    def _look(self, askers: ThreadPoolExecutor) -> Look:
        begun, before = time.monotonic(), self._current()
        heard = self._heard({name: askers.submit(self._ask, address) for name, address in before.items()}, before)
        ended, after = time.monotonic(), self._current()
        return Look(
            begun,
            ended,
            {name: said for name, (said, _) in heard.items()},
            {name: why for name, (_, why) in heard.items() if why},
            settled=before == after,
        )

    def _heard(
        self, asked: Mapping[str, "Future[tuple[str, str]]"], before: Mapping[str, str]
    ) -> Mapping[str, tuple[str, str]]:
        """What each said. Nobody waits for the address of an instance that is gone: what it says never comes."""
        while late := wait(asked.values(), GONE_S).not_done:
            now = self._current()
            if all(now.get(name) != before[name] for name, each in asked.items() if each in late):
                break
        return {name: each.result() if each.done() else (SILENT, "is gone") for name, each in asked.items()}

    def _current(self) -> Mapping[str, str]:
        """The addresses; the last known ones while nobody tells any."""
        with suppress(docker.errors.DockerException, requests.exceptions.RequestException):
            self._known = self._addresses()
        return self._known

    def _ask(self, address: str) -> tuple[str, str]:
        """What an address says, or why it says nothing."""
        connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
        try:
            connection.request("GET", self._path)
            answer = connection.getresponse()
            said = answer.read().decode().strip()
        except (OSError, http.client.HTTPException) as failed:
            return SILENT, f"{type(failed).__name__}: {failed}"
        finally:
            connection.close()
        return (said, "") if answer.status == http.HTTPStatus.OK else (SILENT, f"answered {answer.status}")


def client_of(rig: Rig, service: str = "web", path: str = "/") -> Client:
    """Asks every instance of a service that runs, each at its own address."""
    return _at_work(rig, Client(lambda: _instances(rig, service), path))


def client_of_port(rig: Rig, port: int) -> Client:
    """Asks a published port of this host."""
    return _at_work(rig, Client(lambda: {"port": f"127.0.0.1:{port}"}))


def _at_work(rig: Rig, made: Client) -> Client:
    rig.at_end(made.close)
    return made


def _instances(rig: Rig, service: str) -> dict[str, str]:
    """The addresses of a service's running containers by name, without the project."""
    prefix = f"/{rig.project}-"
    rows = [row for row in rig.rows(service, "shop") if row["State"] == "running"]
    found = {row["Names"][0].removeprefix(prefix): _address(row["NetworkSettings"]["Networks"]) for row in rows}
    return {name: f"{address}:{PORT}" for name, address in found.items() if address}


def _address(networks: Mapping[str, Mapping[str, str]]) -> str:
    return next((each["IPAddress"] for each in networks.values() if each["IPAddress"]), "")

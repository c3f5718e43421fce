"""A client of a service whose replicas publish one port in host mode, each on a node of its own."""

import socket
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from tests.waiting import eventually

PATIENCE_S = 2.0


class HostModeClient:
    """Asks again and again, as a load balancer before the nodes would: what cannot connect to one goes to the next.

    A request is lost where no node takes the connection, or one that took it does not answer. That is all that can be
    promised of a port in host mode: the port is closed on a node while its only replica there is replaced.
    """

    def __init__(self, addresses: Sequence[str], port: int) -> None:
        self._addresses, self._port = tuple(addresses), port
        self.answered: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self.passed_over = 0

    def ask(self, first: int) -> None:
        """One request, to the node of this number first."""
        refused: list[str] = []
        for turn in range(len(self._addresses)):
            address = self._addresses[(first + turn) % len(self._addresses)]
            try:
                connection = socket.create_connection((address, self._port), PATIENCE_S)
            except OSError as error:
                refused.append(f"{address}: {error}")
                continue
            self.passed_over += turn
            self._answered(address, connection)
            return
        self.lost[f"no node takes it: {', '.join(refused)}"] += 1

    def more(self, count: int, within: float = 60.0) -> None:
        enough = self.total + count
        eventually(lambda: self.total >= enough, within)

    @property
    def total(self) -> int:
        return self.answered.total() + self.lost.total()

    def _answered(self, address: str, connection: socket.socket) -> None:
        try:
            with connection, connection.makefile("rb") as answer:
                connection.sendall(b"GET / HTTP/1.0\r\nHost: shop\r\n\r\n")
                head, _, body = answer.read().partition(b"\r\n\r\n")
        except OSError as error:
            self.lost[f"{address} took it and said: {error}"] += 1
            return
        if head.startswith((b"HTTP/1.0 200", b"HTTP/1.1 200")):
            self.answered[body.decode().strip()] += 1
        else:
            self.lost[f"{address} took it and said {head[:40]!r}"] += 1


@contextmanager
def clients(addresses: Sequence[str], port: int) -> Iterator[HostModeClient]:
    """One that asks about fifty times a second, until the end."""
    made, over = HostModeClient(addresses, port), threading.Event()

    def asking() -> None:
        first = 0
        while not over.wait(0.02):
            made.ask(first)
            first += 1

    thread = threading.Thread(target=asking)
    thread.start()
    try:
        yield made
    finally:
        over.set()
        thread.join()

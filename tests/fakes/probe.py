"""Instances that answer as a test wants them to, without a network."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from gitopsd.adapters.asking import silent, weighed
from gitopsd.model.analysis import Number, Reading, Trouble
from gitopsd.model.health import Answer, Check, Fail, HttpCheck, Pass, Subject, Unknown


@dataclass(frozen=True, slots=True)
class Page:
    """What is behind a port: an HTTP answer, so many seconds after the question."""

    status: int = 200
    body: str = "ok"
    seconds: float = 0.0


CLOSED = None


class FakeProbe:
    """Implements `controller.ports.Probe`. `pages` are by container and check (`tcp :5432`, "" for any).

    What is in none answers as `anyone`. `apart` is why nobody can be asked; `asked` lists the containers that were.
    `jobs` are how commands end: code, words and seconds; `ran` are those that were run, beside whom.
    """

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], Page | None] = {}
        self.anyone: Page | None = Page()
        self.apart = ""
        self.asked: list[str] = []
        self.jobs: dict[str, tuple[int, str, float]] = {}
        self.ran: list[tuple[str, tuple[str, ...]]] = []

    def unreachable(self) -> str:
        return self.apart

    def probe(self, subject: Subject, check: Check, timeout: timedelta) -> Answer:
        self.asked.append(subject.container)
        if self.apart:
            return Unknown(f"{check}: {self.apart}")
        anyway = self.pages.get((subject.container, ""), self.anyone)
        page = self.pages.get((subject.container, str(check)), anyway)
        if page is None:
            return Fail(f"{check}: connection refused")
        if not isinstance(check, HttpCheck):
            return Pass()
        if page.seconds >= timeout.total_seconds():
            return silent(check, timeout)
        head = f"HTTP/1.1 {page.status} Said\r\nContent-Length: {len(page.body.encode())}\r\n\r\n"
        return weighed(check, io.BytesIO(f"{head}{page.body}".encode()), lambda: page.seconds)

    def run(self, container: str, command: Sequence[str], timeout: timedelta) -> Reading:
        self.ran.append((container, tuple(command)))
        if self.apart:
            return Trouble(f"it could not be run: {self.apart}")
        code, said, seconds = self.jobs.get(" ".join(command), (0, "", 0.0))
        if seconds > timeout.total_seconds():
            return Number(124, f"it did not end within {timeout.total_seconds():g} s")
        return Number(code, said)

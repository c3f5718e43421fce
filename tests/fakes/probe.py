"""Instances that answer as a test wants them to, without a network."""

import io
from dataclasses import dataclass
from datetime import timedelta

from gitopsd.adapters.asking import silent, weighed
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
    """

    def __init__(self) -> None:
        self.pages: dict[tuple[str, str], Page | None] = {}
        self.anyone: Page | None = Page()
        self.apart = ""
        self.asked: list[str] = []

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

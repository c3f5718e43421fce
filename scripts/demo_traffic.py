"""The part of the demo behind the router: a canary that goes well, one that is thrown back, and a switch."""

import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from demo_stage import GITOPSD, Customer, Event, Stage, StepFailed
from rich.console import Group
from rich.live import Live
from rich.text import Text

if TYPE_CHECKING:
    from demo import Show

API = "api"
CUSTOMERS = 8
BAR = 40
MOST_FAILED = 60
EVERY_S = 0.3
BY_MINUTES = "      strategy: canary\n"
BY_SECONDS = """      strategy: canary
      steps:
        - set_weight: 5
        - pause: {duration: 6s}
        - set_weight: 20
        - pause: {duration: 8s}
        - set_weight: 50
        - pause: {duration: 5s}
      min_ready: 1s
      scale_down_delay: 2s
"""
AT_ONCE = """      strategy: blue-green
      min_ready: 1s
      scale_down_delay: 8s
"""


def acts() -> tuple[Callable[["Show"], None], ...]:
    return (behind_the_router, canary, thrown_back, blue_green)


def behind_the_router(show: "Show") -> None:
    show.act("A router", "The API shifts traffic, so gitopsd starts a load balancer for it; nobody has to set one up.")
    show.stage.bring_api()
    path = show.stage.repository / "environments/api/compose.yaml"
    path.write_text(path.read_text().replace(BY_MINUTES, BY_SECONDS))
    show.say("     environments/api/compose.yaml, with steps of seconds in the place of the usual minutes:")
    for line in path.read_text().partition("    x-gitopsd:\n")[2].splitlines():
        show.say(f"     +  {line}")
    show.command('git add environments/api && git commit -m "The shop has an API"')
    show.stage.git("add", "environments/api")
    show.stage.git("commit", "-q", "-m", "The shop has an API")
    for event in show.stage.events(_ended("succeeded"), "the API is released"):
        if event["environment"] == API and event["reason"] in ("ReleaseStarted", "ReleaseEnded"):
            show.event(event)
    show.stage.until(lambda: show.page(environment=API) == "api 1.0", "the API answers through the router")


def canary(show: "Show") -> None:
    show.act(
        "A canary that goes well",
        "API 1.1 gets 5 % of the requests, then 20, 50 and all, as nothing speaks against it.",
    )
    with _crowd(show.stage) as crowd:
        show.commit("API 1.1", ".env", lambda text: text.replace("API_VERSION=1.0", "API_VERSION=1.1"), API)
        _film(show, crowd, "succeeded")
        _told(show, crowd, most_failed=0)
    show.check(show.page(environment=API) == "api 1.1", "the API does not serve api 1.1")


def thrown_back(show: "Show") -> None:
    show.act(
        "A canary that is thrown back",
        "API 1.2 is healthy, and fails one request in ten. The judge sees it.",
    )
    with _crowd(show.stage) as crowd:
        show.commit("API 1.2", ".env", lambda text: text.replace("API_VERSION=1.1", "API_VERSION=1.2"), API)
        _film(show, crowd, "rolled-back")
        _told(show, crowd, most_failed=MOST_FAILED)
    show.check(show.page(environment=API) == "api 1.1", "the API does not serve api 1.1 any more")


def blue_green(show: "Show") -> None:
    show.act("Blue-green", "All of API 2.0 starts beside the old one; then every request goes to it at once.")
    path = show.stage.repository / "environments/api/compose.yaml"
    path.write_text(path.read_text().replace(BY_SECONDS, AT_ONCE))
    with _crowd(show.stage) as crowd:
        show.commit("API 2.0", ".env", lambda text: text.replace("API_VERSION=1.2", "API_VERSION=2.0"), API)
        _film(show, crowd, "succeeded")
        _told(show, crowd, most_failed=0)
    show.check(show.page(environment=API) == "api 2.0", "the API does not serve api 2.0")


class Crowd:
    """Customers of the API, all at once, and what they got."""

    def __init__(self, url: str) -> None:
        self._customers = [Customer(url) for _ in range(CUSTOMERS)]
        self.answers: Counter[str] = Counter()
        self.slowest = 0.0
        for each in self._customers:
            each.start()

    def count(self) -> Counter[str]:
        """What came back since the last count."""
        new: Counter[str] = Counter()
        for each in self._customers:
            answers, slowest = each.report()
            new += answers
            self.slowest = max(self.slowest, slowest)
        self.answers += new
        return new

    def leave(self) -> None:
        for each in self._customers:
            each.leave()
        for each in self._customers:
            each.join()


@contextmanager
def _crowd(stage: Stage) -> Iterator[Crowd]:
    crowd = Crowd(stage.url(API))
    try:
        yield crowd
    finally:
        crowd.leave()


def _film(show: "Show", crowd: Crowd, outcome: str) -> None:
    """The rollout as it goes on, until it is over; each change of the traffic leaves a line."""
    for event in show.stage.events(_begun, "the release begins"):
        if _begun(event):
            show.event(event)
    looks: Queue[Mapping[str, Any] | None] = Queue()
    command = [GITOPSD, "rollout", "show", API, "--watch", "-o", "json", "--state-dir", show.stage.state]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as watching:
        threading.Thread(target=_read, args=(watching, looks), daemon=True).start()
        try:
            _roll(show, crowd, looks)
        finally:
            watching.terminate()
    shown = "ReleaseEnded" if outcome == "succeeded" else "RolloutRollingBack"
    for event in show.stage.events(_ended(outcome), f"the release has {outcome}"):
        if event["environment"] == API and event["reason"] == shown:
            show.event(event)


def _read(watching: "subprocess.Popen[str]", looks: "Queue[Mapping[str, Any] | None]") -> None:
    for line in watching.stdout or ():
        looks.put(json.loads(line))
    looks.put(None)


def _roll(show: "Show", crowd: Crowd, looks: "Queue[Mapping[str, Any] | None]") -> None:
    seen: Mapping[str, Any] = {}
    told: object = None
    with Live(console=show.console, refresh_per_second=4, transient=True) as live:
        while True:
            try:
                look = looks.get(timeout=EVERY_S)
            except Empty:
                look = seen
            if look is None:
                return
            seen = look
            service = next(iter(seen.get("services", ())), None)
            if service is None:
                continue
            live.update(_picture(service, crowd.count()))
            if (service["share"], service["evidence"]) != told:
                told = (service["share"], service["evidence"])
                live.console.print(_line(service))


def _picture(service: Mapping[str, Any], answers: Mapping[str, int]) -> Group:
    """What share the new ones have, who is there, and what is said of them; and the last answers."""
    rows = [_line(service)]
    for each in service["instances"]:
        ready = "ready" if each["ready"] else "not ready"
        style = "green" if each["role"] == "new" else "cyan"
        rows.append(Text(f"       {each['role']:<6} {each['name']:<34} {each['state']:<9} {ready}", style))
    verdict = service["evidence"]
    rows.append(Text(f"       against it: {verdict or 'nothing'}", "bold red" if verdict else "italic"))
    said = ", ".join(f"{count} x {answer}" for answer, count in sorted(answers.items()))
    rows.append(Text(f"       answers just now: {said}", "dim"))
    return Group(*rows)


def _line(service: Mapping[str, Any]) -> Text:
    share = service["share"] or 0
    filled = round(share * BAR / 100)
    line = Text("     old ")
    line.append("─" * (BAR - filled), "cyan").append("█" * filled, "bold green")
    line.append(f" new {share:>3.0f} %   ")
    return line.append("taken off again" if service["evidence"] else service["step"] or service["phase"].lower(), "dim")


def _told(show: "Show", crowd: Crowd, *, most_failed: int) -> None:
    crowd.count()
    answers = Counter(crowd.answers)
    failed = answers.pop("failed", 0)
    said = ", ".join(f"{count} x '{answer}'" for answer, count in sorted(answers.items()))
    slowest = f"the slowest took {crowd.slowest * 1000:.0f} ms"
    show.say(f"\n   {CUSTOMERS} customers meanwhile: {said}; {failed} failed, {slowest}", "bold")
    show.check(failed <= most_failed, f"{failed} requests failed during this step")


def _begun(event: Event) -> bool:
    return bool(event["environment"] == API and event["reason"] == "ReleaseStarted")


def _ended(outcome: str) -> Callable[[Event], bool]:
    def last(event: Event) -> bool:
        if event["environment"] != API or event["reason"] != "ReleaseEnded":
            return False
        if outcome not in event["message"]:
            raise StepFailed(f"expected a release that {outcome}, but: {event['message']}")
        return True

    return last

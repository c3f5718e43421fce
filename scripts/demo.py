"""Shows gitopsd's main job on a real engine: real commits, what gitopsd does about each and why, and the proof."""

import signal
import sys
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import docker
import requests.exceptions
from rich.console import Console
from rich.text import Text

sys.path.insert(0, str(Path(__file__).resolve().parent))

import demo_traffic
from demo_stage import PROJECTS, Event, Stage, StepFailed, get

LONGEST_CAUSE = 60
STEPS = frozenset(("ReleaseStarted", "RolloutProgressing", "RolloutRollingBack", "RolloutSucceeded", "ReleaseEnded"))
ACTIONS = frozenset(("ReleaseStarted", "ActionDone", "RolloutRollingBack", "ReleaseEnded"))


def main() -> int:
    """The exit code: 0 when every step happened as it says."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _leave)
    console = Console(soft_wrap=True, highlight=False)
    begun = time.monotonic()
    try:
        api = docker.from_env(timeout=60).api
        with Stage(api) as stage:
            return play(Show(stage, console), begun)
    except StepFailed as failed:
        console.print(Text(f"\nThe demo stops: {failed}", style="bold red"))
    except (docker.errors.DockerException, requests.exceptions.RequestException) as refused:
        console.print(Text(f"\nNo engine to show it on: {refused}; run `make demo`", style="bold red"))
    except KeyboardInterrupt:
        console.print("\nStopped; everything is cleared away.")
        return 130
    return 1


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def play(show: "Show", begun: float) -> int:
    try:
        traffic = demo_traffic.acts() if not show.stage.routerless else ()
        for act in (opening, upgrade, configuration, broken, revert, rollback, accident, *traffic, absence):
            act(show)
    except StepFailed:
        show.console.print(Text(f"\nThe last words of gitopsd:\n{show.stage.log()}", style="dim"))
        raise
    if show.stage.routerless:
        show.say(f"\nCanary and blue-green were left out: {show.stage.routerless}.")
    show.say(f"\nAll of it happened, in {time.monotonic() - begun:.0f} seconds. Now it is cleared away.")
    return 0


@dataclass
class Show:
    """What the spectator sees."""

    stage: Stage
    console: Console
    number: int = 0
    pages: dict[str, str] = field(default_factory=dict)

    def act(self, title: str, story: str) -> None:
        self.number += 1
        self.console.print(Text(f"\n{self.number}  {title}", style="bold"))
        self.console.print(Text(f"   {story}", style="italic"))

    def say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style))

    def command(self, text: str) -> None:
        self.say(f"\n   $ {text}", "bold cyan")

    def commit(self, message: str, path: str, change: Callable[[str], str], environment: str = "production") -> None:
        """Change a file of an environment, show all differences, and commit them: that is a release."""
        directory = self.stage.repository / "environments" / environment
        file = directory / path
        file.write_text(change(file.read_text()))
        for changed in self.stage.git("diff", "--name-only").splitlines():
            for line in self.stage.git("diff", "--unified=0", "--", changed).splitlines():
                if line[:1] in "+-" and line[:3] not in ("+++", "---"):
                    self.say(f"     {changed}:  {line}")
        self.command(f'git commit -a -m "{message}"')
        self.stage.git("commit", "-q", "-a", "-m", message)

    def happens(self, shown: Collection[str], last: Callable[[Event], bool], what: str) -> None:
        """Print what gitopsd does about production, with its causes, until it is done."""
        self.say("")
        for event in self.stage.events(last, what):
            if event["environment"] == "production" and event["reason"] in shown:
                self.event(event)

    def event(self, event: Event) -> None:
        what, _, cause = str(event["message"]).partition(" # ")
        service = event["service"] or ""
        what = what.removeprefix(f"{service}: ")
        style = {"error": "red", "warning": "yellow"}.get(event["severity"], "")
        line = Text(f"     {event['at'][11:19]}  ")
        line.append(f"{event['reason']:<18}  {service:<8} " if not cause else f"{'':<18}  {service:<8} ", "dim")
        line.append(f"{what:<46}" if cause else what, style)
        why = f"  because: {cause[:LONGEST_CAUSE]}{'…' * (len(cause) > LONGEST_CAUSE)}"
        self.console.print(line.append(why if cause else "", "green"))
        for said in str(event["data"].get("logs", "")).splitlines()[:1]:
            self.say(f"     {'':<38}| {said}", "red")

    def page(self, path: str = "", environment: str = "production") -> str:
        """Ask the shop, and show what it says and what it said before."""
        url = self.stage.url(environment, path)
        self.command(f"curl {url}")
        now = get(url)
        before = self.pages.get(url, now)
        self.say(f"     {now}" + (f"          (before: {before})" if before != now else ""))
        self.pages[url] = now
        return now

    def customers(self) -> None:
        """What the one who asked all along got, which must not be nothing."""
        answers, slowest = self.stage.customer().report()
        failed = answers.pop("failed", 0)
        said = ", ".join(f"{count} x '{answer}'" for answer, count in sorted(answers.items()))
        self.say(
            f"\n   a customer meanwhile: {said}; {failed} failed, the slowest took {slowest * 1000:.0f} ms", "bold"
        )
        self.check(not failed, f"{failed} requests failed during this step")

    def containers(self) -> None:
        self.command("docker ps --filter label=com.docker.compose.project=shop-production")
        for row in self.rows():
            self.say(f"     {row['Names'][0].lstrip('/'):<26}{row['Image']:<20}{row['Status']}")

    def rows(self) -> list[dict[str, Any]]:
        return self.stage.ground.containers(PROJECTS["production"])

    def status(self) -> str:
        self.command("gitopsd status")
        text = self.stage.gitopsd("status")
        for line in text.splitlines()[: text.splitlines().index("")]:
            self.say(f"     {line}")
        return text

    def check(self, good: bool, otherwise: str) -> None:
        if not good:
            raise StepFailed(otherwise)


def ended(outcome: str) -> Callable[[Event], bool]:
    """Whether a release of production has ended so; another end is a failure."""

    def last(event: Event) -> bool:
        if event["environment"] != "production" or event["reason"] != "ReleaseEnded":
            return False
        if outcome not in event["message"]:
            raise StepFailed(f"expected a release that {outcome}, but: {event['message']}")
        return True

    return last


def settled(event: Event) -> bool:
    """Whether a rollout of production's web service is over, its old instances cleared away."""
    return event["environment"] == "production" and event["service"] == "web" and event["reason"] == "RolloutSucceeded"


def opening(show: Show) -> None:
    show.act("First release", "A directory of Compose files becomes a Git repository, and gitopsd is told about it.")
    show.command('git init && git add . && git commit -m "The shop opens"')
    for command in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "The shop opens")):
        show.stage.git(*command)
    show.command("gitopsd run --repository . &")
    show.stage.start_gitopsd()
    show.happens(STEPS, ended("succeeded"), "the first release succeeds")
    for environment in ("production", "staging"):
        show.stage.until(lambda: get(show.stage.url(environment)), f"{environment} answers")  # noqa: B023
        show.check(show.page(environment=environment) == "shop 1.0", f"{environment} does not serve shop 1.0")
    show.page("notice.txt")
    show.containers()
    show.stage.customer()


def upgrade(show: Show) -> None:
    show.act(
        "Upgrade", "A release is a commit. A new instance starts beside each old one and replaces it once healthy."
    )
    show.commit("Web 1.1", ".env", lambda text: text.replace("WEB_VERSION=1.0", "WEB_VERSION=1.1"))
    show.happens(ACTIONS, settled, "web 1.1 replaces web 1.0")
    show.check(show.page() == "shop 1.1", "production does not serve shop 1.1")
    show.customers()


def configuration(show: Show) -> None:
    show.act("Configuration change", "A file of the repository is part of what runs: a changed file is rolled out too.")
    show.commit("Open longer", "notice.txt", lambda text: text.replace("five", "eight"))
    show.happens(STEPS | {"RolloutSucceeded"}, settled, "the new notice is rolled out")
    show.check("eight" in show.page("notice.txt"), "the notice did not change")
    show.customers()


def broken(show: Show) -> None:
    show.act("A broken image", "Web 1.2 cannot start. The old instances serve until a new one is good, so they stay.")
    before = ids(show)
    show.commit("Web 1.2", ".env", lambda text: text.replace("WEB_VERSION=1.1", "WEB_VERSION=1.2"))
    show.happens(ACTIONS, ended("rolled-back"), "web 1.2 is rolled back")
    show.check(show.page() == "shop 1.1", "production does not serve shop 1.1 any more")
    show.check(ids(show) == before, "containers that served were replaced")
    show.say("     (the very containers that served before)", "dim")
    show.status()
    show.customers()


def revert(show: Show) -> None:
    show.act("git revert", "The rejected commit is taken back. Git says again what runs already: nothing is touched.")
    before = ids(show)
    show.command("git revert --no-edit HEAD")
    show.stage.git("revert", "--no-edit", "HEAD")
    head = show.stage.git("rev-parse", "HEAD")[:8]
    show.stage.until(lambda: f"{head}  Synced" in show.stage.gitopsd("status", "production"), "production is Synced")
    show.status()
    show.check(ids(show) == before, "containers were replaced")
    show.customers()


def rollback(show: Show) -> None:
    show.act("Rollback", "The upgrade itself is reverted: the same careful walk, back to the image of then.")
    upgraded = show.stage.git("log", "--format=%H", "--grep=^Web 1.1$")
    show.command(f"git revert --no-edit {upgraded[:8]}")
    show.stage.git("revert", "--no-edit", upgraded)
    show.happens(STEPS, settled, "web 1.0 is back")
    show.check(show.page() == "shop 1.0", "production does not serve shop 1.0")
    show.customers()


def accident(show: Show) -> None:
    show.act("A container removed by hand", "Nobody has to notice: the engine tells gitopsd at once.")
    show.command("docker rm --force shop-production-web-2")
    begun = time.monotonic()
    show.stage.ground.api.remove_container("shop-production-web-2", force=True)
    show.happens(ACTIONS | {"RolloutProgressing"}, settled, "the container is replaced")
    show.say(f"\n   healthy again after {time.monotonic() - begun:.1f} s", "bold")
    show.containers()
    show.check(sum("web" in row["Names"][0] for row in show.rows()) == 3, "there are not three web containers")
    show.customers()


def absence(show: Show) -> None:
    show.act("gitopsd is stopped", "It is not in the way of any request: what runs goes on without it.")
    show.command("kill $(pidof gitopsd)")
    show.stage.stop_gitopsd()
    show.check(show.page() == "shop 1.0", "production does not serve any more")
    show.command("gitopsd history production")
    for line in show.stage.gitopsd("history", "production").splitlines():
        show.say(f"     {line}")
    show.customers()


def ids(show: Show) -> list[str]:
    return sorted(row["Id"] for row in show.rows())


if __name__ == "__main__":
    sys.exit(main())

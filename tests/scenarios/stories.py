"""Reads stories from YAML and plays them: what Git said before and after, what the world does, what is done about it.

story: what it is about
behaviours: {"web:2": {unhealthy_after: 3}}     how containers of an image live
before: {web: {image: web:1}}                   serves when the story begins (left out: nothing does)
hand: [vanish shop-web-1]                       what somebody does then
after: {web: {image: web:2}}                    what Git says next (left out: the same)
refuse: {"Create   shop-web-1": "no limits"}    what the engine says no to, from then on
unfit: {"Start    shop-web-1": "a taken port"}  what the engine's host cannot have for a while then
plan: the plan's text
actions: what is done, with causes
end: the outcome of the release, and its reason
running: what is up in the end
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from gitopsd.model.desired import SealedState
from gitopsd.plan import plan_text
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

STORIES = sorted(Path(__file__).parent.glob("*.yaml"))


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a story."""

    plan: str
    actions: str
    end: str
    running: tuple[str, ...]


def read(path: Path) -> dict[str, Any]:
    story = yaml.safe_load(path.read_text())
    assert isinstance(story, dict)
    return story


def play(story: dict[str, Any]) -> tuple[Daemon, Told]:
    daemon = Daemon()
    behaviours = {image: Behaviour(**how) for image, how in story.get("behaviours", {}).items()}
    if "before" in story:
        commit(daemon, state(story["before"], "before11"), behaviours)
        daemon.settle()
        daemon.done.clear()
    for line in story.get("hand", ()):
        deed, _, name = line.partition(" ")
        getattr(daemon.world, deed)(*([name] if name else []))
    wanted = state(story["after"] if "after" in story else story["before"], "after222")
    text = plan_text(daemon.plan(wanted)) + "\n"
    commit(daemon, wanted, behaviours)
    daemon.world.refuse = dict(story.get("refuse", {}))
    daemon.world.unfit = dict(story.get("unfit", {}))
    daemon.settle(within=15)
    daemon.world.unfit = {}
    daemon.settle()
    end = f"{daemon.outcome()}: {daemon.reason()}" if daemon.reason() else daemon.outcome()
    return daemon, Told(text, "".join(f"{line}\n" for line in daemon.lines()), end, tuple(daemon.world.running()))


def commit(daemon: Daemon, wanted: SealedState, behaviours: dict[str, Behaviour]) -> None:
    found = {name: behaviours[each.service.image] for name, each in wanted.services.items()
             if each.service.image in behaviours}  # fmt: skip
    daemon.commit(wanted, **found)


def state(services: dict[str, dict[str, Any]], revision: str) -> SealedState:
    own = {name: dict(how) for name, how in services.items() if name != "x-gitopsd"}
    return a_state(*(a_service(name, **how) for name, how in own.items()), revision=revision,
                   **services.get("x-gitopsd", {}))  # fmt: skip

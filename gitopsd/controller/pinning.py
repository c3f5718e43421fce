"""Pinning an environment to a kept release: what must be at hand for it, looked for before anything changes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitopsd.controller.collecting import release_images
from gitopsd.controller.desire import Desires
from gitopsd.controller.environments import Environment
from gitopsd.controller.ports import Engine, EngineView, Store
from gitopsd.model.canonical import Json
from gitopsd.model.desired import SealedState
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Pin, Release
from gitopsd.release.pinning import pin_to, refusal

_SHORT = len("sha256:") + 12


@dataclass(frozen=True, slots=True)
class World:
    """Where what is needed lies: commits, images, and the ledger."""

    desires: Desires
    engine: Engine
    store: Store


def pin(
    operation: Operation,
    environment: Environment,
    journal: Journal,
    git: SealedState | None,
    world: World,
    now: datetime,
) -> tuple[Journal, str]:
    """The journal with the pin that was asked for, or as it was; and the answer. `git` is what Git says now."""
    number, length = _asked(operation.arguments)
    if environment.mode == "observe":
        return journal, "not pinned: mode is observe, so nothing is written to the engine"
    release = world.store.release(number)
    good = tuple(each.number for each in world.store.releases(journal.environment) if each.outcome == "succeeded")
    if reason := refusal(journal, release, number, good[:5]):
        return journal, f"not pinned: {reason}"
    assert release is not None
    found = world.desires.released(environment, release)
    if found is None or found.state is None:
        return journal, f"not pinned: what release {number} was cannot be read from the mirror any more"
    lacks = [*(hold.reason for hold in found.holds), *lacking_images(release, world.engine, world.store)]
    if lacks:
        return journal, f"not pinned: {'; '.join(lacks)}"
    reason = str(operation.arguments.get("reason") or "")
    made = Pin(number, found.state.content_digest, operation.by, reason, now, now + length)
    same = "" if found.state.content_digest == release.content_digest else "; with the host's variables of today"
    return pin_to(
        journal, made, release, git
    ), f"pinned to release {number} until {made.until:%Y-%m-%d %H:%M:%S} UTC{same}"


def lacking_images(release: Release, engine: EngineView, store: Store) -> Iterator[str]:
    """What of a release's images is not on the engine, in words."""
    held = frozenset().union(*(image.identities for image in engine.held_images()))
    for identity, name in sorted(release_images(release, store).items(), key=lambda each: each[1]):
        if identity not in held:
            yield f"image {name} ({identity[:_SHORT]}) is not on the engine"


def _asked(arguments: Mapping[str, Json]) -> tuple[int, timedelta]:
    number, seconds = arguments.get("release"), arguments.get("for_s")
    length = float(seconds) if isinstance(seconds, int | float) else 4 * 3600.0
    return (number if isinstance(number, int) else 0), timedelta(seconds=length)

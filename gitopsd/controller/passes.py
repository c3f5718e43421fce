"""What one pass over an environment saw, how it ended, and what its journal says is under way."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitopsd.controller.desire import Desire
from gitopsd.controller.environments import Environment
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.plan import FieldChange
from gitopsd.model.release import Hold, Journal, Release
from gitopsd.model.rollout import Pending, Preparing
from gitopsd.model.status import EnvironmentStatus


@dataclass(frozen=True, slots=True)
class Pass:
    """How a pass ended. `settled`: nothing is under way, and time alone brings nothing on.

    `ended`: a release did. `busy`: one is open, or something else is being done. `wants` are the images that Git names.
    """

    status: EnvironmentStatus | None
    wake_at: datetime | None = None
    settled: bool = False
    ended: bool = False
    busy: bool = False
    wants: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Look:
    """What one pass saw: the environment's settings, its journal, what Git wants, what is there, and what holds it.

    `renewed` are rows of the ledger that an upgrade gave other fingerprints; `told` is what looking itself found out;
    `unlike` is how what was adopted differs.
    """

    environment: Environment
    journal: Journal
    desire: Desire
    live: LiveState
    holds: tuple[Hold, ...]
    now: datetime
    renewed: tuple[Release, ...] = ()
    told: tuple[Event, ...] = ()
    unlike: Mapping[str, tuple[FieldChange, ...]] = field(default_factory=dict)


def direction(journal: Journal) -> tuple[int, str]:
    """Where an environment is on its way to."""
    return (journal.release.number, journal.release.phase) if journal.release is not None else (0, "")


def going_on(journal: Journal, held: frozenset[str]) -> bool:
    """Whether anything is under way that does not wait for a person or the engine's host alone, or for what does."""
    paused = {name for name, rollout in journal.rollouts.items() if rollout.paused is not None}
    if not held and not paused:
        return journal.release is not None or bool(journal.rollouts)
    services = {key.rpartition("/")[0] for key in held} | paused
    begun = (name for name, each in journal.rollouts.items() if not isinstance(each.phase, Pending | Preparing))
    return any(name not in services for name in begun)


def acts(look: Look) -> bool:
    """Whether this gitopsd may write to the engine for this project at all."""
    refusing = {"owner", "project"}
    return look.environment.mode != "observe" and not any(hold.guard in refusing for hold in look.holds)

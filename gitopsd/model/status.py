"""The two questions about an environment, kept apart: is it as Git says (sync), and does it work (health)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gitopsd.model.mode import Mode
from gitopsd.model.release import Hold
from gitopsd.model.swarm import Standing

Sync = Literal["Synced", "OutOfSync", "Unknown"]
Health = Literal["Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown"]

WORST_FIRST: tuple[Health, ...] = ("Degraded", "Missing", "Progressing", "Suspended", "Unknown", "Healthy")


def worst(healths: tuple[Health, ...]) -> Health:
    """The word that an environment takes from its services; Healthy for none."""
    return min(healths, key=WORST_FIRST.index, default="Healthy")


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """`address` is where a proxy of people's own reaches a service that has no port of the host; "" for all others.

    `pending` is how many tasks Swarm finds no place for.
    """

    name: str
    sync: Sync
    health: Health
    fingerprint: str
    image: str
    desired: int
    ready: int
    reason: str = ""
    address: str = ""
    pending: int = 0


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node of the swarm that an environment is on. `why` is Swarm's reason, "" where it has none."""

    id: str
    name: str
    role: str
    standing: Standing
    why: str = ""


@dataclass(frozen=True, slots=True)
class Quorum:
    """How many managers a swarm has, and how many reach each other: more than half, or nothing can be changed."""

    managers: int
    reachable: int

    @property
    def needed(self) -> int:
        return self.managers // 2 + 1

    @property
    def lost(self) -> bool:
        """Whether nothing can be changed, as too few reach each other."""
        return self.reachable < self.needed

    @property
    def spare(self) -> int:
        """How many more may be lost."""
        return max(0, self.reachable - self.needed)


@dataclass(frozen=True, slots=True)
class NextStep:
    at: datetime
    what: str


@dataclass(frozen=True, slots=True)
class EnvironmentStatus:
    """What `gitopsd status` says of one environment. `revision` is the newest commit whose inputs equal what runs.

    `engine` is the URL of the engine that it is on. `warnings` hold nothing, and a person should see to them. `nodes`
    and `quorum` are those of its swarm, where it is on one.
    """

    name: str
    project: str
    mode: Mode
    revision: str
    desired_revision: str
    sync: Sync
    health: Health
    reason: str
    since: datetime
    serving_revision: str = ""
    serving_release: int | None = None
    holds: tuple[Hold, ...] = ()
    next: NextStep | None = None
    services: tuple[ServiceStatus, ...] = ()
    engine: str = ""
    warnings: tuple[str, ...] = ()
    nodes: tuple[NodeStatus, ...] = ()
    quorum: Quorum | None = None


@dataclass(frozen=True, slots=True)
class RepositoryStatus:
    """`seen_at` is when the remote last answered; `revision` what it said then."""

    name: str
    url: str
    branch: str
    revision: str
    seen_at: datetime | None
    error: str = ""
    environments: tuple[str, ...] = ()

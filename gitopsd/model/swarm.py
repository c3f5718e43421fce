"""Swarm: what a service of one is told to be, what a look at a swarm shows, and what is done to one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitopsd.model.canonical import Json
from gitopsd.model.live import LiveNetwork
from gitopsd.model.rollout import Target

ObjectKind = Literal["config", "secret"]
Standing = Literal["ready", "unknown", "paused", "drained", "unreachable", "down"]
"""How a node of a swarm stands: `paused` and `drained` is what a person has said, `unknown` that the manager has only
just begun to listen.
"""
Occasion = Literal["rollout", "repair", "again"]
"""What an act is part of: a rollout, the mending of what drifted, or a rollout that is told again what Swarm took back
for no fault of it.
"""
_CONSTRAINT = re.compile(r"\s*([\w.\-/]+)\s*(==|!=)\s*(\S.*?)\s*")


@dataclass(frozen=True, slots=True)
class SwarmObject:
    """A config or secret to be made: its name tells its content, so that it is made once and never changed."""

    kind: ObjectKind
    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SwarmSpec:
    """A service as Swarm is told it: Engine JSON of `POST /services/create`, in which networks, configs and secrets go
    by their names. `digest` is of all of it, and stands in a label; `fingerprint` tells its tasks from others.
    `ignored` are the fields, in the manifest's words, that others may change.
    `canary`: it stands beside the service that serves.
    """

    name: str
    body: Mapping[str, Json]
    digest: str
    fingerprint: str
    objects: tuple[SwarmObject, ...] = ()
    ignored: tuple[str, ...] = ()
    canary: bool = False


@dataclass(frozen=True, slots=True)
class SwarmTask:
    """A container of a service on some node, as Swarm tells of it. `wanted`: Swarm wants it to run, or to end.

    `at` is when it came to its `state`, by the manager's clock; `why` is Swarm's reason for that, "" where it has none.
    `iteration` is the run of a job that it belongs to. `made` is when Swarm made it, on no node yet. `addresses` are by
    the names of its networks. `made_from` is the `TaskTemplate` that it was made from, by names as in a service's Spec,
    where its service says another one by now; else nothing.
    """

    id: str
    state: str
    wanted: str
    at: datetime
    slot: int = 0
    node: str = ""
    fingerprint: str = ""
    why: str = ""
    iteration: int = 0
    exit_code: int = 0
    made: datetime | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    made_from: Mapping[str, Json] = field(default_factory=dict)

    @property
    def runs(self) -> bool:
        return self.state == "running" and self.wanted == "running"


@dataclass(frozen=True, slots=True)
class SwarmService:
    """A service that is there. `version` is its index, which every change of it has to name.

    `body` is its raw Spec, in which networks, configs and secrets go by their names; `update` is the state of its last
    update ("" where it had none), with `message`. `uses` are the ids of configs and secrets that it is made with, or
    could go back to. `desired` is how many tasks Swarm wants to run; `iteration` is the newest run of a job, which each
    change of its Spec begins. `changed` is when it was last told something, or an update of it came further.
    `login` is the mark of what its nodes were given for the registry of its image, "" for nothing; `body` and `labels`
    are without it, as it changes no task.
    """

    id: str
    name: str
    version: int
    body: Mapping[str, Json]
    labels: Mapping[str, str] = field(default_factory=dict)
    update: str = ""
    message: str = ""
    desired: int = 0
    uses: frozenset[str] = frozenset()
    tasks: tuple[SwarmTask, ...] = ()
    iteration: int = 0
    changed: datetime | None = None
    login: str = ""

    @property
    def moves(self) -> bool:
        """Whether Swarm's updater is at it, forth or back."""
        return self.update in ("updating", "rollback_started")


@dataclass(frozen=True, slots=True)
class SwarmNode:
    """A machine of the swarm, which the others reach at `address`. `cpus` and `memory` (bytes) are all that it has;
    `generic` are other things that it hands out, by kind; `plugins` are `TYPE/NAME`. `changed` is when the managers
    last noted something of it: that it went, came back, or was told something. `why` is what they say of its state.
    """

    id: str
    hostname: str
    role: str
    state: str
    availability: str
    reachability: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    engine_labels: Mapping[str, str] = field(default_factory=dict)
    platform: str = ""
    cpus: float = 0.0
    memory: int = 0
    generic: Mapping[str, int] = field(default_factory=dict)
    plugins: frozenset[str] = frozenset()
    changed: datetime | None = None
    why: str = ""
    address: str = ""

    @property
    def standing(self) -> Standing:
        """How it stands, in a word: what is wrong with it comes before what a person has decided about it."""
        if self.reachability == "unreachable":
            return "unreachable"
        match self.state, self.availability:
            case "unknown", _:
                return "unknown"
            case "ready", "drain":
                return "drained"
            case "ready", "pause":
                return "paused"
            case "ready", _:
                return "ready"
        return "down"

    @property
    def ailing(self) -> str:
        """Its standing where it takes no tasks, else ""."""
        return "" if self.standing == "ready" else self.standing

    @property
    def lost(self) -> bool:
        """Whether nobody hears of what runs there."""
        return self.standing in ("down", "unreachable")


@dataclass(frozen=True, slots=True)
class Occupant:
    """A task that takes room of a node, whatever stack it is of, and shall go on to. `service` is the name of its
    service; what it has reserved are `cpus`, `memory` (bytes) and `generic` things by kind; `ports` are those of its
    node that it has for itself, by protocol.
    """

    node: str
    service: str
    cpus: float = 0.0
    memory: int = 0
    generic: Mapping[str, int] = field(default_factory=dict)
    ports: frozenset[tuple[str, int]] = frozenset()


@dataclass(frozen=True, slots=True)
class HeldObject:
    """A config or secret that is there, of the project; `ours`: gitopsd made it for the environment."""

    kind: ObjectKind
    id: str
    name: str
    ours: bool = True


@dataclass(frozen=True, slots=True)
class SwarmState:
    """One look at a swarm through one project's window. `owner` is the claim on it ("": unclaimed)."""

    services: Mapping[str, SwarmService] = field(default_factory=dict)
    nodes: tuple[SwarmNode, ...] = ()
    networks: tuple[LiveNetwork, ...] = ()
    objects: tuple[HeldObject, ...] = ()
    owner: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """What a service was last told to be, before it was told: the digest, the index that this was based on (0: it was
    to be made), and when.
    """

    digest: str
    version: int
    at: datetime


@dataclass(frozen=True, slots=True)
class MakeNetwork:
    """Make a network; `network` is its key in the manifest, `name` the engine's."""

    network: str
    name: str
    cause: str
    occasion: Occasion = "rollout"


@dataclass(frozen=True, slots=True)
class DropNetwork:
    id: str
    name: str
    cause: str


@dataclass(frozen=True, slots=True)
class SendService:
    """Tell Swarm what a service shall be, with its configs and secrets: `id` "" makes it."""

    service: str
    target: Target
    spec: SwarmSpec
    cause: str
    id: str = ""
    version: int = 0
    occasion: Occasion = "rollout"


@dataclass(frozen=True, slots=True)
class RenewLogin:
    """Tell Swarm a service as it is, which gives its nodes the login of its registry that is valid now."""

    service: str
    id: str
    version: int
    spec: SwarmSpec
    cause: str


@dataclass(frozen=True, slots=True)
class DropService:
    service: str
    id: str
    cause: str


@dataclass(frozen=True, slots=True)
class DropObject:
    kind: ObjectKind
    id: str
    name: str
    cause: str


SwarmAction = MakeNetwork | DropNetwork | SendService | RenewLogin | DropService | DropObject


def constraint(written: str) -> tuple[str, str, str] | None:
    """Key, `==` or `!=`, and value of a placement constraint; None: it is none."""
    found = _CONSTRAINT.fullmatch(written)
    return (found[1], found[2], found[3]) if found else None

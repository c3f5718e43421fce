"""Actions: one call of the engine each, with its cause in words. What can be printed can be tested."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Create:
    """Create the slot's container from a specification, with content delivered and networks connected.

    A fingerprint and the digest of what can be changed in place (`in_place`) name a specification. `carry` maps mount
    targets to the anonymous volumes of the instance that it takes over from. `joins` maps the services whose namespaces
    or volumes it uses to a container of each.
    """

    service: str
    slot: int
    name: str
    fingerprint: str
    release: int
    cause: str
    carry: Mapping[str, str] = field(default_factory=dict)
    in_place: str = ""
    joins: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"Create   {self.name}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class OnInstance:
    """What every action on a container that is there says: whose it is, and why. `name` is as people know it."""

    service: str
    slot: int
    container: str
    cause: str
    name: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"{type(self).__name__:<8} {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Start(OnInstance):
    """Start a container."""


@dataclass(frozen=True, slots=True)
class Restore(OnInstance):
    """Give a kept container its restart policy back, before it is started again: `restart`, or its specification's."""

    fingerprint: str = field(kw_only=True)
    in_place: str = field(kw_only=True)
    restart: str = field(default="", kw_only=True)


@dataclass(frozen=True, slots=True)
class Unpause(OnInstance):
    """Let a paused container go on."""


@dataclass(frozen=True, slots=True)
class Keep(OnInstance):
    """Set the restart policy to `no` and read it back, so that an engine restart cannot start a stopped instance."""


@dataclass(frozen=True, slots=True)
class Stop(OnInstance):
    """Stop a container with its own stop signal and grace period."""


@dataclass(frozen=True, slots=True)
class Remove(OnInstance):
    """Remove a stopped or never started container; its volumes stay."""


@dataclass(frozen=True, slots=True)
class Update(OnInstance):
    """Bring a live container's limits and restart policy to those of a specification, in place.

    `lift` names limits that it does not have, to be taken away as far as an engine can.
    """

    fingerprint: str = field(kw_only=True)
    in_place: str = field(kw_only=True)
    lift: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Deliver(OnInstance):
    """Put the content that a specification delivers into a container again, while it runs. What came besides stays."""

    fingerprint: str = field(kw_only=True)
    in_place: str = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Exchange(OnInstance):
    """Exchange the files of a container that can be, while it runs, and send it these signals then."""

    fingerprint: str = field(kw_only=True)
    in_place: str = field(kw_only=True)
    signals: tuple[str, ...] = field(default=(), kw_only=True)


@dataclass(frozen=True, slots=True)
class Connect(OnInstance):
    """Connect a container to a network (its engine name) with the whole endpoint that a specification gives it.

    `address` is the one that it had on the router's network, which no specification gives.
    """

    network: str = field(kw_only=True)
    fingerprint: str = field(kw_only=True)
    in_place: str = field(kw_only=True)
    address: str = field(default="", kw_only=True)

    def __str__(self) -> str:
        return f"Connect  {self.name} to {self.network}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Disconnect(OnInstance):
    """Disconnect a container from a network (its engine name)."""

    network: str = field(kw_only=True)

    def __str__(self) -> str:
        return f"Disconnect {self.name} from {self.network}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Rename:
    """Give a container another name."""

    service: str
    slot: int
    container: str
    name: str
    cause: str

    def __str__(self) -> str:
        return f"Rename   -> {self.name}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class CreateNetwork:
    network: str
    name: str
    cause: str

    def __str__(self) -> str:
        return f"Create   network {self.name}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class RemoveNetwork:
    name: str
    id: str
    cause: str

    def __str__(self) -> str:
        return f"Remove   network {self.name}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class CreateVolume:
    volume: str
    name: str
    cause: str

    def __str__(self) -> str:
        return f"Create   volume {self.name}  # {self.cause}"


OnContainer = (
    Create
    | Start
    | Restore
    | Unpause
    | Keep
    | Stop
    | Remove
    | Rename
    | Update
    | Deliver
    | Exchange
    | Connect
    | Disconnect
)
OnResource = CreateNetwork | RemoveNetwork | CreateVolume
Action = OnContainer | OnResource


@dataclass(frozen=True, slots=True)
class Chain:
    """Actions of one slot or resource that follow each other without a new look between them.

    `key` names what they concern (`web/1`, `network/default`): two chains of one key never run at once. Any prefix of a
    chain leaves a state from which the next look goes on.
    """

    key: str
    actions: tuple[Action, ...]

    def __str__(self) -> str:
        return "\n".join(str(action) for action in self.actions)

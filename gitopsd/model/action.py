"""Actions: one call of the engine each, with its cause in words. What can be printed can be tested."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Create:
    """Create the slot's container from a fingerprint's specification, with content delivered and networks connected.

    `carry` maps mount targets to the anonymous volumes of the instance that it takes over from.
    """

    service: str
    slot: int
    name: str
    fingerprint: str
    release: int
    cause: str
    carry: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"Create   {self.name}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Start:
    service: str
    slot: int
    container: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Start    {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Restore:
    """Give a kept container its specification's restart policy back, before it is started again."""

    service: str
    slot: int
    container: str
    fingerprint: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Restore  {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Unpause:
    service: str
    slot: int
    container: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Unpause  {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Keep:
    """Set the restart policy to `no` and read it back, so that an engine restart cannot start a stopped instance."""

    service: str
    slot: int
    container: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Keep     {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop a container with its own stop signal and grace period."""

    service: str
    slot: int
    container: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Stop     {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove a stopped or never started container; its volumes stay."""

    service: str
    slot: int
    container: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Remove   {self.name or self.container}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Rename:
    service: str
    slot: int
    container: str
    name: str
    cause: str

    def __str__(self) -> str:
        return f"Rename   -> {self.name}  # {self.cause}"


@dataclass(frozen=True, slots=True)
class Update:
    """Bring a live container's limits and restart policy to those of a fingerprint's specification, in place."""

    service: str
    slot: int
    container: str
    fingerprint: str
    in_place: str
    cause: str
    name: str = ""

    def __str__(self) -> str:
        return f"Update   {self.name or self.container}  # {self.cause}"


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


OnContainer = Create | Start | Restore | Unpause | Keep | Stop | Remove | Rename | Update
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

"""Live state: what an engine shows of one project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitopsd.model.canonical import Json

State = Literal["created", "running", "paused", "restarting", "removing", "exited", "dead"]
Check = Literal["none", "starting", "healthy", "unhealthy"]
Product = Literal["Docker", "Docker Desktop", "Podman"]


@dataclass(frozen=True, slots=True)
class Instance:
    """A container of the project. Labels are claims; whether it is ours the journal says.

    `slot` counts from 1 (0: no such label). `started_at` is the last start; a restart moves it. `volumes` maps mount
    targets to volume names, anonymous ones included. `check` is the Compose healthcheck's word. `joined` are the ids of
    the containers whose network, PID or IPC namespace it is in, `borrowed` those whose volumes it mounts. `image` is
    the image as it was named at creation; `untagged`: that is not its name any more. `address` is where its network has
    it on the engine's host: an IP address, `container:ID` for that one's, "" for nowhere. `routed_address` is where a
    router reaches it, "" where none does; it has that also while it does not run. `fields` is the projection of the
    inspection, by the field table; it may hold secrets.
    """

    id: str
    name: str
    service: str
    slot: int
    state: State
    created_at: datetime
    fingerprint: str = ""
    environment: str = ""
    owner: str = ""
    release: int = 0
    image_id: str = ""
    check: Check = "none"
    check_output: str = ""
    exit_code: int = 0
    oom_killed: bool = False
    error: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    restart_count: int = 0
    restart_policy: str = "no"
    one_off: bool = False
    volumes: Mapping[str, str] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    joined: tuple[str, ...] = ()
    borrowed: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    image: str = ""
    untagged: bool = False
    address: str = ""
    routed_address: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LayerChange:
    """A file that is otherwise in a container's own layer than in its image."""

    path: str
    kind: Literal["added", "changed", "removed"]


@dataclass(frozen=True, slots=True)
class LiveNetwork:
    """A network of the project, or one that an attachment names. `options_digest` is the label we wrote at creation.

    `fields` is its projection by the field table.
    """

    id: str
    name: str
    labels: Mapping[str, str]
    options_digest: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LiveVolume:
    """A volume of the project, or one that a mount names. `fields` is its projection by the field table."""

    name: str
    labels: Mapping[str, str]
    options_digest: str = ""
    fields: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeptVolume:
    """A volume of some project. `environment` is the one that gitopsd made it for, "" where somebody else made it."""

    name: str
    project: str
    environment: str = ""
    mounted: bool = False


@dataclass(frozen=True, slots=True)
class LiveState:
    """One look at an engine through one project's window. `owner` is the claim on it ("": unclaimed).

    `own` is the id of the instance that gitopsd itself runs in, "" when it is none of these. `engine` is the name and
    version that the engine gives itself: another one may show the same container otherwise.
    """

    instances: tuple[Instance, ...] = ()
    networks: tuple[LiveNetwork, ...] = ()
    volumes: tuple[LiveVolume, ...] = ()
    owner: str = ""
    own: str = ""
    engine: str = ""


@dataclass(frozen=True, slots=True)
class Used:
    """What a container uses: bytes of memory, and seconds of processors since its start; None: that is not told."""

    memory: int
    processor: float | None = None


@dataclass(frozen=True, slots=True)
class NetworkAddresses:
    """A network's subnet, and the addresses there that containers have or ask for, whether they run or not.

    `ours`: gitopsd made it for itself. `together`: containers reach each other on it.
    """

    subnet: str
    taken: frozenset[str]
    ours: bool
    together: bool = False


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine says of itself. `api` is the version spoken, as (1, 41).

    `cgroup` is 1 or 2, 0 where it does not say. `containerd_images`: images are in containerd's store. `unlimited` are
    the limits that its kernel or its rights do not allow.
    """

    id: str
    version: str
    api: tuple[int, int]
    operating_system: str = ""
    rootless: bool = False
    product: Product = "Docker"
    architecture: str = ""
    cgroup: int = 0
    containerd_images: bool = False
    windows: bool = False
    unlimited: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EngineEvent:
    """Something happened on an engine. `project` is "" where the engine does not say (network events)."""

    at: datetime
    kind: str
    action: str
    id: str
    project: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)

"""Desired state: what a revision says about an environment, resolved but not yet sealed, and then sealed.

Loaded means: files are read, variables filled in, defaults applied. Sealed means: image digests are known, and so are
fingerprints.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from gitopsd.model.analysis import Analysis
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Place, Problem
from gitopsd.model.health import NOT_ASKED, Checks
from gitopsd.model.job import Job
from gitopsd.model.policy import USUAL, EnvironmentPolicy
from gitopsd.model.schema import Accepts
from gitopsd.model.strategy import Step
from gitopsd.model.traffic import Traffic
from gitopsd.model.visits import PreWarm

Condition = Literal["service_started", "service_healthy", "service_completed_successfully"]
Order = Literal["start-first", "stop-first"]
EXCHANGED = "update"  # what a file is exchanged with, where nothing has to be told of it
Strategy = Literal["rolling", "canary", "blue-green", "recreate"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """`depends_on` of one service on another. `restart`: restarted when the other is replaced."""

    service: str
    condition: Condition = "service_started"
    required: bool = True
    restart: bool = False


@dataclass(frozen=True, slots=True)
class Port:
    """A published port. `published` is a host port, a range `8000-8010`, or "" for one that the engine picks."""

    target: int
    published: str = ""
    protocol: str = "tcp"
    host_ip: str = ""
    mode: str = "ingress"


@dataclass(frozen=True, slots=True)
class ContentFile:
    """A file that is delivered by value. `path` is relative to the content's target ("" for a single file)."""

    path: str
    data: bytes
    mode: int = 0o644
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """What the revision holds for a mount: one file, or a directory. `secret`: hashed with the key, never shown."""

    files: tuple[ContentFile, ...]
    directory: bool
    secret: bool = False


@dataclass(frozen=True, slots=True)
class ContentMount:
    """Content of the revision or of the host, mounted read-only at `target`. `source` is where it is from, for people.

    `grant` is the config or secret that it is (`secret db_password`), "" for a bind; `external` is the name under which
    the host has its value, "" where the revision has it. `on_change` says what other content means for what runs: ""
    that it is replaced, "update" that the file is exchanged, SIGHUP that this is sent to it on top.
    """

    target: str
    content: Content
    source: str
    grant: str = ""
    external: str = ""
    on_change: str = ""


@dataclass(frozen=True, slots=True)
class Bind:
    """Host data: an absolute path on the engine's host. `source` under host_dir is created as Compose does."""

    source: str
    target: str
    read_only: bool = False
    create_host_path: bool = True
    propagation: str = ""
    selinux: str = ""
    recursive: str = ""


@dataclass(frozen=True, slots=True)
class VolumeMount:
    """A volume. `source` is the key under `volumes:`, or "" for an anonymous one."""

    source: str
    target: str
    read_only: bool = False
    nocopy: bool = False
    subpath: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tmpfs:
    """A tmpfs mount: size in bytes (0: unlimited), mode as in chmod (0: the engine's default)."""

    target: str
    size: int = 0
    mode: int = 0


@dataclass(frozen=True, slots=True)
class ImageMount:
    """The files of another image, read-only; `subpath` is a directory in it, "" the whole."""

    source: str
    target: str
    subpath: str = ""


Mount = ContentMount | Bind | VolumeMount | Tmpfs | ImageMount


@dataclass(frozen=True, slots=True)
class Attachment:
    """A service's membership of a network (the key under `networks:`)."""

    network: str
    aliases: tuple[str, ...] = ()
    ipv4_address: str = ""
    ipv6_address: str = ""
    priority: int = 0
    link_local_ips: tuple[str, ...] = ()
    mac_address: str = ""
    driver_opts: Mapping[str, str] = field(default_factory=dict)
    gw_priority: int = 0
    interface_name: str = ""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number of instances, or a share of the replicas in percent."""

    number: int
    percent: bool = False

    def of(self, replicas: int, *, up: bool) -> int:
        """In instances; a share is rounded `up` or down, in whole numbers."""
        return (replicas * self.number + (99 if up else 0)) // 100 if self.percent else self.number


@dataclass(frozen=True, slots=True)
class CrashLoop:
    """So many restarts within so long a time are evidence against what restarts."""

    restarts: int = 3
    within: timedelta = timedelta(minutes=2)


CRASH_LOOP = CrashLoop()
SERVICE_STORM = CrashLoop(10, timedelta(minutes=10))
NO_ANALYSIS = Analysis()


@dataclass(frozen=True, slots=True)
class MemorySpike:
    """How much memory new instances may take for `lasting`: of their limit, and of what those use that served before.

    0 stands for whatever they like.
    """

    percent_of_limit: int = 90
    ratio_to_stable: float = 1.5
    lasting: timedelta = timedelta(seconds=15)


MEMORY_SPIKE = MemorySpike()


@dataclass(frozen=True, slots=True)
class WayBack:
    """How a service goes back to what served before (`deploy.rollback_config`); what is not said never slows it."""

    order: Order | None = None  # None: that of the way forth
    parallelism: int | None = None  # None: the room of the way forth; 0: all slots at once
    delay: timedelta = timedelta(0)


AS_IT_CAME = WayBack()


@dataclass(frozen=True, slots=True)
class Policy:
    """How a service is rolled out (`x-gitopsd`, and what `deploy` says of it), none of which needs a new container.

    Behind the router: `warm_up` is over which time an instance's share grows, `drain_timeout` how long one that goes
    may finish what it is answering, `scale_down_delay` how long canary and blue-green keep the old ones, `pre_warm`
    what new ones are sent before their first share, and with `guard` every rollout is watched.
    """

    order: Order | None = None  # None: start-first where the service allows it
    parallelism: int = 1  # 0: all slots at once
    delay: timedelta = timedelta(0)
    monitor: timedelta = timedelta(0)  # so long what serves already is watched before the release is good
    on_failure: Literal["rollback", "pause", "continue"] = "rollback"
    max_failure_ratio: float = 0.0  # the share of the slots that may fail before `on_failure` counts
    min_ready: timedelta = timedelta(seconds=5)
    healthy_deadline: timedelta = timedelta(minutes=5)
    progress_deadline: timedelta = timedelta(minutes=10)
    max_surge: Amount | None = None  # None: `parallelism` where the order is start-first, else none
    max_unavailable: Amount | None = None  # None: `parallelism` where the order is stop-first, else none
    strategy: Strategy = "rolling"
    steps: tuple[Step, ...] = ()
    health: Checks = NOT_ASKED
    crash_loop: CrashLoop = CRASH_LOOP  # of one instance
    restart_storm: CrashLoop = SERVICE_STORM  # of all instances of the service together
    memory_spike: MemorySpike = MEMORY_SPIKE
    back: WayBack = AS_IT_CAME
    analysis: Analysis = NO_ANALYSIS
    guard: bool = True  # routed rollouts are watched unasked
    warm_up: timedelta = timedelta(0)
    drain_timeout: timedelta = timedelta(seconds=30)
    scale_down_delay: timedelta = timedelta(seconds=30)
    pre_warm: PreWarm | None = None

    @property
    def recreate(self) -> bool:
        """Whether nothing of the new content starts while something of the old runs, in any slot."""
        return self.strategy == "recreate"


@dataclass(frozen=True, slots=True)
class Service:
    """One Compose service, resolved.

    `options` is the service as `docker compose config` prints it (canonical Compose JSON, without `x-gitopsd`,
    `depends_on`, `deploy.replicas`, `deploy.update_config`, `deploy.rollback_config`, `profiles`); the typed fields are
    what decisions need.
    `hidden` names the paths within `options` whose values come from a secret origin: ("environment", "PASSWORD").
    `shares` names the services whose network, IPC or PID namespace, or volumes, it uses: it is replaced with them.
    `ignore_drift` are paths of the field table, or beginnings of such. `traffic` is how the router serves it, None
    where none does. `places` says where each of its keys is written. `schema` is what it works with of a database, None
    where it says nothing. `deploy` is all that it says of itself to a swarm, None where a plain engine carries it out.
    """

    name: str
    image: str
    options: Mapping[str, Json]
    place: Place
    replicas: int = 1
    depends_on: tuple[Dependency, ...] = ()
    mounts: tuple[Mount, ...] = ()
    ports: tuple[Port, ...] = ()
    networks: tuple[Attachment, ...] = ()
    policy: Policy = Policy()
    job: Job | None = None
    hidden: frozenset[tuple[str, ...]] = frozenset()
    shares: tuple[str, ...] = ()
    ignore_drift: tuple[str, ...] = ()
    traffic: Traffic | None = None
    places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)
    schema: Accepts | None = None
    deploy: Mapping[str, Json] | None = None

    @property
    def exchanged(self) -> tuple[ContentMount, ...]:
        """The files that are exchanged while its containers run."""
        return tuple(mount for mount in self.mounts if isinstance(mount, ContentMount) and mount.on_change)

    @property
    def direct_ports(self) -> tuple[Port, ...]:
        """The ports that its containers publish themselves: all but the one that the router has in their place."""
        routed = self.traffic
        return self.ports if routed is None else tuple(port for port in self.ports if not taken_over(port, routed))


def taken_over(port: Port, by: Traffic) -> bool:
    """Whether the router listens at this port, and no container does."""
    published = port.published.isdigit() and int(port.published) == by.listen
    return published and (port.target, port.protocol, port.host_ip) == (by.target, "tcp", by.host_address)


@dataclass(frozen=True, slots=True)
class Network:
    """A network. `name` is the engine's name (`shop_default`); `options` is canonical Compose JSON.

    `hidden` names the paths within `options` whose values come from a secret origin.
    """

    key: str
    name: str
    external: bool = False
    options: Mapping[str, Json] = field(default_factory=dict)
    hidden: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True)
class Volume:
    """A named volume. `name` is the engine's name (`shop_data`); `options` is canonical Compose JSON.

    `hidden` names the paths within `options` whose values come from a secret origin.
    """

    key: str
    name: str
    external: bool = False
    options: Mapping[str, Json] = field(default_factory=dict)
    hidden: frozenset[tuple[str, ...]] = frozenset()


@dataclass(frozen=True, slots=True)
class External:
    """A config or secret whose value the host has, under this name. `place` and `path`: where the manifest says so."""

    name: str
    place: Place
    path: str


@dataclass(frozen=True, slots=True)
class DesiredState:
    """An environment as one revision describes it. `services` holds only those that the active profiles enable.

    `warnings` are shown in the plan (a `build` that is ignored); `unset` are variables without value and default, and
    `missing` those of `external` that the host does not have: they hold a release.
    """

    environment: str
    project: str
    services: Mapping[str, Service]
    networks: Mapping[str, Network]
    volumes: Mapping[str, Volume]
    policy: EnvironmentPolicy = USUAL
    warnings: tuple[Problem, ...] = ()
    unset: tuple[Problem, ...] = ()
    external: tuple[External, ...] = ()
    missing: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """An image as an engine knows it. `digest` is the registry's (`repo@sha256:..`), "" for one made locally.

    `volumes` are the image's own VOLUMEs; `platform` is what it is for (`linux/arm64/v8`), "" where that is not known;
    `identity` is what counts for the fingerprint.
    """

    reference: str
    id: str
    digest: str = ""
    volumes: tuple[str, ...] = ()
    healthcheck: bool = False
    platform: str = ""

    @property
    def identity(self) -> str:
        return self.digest.rpartition("@")[2] or self.id


@dataclass(frozen=True, slots=True)
class SealedService:
    """A service whose image is known. `fingerprint` is `v1:<hash>` of what only a new container can change;

    `in_place` hashes what can be changed on a live one: limits and restart policy, then for each `on_change` its files,
    in a row, `HASH+update:HASH`. `config_digest` covers environment and content, for the ledger. In all three what is
    secret stands apart (`parted`); `secrets` has, as `keyed`, each secret of the fingerprint by its name:
    `environment.TOKEN`, `secret db_password`.
    """

    service: Service
    image: Image
    fingerprint: str
    in_place: str
    config_digest: str
    secrets: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SealedState:
    """A desired state ready to be brought about. Two revisions with one `content_digest` are the same release.

    `resources` has what its networks and volumes are made from, as their labels say: `network default`, `volume data`.
    """

    desired: DesiredState
    revision: str
    input_digest: str
    services: Mapping[str, SealedService]
    content_digest: str
    resources: Mapping[str, str] = field(default_factory=dict)

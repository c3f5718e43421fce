"""The daemon's own configuration, as gitopsd.yaml and the flags give it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from gitopsd.model.guards import NO_GUARDS, NO_POLICY, Guards, OperatorPolicy
from gitopsd.model.image import size_text
from gitopsd.model.mode import Mode
from gitopsd.model.receiver import CommitStatusSettings, Receiver

DEFAULT_STATE_DIR = Path("/var/lib/gitopsd")
DEFAULT_ENGINE = "unix:///var/run/docker.sock"
DEFAULT_DISCOVER = ("environments/*", "hosts/$HOST/*")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Either a user name with a password file (HTTPS), or a key file with a known_hosts file (SSH)."""

    username: str = ""
    password_file: Path | None = None
    ssh_key_file: Path | None = None
    known_hosts_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Verify:
    """Whose signature makes a commit trusted: SSH keys as Git's allowed signers file has them, OpenPGP's public keys.

    `head`: the newest commit's; `strict`: that of every commit since the last trusted one.
    """

    mode: Literal["off", "head", "strict"] = "off"
    allowed_signers_file: Path | None = None
    revoked_keys_file: Path | None = None
    gpg_keys_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Repository:
    """A Git repository. `interval` is the time between two polls, `timeout` of one Git command.

    `commit_status` is where its forge is told what became of commits; None: it is not.
    """

    name: str
    url: str
    branch: str = "main"
    interval: timedelta = timedelta(seconds=30)
    timeout: timedelta = timedelta(seconds=60)
    credentials: Credentials = Credentials()
    verify: Verify = Verify()
    commit_status: CommitStatusSettings | None = None


@dataclass(frozen=True, slots=True)
class TargetEngine:
    """An engine: `unix://`, `ssh://` or `tcp://`; `tls` is a directory with ca.pem, cert.pem and key.pem.

    `swarm`: it is a manager of a swarm, which carries everything out.
    """

    url: str = DEFAULT_ENGINE
    tls: Path | None = None
    swarm: bool = False


@dataclass(frozen=True, slots=True)
class SecretPlaces:
    """Where secrets of an environment lie on the host: files by secret name, and a directory of files of that name."""

    files: Mapping[str, Path] = field(default_factory=dict)
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """What gitopsd.yaml says about one environment. `path` "": the one that `discover` finds under this name."""

    name: str
    repository: str = ""
    path: str = ""
    project: str = ""
    target: TargetEngine | None = None
    vars_file: Path | None = None
    host_dir: Path | None = None
    mode: Mode | None = None
    secrets: SecretPlaces = SecretPlaces()
    guards: Guards = NO_GUARDS


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a disk, in percent."""

    percent: float

    def of(self, total: int) -> int:
        return int(total * self.percent / 100)

    def __str__(self) -> str:
        return f"{self.percent:g}%"


@dataclass(frozen=True, slots=True)
class Size:
    """So much of a disk, in bytes, however large it is."""

    size: int

    def of(self, total: int) -> int:
        return self.size

    def __str__(self) -> str:
        return size_text(self.size)


@dataclass(frozen=True, slots=True)
class ImageKeeping:
    """How many good releases of an environment keep their images, and what must be free before one is pulled."""

    keep_releases: int = 3
    min_free: Share | Size = Share(10)


@dataclass(frozen=True, slots=True)
class LedgerKeeping:
    """How much of the past is kept: releases of each environment and events of all, and neither for longer than this.

    What serves, what an environment is pinned to, and its newest releases stay whatever their age.
    """

    keep_releases: int = 500
    keep_events: int = 20_000
    keep_for: timedelta = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class RestartStorm:
    """So many restarts on one engine within so long a time, whoever they are of, hold everything that is new there."""

    restarts: int = 20
    within: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class RouterSettings:
    """Who routes what has `traffic` in its manifest: a router that gitopsd keeps on each engine, another, or nobody.

    A managed one is in the `network` of its host, or on a bridge, with published ports. `certificates` is the
    directory of those that it shows where clients speak TLS; None: they cannot. A
    Traefik of people's own watches `directory`; its API answers at `api`, and its metrics at `metrics` ("": beside it).
    `entry_points` are the ports at which clients know its entry points, by name, where those are not their own.
    """

    mode: Literal["managed", "traefik", "none"] = "managed"
    image: str = "haproxy:lts"
    network: Literal["host", "bridge"] = "host"
    certificates: Path | None = None
    directory: Path | None = None
    api: str = "http://127.0.0.1:8080"
    metrics: str = ""
    entry_points: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PrometheusSettings:
    """Where Prometheus answers; `token_file` holds what it is asked with, where it wants to know who asks."""

    url: str
    token_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and a port of this machine."""

    host: str
    port: int

    @property
    def loopback(self) -> bool:
        """Whether only this machine itself reaches it."""
        return self.host == "localhost" or self.host.startswith("127.") or self.host == "::1"

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Where page and API answer; `listen` None: nowhere. `public_url` is what people reach them by through a proxy.

    `tokens_file` holds who may do what, as `gitopsd token` writes it; None: the one in the state directory. `webhooks`
    are, by kind of forge, the files with the secret that their deliveries are signed with.
    """

    listen: Listen | None = Listen("127.0.0.1", 8080)
    public_url: str = ""
    tokens_file: Path | None = None
    webhooks: Mapping[str, Path] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class KeySettings:
    """What opens encrypted files of repositories: a file of age keys, and the program `sops`."""

    age_key_file: Path | None = None
    sops: str = "sops"


LogFormat = Literal["text", "json"]


@dataclass(frozen=True, slots=True)
class LogSettings:
    """How the log is written: lines for people, or one JSON document a line."""

    format: LogFormat = "text"


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """A PostgreSQL database that keeps what gitopsd knows, in the place of the file in the state directory.

    Daemons on several machines may share it. One acts; another takes its place once it was not heard of for `lease`.
    """

    url: str
    password_file: Path | None = None
    lease: timedelta = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Registry:
    username: str = ""
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`discover` are patterns of directories within each repository; `$HOST` stands for `host`.

    `probe_image` has sh and nc, for probes where instances cannot be reached from here.
    """

    host: str
    state_dir: Path
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    discover: tuple[str, ...] = DEFAULT_DISCOVER
    mode: Mode = "auto"
    environments: Mapping[str, EnvironmentSettings] = field(default_factory=dict)
    engine: TargetEngine = TargetEngine()
    registries: Mapping[str, Registry] = field(default_factory=dict)
    resync: timedelta = timedelta(seconds=60)
    images: ImageKeeping = ImageKeeping()
    ledger: LedgerKeeping = LedgerKeeping()
    probe_image: str = ""
    restart_storm: RestartStorm = RestartStorm()
    router: RouterSettings = RouterSettings()
    prometheus: PrometheusSettings | None = None
    http: HttpSettings = HttpSettings()
    policy: OperatorPolicy = NO_POLICY
    keys: KeySettings = KeySettings()
    notify: tuple[Receiver, ...] = ()
    log: LogSettings = LogSettings()
    store: StoreSettings | None = None
    config_file: Path | None = None

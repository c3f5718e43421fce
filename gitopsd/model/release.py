"""A release: one content digest brought to one environment, the versioned unit of the ledger; and the journal."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from gitopsd.model.canonical import digest
from gitopsd.model.guards import NO_GUARDS, Guards, Ruling
from gitopsd.model.health import Readiness
from gitopsd.model.image import Asked
from gitopsd.model.rollout import Rollout, Target
from gitopsd.model.routing import Routed
from gitopsd.model.schema import Accepts, Schema, Unneeded
from gitopsd.model.swarm import Sent

Outcome = Literal["succeeded", "rolled-back", "failed", "superseded", "cancelled"]
HEALS_BEFORE_LOOP = 9  # of one service, each soon after the last
ReleasePhase = Literal["waiting", "progressing", "returning", "ended"]


@dataclass(frozen=True, slots=True)
class ReleasedService:
    name: str
    image: str
    digest: str
    fingerprint: str
    config_digest: str
    replicas: int = 1
    secrets: Mapping[str, str] = field(default_factory=dict)
    schema: Accepts | None = None

    @property
    def version(self) -> str:
        """What it is made of: image, environment, secrets (by keyed digests) and content, together."""
        return digest([self.digest, self.config_digest])


@dataclass(frozen=True, slots=True)
class Abort:
    """A person ended a release: it goes back as if it had failed."""

    by: str
    at: datetime
    reason: str = ""

    @property
    def words(self) -> str:
        return f"aborted by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Release:
    """`number` counts over the whole store. `waves` are service names in the order of `depends_on`.

    `guards` are those that its own commits ask for. `guard`: what kept a part of it from beginning. `timeout`: how long
    it may take by all that were heard when it began, `launches`: how many of its instances may fail; 0: as it likes.
    """

    number: int
    environment: str
    revision: str
    input_digest: str
    content_digest: str
    author: str
    subject: str
    cause: str
    started_at: datetime
    services: tuple[ReleasedService, ...] = ()
    waves: tuple[tuple[str, ...], ...] = ()
    phase: ReleasePhase = "progressing"
    finished_at: datetime | None = None
    outcome: Outcome | None = None
    reason: str = ""
    aborted: Abort | None = None
    guards: Guards = NO_GUARDS
    guard: str = ""
    timeout: timedelta = timedelta(0)
    launches: int = 0


@dataclass(frozen=True, slots=True)
class Queued:
    """A release that guards hold, as it would begin. `revisions` are the commits that say it, newest last.

    `asks` are the guards that want a person's word on it, since `asked_at` and `until`.
    """

    release: Release
    revisions: tuple[str, ...]
    asks: tuple[str, ...] = ()
    asked_at: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """A content digest that failed here on evidence against it. Not tried again until a person says `retry`.

    `paused`: nothing turned back; what was brought stays for a person to look at, and repairs leave it alone.
    `schema`: it was a database's schema that spoke against it, which the next good release may change.
    """

    content_digest: str
    release: int
    revision: str
    reason: str
    at: datetime
    paused: bool = False
    schema: bool = False


@dataclass(frozen=True, slots=True)
class Placed:
    """The inventory's entry of a container that is ours. `kept`: stopped on purpose, as the way back.

    `spoilt`: what was changed on it by hand that only a new container mends, in words; `looping`: that its engine
    restarts it again and again, in words; `sick`: why its checks fail or it loops, where that is to be mended by
    another one.
    `restart` is the restart policy of one that was adopted unlike any manifest, as Compose writes it. `schema` is what
    it works with of a database.
    """

    service: str
    slot: int
    fingerprint: str
    in_place: str
    release: int
    name: str
    kept: bool = False
    spoilt: str = ""
    sick: str = ""
    looping: str = ""
    restart: str = ""
    schema: Accepts | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """The last good release of an environment; `revision` moves on with commits that change nothing here.

    Such commits may tighten its `guards`, and never loosen them.
    """

    release: int
    release_revision: str
    revision: str
    input_digest: str
    content_digest: str
    guards: Guards = NO_GUARDS


@dataclass(frozen=True, slots=True)
class Repair:
    """How often a service has been repaired lately, and when the next attempt may be made.

    `well`: all of it was ready at some moment since the last one. `cured`: when one was last made because of failing
    checks.
    """

    attempts: int
    not_before: datetime
    last: datetime
    well: bool = False
    cured: datetime | None = None

    @property
    def looping(self) -> bool:
        """Whether somebody undoes every heal: it is given up until a person says `heal`, or a release replaces it."""
        return self.attempts >= HEALS_BEFORE_LOOP


@dataclass(frozen=True, slots=True)
class Restarts:
    """An instance's restarts by its engine: their count at the last look, and at which looks it was seen to grow."""

    count: int
    at: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Suspension:
    by: str
    reason: str
    at: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pin:
    """An environment is kept on an earlier release, whatever Git says.

    `away` is what it was pinned away from: the digests of content and inputs of what served, was under way, or was in
    Git. Once the pin has `ended` (why, in words; "" before), only that content is still kept out.
    """

    release: int
    content_digest: str
    by: str
    reason: str
    at: datetime
    until: datetime
    away: frozenset[str] = frozenset()
    ended: str = ""

    @property
    def words(self) -> str:
        return f"pinned to release {self.release} by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Hold:
    """Why a release waits. `guard` is a word (`suspended`, `manual`, `pin`, `image`), `reason` prose."""

    guard: str
    reason: str
    release: int | None = None
    until: datetime | None = None
    by: str = ""


@dataclass(frozen=True, slots=True)
class Former:
    """A name that an environment had before its directory was renamed, and where that lay; "" where nobody knows."""

    name: str
    path: str = ""


@dataclass(frozen=True, slots=True)
class Journal:
    """All that a pass over an environment needs to remember; the store keeps it, a pass returns the next one.

    `stable` is per service: what serves and what a failed rollout returns to. `intended` maps the names of containers
    that are about to be created to their inventory entry: what bears such a name and our labels is ours after a crash.
    `host_dir` is where an adopted project's relative host data lies, "" where nothing was adopted.
    `completed` maps one-shot services to the fingerprints that succeeded. `networks` and `volumes` are the engine names
    that we created. `asked_heals` are services that a person wants healed, whatever their policy, until some moment.
    `before` is `stable` as it was when the open release began: what a failed release returns to.
    `formerly` are the names that the environment had before, the first one first: labels on containers still say them.
    `asked` is by image reference, of those that a `pull_policy` wants asked about again.
    `readiness` are by container id, of the instances that are asked whether they work; so are `restarts`, of all.
    `routes` is what is wanted of the router, by service.
    `queued` is what guards hold, `rulings` is what people said of such content, by its digest. `begun` are the times at
    which releases began lately, `failures` how many failed in a row.
    `schemas` is what databases are at, by their names, and `unneeded` is by contract job, of those whose old shape
    nothing needs any more. `sent` is what services of a swarm were told last, while that is on its way.
    """

    environment: str
    project: str = ""
    serving: Serving | None = None
    release: Release | None = None
    stable: Mapping[str, Target] = field(default_factory=dict)
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    inventory: Mapping[str, Placed] = field(default_factory=dict)
    intended: Mapping[str, Placed] = field(default_factory=dict)
    before: Mapping[str, Target] = field(default_factory=dict)
    completed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rejected: Mapping[str, Rejection] = field(default_factory=dict)
    repairs: Mapping[str, Repair] = field(default_factory=dict)
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    suspension: Suspension | None = None
    asked_heals: Mapping[str, datetime] = field(default_factory=dict)
    host_dir: str = ""
    formerly: tuple[Former, ...] = ()
    asked: Mapping[str, Asked] = field(default_factory=dict)
    pin: Pin | None = None
    readiness: Mapping[str, Readiness] = field(default_factory=dict)
    restarts: Mapping[str, Restarts] = field(default_factory=dict)
    routes: Mapping[str, Routed] = field(default_factory=dict)
    queued: Queued | None = None
    rulings: Mapping[str, Ruling] = field(default_factory=dict)
    begun: tuple[datetime, ...] = ()
    failures: int = 0
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    unneeded: Mapping[str, Unneeded] = field(default_factory=dict)
    sent: Mapping[str, Sent] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """The environment's name, and those that it had before."""
        return (self.environment, *(former.name for former in self.formerly))

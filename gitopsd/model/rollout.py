"""A rollout: one service on its way from its stable fingerprint to another, as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitopsd.model.analysis import Accumulator, SlotCounts
from gitopsd.model.desired import Order, Policy
from gitopsd.model.health import NOT_ASKED, Checks
from gitopsd.model.job import ONE_SHOT, Job
from gitopsd.model.schema import Accepts
from gitopsd.model.strategy import HeaderRoute
from gitopsd.model.trace import NOTHING_TRACED, Trace
from gitopsd.model.visits import Warmed

Kind = Literal["change", "repair", "return"]
NOT_JUDGED = Accumulator()


@dataclass(frozen=True, slots=True)
class Target:
    """What a service's slots shall be. `fingerprint` "" with 0 replicas: the service goes.

    `joins` are the services in whose namespaces its containers live, `borrows` those whose volumes they mount.
    `secrets` has, by name, the keyed digests of what is secret in it, so that a change of one can be told by its name.
    `health` is how its instances are asked whether they work; that makes no other target of it; nor does
    `schema`, what it works with of a database. `routed`: its requests come through the router.
    """

    fingerprint: str
    replicas: int
    in_place: str = ""
    image: str = ""
    container_name: str = ""
    joins: tuple[str, ...] = ()
    borrows: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    health: Checks = field(default=NOT_ASKED, compare=False)
    routed: bool = False
    schema: Accepts | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Pending:
    """Waits for its wave, or for what it depends on."""


@dataclass(frozen=True, slots=True)
class Preparing:
    """Networks and volumes are being made; nothing has been started yet."""


@dataclass(frozen=True, slots=True)
class Progressing:
    """Slots are being brought to the target."""


@dataclass(frozen=True, slots=True)
class Finalising:
    """The target serves; what it replaced is being cleared away. From here on the target is stable."""


@dataclass(frozen=True, slots=True)
class RollingBack:
    """Slots are being brought back to the stable fingerprint."""

    reason: str


@dataclass(frozen=True, slots=True)
class Succeeded:
    """Ended: the target serves alone."""


@dataclass(frozen=True, slots=True)
class RolledBack:
    """Ended: the stable fingerprint serves again. `guard`: what kept it from beginning, "" where it began."""

    reason: str
    guard: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Ended: neither way could be finished, or there is no way back; instances stay for diagnosis."""

    reason: str


@dataclass(frozen=True, slots=True)
class Superseded:
    """Ended: newer content took over; its instances count as old ones from now on."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Ended by a person."""

    by: str


@dataclass(frozen=True, slots=True)
class Paused:
    """A person holds a rollout, since `at`. Its progress deadline stands still meanwhile."""

    by: str
    at: datetime
    reason: str = ""

    @property
    def words(self) -> str:
        return f"paused by {self.by}" + (f": {self.reason}" if self.reason else "")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a rollout took up to now, in seconds. `begun` is its first look at instances.

    By slot are `starts`, from an instance's start until it was ready, `warms`, from then until it was found to stay so
    and counted, and `drains`, from when one was to leave the router until it was out of that. `down_since`: nothing of
    a service that served before is ready; `down` is how long that lasted in all the other times, `gap` the longest one
    by the engine's clock.
    """

    begun: datetime
    starts: Mapping[str, float] = field(default_factory=dict)
    warms: Mapping[str, float] = field(default_factory=dict)
    drains: Mapping[str, float] = field(default_factory=dict)
    down_since: datetime | None = None
    down: float = 0.0
    gap: float = 0.0

    def interruption(self, now: datetime) -> float:
        """How long nothing served."""
        going_on = (now - self.down_since).total_seconds() if self.down_since is not None else 0.0
        return max(self.down + going_on, self.gap)


UnderWay = Pending | Preparing | Progressing | Finalising | RollingBack
Ended = Succeeded | RolledBack | Failed | Superseded | Cancelled
Phase = UnderWay | Ended


@dataclass(frozen=True, slots=True)
class Sighting:
    """When, by the controller's clock, an instance was first seen since its last start, and since when it has been
    ready without a break.

    `started_at` is the engine's word for that start: a restart moves it, and the two times with it. `restarts` is the
    engine's count as it was seen last, `crashes` are the moments at which it was seen to grow since the rollout began;
    nothing earlier is held against it. `excused`: that it is stopped
    now is not held against it; `excuses`: how often that was so because of its exit code. `starts`: how often it was
    seen to be started.
    """

    first_seen: datetime
    started_at: datetime | None
    ready_since: datetime | None
    restarts: int = 0
    excused: bool = False
    excuses: int = 0
    crashes: tuple[datetime, ...] = ()
    starts: int = 0


@dataclass(frozen=True, slots=True)
class Shift:
    """How far newer content is let in beside what serves. `step`: how many steps are done.

    `share`, in basis points, and `scale`, in instances, are what it is to have now; by `header` requests come to it on
    purpose. `since`: when the present step was entered. `promoted`: a person does not wait for its end.
    """

    step: int = 0
    share: int = 0
    scale: int = 0
    since: datetime | None = None
    promoted: bool = False
    header: HeaderRoute | None = None
    reached: datetime | None = None
    warmed: Warmed | None = None


NOT_BEGUN = Shift()


@dataclass(frozen=True, slots=True)
class Sampled:
    """What the router had counted by `at`, in an epoch of its counters: the end of the last interval.

    `own` is what had been counted of synthetic requests, by slot, in the epoch `own_epoch`.
    """

    number: int
    at: datetime
    epoch: str
    a: SlotCounts
    b: SlotCounts
    own_epoch: str = ""
    own: Mapping[str, SlotCounts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rollout:
    """`kind`: part of a release's change, a repair of what serves, or a return after a failure.

    `stable` None: the service is new. `job`: the target runs to its end instead of being kept running,
    as `terms` say; `begun`: it was seen to have started.

    `deadline` is absolute: no progress until then means failure. `watched_until` is, too: what failed by then though it
    served already turns it back. `seen` is by container id. `needs` are the conditions
    of `depends_on`. `early`: a removal that others wait for, as they need its port or name. `way_back`: a failure turns
    back to stable, or to nothing where there was nothing. `paused`: it goes no further in its phase. `passed` are the
    slots that failed and were passed over, `relapsed` those that served before they failed, each with the evidence;
    `excess` is what spoke against all of its new instances together, and it went on all the same.

    Of the present direction: `started_at`, `deadline`, `served` (the most slots that served at one look) and `refusals`
    (how often the engine said no).
    """

    service: str
    release: int
    target: Target
    stable: Target | None
    order: Order
    policy: Policy
    cause: str
    phase: Phase
    started_at: datetime
    deadline: datetime
    job: bool = False
    kind: Kind = "change"
    early: bool = False
    way_back: bool = True
    project: str = ""
    needs: tuple[tuple[str, str], ...] = ()
    seen: Mapping[str, Sighting] = field(default_factory=dict)
    served: int = 0
    refusals: int = 0
    finished_at: datetime | None = None
    paused: Paused | None = None
    measured: Measured | None = None
    watched_until: datetime | None = None
    passed: Mapping[str, str] = field(default_factory=dict)
    relapsed: Mapping[str, str] = field(default_factory=dict)
    excess: str = ""
    shift: Shift = NOT_BEGUN
    sampled: Sampled | None = None
    judged: Accumulator = NOT_JUDGED
    guarded: Accumulator = NOT_JUDGED
    trace: Trace = NOTHING_TRACED
    terms: Job = ONE_SHOT
    begun: bool = False

    @property
    def leaving(self) -> bool:
        """The service left the manifest."""
        return self.kind == "change" and not self.target.fingerprint

    @property
    def open(self) -> bool:
        return isinstance(self.phase, UnderWay)

    def watched(self, now: datetime) -> bool:
        """Whether it serves, and a failure would turn it back all the same. While it is paused that goes on."""
        until = self.watched_until if isinstance(self.phase, Finalising) else None
        return until is not None and (self.paused is not None or now < until)

    @property
    def stage(self) -> str:
        """Its phase as people read it."""
        return "Paused" if self.paused is not None else type(self.phase).__name__

    def instance_name(self, slot: int, goal: Target) -> str:
        """The name that the slot's container has in the end, as Compose gives it."""
        return goal.container_name or f"{self.project}-{self.service}-{slot}"

    def replacement_name(self, slot: int, goal: Target) -> str:
        """The name of the slot's container while the one that it replaces is still there."""
        return f"{self.instance_name(slot, goal)}.gitopsd-{self.release}"

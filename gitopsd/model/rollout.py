"""A rollout: one service on its way from its stable fingerprint to another, as the journal keeps it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from gitopsd.model.desired import Order, Policy


@dataclass(frozen=True, slots=True)
class Target:
    """What a service's slots shall be. `fingerprint` "" with 0 replicas: the service goes."""

    fingerprint: str
    replicas: int
    in_place: str = ""
    image: str = ""
    image_id: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """Waits for its wave, or for what it depends on."""


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
    """Ended: the stable fingerprint serves again."""

    reason: str


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


Phase = Pending | Progressing | Finalising | RollingBack | Succeeded | RolledBack | Failed | Superseded | Cancelled


@dataclass(frozen=True, slots=True)
class Ready:
    """Since when an instance has been ready without a break, and the start that this belongs to."""

    since: datetime
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Rollout:
    """`stable` None: there is nothing to return to. `job`: the target runs to its end instead of being kept running.

    `deadline` is absolute: no progress until then means failure. `placed` remembers, per container id, when the
    controller first saw it running and since when it is ready.
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
    project: str = ""
    container_name: str = ""
    needs: tuple[tuple[str, str], ...] = ()
    ready: Mapping[str, Ready] = field(default_factory=dict)
    next_batch_at: datetime | None = None
    finished_at: datetime | None = None

    @property
    def open(self) -> bool:
        return isinstance(self.phase, Pending | Progressing | Finalising | RollingBack)

    def instance_name(self, slot: int) -> str:
        """The name that the slot's container has in the end, as Compose gives it."""
        return self.container_name or f"{self.project}-{self.service}-{slot}"

    def replacement_name(self, slot: int) -> str:
        """The name of the slot's container while the one that it replaces is still there."""
        return f"{self.instance_name(slot)}.gitopsd-{self.release}"

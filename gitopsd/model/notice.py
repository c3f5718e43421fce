"""What is told to the outside: transitions of environments, states of commits, and what still waits to be sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, get_args

from gitopsd.model.event import Severity

Kind = Literal[
    "started",
    "succeeded",
    "failed",
    "rolled-back",
    "cancelled",
    "superseded",
    "waiting",
    "degraded",
    "unknown",
    "drifted",
    "recovered",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # each is worse than those before it
WORST: Mapping[Kind, Severity] = {
    "failed": "error",
    "rolled-back": "error",
    "degraded": "error",
    "cancelled": "warning",
    "waiting": "warning",
    "unknown": "warning",
    "drifted": "warning",
}
CommitState = Literal["pending", "success", "failure", "superseded"]


@dataclass(frozen=True, slots=True)
class Notice:
    """A transition. `title` is one line, `text` says why and what to do. `page` is the path of the page that shows it.

    `trouble` is what a recovery ends. `concerns` are the environments that it matters to.
    """

    kind: Kind
    at: datetime
    title: str
    text: str
    environment: str = ""
    repository: str = ""
    release: int | None = None
    revision: str = ""
    page: str = "/"
    trouble: Kind | None = None
    concerns: tuple[str, ...] = ()

    @property
    def severity(self) -> Severity:
        return WORST.get(self.kind, "info")

    @property
    def weight(self) -> Severity:
        """What it is filtered by: whoever hears of a trouble hears of its end."""
        return WORST.get(self.trouble or self.kind, "info")


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """What became of a commit in an environment, as its forge is told. `context` tells the environments apart."""

    repository: str
    revision: str
    state: CommitState
    context: str
    description: str
    page: str = "/"


Message = Notice | CommitStatus


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message on its way to one receiver. `number` is the store's, 0 until stored; `due` the next attempt."""

    receiver: str
    message: Message
    made: datetime
    due: datetime
    tries: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that is not well since some moment. `told`: receivers know of it; `well_since`: it may be over."""

    kind: Kind
    since: datetime
    told: bool = False
    well_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reported:
    """What the forge was told last of an environment's newest commit; `key` is what must change to be told again."""

    revision: str
    state: CommitState
    key: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How an environment stands for receivers. `release` is under way; `troubles` are by the question they answer."""

    release: int | None = None
    troubles: Mapping[str, Trouble] = field(default_factory=dict)
    reported: Reported | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """All that must be remembered so that nothing is told twice. `after` is the last event that was looked at."""

    after: int
    environments: Mapping[str, Standing] = field(default_factory=dict)
    repositories: Mapping[str, Trouble] = field(default_factory=dict)

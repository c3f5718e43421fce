"""Drift: where live differs from what we left behind, item by item, with its cause, its age and its cure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gitopsd.model.canonical import Json
from gitopsd.model.cure import Cure
from gitopsd.model.status import Sync

Resource = Literal["container", "network", "volume", "file", "router", "service", "task", "config", "secret"]
DriftKind = Literal["missing", "extra", "modified", "stopped", "paused", "unhealthy", "image"]
DriftState = Literal["open", "conflict", "unenforceable", "heal-loop"]
DriftEnd = Literal["healed", "replaced", "reverted", "accepted", "changed"]


@dataclass(frozen=True, slots=True)
class FieldDrift:
    """One field: as Git wants it, as it was applied, as it is. `{"hidden": DIGEST}` stands for a secret value.

    `at` is its path, part by part. `source` is where the applied value is from: `declared`, `image`, `engine default`,
    or `changed by hand` where there was none. `conflict`: Git has changed it as well.
    """

    at: tuple[str, ...]
    desired: Json
    applied: Json
    live: Json
    source: str
    cure: Cure
    conflict: bool = False

    @property
    def path(self) -> str:
        """As people read it: `networks.shop_back.aliases`."""
        return ".".join(self.at)


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One resource that is not as we left it. `name` is the engine's; `instance` a container's id, "" for one gone, and
    of a task its name, which the one that takes its place has as well.

    `cure` is what it takes to mend all of it; `none`: nothing here is gitopsd's to mend. `story` is the part of the
    cause that the engine's own events tell.
    """

    resource: Resource
    name: str
    service: str
    instance: str
    kind: DriftKind
    cause: str
    first_seen: datetime
    last_seen: datetime
    state: DriftState = "open"
    changes: tuple[FieldDrift, ...] = ()
    cure: Cure = "none"
    story: str = ""

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes two items one: the same thing wrong with the same thing, whatever its values are by now."""
        return (self.resource, self.name, self.instance, self.kind, self.state, *(each.path for each in self.changes))


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The drift of one environment. `not_checked` says what this look could not see."""

    environment: str
    revision: str
    sync: Sync
    items: tuple[DriftItem, ...]
    not_checked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Drifted:
    """What the last pass found drifted in an environment; kept, so that each item knows when it was first seen."""

    environment: str
    items: tuple[DriftItem, ...] = ()


@dataclass(frozen=True, slots=True)
class PastDrift:
    """A drift that is over, as it was when it was last seen, and how it ended.

    `healed`: gitopsd brought it back where it was; `replaced`: gitopsd made it anew; `reverted`: it went without
    gitopsd, by hand or by itself; `accepted`: what is live is what Git wants by now; `changed`: it drifts otherwise
    now, which is a drift of its own. `by` is the cause of what ended it, in words, "" where gitopsd did nothing.
    """

    item: DriftItem
    ended_at: datetime
    end: DriftEnd
    by: str = ""

"""A plan: changes per service in waves, each with its cause; it prints itself, and that text is what people test."""

from dataclasses import dataclass
from typing import Final, Literal

from gitopsd.model.canonical import Json
from gitopsd.model.desired import Order
from gitopsd.model.errors import Problem
from gitopsd.model.release import Hold

ChangeKind = Literal["create", "update", "update-in-place", "replace", "scale", "remove", "unchanged"]
IN_PLACE: Final = "update-in-place"  # of files alone, while what runs goes on running


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field of a service: dotted path, before and after. `hidden` values are secret and never printed."""

    path: str
    before: Json
    after: Json
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """`interruption_s` is the expected gap in service in seconds (0.0: none), `interruption` its reason and mend, or
    why there is none. `steps` are the stops of the traffic on its way to the new instances, in words.
    """

    service: str
    change: ChangeKind
    cause: str
    wave: int = 0
    fields: tuple[FieldChange, ...] = ()
    strategy: str = "rolling"
    steps: tuple[str, ...] = ()
    order: Order = "start-first"
    interruption_s: float = 0.0
    interruption: str = ""
    early: bool = False  # a removal that must come first, as a newcomer needs its port or name


@dataclass(frozen=True, slots=True)
class Plan:
    environment: str
    revision: str
    changes: tuple[Change, ...] = ()
    networks: tuple[str, ...] = ()
    volumes: tuple[str, ...] = ()
    removed_networks: tuple[str, ...] = ()
    holds: tuple[Hold, ...] = ()
    warnings: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    loosened: tuple[str, ...] = ()  # guards of which it asks for less than what serves, by their keys

    @property
    def empty(self) -> bool:
        return not (self.networks or self.volumes or self.removed_networks) and all(
            change.change == "unchanged" for change in self.changes
        )

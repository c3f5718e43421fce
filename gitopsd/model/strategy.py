"""The stops of a rollout on its way to all the traffic."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal


@dataclass(frozen=True, slots=True)
class SetWeight:
    """So much of the traffic goes to the new instances from here on, in basis points."""

    share: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Waits so long; without a duration, until a person promotes."""

    duration: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Analyse:
    """Goes on once so much time has passed and the judge passes it."""

    duration: timedelta


@dataclass(frozen=True, slots=True)
class Approve:
    """Goes on once a person has approved of exactly this content."""


@dataclass(frozen=True, slots=True)
class SetCanaryScale:
    """How many new instances there are, whatever their share of the traffic: a number of them, a percentage of the
    replicas, or as many as match the share again where neither is written.
    """

    replicas: int | None = None
    percent: int | None = None


@dataclass(frozen=True, slots=True)
class HeaderRoute:
    """Requests that bear this header or cookie go to the new instances, whatever the share. `value` "": with any value.

    `name` "": none does any more.
    """

    name: str
    value: str = ""
    by: Literal["header", "cookie"] = "header"


Step = SetWeight | Pause | Analyse | Approve | SetCanaryScale | HeaderRoute


def default_steps(*, analysed: bool) -> tuple[Step, ...]:
    """5 % for 2 minutes, then 20 % and 50 % for 3 each.

    Where metrics are written these times are analyses, which want enough traffic to pass. Without them they pass by
    themselves, and only what watches every rollout can end them.
    """
    times = ((500, 2), (2_000, 3), (5_000, 3))
    stop = Analyse if analysed else Pause
    return tuple(step for share, minutes in times for step in (SetWeight(share), stop(timedelta(minutes=minutes))))

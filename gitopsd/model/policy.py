"""How an environment is kept: what is healed, what is pruned, and what holds its releases."""

from dataclasses import dataclass
from typing import Literal

from gitopsd.model.guards import NO_GUARDS, Guards

Heal = Literal["repair", "report"]


@dataclass(frozen=True, slots=True)
class Heals:
    """What becomes of an instance that ended by itself, was removed, was stopped or paused by hand, was changed, is one
    too many, or fails its checks; and of networks, which can be removed.
    """

    crashed: Heal = "repair"
    removed: Heal = "repair"
    stopped: Heal = "repair"
    modified: Heal = "repair"
    extra: Heal = "repair"
    unhealthy: Heal = "repair"


REPAIR_ALL = Heals()
REPORT_ONLY = Heals("report", "report", "report", "report", "report", "report")


@dataclass(frozen=True, slots=True)
class EnvironmentPolicy:
    """`x-gitopsd` of the file's top level. `moved_from`: the environment's name before its directory was renamed.

    `router`: what serves every service that publishes a TCP port; "" where only those are routed that say so.
    """

    prune: bool = True
    heal: Heals = REPAIR_ALL
    on_failure: Literal["rollback", "pause"] = "rollback"
    moved_from: str = ""
    router: Literal["haproxy", ""] = ""
    guards: Guards = NO_GUARDS


USUAL = EnvironmentPolicy()

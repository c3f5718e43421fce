"""Services that live in another one's namespaces or use its volumes: which container that is, and whether it still is.

An engine does not tell: a container whose network went with the container that had it runs on, with none.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.model.live import Instance
from gitopsd.model.rollout import Target
from gitopsd.rollout.member import Member


@dataclass(frozen=True, slots=True)
class Sharing:
    """What instances see of other services at one look.

    `current` are, by service, the instances that others join: those of the first slot, as with Compose. `held` are the
    ids of containers whose namespaces instances of ours are in.
    """

    current: Mapping[str, Instance] = field(default_factory=dict)
    held: frozenset[str] = frozenset()


ALONE = Sharing()


def absent(goal: Target, sharing: Sharing) -> str:
    """The service without which no instance of the goal can run now; "" for none."""
    if not (goal.joins or goal.borrows):
        return ""
    running = (name for name, found in sharing.current.items() if found.state in ("running", "paused"))
    missing = (*(set(goal.joins) - set(running)), *(set(goal.borrows) - set(sharing.current)))
    return min(missing, default="")


def joined(goal: Target, sharing: Sharing) -> dict[str, str]:
    """The containers that a new instance of the goal uses, by service."""
    return {name: sharing.current[name].id for name in (*goal.joins, *goal.borrows)}


def stray(member: Member, goal: Target, sharing: Sharing) -> str:
    """The service that has another container now than the one that the instance was made with; "" for none."""
    instance, current = member.instance, sharing.current
    moved = [name for name in goal.joins if name in current and current[name].id not in instance.joined]
    moved += [name for name in goal.borrows if name in current and current[name].id not in instance.borrowed]
    return min(moved, default="")


def cut_off(member: Member, goal: Target, sharing: Sharing) -> str:
    """The service whose container was started again under the instance: its namespaces are new since; "" for none."""
    began = member.instance.started_at
    again = [
        name
        for name in goal.joins
        if (other := sharing.current.get(name)) is not None and other.id in member.instance.joined
        if other.started_at is not None and began is not None and other.started_at > began
    ]
    return min(again, default="")

"""How tasks of a swarm ended: by themselves, or with the machine that they were on. Pure."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from gitopsd.model.swarm import SwarmNode, SwarmTask

# How long after the last that was heard of a node it may be that managers note it: three heartbeats, by default.
NOTED_WITHIN: Final = timedelta(seconds=30)
DISPLACED: Final = "assigned node no longer meets constraints"
"""Swarm's words for a task that it ends as its node was changed, by its labels or its role."""
ENDED: Final = ("failed", "rejected", "shutdown", "complete", "orphaned", "remove")


def failures(tasks: Iterable[SwarmTask], nodes: Iterable[SwarmNode]) -> list[SwarmTask]:
    """The tasks that failed by themselves, and not with their node."""
    known = {each.id: each for each in nodes}
    return [each for each in tasks if failed(each) and not went_with(each, known)]


def failed(task: SwarmTask) -> bool:
    return task.state in ("failed", "rejected")


def went_with(task: SwarmTask, nodes: Mapping[str, SwarmNode]) -> bool:
    """Whether a task ended as its node went: it was there before the node was last lost, came back or was drained, and
    ended about then; or Swarm took it off as the node was changed. One made later, that ends, does so by itself.
    """
    node = nodes.get(task.node)
    if node is None:
        return bool(task.node)
    if task.state not in ENDED:
        return node.lost
    if task.why == DISPLACED:
        return True
    changed, made = node.changed, task.made or task.at
    return changed is not None and made < changed and abs(task.at - changed) <= NOTED_WITHIN

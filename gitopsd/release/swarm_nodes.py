"""The machines of a swarm: how they stand, whether its managers still agree, and what the loss of one explains."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from gitopsd.drift.swarm_ends import DISPLACED, failed, went_with
from gitopsd.model.canonical import Json
from gitopsd.model.event import Event, Severity
from gitopsd.model.status import EnvironmentStatus, NodeStatus, Quorum
from gitopsd.model.swarm import Standing, SwarmNode, SwarmService, SwarmState, SwarmTask

_SEVERITIES: Final[Mapping[Standing, Severity]] = {"down": "error", "unreachable": "error"}
_REASONS: Final[Mapping[Standing, str]] = {
    "down": "NodeDown",
    "unreachable": "NodeUnreachable",
    "drained": "NodeDrained",
    "paused": "NodePaused",
    "ready": "NodeReady",
}


def with_nodes(status: EnvironmentStatus, live: SwarmState) -> EnvironmentStatus:
    """The status of an environment with how the swarm stands that it is on."""
    return replace(status, nodes=node_statuses(live.nodes), quorum=quorum_of(live.nodes))


def node_statuses(nodes: Iterable[SwarmNode]) -> tuple[NodeStatus, ...]:
    return tuple(NodeStatus(each.id, each.hostname, each.role, each.standing, each.why) for each in nodes)


def quorum_of(nodes: Iterable[SwarmNode]) -> Quorum | None:
    """None: no manager is known, as nothing of the swarm is."""
    managers = [each.reachability for each in nodes if each.reachability]
    return Quorum(len(managers), managers.count("reachable")) if managers else None


def node_warnings(live: SwarmState) -> tuple[str, ...]:
    """Nodes that take no tasks: what runs there is moved by Swarm, and no release fails of it. And what the managers
    have left of their quorum, once one of them is lost.
    """
    found = tuple(_stands(each) for each in node_statuses(live.nodes) if each.standing != "ready")
    quorum = quorum_of(live.nodes)
    return (*found, *((_left(quorum),) if quorum is not None and quorum.reachable < quorum.managers else ()))


def node_events(before: Sequence[NodeStatus], after: Sequence[NodeStatus], now: datetime) -> tuple[Event, ...]:
    """What has become of the nodes between two looks, the first of which is `before`: nothing where it is empty. A node
    of which the managers know nothing yet stands as it stood.
    """
    if not before:
        return ()
    known, found = {each.id: each for each in before}, {each.id for each in after}
    changed = (each for each in after if each.standing != "unknown" and _changed(known.get(each.id), each))
    gone = (each for each in before if each.id not in found)
    left = (
        Event(now, "NodeLeft", f"{_named(each)} is of the swarm no more", "warning", data=_data(each)) for each in gone
    )
    return (*(_event(known.get(each.id), each, now) for each in changed), *left)


def as_known(before: Sequence[NodeStatus], after: Sequence[NodeStatus]) -> tuple[NodeStatus, ...]:
    """How the nodes stood when that was last known."""
    known = {each.id: each for each in before}
    return tuple(known.get(each.id, each) if each.standing == "unknown" else each for each in after)


def lost_with(service: SwarmService, fingerprint: str, since: datetime, nodes: Iterable[SwarmNode]) -> str:
    """The nodes that explain, in words, why tasks of an update that began at `since` have ended: "" where any of them
    failed by itself, or where none has ended at all.
    """
    known = {each.id: each for each in nodes}
    begun = [each for each in service.tasks if each.fingerprint == fingerprint and (each.made or each.at) >= since]
    if any(failed(each) and not went_with(each, known) for each in begun):
        return ""
    gone = [each for each in begun if each.node and went_with(each, known)]
    lost = {f"{_name(each.node, known)} {'was changed' if each.why == DISPLACED else 'went away'}" for each in gone}
    return " and ".join(sorted(lost))


def _name(id: str, nodes: Mapping[str, SwarmNode]) -> str:
    return f"node {nodes[id].hostname}" if id in nodes else "a node that is no more"


def _changed(before: NodeStatus | None, after: NodeStatus) -> bool:
    return before is None or before.standing not in (after.standing, "unknown")


def _event(before: NodeStatus | None, after: NodeStatus, now: datetime) -> Event:
    reason = _REASONS[after.standing] if before is not None else "NodeJoined"
    severity = _SEVERITIES.get(after.standing, "info")
    said = _stands(after)
    if before is not None and after.standing == "ready":
        said = f"{_named(after)} takes tasks again, and was {before.standing}"
    return Event(now, reason, said, severity, data=_data(after))


def _data(node: NodeStatus) -> Mapping[str, Json]:
    return {"node": node.name, "role": node.role, "standing": node.standing}


def _stands(node: NodeStatus) -> str:
    why = f": {node.why}" if node.why and node.standing in ("down", "unreachable") else ""
    return f"{_named(node)} is {node.standing}{why}"


def _named(node: NodeStatus) -> str:
    return f"node {node.name} ({node.role})"


def _left(quorum: Quorum) -> str:
    more = f"{quorum.spare} more may be lost" if quorum.spare else "if one more is lost, nothing can be changed"
    if quorum.lost:
        more = f"tasks run on as they are, and nothing can be changed before {quorum.needed} are"
    return f"{quorum.reachable} of {quorum.managers} managers are reachable: {more}"


def pending(service: SwarmService | None) -> tuple[SwarmTask, ...]:
    """The tasks that Swarm finds no place for, and says why."""
    tasks = service.tasks if service is not None else ()
    return tuple(each for each in tasks if each.state == "pending" and each.wanted in ("running", "ready") and each.why)


def placing_events(
    environment: str, before: Mapping[str, int], live: SwarmState, project: str, now: datetime
) -> tuple[Event, ...]:
    """That Swarm finds no place for tasks of a service, or has found one again. `before`: how many there were."""
    after = pending_tasks(live, project)
    return tuple(
        _placing(environment, name, after.get(name, ()), now)
        for name in sorted({*before, *after})
        if bool(before.get(name)) != bool(after.get(name))
    )


def pending_tasks(live: SwarmState, project: str) -> Mapping[str, tuple[SwarmTask, ...]]:
    """By service of the manifest, those that have some."""
    named = ((name.removeprefix(f"{project}_"), pending(each)) for name, each in live.services.items())
    return {name: tasks for name, tasks in named if tasks}


def _placing(environment: str, service: str, tasks: Sequence[SwarmTask], now: datetime) -> Event:
    if not tasks:
        return Event(now, "TasksPlaced", f"{service}: every task has a place", environment=environment, service=service)
    said = f"{service}: Swarm finds no place for {len(tasks)} of its tasks: {tasks[-1].why}"
    return Event(now, "TasksPending", said, "warning", environment, service, data={"pending": len(tasks)})

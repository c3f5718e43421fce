"""What a key means on a swarm where that is something else than on one engine, for those who ask `gitopsd explain`."""

from collections.abc import Mapping
from typing import Final

from gitopsd.manifest.swarm import refusal_of

# Of a service, of its `x-gitopsd`, and of gitopsd.yaml. What is refused is told by the table of refusals alone.
_MEANINGS: Final[Mapping[str, str]] = {
    "swarm": "the engine of this target is asked as a manager: Swarm places and moves the tasks",
    "target": "`swarm` names a manager (or `swarm: true` beside `docker`); Swarm places and moves the tasks",
    "configs": "each file is an object named by its content; it never changes, other content makes other tasks",
    "secrets": "each is an object named by a keyed digest; no value can be read back, other content makes other tasks",
    "volumes": "a node makes a volume when a task first needs it; content of the repository becomes configs",
    "networks": "an overlay over all nodes, unless driver says otherwise; Swarm gives out the addresses",
    "ports": "published on every node (mode: ingress) or on those that have a task (mode: host)",
    "healthcheck": "run by the node of the task; Swarm replaces a task that becomes unhealthy",
    "depends_on": "the order in which a release tells services; what Swarm replaces it replaces in any",
    "restart": "as deploy.restart_policy: Swarm makes another task, maybe on another node, and restarts no container",
    "scale": "as deploy.replicas",
    "platform": "a constraint: only nodes of that platform get tasks",
    "deploy.mode": "also global, replicated-job and global-job; a change of it removes the service and makes it anew",
    "deploy.replicas": "tasks that Swarm keeps up; a scale by hand is taken back, unless ignore_drift names it",
    "deploy.labels": "labels of the service alone; a change of them replaces no task",
    "deploy.endpoint_mode": "vip or dnsrr",
    "deploy.placement": "constraints, preferences, max_replicas_per_node; what no node meets holds the release",
    "deploy.resources": "reservations are what Swarm places by; a change of either replaces every task",
    "deploy.restart_policy": "whether and when Swarm makes another task in the place of one that ended",
    "deploy.update_config": "carried out by Swarm's own updater; what fails within monitor goes back by itself",
    "deploy.rollback_config": "carried out by Swarm's own updater, on the way back",
    "strategy": "rolling and recreate are Swarm's own update; canary and blue-green, a second service beside it",
    "steps": "the canary is a service of its own, `STACK_SERVICE-canary`, whose tasks the routers of all nodes find",
    "traffic": "one router on each node; the service has to be in a network",
    "min_ready": "how long a task runs before it counts, and the least time that Swarm watches an update for",
    "max_surge": "Swarm's updater has none: it replaces `parallelism` tasks at a time, in the written order",
    "max_unavailable": "Swarm's updater has none: it replaces `parallelism` tasks at a time, in the written order",
    "job": "a service of mode replicated-job or global-job, that is told anew for each content",
    "heal": "a service is told again; a container that ended is replaced by Swarm itself, whatever this says",
    "ignore_drift": "also what only a swarm has, such as deploy.replicas",
    "crash_loop": "so many failed tasks fail a release, and between releases are drift of the task",
}


def on_a_swarm(key: str) -> str:
    """What a key means there, by its longest part that has a meaning of its own; "": what it means everywhere.

    `deploy.resources.limits.memory` means what `deploy.resources` does.
    """
    parts = key.split(".")
    for end in range(len(parts), 0, -1):
        known = ".".join(parts[:end])
        if why := refusal_of(known):
            return f"refused: {why}"
        if known in _MEANINGS:
            return _MEANINGS[known]
    return ""


def explained_keys() -> tuple[str, ...]:
    """Those that have a meaning of their own on a swarm, and are not refused there."""
    return tuple(_MEANINGS)

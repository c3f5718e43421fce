"""How many tasks a service of a swarm has, and whether they run on or to their end: the `Mode` of its Spec."""

from collections.abc import Mapping
from typing import Final

from gitopsd.engine_json.fields import mapping, nanoseconds, number, text
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Service

GLOBAL: Final = ("global", "global-job")
JOBS: Final = ("replicated-job", "global-job")
_CONDITIONS: Final = {"always": "any", "unless-stopped": "any", "": "any", "no": "none"}


def mode(service: Service, replicas: int) -> dict[str, Json]:
    """What `deploy.mode` says, or that a service ends, as `docker stack deploy` tells it; a job's tasks go at once."""
    everywhere = mapping(service.deploy).get("mode") in GLOBAL
    if service.job is None:
        return {"Global": {}} if everywhere else {"Replicated": {"Replicas": replicas}}
    if everywhere:
        return {"GlobalJob": {}}
    count = max(1, service.replicas)
    return {"ReplicatedJob": {"MaxConcurrent": count, "TotalCompletions": count}}


def mode_of(body: Mapping[str, Json]) -> str:
    """The word of a Spec's mode, such as `Replicated`. Swarm lets no service change it."""
    return next(iter(mapping(body.get("Mode"))), "")


def runs_to_end(body: Mapping[str, Json]) -> bool:
    return mode_of(body).endswith("Job")


def completions(body: Mapping[str, Json]) -> int | None:
    """How many tasks of a job are to end well; None: one on each node that may have one."""
    if mode_of(body) != "ReplicatedJob":
        return None
    return int(number(mapping(mapping(body.get("Mode")).get("ReplicatedJob")).get("TotalCompletions"))) or 1


def attempts(body: Mapping[str, Json]) -> int | None:
    """How often Swarm begins a task anew that failed; None: for ever."""
    policy = mapping(mapping(body.get("TaskTemplate")).get("RestartPolicy"))
    if policy.get("Condition") == "none":
        return 0
    return int(number(policy.get("MaxAttempts"))) or None


def restart_policy(service: Service) -> dict[str, Json]:
    """`deploy.restart_policy`, else what `restart` says: Swarm begins a task anew rather than a container.

    A job's is begun anew as often as it may fail.
    """
    told = mapping(mapping(service.deploy).get("restart_policy"))
    if told:
        found: dict[str, Json] = {
            "Condition": text(told.get("condition")) or ("any" if service.job is None else "on-failure"),
            "Delay": nanoseconds(told.get("delay")),
            "MaxAttempts": int(number(told.get("max_attempts"))),
            "Window": nanoseconds(told.get("window")),
        }
        return {key: value for key, value in found.items() if value}
    name, _, most = text(service.options.get("restart")).partition(":")
    if service.job is not None and name != "on-failure":
        name, most = ("on-failure", str(service.job.retries)) if service.job.retries else ("no", "")
    counted: dict[str, Json] = {"MaxAttempts": int(most)} if most and int(most) else {}
    return {"Condition": _CONDITIONS.get(name, name), **counted}

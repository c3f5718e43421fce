"""`deploy`: replicas, resources, how it restarts, is updated, goes back; what only Swarm can carry out is refused."""

from collections.abc import Mapping

from gitopsd.manifest.keys.devices import reservations
from gitopsd.manifest.keys.json_schema import SIZE, any_number, mapping_of, one_of, schema_of, takes, takes_what
from gitopsd.manifest.keys.quantities import (
    byte_size,
    integer,
    nonzero,
    nonzero_span,
    number,
    positive_number,
    short_float,
    span,
)
from gitopsd.manifest.keys.shapes import Read, choice, closed, shown, text, wrong
from gitopsd.manifest.node import Fields, Node, Problems, Scalar
from gitopsd.model.canonical import Json

MOST_REPLICAS = 1000  # one bridge network of an engine has addresses for 1023 containers at most
ON_FAILURE = "on-failure"
_CONDITIONS = {"any": "always", "none": "no"}


@takes(lambda: schema_of(_DEPLOY))
def deploy(node: Node, path: str, problems: Problems) -> Json:
    """The canonical form always has `resources` and `placement`."""
    if isinstance(node, Scalar) and node.value is None:
        return None
    found = _DEPLOY(node, path, problems)
    if not isinstance(found, dict):
        return None
    return {**found, "resources": found.get("resources", {}), "placement": {}}


def restart_in_force(canonical: Mapping[str, Json]) -> str | None:
    """The restart policy in the words of `restart`; `deploy.restart_policy` wins over it, as in Compose."""
    deploy = canonical.get("deploy")
    policy = deploy.get("restart_policy") if isinstance(deploy, Mapping) else None
    if not isinstance(policy, Mapping):
        written = canonical.get("restart")
        return str(written) if written is not None else None
    condition = str(policy.get("condition", ""))
    attempts = policy.get("max_attempts")
    counted = f":{attempts}" if condition == ON_FAILURE and attempts else ""
    return f"{_CONDITIONS.get(condition, condition)}{counted}" or None


@takes(lambda: schema_of(_RESTART))
def _restart_policy(node: Node, path: str, problems: Problems) -> Json:
    found = _RESTART(node, path, problems)
    if not isinstance(found, dict) or not isinstance(node, Fields):
        return None
    attempts = found.get("max_attempts")
    if isinstance(attempts, int) and attempts > 0 and found.get("condition") != ON_FAILURE:
        message = f"the engine counts attempts only with condition: {ON_FAILURE}; write that, or remove the key"
        problems.add(node.keys["max_attempts"], f"{path}.max_attempts", message)
    elif "condition" not in found:
        message = "has no condition, and then Compose restarts nothing; write condition: any"
        problems.warn(node.place, path, message)
    for key in ("delay", "window"):
        if key in found:
            message = "ignored, as Compose does: the engine has a delay of its own between restarts; remove it"
            problems.warn(node.keys[key], f"{path}.{key}", message)
    return found


@takes(one_of("replicated", ""))
def _mode(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value in ("global-job", "replicated-job"):
        problems.add(node.place, path, f"{value} needs Swarm; for a service that ends write x-gitopsd: {{job: {{}}}}")
    elif value == "global":
        problems.add(node.place, path, "global needs Swarm, which has many nodes; remove it, replicas is 1 by itself")
    elif value not in (None, "replicated"):
        problems.add(node.place, path, f"expected replicated, got {shown(node)}")
    return value


@takes(one_of("dnsrr", ""))
def _endpoint_mode(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value == "vip":
        message = "vip needs Swarm; write dnsrr, which is what an engine does: the name leads to every instance"
        problems.add(node.place, path, message)
    elif value not in (None, "dnsrr"):
        problems.add(node.place, path, f"expected dnsrr, got {shown(node)}")
    return value


@takes(mapping_of({}))
def _placement(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Fields) and node.fields:
        problems.add(node.place, path, "needs Swarm, which has nodes to choose from; remove it")
        return None
    return closed({})(node, path, problems)


@takes(SIZE)
def memory_size(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and not isinstance(node.value, str):
        wrong(node, path, problems, 'a size with its unit, such as "64m"')
        return None
    return byte_size(node, path, problems)


@takes(any_number(0, 1))
def ratio(node: Node, path: str, problems: Problems) -> Json:
    value = number(node)
    if value is None or not 0 <= value <= 1:
        problems.add(node.place, path, f"expected a number from 0 to 1, got {shown(node)}")
        return None
    return short_float(value) or None


def _never(read: Read, why: str) -> Read:
    """A key of which only the value that says nothing is carried out."""

    @takes_what(read)
    def refused(node: Node, path: str, problems: Problems) -> Json:
        if read(node, path, problems) is not None:
            problems.add(node.place, path, why)
        return None

    return refused


@takes(one_of("", "pause"))
def _after_the_way_back(node: Node, path: str, problems: Problems) -> Json:
    """What happens when the way back fails too: it stops, and a person is told."""
    if isinstance(node, Scalar) and (why := _NOT_BACK.get(str(node.value))):
        problems.add(node.place, path, why)
        return None
    return choice("", "pause")(node, path, problems)


_NOT_BACK = {
    "continue": "each slot that can goes back already, and one that cannot is told as a failure; write pause",
    "rollback": "what goes back has nothing further to go back to; write pause",
}
LIMITS = closed({"cpus": positive_number, "memory": memory_size, "pids": nonzero(integer())})
_RESERVATIONS = closed(
    {
        "cpus": positive_number,
        "memory": memory_size,
        "devices": reservations,
    },
    {"generic_resources": "needs Swarm, which hands them out; write devices, or gpus of the service"},
)
UPDATE: dict[str, Read] = {
    "parallelism": integer(),
    "delay": nonzero_span,
    "failure_action": choice("", "rollback", "pause", "continue"),
    "monitor": nonzero_span,
    "max_failure_ratio": ratio,
    "order": choice("start-first", "stop-first"),
}
_ROLLBACK = closed(
    {
        "parallelism": integer(),
        "delay": nonzero_span,
        "failure_action": _after_the_way_back,
        "monitor": _never(
            nonzero_span,
            "what served before has proven itself after min_ready, and nothing further could be gone back to; "
            "remove it, or raise x-gitopsd.min_ready",
        ),
        "max_failure_ratio": _never(
            ratio, "all slots go back, however many fail on the way, and one that does is told; remove it"
        ),
        "order": choice("start-first", "stop-first"),
    }
)
_RESTART: Read = closed(
    {
        "condition": choice("", ON_FAILURE, "any", "none", "always", "unless-stopped", "no"),
        "delay": span,
        "max_attempts": integer(),
        "window": span,
    }
)
_DEPLOY: Read = closed(
    {
        "replicas": integer(0, MOST_REPLICAS),
        "update_config": closed(UPDATE),
        "rollback_config": _ROLLBACK,
        "resources": closed({"limits": LIMITS, "reservations": _RESERVATIONS}),
        "restart_policy": _restart_policy,
        "mode": _mode,
        "endpoint_mode": _endpoint_mode,
        "placement": _placement,
    },
    {
        "labels": "labels a Swarm service, not its containers; write them under labels of the service",
    },
)

"""`deploy`: replicas, resources and update_config; the rest of it belongs to other orchestrators or to later."""

from gitopsd.manifest.keys.shapes import (
    byte_size,
    choice,
    closed,
    integer,
    nonzero_span,
    number,
    positive_number,
    shown,
    wrong,
)
from gitopsd.manifest.node import Node, Problems, Scalar
from gitopsd.model.canonical import Json


def deploy(node: Node, path: str, problems: Problems) -> Json:
    """The canonical form always has `resources` and `placement`."""
    if isinstance(node, Scalar) and node.value is None:
        return None
    found = _DEPLOY(node, path, problems)
    if not isinstance(found, dict):
        return None
    return {**found, "resources": found.get("resources", {}), "placement": {}}


def _memory(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and not isinstance(node.value, str):
        wrong(node, path, problems, 'a size with its unit, such as "64m"')
        return None
    return byte_size(node, path, problems)


def _ratio(node: Node, path: str, problems: Problems) -> Json:
    value = number(node)
    if value is None or not 0 <= value <= 1:
        problems.add(node.place, path, f"expected a number from 0 to 1, got {shown(node)}")
        return None
    return value or None


def _nonzero(node: Node, path: str, problems: Problems) -> Json:
    return integer(0)(node, path, problems) or None


_LIMITS = closed({"cpus": positive_number, "memory": _memory, "pids": _nonzero})
_RESERVATIONS = closed({"cpus": positive_number, "memory": _memory}, later=("generic_resources", "devices"))
_UPDATE = closed(
    {
        "parallelism": integer(0),
        "delay": nonzero_span,
        "failure_action": choice("rollback", "pause", "continue"),
        "monitor": nonzero_span,
        "max_failure_ratio": _ratio,
        "order": choice("start-first", "stop-first"),
    }
)
MOST_REPLICAS = 1000  # one bridge network of an engine has addresses for 1023 containers at most

_DEPLOY = closed(
    {
        "replicas": integer(0, MOST_REPLICAS),
        "update_config": _UPDATE,
        "resources": closed({"limits": _LIMITS, "reservations": _RESERVATIONS}),
    },
    later=("mode", "endpoint_mode", "labels", "rollback_config", "restart_policy", "placement"),
)

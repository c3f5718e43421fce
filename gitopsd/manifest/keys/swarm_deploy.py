"""`deploy` where a swarm carries it out: all that Swarm knows of a service, as the Compose file says it."""

from collections.abc import Mapping

from gitopsd.engine_json.swarm_mode import GLOBAL, JOBS
from gitopsd.manifest.keys.deploy import LIMITS, UPDATE, deploy, memory_size
from gitopsd.manifest.keys.json_schema import STRING, listed, nullable, one_of, schema_of, takes, united
from gitopsd.manifest.keys.quantities import integer, positive_number, span
from gitopsd.manifest.keys.shapes import Read, choice, closed, distinct_strings, pairs, shown, text, wrong
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json
from gitopsd.model.swarm import constraint

MOST_TASKS = 100_000


@takes(lambda: nullable(united(schema_of(deploy), schema_of(_DEPLOY))))
def deploy_of_target(node: Node, path: str, problems: Problems) -> Json:
    """`deploy` as the target of the environment carries it out."""
    return _on_swarm(node, path, problems) if problems.swarm else deploy(node, path, problems)


def _on_swarm(node: Node, path: str, problems: Problems) -> Json:
    if isinstance(node, Scalar) and node.value is None:
        return None
    found = _DEPLOY(node, path, problems)
    if not isinstance(found, dict) or not isinstance(node, Fields):
        return None
    if (mode := found.get("mode")) in GLOBAL and "replicas" in found:
        problems.add(node.keys["replicas"], f"{path}.replicas", f"{mode} means one on each node; remove replicas")
    return {**found, "resources": found.get("resources", {}), "placement": found.get("placement", {})}


@takes(one_of("replicated", "global", *JOBS, ""))
def _mode(node: Node, path: str, problems: Problems) -> Json:
    value = text(node, path, problems)
    if value not in (None, "replicated", "global", *JOBS):
        problems.add(node.place, path, f"expected replicated, global, replicated-job or global-job, got {shown(node)}")
    return value


@takes(listed(STRING))
def _constraints(node: Node, path: str, problems: Problems) -> Json:
    """`[node.role == worker]`, each with == or !=."""
    found = distinct_strings(node, path, problems)
    for index, item in enumerate(node.items if isinstance(node, Items) else ()):
        written = item.value if isinstance(item, Scalar) else None
        if isinstance(written, str) and constraint(written) is None:
            message = f"expected a constraint such as node.role == worker, got {shown(item)}"
            problems.add(item.place, f"{path}[{index}]", message)
    return found


@takes(lambda: listed(schema_of(_PREFERENCE)))
def _preferences(node: Node, path: str, problems: Problems) -> Json:
    """`[{spread: node.labels.zone}]`."""
    if not isinstance(node, Items):
        return wrong(node, path, problems, "a list such as [{spread: node.labels.zone}]")
    found = [_PREFERENCE(item, f"{path}[{index}]", problems) for index, item in enumerate(node.items)]
    return [each for each in found if isinstance(each, Mapping) and each] or None


@takes(lambda: listed(schema_of(_GENERIC)))
def _generic_resources(node: Node, path: str, problems: Problems) -> Json:
    if not isinstance(node, Items):
        return wrong(node, path, problems, "a list such as [{discrete_resource_spec: {kind: gpu, value: 2}}]")
    found = [_GENERIC(item, f"{path}[{index}]", problems) for index, item in enumerate(node.items)]
    return [each for each in found if isinstance(each, Mapping) and each] or None


_PREFERENCE: Read = closed({"spread": text})
_GENERIC: Read = closed({"discrete_resource_spec": closed({"kind": text, "value": integer()})})
_DEPLOY: Read = closed(
    {
        "replicas": integer(0, MOST_TASKS),
        "mode": _mode,
        "endpoint_mode": choice("vip", "dnsrr"),
        "labels": pairs,
        "placement": closed(
            {"constraints": _constraints, "preferences": _preferences, "max_replicas_per_node": integer()}
        ),
        "resources": closed(
            {
                "limits": LIMITS,
                "reservations": closed(
                    {"cpus": positive_number, "memory": memory_size, "generic_resources": _generic_resources},
                    {"devices": "Swarm hands out no devices; write generic_resources, which its nodes announce"},
                ),
            }
        ),
        "restart_policy": closed(
            {
                "condition": choice("", "on-failure", "any", "none"),
                "delay": span,
                "max_attempts": integer(),
                "window": span,
            }
        ),
        "update_config": closed(UPDATE),
        "rollback_config": closed({**UPDATE, "failure_action": choice("", "pause", "continue")}),
    }
)

"""The numbers and truth values of a file that is read for a service of it: all must be such, also those not used.

Compose turns the texts at these places into numbers and truth values while it fills in variables, in the whole file.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gitopsd.manifest.keys.quantities import number, whole
from gitopsd.manifest.keys.shapes import Read, boolean, wrong
from gitopsd.manifest.node import Fields, Items, Node, Problems, Scalar
from gitopsd.model.canonical import Json

Places = Read | Mapping[str, "Places"]  # by key; "*" is any key, and any item of a list
ANY: Final = "*"


def check_casts(document: Node, problems: Problems) -> None:
    """Tell every text in the document that should stand for a number, or for true or false, and does not."""
    for node, path, read in _found(document, "", _DOCUMENT):
        if isinstance(node.value, str) or read is _limit:
            read(node, path, problems)


def _found(node: Node, path: str, places: Places) -> Iterator[tuple[Scalar, str, Read]]:
    match node:
        case Scalar():
            read = places.get("") if isinstance(places, Mapping) else places
            if callable(read):
                yield node, path, read
        case Fields(fields=fields) if isinstance(places, Mapping):
            for key, child in fields.items():
                below = places.get(key, places.get(ANY))
                if below is not None:
                    yield from _found(child, f"{path}.{key}" if path else key, below)
        case Items(items=items) if isinstance(places, Mapping) and ANY in places:
            for index, item in enumerate(items):
                yield from _found(item, f"{path}[{index}]", places[ANY])


def _whole(node: Node, path: str, problems: Problems) -> Json:
    return wrong(node, path, problems, "a whole number") if whole(node) is None else None


def _limit(node: Node, path: str, problems: Problems) -> Json:
    """Compose makes a soft and a hard one of it at once, so that nothing else than a number may stand there either."""
    if isinstance(node, Scalar) and isinstance(node.value, float):
        return wrong(node, path, problems, "a whole number")
    return _whole(node, path, problems)


def _number(node: Node, path: str, problems: Problems) -> Json:
    return wrong(node, path, problems, "a number") if number(node) is None else None


_UPDATE: Mapping[str, Places] = {"parallelism": _whole, "max_failure_ratio": _number}
_SERVICE: Mapping[str, Places] = {
    **dict.fromkeys(("init", "oom_kill_disable", "privileged", "read_only", "stdin_open", "tty"), boolean),
    **dict.fromkeys(("cpu_count", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime", "cpu_shares"), _whole),
    **dict.fromkeys(("oom_score_adj", "pids_limit", "scale"), _whole),
    **dict.fromkeys(("cpus", "cpu_percent"), _number),
    "deploy": {
        "replicas": _whole,
        "update_config": _UPDATE,
        "rollback_config": _UPDATE,
        "restart_policy": {"max_attempts": _whole},
        "placement": {"max_replicas_per_node": _whole},
    },
    "healthcheck": {"retries": _whole, "disable": boolean},
    "ports": {ANY: {"target": _whole}},
    "ulimits": {ANY: {"": _limit, "soft": _whole, "hard": _whole}},
    "volumes": {ANY: {"read_only": boolean, "volume": {"nocopy": boolean}}},
}
_EXTERNAL: Mapping[str, Places] = {ANY: {"external": boolean}}
_NETWORK = ("external", "internal", "attachable", "enable_ipv4", "enable_ipv6")
_DOCUMENT: Mapping[str, Places] = {
    "services": {ANY: _SERVICE},
    "networks": {ANY: dict.fromkeys(_NETWORK, boolean)},
    **dict.fromkeys(("volumes", "configs", "secrets"), _EXTERNAL),
}

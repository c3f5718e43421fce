"""Keys of one service that exclude each other, for Compose or for every engine."""

from collections.abc import Iterator, Mapping

from gitopsd.manifest.keys.deploy import restart_in_force
from gitopsd.manifest.keys.sharing import CONTAINER, SERVICE
from gitopsd.manifest.node import Fields, Problems
from gitopsd.model.canonical import Json

Conflict = tuple[str, str]  # the key, and what is wrong with it

_TWICE = (
    ("mem_limit", "limits", "memory"),
    ("cpus", "limits", "cpus"),
    ("pids_limit", "limits", "pids"),
    ("mem_reservation", "reservations", "memory"),
)
_DNS = ("dns", "dns_search", "dns_opt")
_OF_A_NETWORK = frozenset(
    ("ports", "expose", "hostname", "domainname", *_DNS, "extra_hosts", "links", "external_links", "mac_address")
)


def check_conflicts(canonical: Mapping[str, Json], node: Fields, path: str, problems: Problems) -> None:
    """Every conflict is told at the key that has to go, or be changed."""
    for find in (_said_twice, _instances, _network, _memory, _cpu, _watch):
        for key, message in find(canonical):
            problems.add(node.keys.get(key, node.place), f"{path}.{key}", message)
    for key, message in _without_effect(canonical):
        problems.warn(node.keys.get(key, node.place), f"{path}.{key}", message)


def _said_twice(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    """Once there are `deploy` limits, they are all of them for Compose."""
    for key, kind, name in _TWICE:
        limits = _deploy(canonical, "resources").get(kind)
        if key not in canonical or not isinstance(limits, Mapping) or limits.get(name) == canonical[key]:
            continue
        also = "says something else than" if name in limits else "needs the same value under"
        yield key, f"{also} deploy.resources.{kind}.{name}; keep one of the two"


def _instances(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    deploy = canonical.get("deploy")
    scale = canonical.get("scale")
    replicas = deploy.get("replicas", scale) if isinstance(deploy, Mapping) else scale
    if scale is not None and scale != replicas:
        yield "scale", f"says {scale}, but deploy.replicas says {replicas}; keep one of the two"
    if "container_name" in canonical and isinstance(replicas, int) and replicas > 1:
        yield (
            "container_name",
            f"one name cannot serve {replicas} replicas; remove container_name, or keep one replica",
        )


def _network(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    mode = str(canonical.get("network_mode", ""))
    if mode and canonical.get("networks"):
        yield "network_mode", f"{mode} and networks exclude each other; remove one of the two"
    if mode.startswith((SERVICE, CONTAINER)):
        for key in canonical:
            if key in _OF_A_NETWORK:
                yield key, f"belongs to the container whose network this is ({mode}); write it there"
    if mode == "host":
        for key in ("links", "external_links", "mac_address"):
            if key in canonical:
                yield key, "means nothing in the host's network; remove it, or network_mode"
    if canonical.get("uts") == "host" and "hostname" in canonical:
        yield "hostname", "the host's name counts with uts: host; remove one of the two"
    yield from _mac_addresses(canonical)


def first_network(canonical: Mapping[str, Json]) -> str | None:
    """The network that a container is created in: that of the highest priority, then the first by name."""
    networks = canonical.get("networks")
    if not isinstance(networks, Mapping):
        return None
    return min(networks, key=lambda name: (-_whole(_mapping(networks[name]).get("priority")), name), default=None)


def _mac_addresses(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    first = first_network(canonical)
    own = _mapping(_mapping(canonical.get("networks")).get(first or "")).get("mac_address")
    if own is not None and canonical.get("mac_address", own) != own:
        yield "mac_address", f"says something else than networks.{first}.mac_address; keep one of the two"


def _memory(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    limit = _whole(_deploy(canonical, "resources", "limits").get("memory", canonical.get("mem_limit")))
    reserved = _whole(_deploy(canonical, "resources", "reservations").get("memory", canonical.get("mem_reservation")))
    both = _whole(canonical.get("memswap_limit"))
    if both > 0 and not limit:
        yield "memswap_limit", "is memory and swap together, and needs a limit of memory; add mem_limit"
    elif 0 < both < limit:
        yield "memswap_limit", "is memory and swap together, but less than the limit of memory; raise it"
    if limit and reserved > limit:
        key = "mem_reservation" if "mem_reservation" in canonical else "deploy"
        yield key, "more memory is reserved than the limit allows; lower the reservation or raise the limit"


def _cpu(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    if canonical.get("cpus") or _deploy(canonical, "resources", "limits").get("cpus"):
        for key in ("cpu_quota", "cpu_period"):
            if key in canonical:
                yield key, f"cpus is a quota already, and an engine takes only one; remove {key} or cpus"


def _watch(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    entries = _mapping(canonical.get("develop")).get("watch")
    for entry in map(_mapping, entries if isinstance(entries, list) else ()):
        action = str(entry.get("action"))
        if action.startswith("sync") and not entry.get("target"):
            yield "develop", f"watches a path with action: {action} and no target; add target, a path in the container"


def _without_effect(canonical: Mapping[str, Json]) -> Iterator[Conflict]:
    if canonical.get("network_mode") == "host" and "ports" in canonical:
        yield (
            "ports",
            "ignored, as every engine does: in the host's network all ports are the host's; remove it",
        )
    if "restart" in canonical and (restart_in_force(canonical) or "no") != canonical["restart"]:
        yield "restart", "ignored, as Compose does: deploy.restart_policy counts; remove one of the two"


def _deploy(canonical: Mapping[str, Json], *way: str) -> Mapping[str, Json]:
    found = _mapping(canonical.get("deploy"))
    for key in way:
        found = _mapping(found.get(key))
    return found


def _mapping(value: Json) -> Mapping[str, Json]:
    return value if isinstance(value, Mapping) else {}


def _whole(value: Json) -> int:
    return int(value) if isinstance(value, int | str) else 0

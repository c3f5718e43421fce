"""Where Swarm could put a service: all that it filters nodes by, held against the nodes that are there. Pure."""

from collections.abc import Iterator, Sequence

from gitopsd.engine_json.fields import mapping, number, strings, text
from gitopsd.engine_json.limits import limits
from gitopsd.engine_json.swarm_mode import GLOBAL
from gitopsd.model.desired import DesiredState, Service, VolumeMount
from gitopsd.model.swarm import SwarmNode, constraint


def unplaceable(service: Service, desired: DesiredState, nodes: Sequence[SwarmNode]) -> str:
    """Why the nodes cannot have all tasks of a service, of which they have nothing else; "" where they can.

    What other services take is Swarm's to count, and so are labels that a node may get yet.
    """
    if not nodes:
        return ""
    able = could_take(service, desired, nodes)
    if not able:
        told = "; ".join(f"{node.hostname}: {next(_against(service, desired, node))}" for node in nodes)
        return f"no node can have it: {told}"
    if mapping(service.deploy).get("mode") in GLOBAL:
        return ""
    rooms = {node.hostname: _room(service, node) for node in able}
    if None in rooms.values():
        return ""
    room = sum(least for found in rooms.values() if found is not None and (least := found[0]))
    if room >= service.replicas:
        return ""
    why = "; ".join(f"{name}: {found[0]}, {found[1]}" for name, found in rooms.items() if found is not None)
    return f"{service.replicas} of it are wanted, and the nodes have room for {room}: {why}"


def could_take(service: Service, desired: DesiredState, nodes: Sequence[SwarmNode]) -> tuple[SwarmNode, ...]:
    """The nodes that could have a task of a service."""
    return tuple(node for node in nodes if not next(_against(service, desired, node), ""))


def same_platform(one: str, other: str) -> bool:
    """Whether `linux/amd64`, or a system alone, is `linux/x86_64`, as engines call it."""
    system, _, architecture = one.partition("/")
    return _same_platform(system, architecture, other)


def _room(service: Service, node: SwarmNode) -> tuple[int, str] | None:
    """How many of its tasks a node can have, and what no more allows; None: as many as it likes."""
    found = list(_bounds(service, node))
    return min(found, key=lambda each: each[0]) if found else None


def _bounds(service: Service, node: SwarmNode) -> Iterator[tuple[int, str]]:
    if most := int(number(mapping(mapping(service.deploy).get("placement")).get("max_replicas_per_node"))):
        yield most, "max_replicas_per_node"
    port = next((each for each in service.direct_ports if each.mode == "host" and each.published), None)
    if port is not None:
        yield 1, f"as each needs port {port.published} of its node"
    for name, (wanted, there) in _reserved(service, node).items():
        yield int(there / wanted + 1e-9), f"by its {name}"


def _against(service: Service, desired: DesiredState, node: SwarmNode) -> Iterator[str]:
    """What speaks against a service on a node."""
    if node.ailing:
        yield f"it is {node.ailing}"
    placement = mapping(mapping(service.deploy).get("placement"))
    for written in strings(placement.get("constraints")):
        if not _meets(written, node):
            yield f"not {written}"
    platform = text(service.options.get("platform"))
    if platform and not same_platform(platform, node.platform):
        yield f"it is {node.platform}"
    for name, (wanted, there) in _reserved(service, node).items():
        if wanted > there:
            yield f"it has {_amount(name, there)}, and {_amount(name, wanted, unit=False)} are reserved"
    for kind, name in _plugins(service, desired):
        if not _has_plugin(kind, name, node):
            yield f"it has no {kind.lower()} plugin {name}"


def _reserved(service: Service, node: SwarmNode) -> dict[str, tuple[float, float]]:
    """By what it is of, how much of it a task has reserved, and how much the node has."""
    reserved = mapping(mapping(mapping(service.deploy).get("resources")).get("reservations"))
    wanted: dict[str, tuple[float, float]] = {
        "CPUs": (float(number(reserved.get("cpus"))), node.cpus),
        "memory": (float(number(limits(service.options).get("MemoryReservation"))), node.memory),
    }
    kinds = reserved.get("generic_resources")
    for each in kinds if isinstance(kinds, list) else ():
        asked = mapping(mapping(each).get("discrete_resource_spec"))
        kind = text(asked.get("kind"))
        wanted[kind] = float(number(asked.get("value"))), float(node.generic.get(kind, 0))
    return {name: both for name, both in wanted.items() if both[0]}


def _amount(name: str, value: float, *, unit: bool = True) -> str:
    if name == "memory":
        return f"{int(value) >> 20}" + (" MiB of memory" if unit else "")
    return f"{value:g}" + (f" {name}" if unit else "")


def _plugins(service: Service, desired: DesiredState) -> Iterator[tuple[str, str]]:
    """Drivers that a node has to have, by the kinds that it tells of them."""
    for mount in service.mounts:
        volume = desired.volumes.get(mount.source) if isinstance(mount, VolumeMount) else None
        if volume is not None and (driver := text(volume.options.get("driver"))):
            yield "Volume", driver
    for each in service.networks:
        if driver := text(desired.networks[each.network].options.get("driver")):
            yield "Network", driver
    driver = text(mapping(service.options.get("logging")).get("driver"))
    if driver and driver != "none":
        yield "Log", driver


def _has_plugin(kind: str, name: str, node: SwarmNode) -> bool:
    """Whether a node tells of it; one that tells of none of that kind is too old to."""
    there = {each.partition("/")[2] for each in node.plugins if each.startswith(f"{kind}/")}
    return not there or name in there or f"{name}:latest" in there


def _meets(written: str, node: SwarmNode) -> bool:
    """Whether a node meets a constraint, as Swarm reads it; one that is not known here is left to Swarm."""
    found = constraint(written)
    if found is None:
        return True
    key, operator, value = found
    system, _, architecture = node.platform.partition("/")
    known = {
        "node.id": node.id,
        "node.hostname": node.hostname,
        "node.role": node.role,
        "node.platform.os": system,
        "node.platform.arch": architecture,
    }
    if key.startswith("node.labels."):
        shown = node.labels.get(key.removeprefix("node.labels."), "")
    elif key.startswith("engine.labels."):
        shown = node.engine_labels.get(key.removeprefix("engine.labels."), "")
    elif key in known:
        shown = known[key]
    else:
        return True
    return (shown.lower() == value.lower()) is (operator == "==")


def _same_platform(system: str, architecture: str, shown: str) -> bool:
    there, _, kind = shown.partition("/")
    alike = {"amd64": "x86_64", "arm64": "aarch64"}
    wanted = architecture.partition("/")[0]
    return system == there and (not wanted or kind in (wanted, alike.get(wanted, wanted)))

"""Where Swarm could put a service: its constraints and reservations against the nodes that are there."""

from collections.abc import Iterator, Sequence

from gitopsd.engine_json.fields import mapping, number, strings, text
from gitopsd.engine_json.limits import limits
from gitopsd.model.desired import SealedState, Service
from gitopsd.model.release import Hold
from gitopsd.model.swarm import SwarmNode, constraint


def placement_holds(wanted: SealedState, nodes: Sequence[SwarmNode]) -> tuple[Hold, ...]:
    """Services that no node of the swarm can have, each with what keeps it away. Labels of a node may come yet."""
    return tuple(
        Hold("placement", f"{name}: no node can have it: {why}")
        for name, sealed in sorted(wanted.services.items())
        if sealed.service.replicas and (why := _why(sealed.service, nodes))
    )


def _why(service: Service, nodes: Sequence[SwarmNode]) -> str:
    """Why none of the nodes can have a service; "" where one can."""
    if not nodes or any(not next(_against(service, node), "") for node in nodes):
        return ""
    return "; ".join(f"{node.hostname}: {next(_against(service, node))}" for node in nodes)


def _against(service: Service, node: SwarmNode) -> Iterator[str]:
    """What speaks against a service on a node."""
    if node.ailing:
        yield f"it is {node.ailing}"
    placement = mapping(mapping(service.deploy).get("placement"))
    for written in strings(placement.get("constraints")):
        if not _meets(written, node):
            yield f"not {written}"
    system, _, architecture = text(service.options.get("platform")).partition("/")
    if system and not _same_platform(system, architecture, node.platform):
        yield f"it is {node.platform}"
    reserved = mapping(mapping(mapping(service.deploy).get("resources")).get("reservations"))
    cpus, memory = float(number(reserved.get("cpus"))), int(number(limits(service.options).get("MemoryReservation")))
    if cpus > node.cpus:
        yield f"it has {node.cpus:g} CPUs, and {cpus:g} are reserved"
    if memory > node.memory:
        yield f"it has {node.memory >> 20} MiB of memory, and {memory >> 20} are reserved"


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

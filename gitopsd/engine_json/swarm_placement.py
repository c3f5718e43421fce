"""Where Swarm could put a service: all that it filters nodes by, held against the nodes that are there. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gitopsd.engine_json.fields import mapping, number, strings, text
from gitopsd.engine_json.limits import limits
from gitopsd.engine_json.swarm_mode import GLOBAL
from gitopsd.model.desired import DesiredState, Service, VolumeMount
from gitopsd.model.swarm import Occupant, SwarmNode, constraint


def unplaceable(
    service: Service, desired: DesiredState, nodes: Sequence[SwarmNode], occupants: Iterable[Occupant] = ()
) -> str:
    """Why the nodes cannot have all tasks of a service, beside the `occupants`; "" where they can.

    Labels that a node may get yet are not known here.
    """
    rooms = _rooms(service, desired, nodes, occupants)
    if not rooms:
        return ""
    able = [room for room in rooms if not next(_against(service, desired, room), "")]
    if not able:
        told = "; ".join(f"{room.name}: {next(_against(service, desired, room))}" for room in rooms)
        return f"no node can have it: {told}"
    if mapping(service.deploy).get("mode") in GLOBAL:
        fitting = (room for room in rooms if not next(_unlike(service, room.node), ""))
        full = [f"{room.name}: {why}" for room in fitting if (why := next(_full(service, room), ""))]
        return f"one of it is to run on every node, and not each can have it: {'; '.join(full)}" if full else ""
    found = {room.name: _most(service, room) for room in able}
    if None in found.values():
        return ""
    most = sum(least[0] for least in found.values() if least is not None)
    if most >= service.replicas:
        return ""
    why = "; ".join(f"{name}: {least[0]}, {least[1]}" for name, least in found.items() if least is not None)
    return f"{service.replicas} of it are wanted, and the nodes have room for {most}: {why}"


def could_take(service: Service, desired: DesiredState, nodes: Sequence[SwarmNode]) -> tuple[SwarmNode, ...]:
    """The nodes that could have a task of a service, of which they have nothing else."""
    return tuple(
        room.node for room in _rooms(service, desired, nodes, ()) if not next(_against(service, desired, room), "")
    )


def same_platform(one: str, other: str) -> bool:
    """Whether `linux/amd64`, or a system alone, is `linux/x86_64`, as engines call it."""
    system, _, architecture = one.partition("/")
    return _same_platform(system, architecture, other)


@dataclass(frozen=True, slots=True)
class _Room:
    """What a node has left, as Swarm's scheduler counts: less what its tasks have reserved. `ports` are those that they
    have for themselves, by whose they are; `own` is how many of the service are there and stay.
    """

    node: SwarmNode
    cpus: float
    memory: float
    generic: Mapping[str, int]
    ports: Mapping[tuple[str, int], str]
    own: int

    @property
    def name(self) -> str:
        return self.node.hostname


def _rooms(
    service: Service, desired: DesiredState, nodes: Sequence[SwarmNode], occupants: Iterable[Occupant]
) -> list[_Room]:
    there: dict[str, list[Occupant]] = {}
    for each in occupants:
        there.setdefault(each.node, []).append(each)
    return [_left(f"{desired.project}_{service.name}", node, there.get(node.id, [])) for node in nodes]


def _left(service: str, node: SwarmNode, there: Sequence[Occupant]) -> _Room:
    taken = Counter({kind: number for each in there for kind, number in each.generic.items()})
    return _Room(
        node,
        cpus=node.cpus - sum(each.cpus for each in there),
        memory=node.memory - sum(each.memory for each in there),
        generic={kind: number - taken[kind] for kind, number in node.generic.items()},
        ports={port: each.service for each in there for port in each.ports},
        own=sum(each.service == service for each in there),
    )


def _most(service: Service, room: _Room) -> tuple[int, str] | None:
    """How many of its tasks a node can have, and what no more allows; None: as many as it likes."""
    found = list(_bounds(service, room))
    return min(found, key=lambda each: each[0]) if found else None


def _bounds(service: Service, room: _Room) -> Iterator[tuple[int, str]]:
    if most := _max_replicas(service):
        yield most - room.own, "max_replicas_per_node"
    if port := next(_node_ports(service), None):
        yield 1, f"as each needs port {port[1]} of its node"
    for name, (wanted, there, whole) in _reserved(service, room).items():
        yield int(there / wanted + 1e-9), f"by its {name}" if there == whole else f"by what is left of its {name}"


def _against(service: Service, desired: DesiredState, room: _Room) -> Iterator[str]:
    """What speaks against a service on a node."""
    yield from _unlike(service, room.node)
    yield from _full(service, room)
    for kind, name in _plugins(service, desired):
        if not _has_plugin(kind, name, room.node):
            yield f"it has no {kind.lower()} plugin {name}"


def _unlike(service: Service, node: SwarmNode) -> Iterator[str]:
    """What speaks against any task of it on a node, also if that had nothing else."""
    if node.ailing:
        yield f"it is {node.ailing}"
    placement = mapping(mapping(service.deploy).get("placement"))
    for written in strings(placement.get("constraints")):
        if not _meets(written, node):
            yield f"not {written}"
    platform = text(service.options.get("platform"))
    if platform and not same_platform(platform, node.platform):
        yield f"it is {node.platform}"


def _full(service: Service, room: _Room) -> Iterator[str]:
    """What speaks against one more task on a node."""
    for name, (wanted, there, whole) in _reserved(service, room).items():
        if wanted > there + 1e-9:
            left = "" if there == whole else f" left of {_amount(name, whole, unit=False)}"
            yield f"it has {_amount(name, there)}{left}, and {_amount(name, wanted, unit=False)} are reserved"
    for port in _node_ports(service):
        if holder := room.ports.get(port):
            yield f"{holder} has its port {port[1]}"
    if (most := _max_replicas(service)) and room.own >= most:
        yield f"it has {room.own} of it, and max_replicas_per_node is {most}"


def _max_replicas(service: Service) -> int:
    return int(number(mapping(mapping(service.deploy).get("placement")).get("max_replicas_per_node")))


def _node_ports(service: Service) -> Iterator[tuple[str, int]]:
    """The ports that each of its tasks has of its node for itself."""
    for port in service.direct_ports:
        if port.mode == "host" and port.published.isdigit():
            yield port.protocol, int(port.published)


def _reserved(service: Service, room: _Room) -> dict[str, tuple[float, float, float]]:
    """By what it is of, how much of it a task reserves, how much the node has left, and has in all."""
    reserved = mapping(mapping(mapping(service.deploy).get("resources")).get("reservations"))
    node, memory = room.node, float(number(limits(service.options).get("MemoryReservation")))
    wanted = {
        "CPUs": (float(number(reserved.get("cpus"))), room.cpus, node.cpus),
        "memory": (memory, room.memory, float(node.memory)),
    }
    kinds = reserved.get("generic_resources")
    for each in kinds if isinstance(kinds, list) else ():
        asked = mapping(mapping(each).get("discrete_resource_spec"))
        kind = text(asked.get("kind"))
        there, whole = room.generic.get(kind, 0), node.generic.get(kind, 0)
        wanted[kind] = float(number(asked.get("value"))), float(there), float(whole)
    return {name: each for name, each in wanted.items() if each[0]}


def crowded(
    service: Service, desired: DesiredState, nodes: Sequence[SwarmNode], occupants: Iterable[Occupant], more: int
) -> str:
    """Why the nodes have no room for so many more of a service while all `occupants` stay; "" where they have."""
    rooms = _rooms(service, desired, nodes, occupants)
    able = [room for room in rooms if not next(_against(service, desired, room), "")]
    most = [_most(service, room) for room in able]
    if not rooms or None in most or sum(each[0] for each in most if each is not None) >= more:
        return ""
    fitting = (room for room in rooms if not next(_unlike(service, room.node), ""))
    told = "; ".join(f"{room.name}: {next(_against(service, desired, room), 'no more')}" for room in fitting)
    return f"{more} of it {'is' if more == 1 else 'are'} to run beside those that are replaced: {told}"


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

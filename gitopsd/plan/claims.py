"""What an environment claims of its engine for itself alone, so that two claims on one thing fail before any write."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from gitopsd.engine_json.fields import mapping
from gitopsd.model.desired import DesiredState, Port, Service
from gitopsd.model.errors import Place, Problem
from gitopsd.model.traffic import Traffic

_ROUTES: Final = ("route", "route of a swarm")
_OF_A_PORT: Final = ("host port", *_ROUTES)


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A thing that exists once per engine. Names that differ only in case count as one."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"

    @property
    def near(self) -> tuple[str, str]:
        """What it has in common with all that it can clash with: of a port the number, whatever the address."""
        if self.kind == "subnet":
            return self.kind, ""
        return self.kind, self.value.rpartition(":")[2] if self.kind == "host port" else self.value

    def clashes(self, others: Collection["Claim"]) -> bool:
        """Whether one of `others` is the same thing. A port of one address clashes with that port of all addresses, and
        a route with whatever else has its port, but not with another route of that router; a subnet with what overlaps
        it.
        """
        if self in others:
            return True
        if self.kind == "subnet":
            own = ip_network(self.value)
            return any(own.overlaps(ip_network(other.value)) for other in others if other.kind == "subnet")
        return self.kind in _OF_A_PORT and any(self._meets(other) for other in others if other.kind in _OF_A_PORT)

    def _meets(self, other: "Claim") -> bool:
        (address, port, way), (theirs, their_port, their_way) = self._parts(), other._parts()
        both_route = self.kind == other.kind and self.kind in _ROUTES
        return (
            port == their_port
            and (not address or not theirs or address == theirs)
            and (way == their_way or not both_route)
        )

    def _parts(self) -> tuple[str, str, str]:
        """Address, port, and what is routed there."""
        place, _, way = self.value.partition(" ")
        address, _, port = place.rpartition(":")
        return address, port, way


def claims(desired: DesiredState) -> frozenset[Claim]:
    """Project, container names, host ports, and the networks, their subnets and the volumes that it creates."""
    return frozenset(_claims(desired))


def _claims(desired: DesiredState) -> Iterator[Claim]:
    yield Claim("project", desired.project.lower())
    for service in desired.services.values():
        yield from _ports(service)
        name = service.options.get("container_name")
        names = [str(name)] if name else [f"{desired.project}-{service.name}-{n + 1}" for n in range(service.replicas)]
        yield from (Claim("container name", each.lower()) for each in names)
    for network in desired.networks.values():
        if not network.external:
            yield Claim("network", network.name.lower())
    for _, subnet in _subnets(desired):
        yield subnet
    for volume in desired.volumes.values():
        if not volume.external:
            yield Claim("volume", volume.name.lower())


def _subnets(desired: DesiredState) -> Iterator[tuple[str, Claim]]:
    """What the networks that services join take of the addresses of an engine, which has them once; and their keys."""
    joined = {attachment.network for service in desired.services.values() for attachment in service.networks}
    for key, network in sorted(desired.networks.items()):
        ipam = mapping(network.options.get("ipam"))
        pools = ipam.get("config")
        bridged = network.options.get("driver", "bridge") == "bridge" and ipam.get("driver", "default") == "default"
        if network.external or not bridged or network.hidden or key not in joined or not isinstance(pools, list):
            continue
        for pool in pools:
            if subnet := mapping(pool).get("subnet"):
                yield key, Claim("subnet", str(ip_network(str(subnet), strict=False)))


def _ports(service: Service) -> Iterator[Claim]:
    if service.traffic is not None:
        yield from _routes(service.traffic, "route" if service.deploy is None else "route of a swarm")
    for port in service.direct_ports:
        if port.published:
            for number in _range(port):
                yield Claim("host port", f"{_address(port.host_ip)}{number}/{port.protocol}")


def _routes(traffic: Traffic, kind: str) -> Iterator[Claim]:
    """In mode http several services may share a port of one router."""
    place = f"{_address(traffic.host_address)}{traffic.listen}/tcp"
    if traffic.mode == "tcp":
        yield Claim("host port", place)
        return
    for host in traffic.hosts or ("*",):
        yield Claim(kind, f"{place} {host.lower()}{traffic.path.rstrip('/')}/")


def _range(port: Port) -> range:
    first, _, last = port.published.partition("-")
    return range(int(first), int(last or first) + 1)


def _address(host_ip: str) -> str:
    return "" if host_ip in ("", "0.0.0.0", "::") else f"{host_ip}:"


def disputes(
    environment: str,
    wanted: Iterable[Claim],
    held: Mapping[str, frozenset[Claim]],
    others: Mapping[str, frozenset[Claim]],
    gone: Collection[str] = (),
) -> tuple[str, ...]:
    """What another environment claims too, in words. Who already holds a thing keeps it; two newcomers both wait.

    `held` maps environments to what they serve with now, `others` the other environments to what they want. `gone` are
    those that left Git and still run.
    """
    mine = frozenset(wanted)
    own = held.get(environment, frozenset())
    found = []
    for name, theirs in sorted(others.items()):
        holds = held.get(name, frozenset())
        for claim in sorted(mine, key=lambda claim: (claim.kind != "project", claim)):  # that one explains the others
            if not claim.clashes(theirs | holds) or (claim in own and not claim.clashes(holds)):
                continue
            found.append(f"{claim} is claimed by environment {name} too{_mend(environment, name, name in gone)}")
    return tuple(found)


def _mend(environment: str, other: str, gone: bool) -> str:
    if not gone:
        return "; change it in one of the two"
    return (
        f", whose directory is gone from Git; if {environment} is the same one under a new name, write "
        f"`x-gitopsd: {{moved_from: {other}}}` into its Compose file, else `gitopsd remove {other}` makes room"
    )


def duplicate_claims(desired: DesiredState) -> tuple[Problem, ...]:
    """Two services, or two replicas of one, that want one host port or container name; networks that overlap."""
    seen: dict[tuple[str, str], dict[Claim, str]] = {}
    problems = []
    for service in desired.services.values():
        problems += _too_few_ports(service)
        one = DesiredState(desired.environment, desired.project, {service.name: service}, {}, {})
        for claim in sorted(claims(one)):
            near = seen.setdefault(claim.near, {})
            other = next((name for known, name in near.items() if claim.clashes((known,))), "")
            if claim.kind != "project" and other:
                message = f"{claim} is claimed by service {other} too; change it in one of the two"
                problems.append(Problem(service.place, f"services.{service.name}", message))
            near.setdefault(claim, service.name)
    return (*problems, *_overlapping(desired))


def _overlapping(desired: DesiredState) -> Iterator[Problem]:
    seen: dict[Claim, str] = {}
    for key, subnet in _subnets(desired):
        other = next((known for known in seen if subnet.clashes((known,))), None)
        if other is not None:
            of = f"{other} of network {seen[other]}" if seen[other] != key else f"{other}, which it has too"
            message = f"{subnet} overlaps {of}; give one of them other addresses"
            yield Problem(Place(desired.environment), f"networks.{key}", message)
        seen.setdefault(subnet, key)


def _too_few_ports(service: Service) -> list[Problem]:
    if service.deploy is not None:  # a swarm has the port once on each node, or once for all replicas together
        return []
    return [
        Problem(
            service.place,
            f"services.{service.name}.ports",
            f"host port {port.published} cannot serve {service.replicas} replicas; publish a range of host ports, "
            f'or leave the choice to the engine: "{port.target}"',
        )
        for port in service.direct_ports
        if port.published and len(_range(port)) < service.replicas
    ]

"""What an environment claims of its engine for itself alone, so that two claims on one thing fail before any write."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from gitopsd.model.desired import DesiredState, Service
from gitopsd.model.errors import Problem


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """A thing that exists once per engine. Names that differ only in case count as one."""

    kind: str
    value: str

    def __str__(self) -> str:
        return f"{self.kind} {self.value}"


def claims(desired: DesiredState) -> frozenset[Claim]:
    """Project, container names, host ports, and the networks and volumes that the environment creates."""
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
    for volume in desired.volumes.values():
        if not volume.external:
            yield Claim("volume", volume.name.lower())


def _ports(service: Service) -> Iterator[Claim]:
    for port in service.ports:
        if port.published:
            first, _, last = port.published.partition("-")
            for number in range(int(first), int(last or first) + 1):
                yield Claim("host port", f"{_address(port.host_ip)}{number}/{port.protocol}")


def _address(host_ip: str) -> str:
    return "" if host_ip in ("", "0.0.0.0", "::") else f"{host_ip}:"


def disputes(
    environment: str,
    wanted: Iterable[Claim],
    held: Mapping[str, frozenset[Claim]],
    others: Mapping[str, frozenset[Claim]],
) -> tuple[str, ...]:
    """What another environment claims too, in words. Who already holds a thing keeps it; two newcomers both wait.

    `held` maps environments to what they serve with now, `others` the other environments to what they want.
    """
    mine = frozenset(wanted)
    own = held.get(environment, frozenset())
    found = []
    for name, theirs in sorted(others.items()):
        disputed = mine & (theirs | held.get(name, frozenset()))
        for claim in sorted(disputed):
            if claim in own and claim not in held.get(name, frozenset()):
                continue
            found.append(f"{claim} is claimed by environment {name} too; change it in one of the two")
    return tuple(found)


def duplicate_claims(desired: DesiredState) -> tuple[Problem, ...]:
    """Two services of one environment that want one host port or container name."""
    seen: dict[Claim, str] = {}
    problems = []
    for service in desired.services.values():
        one = DesiredState(desired.environment, desired.project, {service.name: service}, {}, {})
        for claim in sorted(claims(one)):
            if claim.kind != "project" and claim in seen:
                message = f"{claim} is claimed by service {seen[claim]} too; change it in one of the two"
                problems.append(Problem(service.place, f"services.{service.name}", message))
            seen.setdefault(claim, service.name)
    return tuple(problems)

"""A service's networks and ports -> endpoint configurations and port bindings, with the aliases that Compose gives."""

from collections.abc import Mapping, Sequence
from typing import Final

from gitopsd.model.canonical import Json
from gitopsd.model.desired import Attachment, DesiredState, Port, Service

# From here on one create call takes every endpoint; below it, the engine refuses more than one.
ALL_ENDPOINTS_AT_CREATION: Final = (1, 44)

Endpoint = tuple[str, Mapping[str, Json]]


def endpoints(service: Service, desired: DesiredState, instance_name: str) -> list[Endpoint]:
    """Engine name and endpoint configuration of every network: highest priority first, then by key.

    `instance_name` is the name that the container has in the end: a replacement answers to it from its start.
    """
    ordered = sorted(service.networks, key=lambda each: (-each.priority, each.network))
    return [(desired.networks[each.network].name, _endpoint(each, (instance_name, service.name))) for each in ordered]


def _endpoint(attachment: Attachment, names: Sequence[str]) -> dict[str, Json]:
    addresses: dict[str, Json] = {}
    if attachment.ipv4_address:
        addresses["IPv4Address"] = attachment.ipv4_address
    if attachment.ipv6_address:
        addresses["IPv6Address"] = attachment.ipv6_address
    endpoint: dict[str, Json] = {"Aliases": list(dict.fromkeys((*names, *attachment.aliases)))}
    if addresses:
        endpoint["IPAMConfig"] = addresses
    return endpoint


def at_creation(found: Sequence[Endpoint], api: tuple[int, int]) -> tuple[dict[str, Json], tuple[Endpoint, ...]]:
    """The body's NetworkingConfig, and what has to be connected before the start."""
    taken = len(found) if api >= ALL_ENDPOINTS_AT_CREATION else 1
    return {"EndpointsConfig": dict(found[:taken])}, tuple(found[taken:])


def port_bindings(ports: Sequence[Port]) -> dict[str, Json]:
    """HostConfig.PortBindings; exposed ports without a publication are not in it."""
    bindings: dict[str, list[Json]] = {}
    for port in ports:
        binding: Json = {"HostIp": port.host_ip, "HostPort": port.published}
        bindings.setdefault(f"{port.target}/{port.protocol}", []).append(binding)
    return dict(bindings)


def exposed_ports(ports: Sequence[Port], expose: Sequence[str]) -> dict[str, Json]:
    """Config.ExposedPorts of published and merely exposed ports; ranges are written out."""
    keys = [f"{port.target}/{port.protocol}" for port in ports]
    for written in expose:
        numbers, _, protocol = written.partition("/")
        first, _, last = numbers.partition("-")
        keys += [f"{number}/{protocol or 'tcp'}" for number in range(int(first), int(last or first) + 1)]
    return {key: {} for key in keys}

"""A service's networks and ports -> endpoint configurations and port bindings, with the aliases that Compose gives."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from gitopsd.engine_json.fields import strings, text
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Attachment, DesiredState, Port, Service

# From here on one create call takes every endpoint; below it, the engine refuses more than one.
ALL_ENDPOINTS_AT_CREATION: Final = (1, 44)
# From here on an address belongs to an endpoint; below it, to the container as a whole.
MAC_OF_ENDPOINT: Final = (1, 44)
# A driver's option by which the engine names the interface inside the container.
INTERFACE: Final = "com.docker.network.endpoint.ifname"

Endpoint = tuple[str, Mapping[str, Json]]


def endpoints(service: Service, desired: DesiredState, slot: int, api: tuple[int, int]) -> list[Endpoint]:
    """Engine name and endpoint configuration of every network: highest priority first, then by key.

    The instance's final name is among the aliases: a replacement answers to it from its start.
    """
    names = (instance_name(service, desired.project, slot), service.name)
    linked = list(links(service, desired, slot))
    found: list[Endpoint] = [
        (desired.networks[each.network].name, _endpoint(each, names, linked)) for each in by_priority(service)
    ]
    if api >= MAC_OF_ENDPOINT:
        return _addressed(found, service)
    return [(name, {key: each for key, each in endpoint.items() if key != "MacAddress"}) for name, endpoint in found]


def _addressed(found: list[Endpoint], service: Service) -> list[Endpoint]:
    """The endpoints with the container's address at the main one, which may be a network that is joined by its mode."""
    mac, mode = mac_address(service), text(service.options.get("network_mode"))
    if not mac or (not found and mode in ("", "none")):
        return found
    name, endpoint = found[0] if found else (mode, {})
    return [(name, {**endpoint, "MacAddress": mac}), *found[1:]]


def by_priority(service: Service) -> list[Attachment]:
    """The service's networks; the first one is the container's main one."""
    return sorted(service.networks, key=lambda each: (-each.priority, each.network))


def mac_address(service: Service) -> str:
    """The address of the container's main network, wherever it is written."""
    main = next((each.mac_address for each in by_priority(service)), "")
    return main or text(service.options.get("mac_address"))


def instance_name(service: Service, project: str, slot: int) -> str:
    """The name that the slot's container has in the end, as Compose gives it."""
    return text(service.options.get("container_name")) or f"{project}-{service.name}-{slot}"


def _endpoint(attachment: Attachment, names: Sequence[str], linked: Sequence[str]) -> dict[str, Json]:
    addresses: dict[str, Json] = {
        "IPv4Address": attachment.ipv4_address,
        "IPv6Address": attachment.ipv6_address,
        "LinkLocalIPs": list(attachment.link_local_ips),
    }
    named = {INTERFACE: attachment.interface_name} if attachment.interface_name else {}
    endpoint: dict[str, Json] = {
        "Aliases": list(dict.fromkeys((*names, *attachment.aliases))),
        "IPAMConfig": {key: value for key, value in addresses.items() if value},
        "Links": list(linked),
        "MacAddress": attachment.mac_address,
        "DriverOpts": {**attachment.driver_opts, **named},
        "GwPriority": attachment.gw_priority,
    }
    return {key: value for key, value in endpoint.items() if value}


def links(service: Service, desired: DesiredState, slot: int) -> Iterator[str]:
    """`CONTAINER:ALIAS` for each instance of a linked service, under the three names that Compose gives it.

    Containers go by the names that they have in the end: a replacement of the linked service answers to them too.
    """
    for written in strings(service.options.get("links")):
        name, _, alias = written.partition(":")
        linked = desired.services[name]
        for number in range(1, linked.replicas + 1):
            for known in (alias or name, f"{name}-{slot}", f"{desired.project}-{name}-{slot}"):
                yield f"{instance_name(linked, desired.project, number)}:{known}"
    for written in strings(service.options.get("external_links")):
        name, _, alias = written.partition(":")
        yield f"{name}:{alias or name}"


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

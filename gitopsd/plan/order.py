"""In which order an instance and its replacement meet, and what that costs in service."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace

from gitopsd.engine_json import borrowed_services, shares_network
from gitopsd.engine_json.fields import mapping, strings
from gitopsd.model.desired import Bind, Order, SealedService, Service, VolumeMount
from gitopsd.model.live import Instance
from gitopsd.model.traffic import Traffic
from gitopsd.rollout import fence

STOP_S = 1.0  # a process that heeds its stop signal; the grace period is the upper bound
START_S = 1.0


@dataclass(frozen=True, slots=True)
class Replacement:
    """`reason` says why it is stop-first, and how to change that, or what makes that nobody notices a start-first one.

    `interruption_s`: seconds.
    """

    order: Order
    reason: str = ""
    interruption_s: float = 0.0


def replacement(sealed: SealedService, instances: Iterable[Instance] = ()) -> Replacement:
    """The order for a service. What cannot stand twice is replaced stop-first, whatever the manifest asks for.

    `instances` are its own as they run: one that publishes the port that the router is to have keeps it for so long.
    """
    service = sealed.service
    reason = one_at_a_time(service, sealed.image.volumes) or _handover(service, instances)
    if service.policy.order == "stop-first":
        reason = reason or "the manifest says order: stop-first"
    if not reason:
        return Replacement("start-first", _unnoticed(service))
    return Replacement("stop-first", reason, _interruption(service))


def one_at_a_time(service: Service, image_volumes: Collection[str]) -> str:
    """Why old and new cannot, or should not, stand beside each other, and how to change that; "" where they may."""
    impossible = next(_cannot_stand_twice(service), "")
    return impossible or ("" if service.policy.order else next(_should_not_stand_twice(service, image_volumes), ""))


def order_back(sealed: SealedService) -> Order:
    """The order of the way back: as `rollback_config` says, where the service may stand twice; else that of forth."""
    service, back = sealed.service, sealed.service.policy.back.order
    policy = service.policy if back is None else replace(service.policy, order=back)
    return replacement(replace(sealed, service=replace(service, policy=policy))).order


def replaced_with(sealed: SealedService, other: SealedService, what: str) -> Replacement:
    """The order for a service that goes with another one, as it uses something of it (`what`).

    A network is gone from the stop of one container to the start of the next; volumes outlive both.
    """
    own, others = replacement(sealed), replacement(other)
    if others.order == "start-first" or what == "volumes":
        return own
    gap = STOP_S + START_S
    return Replacement(
        own.order,
        f"the {what} of {other.service.name} is gone meanwhile: {others.reason}",
        gap + (own.interruption_s or START_S + sealed.service.policy.min_ready.total_seconds()),
    )


def _cannot_stand_twice(service: Service) -> Iterator[str]:
    for port in service.direct_ports:
        if port.published and "-" not in port.published:
            routable = port.protocol == "tcp" and service.traffic is None
            otherwise = "behind a router (`x-gitopsd: {traffic: {}}`)" if routable else "without a published port"
            yield f"{_host_port(service, port.published)} can be bound once; {otherwise} it would be start-first"
    for attachment in service.networks:
        if attachment.ipv4_address or attachment.ipv6_address or attachment.link_local_ips or attachment.mac_address:
            yield f"its address on network {attachment.network} is fixed; without it, it would be start-first"
    if service.options.get("mac_address"):
        yield "its mac_address is fixed; without it, it would be start-first"


def _host_port(service: Service, number: str) -> str:
    hidden = ("ports",) in service.hidden or (service.traffic is not None and service.traffic.hidden)
    return "a host port" if hidden else f"host port {number}"


def _handover(service: Service, instances: Iterable[Instance]) -> str:
    """That the port is a container's own until now."""
    traffic = service.traffic
    if traffic is None or not any(_publishes(each, traffic) for each in instances):
        return ""
    port = _host_port(service, str(traffic.listen))
    return f"{port} goes over from its container to the router, this once"


def _publishes(instance: Instance, traffic: Traffic) -> bool:
    """Whether it has the port itself, of an address that the router is to have."""
    for port, bindings in mapping(instance.fields.get("ports")).items():
        for address, _, number in (binding.rpartition(":") for binding in strings(bindings)):
            overlap = address == traffic.host_address or {"", "0.0.0.0", "::"} & {address, traffic.host_address}
            if port.endswith("/tcp") and number == str(traffic.listen) and overlap:
                return True
    return False


def _unnoticed(service: Service) -> str:
    traffic = service.traffic
    if traffic is not None and traffic.inner:
        return f"the router has {_host_port(service, str(traffic.listen)).replace('host port', 'inner port')}"
    return "" if traffic is None else f"the router has {_host_port(service, str(traffic.listen))}"


def _should_not_stand_twice(service: Service, image_volumes: Collection[str]) -> Iterator[str]:
    advice = "`deploy.update_config.order: start-first` allows two at once"
    if service.options.get("container_name"):
        yield f"its container_name is fixed; {advice}"
    for mount in service.mounts:
        match mount:
            case VolumeMount(source=source, target=target, read_only=False):
                yield f"it writes to volume {source} at {target}; {advice}".replace(
                    "volume  at", "an anonymous volume at"
                )
            case Bind(source=source, read_only=False):
                where = "a directory of the host" if ("volumes",) in service.hidden else f"{source} on the host"
                yield f"it writes to {where}; {advice}"
            case _:
                pass
    if network := shares_network(service.options):
        yield f"it uses the network of {network}, where a port can be bound once; {advice}"
    for name in borrowed_services(service.options):
        if f"{name}:ro" not in strings(service.options.get("volumes_from")):
            yield f"it writes to the volumes of {name}; {advice}"
    mounted = {mount.target for mount in service.mounts}
    for target in image_volumes:
        if target not in mounted:
            yield f"its image declares the volume {target}; {advice}"


def _interruption(service: Service) -> float:
    """Seconds without any instance; none while another slot serves."""
    if fence(service.policy, "stop-first", service.replicas).unavailable < service.replicas or not service.replicas:
        return 0.0
    return STOP_S + START_S + service.policy.min_ready.total_seconds()

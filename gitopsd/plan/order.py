"""In which order an instance and its replacement meet, and what that costs in service."""

from collections.abc import Iterator
from dataclasses import dataclass

from gitopsd.engine_json import borrowed_services, shares_network
from gitopsd.engine_json.fields import strings
from gitopsd.model.desired import Bind, Order, SealedService, Service, VolumeMount
from gitopsd.rollout import fence

STOP_S = 1.0  # a process that heeds its stop signal; the grace period is the upper bound
START_S = 1.0


@dataclass(frozen=True, slots=True)
class Replacement:
    """`reason` says why it is stop-first, and how to change that; "" for start-first. `interruption_s`: seconds."""

    order: Order
    reason: str = ""
    interruption_s: float = 0.0


def replacement(sealed: SealedService) -> Replacement:
    """The order for a service. What cannot stand twice is replaced stop-first, whatever the manifest asks for."""
    service = sealed.service
    impossible = next(_cannot_stand_twice(service), "")
    reason = impossible or ("" if service.policy.order else next(_should_not_stand_twice(sealed), ""))
    if service.policy.order == "stop-first":
        reason = reason or "the manifest says order: stop-first"
    if not reason:
        return Replacement("start-first")
    return Replacement("stop-first", reason, _interruption(service))


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
    for port in service.ports:
        if port.published and "-" not in port.published:
            host_port = "a host port" if ("ports",) in service.hidden else f"host port {port.published}"
            yield f"{host_port} can be bound once; without a published port it would be start-first"
    for attachment in service.networks:
        if attachment.ipv4_address or attachment.ipv6_address or attachment.link_local_ips or attachment.mac_address:
            yield f"its address on network {attachment.network} is fixed; without it, it would be start-first"
    if service.options.get("mac_address"):
        yield "its mac_address is fixed; without it, it would be start-first"


def _should_not_stand_twice(sealed: SealedService) -> Iterator[str]:
    service = sealed.service
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
    for target in sealed.image.volumes:
        if target not in mounted:
            yield f"its image declares the volume {target}; {advice}"


def _interruption(service: Service) -> float:
    """Seconds without any instance; none while another slot serves."""
    if fence(service.policy, "stop-first", service.replicas).unavailable < service.replicas or not service.replicas:
        return 0.0
    return STOP_S + START_S + service.policy.min_ready.total_seconds()

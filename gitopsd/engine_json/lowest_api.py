"""The lowest engine API that a Compose key needs, where the engine would otherwise ignore it without a word.

The versions are those of the engine's own history of its API. What an older engine refuses by itself (a GPU without a
driver, say) needs no word here; the refusal is evidence enough.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.networking import by_priority
from gitopsd.model.desired import Attachment, Bind, ImageMount, Mount, Network, Service, VolumeMount
from gitopsd.model.errors import Place, Problem

LOWEST_API: Final[Mapping[str, tuple[int, int]]] = {
    "volumes[].bind.create_host_path": (1, 42),
    "annotations": (1, 43),
    "healthcheck.start_interval": (1, 44),
    "volumes[].bind.recursive": (1, 44),
    "networks.mac_address": (1, 44),
    "volumes[].volume.subpath": (1, 45),
    "volumes[].type: image": (1, 48),
    "networks.gw_priority": (1, 48),
    "networks.enable_ipv4": (1, 48),
    "networks.interface_name": (1, 49),
}


def too_new(service: Service, api: tuple[int, int]) -> tuple[Problem, ...]:
    """One problem for each key of a service that an engine of this API version does not know."""
    used = dict.fromkeys(_used(service))
    return tuple(_problem(service.place, f"services.{service.name}", key, api) for key in used if api < LOWEST_API[key])


def network_too_new(network: Network, api: tuple[int, int]) -> tuple[Problem, ...]:
    """The same for a network's settings. Older engines give every network IPv4, so that only its absence is news."""
    key = "networks.enable_ipv4"
    if network.options.get("enable_ipv4") is not False or api >= LOWEST_API[key]:
        return ()
    return (_problem(Place(""), f"networks.{network.key}", key, api),)


def _used(service: Service) -> Iterator[str]:
    if service.options.get("annotations"):
        yield "annotations"
    if "start_interval" in mapping(service.options.get("healthcheck")):
        yield "healthcheck.start_interval"
    for mount in service.mounts:
        yield from _used_by_mount(mount)
    for place, attachment in enumerate(by_priority(service)):
        yield from _used_by_attachment(attachment, main=place == 0)


def _used_by_mount(mount: Mount) -> Iterator[str]:
    match mount:
        case VolumeMount(subpath=subpath) if subpath:
            yield "volumes[].volume.subpath"
        case ImageMount():
            yield "volumes[].type: image"
        case Bind(recursive="readonly" | "writable"):
            yield "volumes[].bind.recursive"
        case Bind(source=source, create_host_path=True, recursive=recursive) if (
            ":" in source or recursive == "disabled"
        ):
            # The short syntax creates the path on every engine, but cannot say everything.
            yield "volumes[].bind.create_host_path"
        case _:
            pass


def _used_by_attachment(attachment: Attachment, *, main: bool) -> Iterator[str]:
    if attachment.mac_address and not main:
        yield "networks.mac_address"
    if attachment.gw_priority:
        yield "networks.gw_priority"
    if attachment.interface_name:
        yield "networks.interface_name"


def _problem(place: Place, path: str, key: str, api: tuple[int, int]) -> Problem:
    lowest, spoken = (".".join(map(str, version)) for version in (LOWEST_API[key], api))
    return Problem(
        place, path, f"{key} needs engine API {lowest}, this engine speaks {spoken}; remove the key or upgrade Docker"
    )

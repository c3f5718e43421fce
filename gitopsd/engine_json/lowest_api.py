"""The lowest engine API that a Compose key needs, where the engine would otherwise ignore it without a word."""

from collections.abc import Mapping
from typing import Final

from gitopsd.engine_json.fields import mapping
from gitopsd.model.desired import Bind, Network, Service, VolumeMount
from gitopsd.model.errors import Place, Problem

LOWEST_API: Final[Mapping[str, tuple[int, int]]] = {
    "volumes[].bind.create_host_path": (1, 42),
    "healthcheck.start_interval": (1, 44),
    "volumes[].volume.subpath": (1, 45),
    "networks.enable_ipv4": (1, 48),
}


def too_new(service: Service, api: tuple[int, int]) -> tuple[Problem, ...]:
    """One problem for each key of a service that an engine of this API version does not know."""
    return tuple(
        _problem(service.place, f"services.{service.name}", key, api) for key in _used(service) if api < LOWEST_API[key]
    )


def network_too_new(network: Network, api: tuple[int, int]) -> tuple[Problem, ...]:
    """The same for a network's settings."""
    key = "networks.enable_ipv4"
    if network.options.get("enable_ipv4") is None or api >= LOWEST_API[key]:
        return ()
    return (_problem(Place(""), f"networks.{network.key}", key, api),)


def _used(service: Service) -> list[str]:
    keys: list[str] = []
    if "start_interval" in mapping(service.options.get("healthcheck")):
        keys.append("healthcheck.start_interval")
    for mount in service.mounts:
        match mount:
            case VolumeMount(subpath=subpath) if subpath:
                keys.append("volumes[].volume.subpath")
            case Bind(source=source, create_host_path=True) if ":" in source:
                # The short syntax creates the path on every engine, but cannot hold a colon.
                keys.append("volumes[].bind.create_host_path")
    return list(dict.fromkeys(keys))


def _problem(place: Place, path: str, key: str, api: tuple[int, int]) -> Problem:
    lowest, spoken = (".".join(map(str, version)) for version in (LOWEST_API[key], api))
    return Problem(
        place, path, f"{key} needs engine API {lowest}, this engine speaks {spoken}; remove the key or upgrade Docker"
    )

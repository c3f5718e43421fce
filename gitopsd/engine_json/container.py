"""A sealed service and the slot that it fills -> what the engine is asked to create. The front door of this room."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gitopsd.engine_json.content import Delivery
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.fields import mapping, nanoseconds, number, strings, text
from gitopsd.engine_json.host import host_config
from gitopsd.engine_json.labels import container_labels
from gitopsd.engine_json.lowest_api import too_new
from gitopsd.engine_json.mounts import content_problems, exchange_problems, mounted
from gitopsd.engine_json.namespaces import modes
from gitopsd.engine_json.networking import (
    MAC_OF_ENDPOINT,
    at_creation,
    endpoints,
    exposed_ports,
    links,
    mac_address,
    port_bindings,
)
from gitopsd.engine_json.routed import NETWORK as ROUTED_NETWORK
from gitopsd.engine_json.routed import routed_endpoint
from gitopsd.model.canonical import Json
from gitopsd.model.desired import DesiredState, SealedService, Service
from gitopsd.model.errors import ManifestError

NOBODY: Final[Mapping[str, str]] = MappingProxyType({})


def creation(  # noqa: PLR0913 - every one of them goes into the container
    sealed: SealedService,
    desired: DesiredState,
    *,
    slot: int,
    name: str,
    release: int,
    carry: Mapping[str, str],
    api: tuple[int, int],
    joins: Mapping[str, str] = NOBODY,
    routed: str = "",
    key: bytes = b"",
    environment: str = "",
    working_dir: str = "",
    config_files: str = "",
) -> Creation:
    """The container `name` that fills `slot`. Strings in the options are meant literally: `$` is a dollar.

    `carry` maps mount targets to the anonymous volumes of the instance that it takes over from; `joins` maps services
    whose namespaces or volumes it uses to a container of theirs; `routed` is its address for the router, where one
    serves it; `key` is the store's, for the names of content volumes; `environment` "" is the desired state's own.
    ManifestError: content that cannot be delivered, or a Compose key that this API does not know.
    """
    service, environment = sealed.service, environment or desired.environment
    if problems := content_problems(service) + exchange_problems(service, sealed.image.volumes) + too_new(service, api):
        raise ManifestError(problems)
    labels = container_labels(
        sealed,
        project=desired.project,
        environment=environment,
        slot=slot,
        release=release,
        optional=_of_files(working_dir, config_files),
    )
    delivery = Delivery(api, environment, sealed.image, key, service.name, sealed.fingerprint)
    mounts = mounted(service, sealed.image, desired, carry, delivery)
    found = endpoints(service, desired, slot, api)
    networking, connect = at_creation(found, api)
    if service.traffic is not None:
        connect = (*connect, (ROUTED_NETWORK, routed_endpoint(routed)))
    network = {"NetworkMode": found[0][0] if found else "none", **modes(service.options, joins)}
    host = {**host_config(service, mounts), **network, **_reachable(service, desired, slot)}
    config = {**_config(service, api), "Image": sealed.image.id, "Labels": labels}
    body = {**config, "HostConfig": host, "NetworkingConfig": networking}
    delivered = (mounts.archives, mounts.volumes, mounts.host_files, mounts.exchanged)
    platform = text(service.options.get("platform"))
    return Creation(name, body, connect, *delivered, platform=platform, image=sealed.image.reference)


def _of_files(working_dir: str, config_files: str) -> dict[str, str]:
    """The labels by which `docker compose ls` names the files that a project is of."""
    prefix = "com.docker.compose.project"
    return {f"{prefix}.working_dir": working_dir, f"{prefix}.config_files": config_files}


def with_host_files(creation: Creation, mountpoints: Mapping[str, str]) -> Mapping[str, Json]:
    """The body with a bind for each file that is mounted by its host path, given where each content volume lies."""
    if not creation.host_files:
        return creation.body
    host = mapping(creation.body["HostConfig"])
    binds = [f"{mountpoints[file.volume]}/{file.path}:{file.target}:ro" for file in creation.host_files]
    return {**creation.body, "HostConfig": {**host, "Binds": [*strings(host.get("Binds")), *binds]}}


def _config(service: Service, api: tuple[int, int]) -> dict[str, Json]:
    options, config = service.options, container_settings(service)
    exposed = exposed_ports(service.direct_ports, strings(options.get("expose")))
    if exposed:
        config["ExposedPorts"] = exposed
    if api < MAC_OF_ENDPOINT and mac_address(service):
        config["MacAddress"] = mac_address(service)
    if options.get("stop_grace_period") is not None:
        config["StopTimeout"] = -(-nanoseconds(options["stop_grace_period"]) // 10**9)
    return config


def container_settings(service: Service) -> dict[str, Json]:
    """What a container is in itself, wherever it runs, by the names that the engine has for it."""
    options = service.options
    config: dict[str, Json] = {
        "Hostname": options.get("hostname"),
        "Domainname": options.get("domainname"),
        "User": options.get("user"),
        "WorkingDir": options.get("working_dir"),
        "StopSignal": options.get("stop_signal"),
        "Tty": options.get("tty"),
        "OpenStdin": options.get("stdin_open"),
        "Cmd": options.get("command"),
        "Entrypoint": options.get("entrypoint"),
        "Env": _environment(mapping(options.get("environment"))) or None,
        "Healthcheck": _healthcheck(mapping(options.get("healthcheck"))) or None,
    }
    return {key: value for key, value in config.items() if value is not None}


def _environment(variables: Mapping[str, Json]) -> list[str]:
    """A variable without a value takes away the image's."""
    return [key if value is None else f"{key}={text(value)}" for key, value in sorted(variables.items())]


def _healthcheck(check: Mapping[str, Json]) -> dict[str, Json]:
    if check.get("disable") is True:
        return {"Test": ["NONE"]}
    body: dict[str, Json] = {
        "Test": strings(check.get("test")),
        "Interval": nanoseconds(check.get("interval")),
        "Timeout": nanoseconds(check.get("timeout")),
        "StartPeriod": nanoseconds(check.get("start_period")),
        "StartInterval": nanoseconds(check.get("start_interval")),
        "Retries": int(number(check.get("retries"))),
    }
    return {key: value for key, value in body.items() if value}


def _reachable(service: Service, desired: DesiredState, slot: int) -> dict[str, Json]:
    """Where the container is reached, and what it reaches by links, as far as that is the host's affair.

    In networks of the project, links are the endpoints'; the host's are only for those that are joined by their mode.
    """
    found: dict[str, Json] = {
        "PortBindings": port_bindings(service.direct_ports),
        "Links": [] if service.networks else list(links(service, desired, slot)),
    }
    return {key: value for key, value in found.items() if value}

"""A whole project as it runs -> the Compose document that asks for just that, secrets apart."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gitopsd.engine_json.expectation import ImageConfig
from gitopsd.engine_json.fields import mapping, strings
from gitopsd.engine_json.labels import NETWORK, PROJECT, VOLUME
from gitopsd.engine_json.reconstruction import service_of
from gitopsd.model.canonical import Json
from gitopsd.model.live import Instance, LiveNetwork, LiveState, LiveVolume

DEPENDS_ON: Final = "com.docker.compose.depends_on"
# Names whose values are taken for secrets.
TELLING: Final = re.compile(r"pass|secret|token|key|credential|auth", re.IGNORECASE)
_KEY: Final = re.compile(r"[^a-zA-Z0-9._-]+")


@dataclass(frozen=True, slots=True)
class ProjectDocument:
    """`document` is ready to be written: dollars are doubled, and what looks like a secret is `${NAME}` in it.

    `secrets` are those values by name.
    """

    document: Mapping[str, Json]
    secrets: Mapping[str, str]


def document_of(project: str, live: LiveState, images: Mapping[str, ImageConfig]) -> ProjectDocument:
    """The document of a project. `images` are the configurations of its images by id."""
    own = sorted(
        (each for each in live.instances if each.service and not each.one_off),
        key=lambda each: (each.service, each.state != "running", each.slot),
    )
    by_service: dict[str, list[Instance]] = {}
    for each in own:
        by_service.setdefault(each.service, []).append(each)
    siblings = {key: each.service for each in own for key in (each.id, each.name)}
    networks = {each.name: _network_key(each, project) for each in live.networks}
    services = {
        name: _service(found, project, siblings, networks, images.get(found[0].image_id, {}))
        for name, found in by_service.items()
    }
    volumes = _volumes(services, live, project)
    secrets: dict[str, str] = {}
    document: dict[str, Json] = {
        "services": {name: apart(name, service, secrets) for name, service in services.items()}
    }
    if joined := _joined(services, live, project, networks):
        document["networks"] = escaped(joined)
    if volumes:
        document["volumes"] = escaped(volumes)
    return ProjectDocument(document, secrets)


def _service(
    found: list[Instance],
    project: str,
    siblings: Mapping[str, str],
    networks: Mapping[str, str],
    image: ImageConfig,
) -> dict[str, Json]:
    first = found[0]
    usual = f"{project}-{first.service}-{first.slot}"
    fields = {**first.fields, **dict(_shared(first, siblings))}
    service: dict[str, Json] = {"image": first.image, **service_of(fields, image, usual, networks)}
    if service.get("networks") == {"default": {"aliases": [first.service]}}:
        del service["networks"]
    else:
        service["networks"] = {
            key: _without_own(mapping(each), first.service) for key, each in mapping(service.get("networks")).items()
        }
    if not service.get("networks"):
        service.pop("networks", None)
    if len(found) > 1:
        service["deploy"] = {"replicas": len(found)}
    if first.state == "exited" and first.exit_code == 0 and "restart" not in service:
        service["restart"] = "no"  # it ended well: written so, it is a one-shot
    if needs := dict(_needs(first)):
        service["depends_on"] = needs
    for key, written in _links(first, project, siblings):
        service[key] = [*strings(service.get(key)), written]
    return service


def _shared(instance: Instance, siblings: Mapping[str, str]) -> Iterator[tuple[str, Json]]:
    """Namespaces and volumes of another service by its name."""
    for key in ("network_mode", "pid", "ipc"):
        kind, _, container = str(instance.fields.get(key) or "").partition(":")
        if kind == "container" and container in siblings:
            yield key, f"service:{siblings[container]}"
    lenders = instance.fields.get("volumes_from")
    if isinstance(lenders, list):
        parts = [str(each).partition(":") for each in lenders]
        yield (
            "volumes_from",
            [
                f"{siblings[name]}{colon}{mode}" if name in siblings else f"container:{name}{colon}{mode}"
                for name, colon, mode in parts
            ],
        )


def _links(instance: Instance, project: str, siblings: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each link once, and without the two names that Compose adds by itself."""
    endpoints = mapping(instance.fields.get("networks")).values()
    known: dict[str, list[str]] = {}
    for link in dict.fromkeys(link for each in endpoints for link in strings(mapping(each).get("links"))):
        container, _, alias = link.partition(":")
        known.setdefault(siblings.get(container, f"/{container}"), []).append(alias)
    for target, aliases in known.items():
        name = target.removeprefix("/")
        given = {f"{name}-{instance.slot}", f"{project}-{name}-{instance.slot}"}
        own = [each for each in aliases if target != name or each not in given]
        for alias in dict.fromkeys(own or [name]):
            yield "external_links" if target != name else "links", name if alias == name else f"{name}:{alias}"


def _without_own(endpoint: Mapping[str, Json], service: str) -> Json:
    """Without the alias that every instance of the service has anyway."""
    aliases = endpoint.get("aliases")
    others = [each for each in aliases if each != service] if isinstance(aliases, list) else []
    rest = {key: each for key, each in endpoint.items() if key != "aliases"}
    return {**({"aliases": others} if others else {}), **rest} or None


def _needs(instance: Instance) -> Iterator[tuple[str, Json]]:
    """`db:service_healthy:true`, as Compose labels it."""
    for written in filter(None, instance.labels.get(DEPENDS_ON, "").split(",")):
        service, _, rest = written.partition(":")
        condition, _, restart = rest.partition(":")
        need: dict[str, Json] = {"condition": condition or "service_started"}
        yield service, {**need, "restart": True} if restart == "true" else need


def _network_key(network: LiveNetwork, project: str) -> str:
    mine = network.labels.get(PROJECT) == project
    return (network.labels.get(NETWORK) if mine else None) or key_of(network.name)


def key_of(name: str) -> str:
    """A key for what has this name on an engine."""
    return _KEY.sub("_", name)


def _joined(
    services: Mapping[str, Mapping[str, Json]], live: LiveState, project: str, keys: Mapping[str, str]
) -> dict[str, Json]:
    """The networks that services name, and the default one where it has settings."""
    named = {key for service in services.values() for key in mapping(service.get("networks"))}
    own = {keys[each.name]: each for each in live.networks if each.labels.get(PROJECT) == project}
    fixed = {
        key
        for service in services.values()
        for key, each in mapping(service.get("networks")).items()
        if {"ipv4_address", "ipv6_address"} & mapping(each).keys()
    }
    found: dict[str, Json] = {}
    for key in sorted(named | {"default"} & own.keys()):
        if key not in own:
            found[key] = {"name": key, "external": True}
            continue
        settings = network_of(own[key], key, project, fixed=key in fixed)
        if settings or key in named:
            found[key] = settings or None
    return found


def network_of(network: LiveNetwork, key: str, project: str, *, fixed: bool = False) -> dict[str, Json]:
    """What is to be written of a network that the project owns."""
    fields = network.fields
    found: dict[str, Json] = {
        name: fields[name]
        for name in ("driver_opts", "internal", "attachable", "enable_ipv6", "labels")
        if name in fields
    }
    if fields.get("driver") not in ("bridge", None):
        found["driver"] = fields["driver"]
    pools = mapping(fields.get("ipam.config"))
    # Whether a subnet was asked for, or the engine took one, shows only where someone needs it or has no gateway.
    if pools and (fixed or any("gateway" not in mapping(pool) for pool in pools.values())):
        found["ipam"] = {"config": [{"subnet": subnet, **mapping(pool)} for subnet, pool in pools.items()]}
    if network.name != f"{project}_{key}":
        found["name"] = network.name
    return found


def _volumes(services: Mapping[str, dict[str, Json]], live: LiveState, project: str) -> dict[str, Json]:
    """The named volumes; the services' mounts name them by their keys afterwards."""
    own = {each.name: each for each in live.volumes if each.labels.get(PROJECT) == project}
    keys: dict[str, str] = {}
    for service in services.values():
        mounts = service.get("volumes")
        for mount in mounts if isinstance(mounts, list) else ():
            if mount["type"] == "volume" and "source" in mount:
                name = mount["source"]
                keys[name] = (own[name].labels.get(VOLUME) if name in own else None) or key_of(name)
                mount["source"] = keys[name]
    return {
        key: (_volume(own[name], key, project) or None) if name in own else {"name": name, "external": True}
        for name, key in sorted(keys.items())
    }


def _volume(volume: LiveVolume, key: str, project: str) -> dict[str, Json]:
    found: dict[str, Json] = {name: volume.fields[name] for name in ("driver_opts", "labels") if name in volume.fields}
    if volume.fields.get("driver") not in ("local", None):
        found["driver"] = volume.fields["driver"]
    if volume.name != f"{project}_{key}":
        found["name"] = volume.name
    return found


def apart(name: str, service: Mapping[str, Json], secrets: dict[str, str]) -> Json:
    """The service with dollars doubled, and a variable in place of each value that its name gives away as a secret."""
    found = mapping(escaped(service))
    variables: dict[str, Json] = {}
    for key, value in mapping(service.get("environment")).items():
        variables[key] = mapping(found["environment"])[key.replace("$", "$$")]
        if value and TELLING.search(key):
            called = re.sub(r"[^A-Za-z0-9]+", "_", f"{name}_{key}").upper()
            secrets[called] = str(value)
            variables[key] = f"${{{called}}}"
    return {**found, "environment": variables} if variables else found


def escaped(value: Json) -> Json:
    """With its dollars doubled, at any depth."""
    match value:
        case str():
            return value.replace("$", "$$")
        case Mapping():
            return {key.replace("$", "$$"): escaped(each) for key, each in value.items()}
        case list() | tuple():
            return [escaped(each) for each in value]
        case _:
            return value

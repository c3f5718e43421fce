"""A whole stack as it runs -> the Compose document that asks for just that, secrets apart."""

from collections.abc import Iterator, Mapping

from gitopsd.engine_json.fields import mapping, text
from gitopsd.engine_json.project_document import ProjectDocument, apart, escaped, network_of
from gitopsd.engine_json.swarm_reconstruction import key_in, labels_of, service_of_spec
from gitopsd.engine_json.swarm_spec import OVERLAY, STACK
from gitopsd.model.canonical import Json
from gitopsd.model.live import LiveNetwork
from gitopsd.model.swarm import SwarmState

_VXLAN = "com.docker.network.driver.overlay.vxlanid_list"  # Swarm's own


def stack_document(stack: str, live: SwarmState, configs: Mapping[str, str]) -> ProjectDocument:
    """The document of a stack. `configs` are the paths of their contents, by their names. Secrets are left to the host,
    as no manager gives their values away.
    """
    networks = {each.name: key_in(each.name, stack) for each in live.networks if each.labels.get(STACK) == stack}
    services = {
        name.removeprefix(f"{stack}_"): service_of_spec(each.body, stack, networks)
        for name, each in sorted(live.services.items())
    }
    secrets: dict[str, str] = {}
    document: dict[str, Json] = {"services": {name: apart(name, each, secrets) for name, each in services.items()}}
    found: dict[str, dict[str, Json]] = {
        "networks": dict(_networks(services, live, stack)),
        "volumes": dict(_volumes(live, stack)),
        "configs": {key_in(name, stack): {"file": path} for name, path in sorted(configs.items())},
        "secrets": {key_in(name, stack): {"external": True} for name in secret_names(live)},
    }
    return ProjectDocument({**document, **{kind: escaped(each) for kind, each in found.items() if each}}, secrets)


def config_names(live: SwarmState) -> tuple[str, ...]:
    return _names(live, "Config")


def secret_names(live: SwarmState) -> tuple[str, ...]:
    return _names(live, "Secret")


def _names(live: SwarmState, kind: str) -> tuple[str, ...]:
    """Those that services are given, sorted."""
    held = (each for service in live.services.values() for each in _entries(service.body, f"{kind}s"))
    return tuple(sorted({text(each.get(f"{kind}Name")) for each in held if each.get("File")}))


def _networks(services: Mapping[str, Mapping[str, Json]], live: SwarmState, stack: str) -> Iterator[tuple[str, Json]]:
    own = {key_in(each.name, stack): each for each in live.networks if each.labels.get(STACK) == stack}
    named = {key for service in services.values() for key in mapping(service.get("networks"))}
    for key in sorted(named | own.keys()):
        known = own.get(key)
        settings: dict[str, Json] = {"name": key, "external": True}
        settings = _settings(known, key, stack) if known is not None else settings
        if settings or key != "default":
            yield key, settings or None


def _settings(network: LiveNetwork, key: str, stack: str) -> dict[str, Json]:
    found = network_of(network, key, stack)
    options = {name: each for name, each in mapping(found.get("driver_opts")).items() if name != _VXLAN}
    labels = labels_of({"Labels": mapping(found.get("labels"))})
    rest = {name: each for name, each in found.items() if name not in ("driver_opts", "labels")}
    if rest.get("driver") == OVERLAY:
        del rest["driver"]
    return {**rest, **({"driver_opts": options} if options else {}), **({"labels": labels} if labels else {})}


def _volumes(live: SwarmState, stack: str) -> Iterator[tuple[str, Json]]:
    """What bears the stack's label is the stack's; a node makes it when a task needs it."""
    for service in live.services.values():
        for mount in _entries(service.body, "Mounts"):
            name, options = text(mount.get("Source")), mapping(mount.get("VolumeOptions"))
            if mount.get("Type") != "volume" or not name:
                continue
            key, driver = key_in(name, stack), mapping(options.get("DriverConfig"))
            if mapping(options.get("Labels")).get(STACK) != stack:
                yield key, {"name": name, "external": True}
                continue
            found: dict[str, Json] = {
                "name": name if name != f"{stack}_{key}" else None,
                "driver": driver.get("Name"),
                "driver_opts": driver.get("Options"),
                "labels": labels_of(options),
            }
            said = {word: each for word, each in found.items() if each}
            yield key, said or None


def _entries(body: Mapping[str, Json], key: str) -> Iterator[Mapping[str, Json]]:
    entries = mapping(mapping(body.get("TaskTemplate")).get("ContainerSpec")).get(key)
    yield from map(mapping, entries if isinstance(entries, list | tuple) else ())

"""The labels that containers, networks and volumes carry: our own, and Compose's, so that its commands work on them."""

from collections.abc import Iterable, Mapping
from typing import Final

from gitopsd.engine_json.fields import mapping, text
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Dependency, Network, SealedService, Volume
from gitopsd.model.parted import Path, parted, same_but_for_the_key, secret_part, secrets_in, without_secrets

ENVIRONMENT: Final = "gitopsd.environment"
SERVICE: Final = "gitopsd.service"
SLOT: Final = "gitopsd.slot"
FINGERPRINT: Final = "gitopsd.fingerprint"
RELEASE: Final = "gitopsd.release"
SECRETS: Final = "gitopsd.secrets"
OWNER: Final = "gitopsd.owner"
OPTIONS: Final = "gitopsd.options"
CONTENT: Final = "gitopsd.content"
CONTENT_VOLUME_PREFIX: Final = "gitopsd-content-"
CARRIER: Final = "gitopsd.carrier"
PROBE: Final = "gitopsd.probe"
ROUTER: Final = "gitopsd.router"
ROUTED: Final = "gitopsd.routed"
LOGIN: Final = "gitopsd.login"

PROJECT: Final = "com.docker.compose.project"
COMPOSE_SERVICE: Final = "com.docker.compose.service"
NUMBER: Final = "com.docker.compose.container-number"
ONE_OFF: Final = "com.docker.compose.oneoff"
CONFIG_HASH: Final = "com.docker.compose.config-hash"
NETWORK: Final = "com.docker.compose.network"
VOLUME: Final = "com.docker.compose.volume"
VERSION: Final = "com.docker.compose.version"

# The Compose whose ways our containers follow; its commands read this label.
COMPOSE_VERSION: Final = "2.40.3"


def container_labels(
    sealed: SealedService, *, project: str, environment: str, slot: int, release: int, optional: Mapping[str, str]
) -> dict[str, str]:
    """The manifest's labels, then ours, which win. `optional` holds labels that are left out when empty."""
    service = sealed.service
    ours = {
        ENVIRONMENT: environment,
        SERVICE: service.name,
        SLOT: str(slot),
        FINGERPRINT: sealed.fingerprint,
        RELEASE: str(release),
        PROJECT: project,
        COMPOSE_SERVICE: service.name,
        NUMBER: str(slot),
        ONE_OFF: "False",
        CONFIG_HASH: sealed.fingerprint.rpartition(":")[2],
        "com.docker.compose.image": sealed.image.id,
        "com.docker.compose.depends_on": ",".join(_dependency(each) for each in service.depends_on),
        VERSION: COMPOSE_VERSION,
    }
    optional = {SECRETS: secret_part(sealed.fingerprint), **optional}
    written = {key: text(value) for key, value in mapping(service.options.get("labels")).items()}
    return written | ours | {key: value for key, value in optional.items() if value}


def _dependency(dependency: Dependency) -> str:
    return f"{dependency.service}:{dependency.condition}:{str(dependency.restart).lower()}"


def network_labels(network: Network, project: str, environment: str, key: bytes) -> dict[str, str]:
    """Labels of a network that we create; `key` is the store's."""
    return _resource_labels(network, project, environment, key) | {NETWORK: network.key}


def volume_labels(volume: Volume, project: str, environment: str, key: bytes) -> dict[str, str]:
    """Labels of a named volume that we create; `key` is the store's."""
    return _resource_labels(volume, project, environment, key) | {VOLUME: volume.key}


def _resource_labels(resource: Network | Volume, project: str, environment: str, key: bytes) -> dict[str, str]:
    """Without a config-hash: where Compose finds another one than its own, it offers to make the volume anew."""
    written = {name: text(value) for name, value in mapping(resource.options.get("labels")).items()}
    hashed = options_digest(resource.options, resource.hidden, key)
    ours = {PROJECT: project, VERSION: COMPOSE_VERSION, ENVIRONMENT: environment, OPTIONS: hashed}
    return written | ours


def options_digest(options: Mapping[str, Json], hidden: Iterable[Path] = (), key: bytes = b"") -> str:
    """What a network or volume was created from, as its label `gitopsd.options` says; null values count as absent."""
    given = {name: value for name, value in options.items() if value not in (None, {}, [], "")}
    paths = tuple(hidden)
    return parted(without_secrets(given, paths), secrets_in(given, paths, key), key)


def other_options(label: str, wanted: str) -> bool:
    """Whether a network or volume was created from other options for certain; nobody can say it of secrets that were
    hashed with a key that is lost, nor of what bears no label of ours.
    """
    return bool(label and wanted) and label != wanted and not same_but_for_the_key(label, wanted)

"""Builders of services and desired states for tests that create containers."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from gitopsd.engine_json import creation
from gitopsd.engine_json.creation import Creation
from gitopsd.model.canonical import Json
from gitopsd.model.desired import (
    Attachment,
    Content,
    ContentFile,
    ContentMount,
    DesiredState,
    Image,
    Mount,
    Network,
    Port,
    SealedService,
    Service,
    Volume,
)
from gitopsd.model.errors import Place

PLACE = Place("compose.yaml", 3, 5)
IMAGE = Image("shop/web:1.4", "sha256:1111")
KEY = b"a key of this store"
FINGERPRINT = "v1:abc"


def service(name: str = "web", mounts: Sequence[Mount] = (), **fields: Any) -> Service:
    """A service; keyword arguments that are no field of it are Compose options."""
    own = {
        key: fields.pop(key)
        for key in ("ports", "networks", "depends_on", "place", "replicas", "traffic")
        if key in fields
    }
    own.setdefault("networks", (Attachment("default"),))
    own.setdefault("place", PLACE)
    return Service(name=name, image=IMAGE.reference, options=fields, mounts=tuple(mounts), **own)


def desired(*services: Service, project: str = "shop", networks: Sequence[str] = ("default",)) -> DesiredState:
    """A desired state with networks and with every volume that a mount names."""
    volumes = {mount.source for each in services for mount in each.mounts if getattr(mount, "source", "")}
    return DesiredState(
        environment="production",
        project=project,
        services={each.name: each for each in services},
        networks={key: Network(key, f"{project}_{key}") for key in networks},
        volumes={key: Volume(key, f"{project}_{key}") for key in volumes if "/" not in key},
    )


def sealed(each: Service, image: Image = IMAGE, fingerprint: str = FINGERPRINT) -> SealedService:
    return SealedService(each, image, fingerprint, "limits", "config")


def created(each: Service, image: Image = IMAGE, state: DesiredState | None = None, **arguments: Any) -> Creation:
    """The creation of slot 1 in release 7, unless told otherwise."""
    state = state or desired(each, networks=sorted({attachment.network for attachment in each.networks}))
    slot = arguments.pop("slot", 1)
    given: dict[str, Any] = {
        "name": f"{state.project}-{each.name}-{slot}",
        "release": 7,
        "carry": {},
        "api": (1, 41),
        "key": KEY,
        **arguments,
    }
    return creation(sealed(each, image, given.pop("fingerprint", FINGERPRINT)), state, slot=slot, **given)


def host(made: Creation) -> Mapping[str, Any]:
    found = made.body["HostConfig"]
    assert isinstance(found, Mapping)
    return found


def file(target: str, data: bytes = b"hello\n", mode: int = 0o644, secret: bool = False) -> ContentMount:
    """Content of one file."""
    return ContentMount(target, Content((ContentFile("", data, mode),), directory=False, secret=secret), "./file")


def exchanged(target: str, data: bytes = b"hello\n", on_change: str = "update", **fields: Any) -> ContentMount:
    """A config that is exchanged in place."""
    return replace(file(target, data, **fields), grant="config app", on_change=on_change)


def directory(target: str, files: Mapping[str, bytes]) -> ContentMount:
    """Content of a directory."""
    held = tuple(ContentFile(path, data) for path, data in files.items())
    return ContentMount(target, Content(held, directory=True), "./directory")


__all__ = ["Attachment", "Json", "Port", "created", "desired", "directory", "file", "host", "sealed", "service"]

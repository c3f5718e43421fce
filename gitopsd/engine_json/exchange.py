"""Files that are exchanged while a container runs: volumes in which one link decides which of two sets is seen.

VOLUME/..a/etc/app.conf     what was there before
VOLUME/..b/etc/app.conf     what is there now
VOLUME/..data -> ..b        one rename exchanges all of them, and no reader sees half of it
"""

import hashlib
import hmac
import posixpath
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from gitopsd.engine_json.content import CARRIER_DIRECTORY, HOLD_DIRECTORY, Delivery, named_file
from gitopsd.engine_json.creation import ExchangeVolume
from gitopsd.engine_json.labels import CARRIER, CONTENT, CONTENT_VOLUME_PREFIX, ENVIRONMENT
from gitopsd.model.canonical import Json, canonical
from gitopsd.model.desired import ContentFile, ContentMount, Image

DATA: Final = "..data"
NEXT: Final = "..next"
SETS: Final = ("..a", "..b")
# Where a container has the volume whose files its own layer has links to, and the carrier the program that renames.
LINKED_DIRECTORY: Final = f"{HOLD_DIRECTORY}/exchanged"
PROGRAM: Final = f"{HOLD_DIRECTORY}/rename"


def exchange_volumes(
    linked: Iterable[ContentMount], others: Iterable[ContentMount], delivery: Delivery
) -> tuple[ExchangeVolume, ...]:
    """One volume for all files to which the container's own layer has links, and one for each directory of the others.

    A volume belongs to one content of everything else, so that what runs beside newer content keeps its files.
    """
    found = [_linked(tuple(linked), delivery)]
    by_directory: dict[str, list[ContentMount]] = {}
    for mount in others:
        by_directory.setdefault(posixpath.dirname(mount.target), []).append(mount)
    found += [_whole(directory, mounts, delivery) for directory, mounts in sorted(by_directory.items())]
    return tuple(each for each in found if each.files)


def of_name(volume: ExchangeVolume, name: str) -> ExchangeVolume:
    """The same under another name: that which a container has was made with the key and the names of its time."""
    return replace(volume, name=name, carrier=_carrier(name, volume.image, volume.labels))


def mount_of(volume: ExchangeVolume) -> dict[str, Json]:
    options: dict[str, Json] = {"NoCopy": True}
    return {
        "Type": "volume",
        "Source": volume.name,
        "Target": volume.target,
        "ReadOnly": True,
        "VolumeOptions": options,
    }


def shown_files(volume: ExchangeVolume) -> tuple[ContentFile, ...]:
    """The files by the paths at which a container's process opens them."""
    if volume.target == LINKED_DIRECTORY:
        return tuple(named_file(file, f"/{file.path}") for file in volume.files)
    return tuple(named_file(file, posixpath.join(volume.target, file.path)) for file in volume.files)


def _linked(mounts: tuple[ContentMount, ...], delivery: Delivery) -> ExchangeVolume:
    files = tuple(named_file(mount.content.files[0], mount.target.lstrip("/")) for mount in mounts)
    links = {mount.target: f"{LINKED_DIRECTORY}/{DATA}{mount.target}" for mount in mounts}
    return _volume(LINKED_DIRECTORY, files, delivery, links=links)


def _whole(directory: str, mounts: Iterable[ContentMount], delivery: Delivery) -> ExchangeVolume:
    files = tuple(named_file(mount.content.files[0], posixpath.basename(mount.target)) for mount in mounts)
    return _volume(directory, files, delivery, inner={file.path: f"{DATA}/{file.path}" for file in files})


def _volume(
    target: str,
    files: tuple[ContentFile, ...],
    delivery: Delivery,
    links: Mapping[str, str] | None = None,
    inner: Mapping[str, str] | None = None,
) -> ExchangeVolume:
    of: list[Json] = [delivery.environment, delivery.service, delivery.fingerprint, target]
    hashed = hmac.new(delivery.key, canonical(of), hashlib.sha256).hexdigest()[:32]
    labels = {ENVIRONMENT: delivery.environment, CONTENT: hashed}
    name = f"{CONTENT_VOLUME_PREFIX}{hashed}"
    carrier = _carrier(name, delivery.image, labels)
    return ExchangeVolume(name, target, files, delivery.image, links or {}, inner or {}, labels, carrier)


def _carrier(volume: str, image: Image, labels: Mapping[str, str]) -> dict[str, Json]:
    """It is started for the one rename, as nothing but itself: no network, no rights, no output, and from no shell."""
    filled: Json = {"Type": "volume", "Source": volume, "Target": CARRIER_DIRECTORY, "VolumeOptions": {"NoCopy": True}}
    covered: list[Json] = [{"Type": "tmpfs", "Target": target} for target in image.volumes]
    return {
        "Image": image.id,
        "Entrypoint": [PROGRAM],
        "Cmd": [],
        "User": "0:0",
        "WorkingDir": "/",
        "Healthcheck": {"Test": ["NONE"]},
        "Labels": {**labels, CARRIER: "true"},
        "HostConfig": {
            "NetworkMode": "none",
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "LogConfig": {"Type": "none"},
            "Mounts": [filled, *covered],
        },
    }

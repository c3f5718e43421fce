"""Content of the revision -> how it gets into the container: an archive, a content volume, or one file of a volume."""

import hashlib
import hmac
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gitopsd.engine_json.creation import Archive, ContentVolume, HostFile
from gitopsd.engine_json.labels import CARRIER, CONTENT, CONTENT_VOLUME_PREFIX, ENVIRONMENT
from gitopsd.model.canonical import Json, canonical
from gitopsd.model.desired import Content, ContentFile, ContentMount, Image

# Older engines ignore `Subpath` and mount the whole volume, writable.
VOLUME_SUBPATH: Final = (1, 45)
# Where the carrier has the volume, and where a container keeps one that it only holds in use.
CARRIER_DIRECTORY: Final = "/.gitopsd/fill"
HOLD_DIRECTORY: Final = "/.gitopsd"


@dataclass(frozen=True, slots=True)
class Delivery:
    """What delivering needs to know: the engine's API, whose content it is, and the key that names are made with."""

    api: tuple[int, int]
    environment: str
    image: Image
    key: bytes = b""
    service: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What one content mount comes to."""

    mounts: tuple[Mapping[str, Json], ...] = ()
    archives: tuple[Archive, ...] = ()
    volumes: tuple[ContentVolume, ...] = ()
    host_files: tuple[HostFile, ...] = ()


def deliver(mount: ContentMount, in_layer: bool, delivery: Delivery) -> Delivered:
    """A file goes into the writable layer where it can (`in_layer`); everything else comes from a content volume."""
    if mount.content.directory:
        volume = _volume(mount.content.files, mount.content, delivery)
        return Delivered((_whole(volume.name, mount.target),), volumes=(volume,))
    (file,) = mount.content.files
    if in_layer:
        return Delivered(archives=(Archive("/", (named_file(file, mount.target.lstrip("/")),)),))
    inside = named_file(file, posixpath.basename(mount.target))
    volume = _volume((inside,), mount.content, delivery)
    if delivery.api >= VOLUME_SUBPATH:
        return Delivered((_whole(volume.name, mount.target, inside.path),), volumes=(volume,))
    # The bind by host path alone would let the engine remove the volume as unused.
    held = _whole(volume.name, f"{HOLD_DIRECTORY}/{volume.labels[CONTENT]}")
    return Delivered((held,), volumes=(volume,), host_files=(HostFile(volume.name, inside.path, mount.target),))


def content_hash(files: tuple[ContentFile, ...], environment: str, key: bytes) -> str:
    """HMAC-SHA-256 of environment, paths, modes, owners and bytes, so that each volume belongs to one environment.

    Keyed, as the name of a volume is there for everybody to read.
    """
    listed: list[Json] = [
        [file.path, file.mode, file.uid, file.gid, hashlib.sha256(file.data).hexdigest()]
        for file in sorted(files, key=lambda file: file.path)
    ]
    return hmac.new(key, canonical([environment, listed]), hashlib.sha256).hexdigest()[:32]


def _volume(files: tuple[ContentFile, ...], content: Content, delivery: Delivery) -> ContentVolume:
    if content.secret and not delivery.key:
        raise ValueError("secret content needs a key: a plain hash in a volume's name could be guessed from")
    hashed = content_hash(files, delivery.environment, delivery.key)
    labels = {ENVIRONMENT: delivery.environment, CONTENT: hashed}
    name = f"{CONTENT_VOLUME_PREFIX}{hashed}"
    return ContentVolume(name, files, labels, _carrier(name, delivery.image, labels))


def _carrier(volume: str, image: Image, labels: Mapping[str, str]) -> dict[str, Json]:
    filled: Json = {
        "Type": "volume",
        "Source": volume,
        "Target": CARRIER_DIRECTORY,
        "VolumeOptions": {"NoCopy": True},
    }
    # A tmpfs in place of each of the image's volumes: otherwise every carrier would leave anonymous volumes behind.
    covered: list[Json] = [{"Type": "tmpfs", "Target": target} for target in image.volumes]
    return {
        "Image": image.id,
        "Entrypoint": ["gitopsd-carrier"],
        "Labels": {**labels, CARRIER: "true"},
        "HostConfig": {"NetworkMode": "none", "Mounts": [filled, *covered]},
    }


def _whole(volume: str, target: str, subpath: str = "") -> dict[str, Json]:
    options: dict[str, Json] = {"NoCopy": True}
    if subpath:
        options["Subpath"] = subpath
    return {"Type": "volume", "Source": volume, "Target": target, "ReadOnly": True, "VolumeOptions": options}


def named_file(file: ContentFile, path: str) -> ContentFile:
    """The same file elsewhere."""
    return ContentFile(path, file.data, file.mode, file.uid, file.gid)

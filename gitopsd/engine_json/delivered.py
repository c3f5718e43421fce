"""What a creation delivers by value, as digests by path, and what lies there: told apart by how it can be put back."""

import hashlib
import hmac
import posixpath
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gitopsd.engine_json.content import HOLD_DIRECTORY
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.exchange import shown_files
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.labels import CONTENT_VOLUME_PREFIX
from gitopsd.engine_json.projection import Projection
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile

CONTENT: Final = "content"
# A file that is mounted by itself goes on showing what it was when it was mounted.
MOUNTED: Final = "mounted_content"
EXCHANGED_CONTENT: Final = "exchanged_content"
ROWS: Final = (CONTENT, MOUNTED, EXCHANGED_CONTENT)


@dataclass(frozen=True, slots=True)
class Place:
    """A file or a directory with content in a container. `row` is its row of the field table; `files` are by path."""

    row: str
    target: str
    files: Mapping[str, str]
    size: int


def places(creation: Creation, live: Projection, key: bytes) -> tuple[Place, ...]:
    """Where the container that shows itself as `live` has content by delivery, and not by a mount of the host's.

    Digests are keyed: content may be secret.
    """
    mounts = mapping(live.get("volumes"))
    return tuple(each for each in _places(creation, key) if not _of_host(mounts.get(each.target)))


def content_shown(found: Iterable[tuple[Place, Iterable[ContentFile]]], key: bytes) -> dict[str, Json]:
    """What was read, in the rows of the field table."""
    shown: dict[str, dict[str, Json]] = {}
    for place, files in found:
        shown.setdefault(place.row, {}).update({_path(place.target, each): _digest(each, key) for each in files})
    return {row: dict(sorted(files.items())) for row, files in sorted(shown.items())}


def content_wanted(places: Iterable[Place]) -> dict[str, Json]:
    """What should be read, in the same form."""
    wanted: dict[str, dict[str, Json]] = {}
    for place in places:
        wanted.setdefault(place.row, {}).update(place.files)
    return {row: dict(sorted(files.items())) for row, files in sorted(wanted.items())}


def content_of(projection: Projection) -> dict[str, Json]:
    """Only these rows."""
    return {row: projection[row] for row in ROWS if row in projection}


def _places(creation: Creation, key: bytes) -> Iterator[Place]:
    for archive in creation.archives:
        for file in archive.files:
            yield _single(CONTENT, _path(archive.directory, file), file, key)
    for exchanged in creation.exchanged:
        yield from (_single(EXCHANGED_CONTENT, file.path, file, key) for file in shown_files(exchanged))
    filled = {volume.name: volume.files for volume in creation.volumes}
    asked = mapping(creation.body.get("HostConfig")).get("Mounts")
    for mount in map(mapping, asked if isinstance(asked, list | tuple) else ()):
        files, target = filled.get(str(mount.get("Source")), ()), str(mount.get("Target"))
        subpath = mapping(mount.get("VolumeOptions")).get("Subpath")
        if subpath:
            yield from (_single(MOUNTED, target, file, key) for file in files if file.path == subpath)
        elif files and not target.startswith(f"{HOLD_DIRECTORY}/"):
            digests = {_path(target, each): _digest(each, key) for each in files}
            yield Place(CONTENT, target, digests, sum(len(each.data) for each in files))
    for bound in creation.host_files:
        yield from (
            _single(MOUNTED, bound.target, each, key) for each in filled[bound.volume] if each.path == bound.path
        )


def _single(row: str, target: str, file: ContentFile, key: bytes) -> Place:
    return Place(row, target, {target: _digest(file, key)}, len(file.data))


def _path(target: str, file: ContentFile) -> str:
    return posixpath.normpath(posixpath.join(target, file.path))


def _digest(file: ContentFile, key: bytes) -> str:
    """Of its bytes alone: a mode or an owner that an engine maps to another one is no change."""
    return hmac.new(key, file.data, hashlib.sha256).hexdigest()[:12]


def _of_host(mount: Json) -> bool:
    """Content in a work tree that an adopted container mounts is told by the comparison that adopted it."""
    shown = mapping(mount)
    return shown.get("type") not in (None, "content") and CONTENT_VOLUME_PREFIX not in str(shown.get("source"))

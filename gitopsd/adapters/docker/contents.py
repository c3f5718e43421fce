"""Content on its way into containers, by archives and by volumes that a carrier fills; and read back from there."""

import io
import posixpath
import tarfile
import time
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.translate import translated, understood
from gitopsd.engine_json import live
from gitopsd.engine_json.content import CARRIER_DIRECTORY
from gitopsd.engine_json.creation import ContentVolume
from gitopsd.engine_json.labels import CARRIER
from gitopsd.model.canonical import canonical
from gitopsd.model.desired import ContentFile
from gitopsd.model.errors import NotFound

_TAR_OVERHEAD = 1 << 20  # what headers and padding of a thousand files may come to
_MOST_LINKS = 8
NO_LINKS: Final[Mapping[str, str]] = MappingProxyType({})


def put_files(
    connection: Connection,
    container: str,
    directory: str,
    files: Iterable[ContentFile],
    links: Mapping[str, str] = NO_LINKS,
) -> None:
    """Put files and symbolic links below `directory` of a container; missing directories are made (0755, root)."""
    connection.call(
        "PUT",
        f"/containers/{escaped(container)}/archive",
        doing=f"deliver content to {directory}",
        # A directory of the image in a file's place is an error, not something to remove.
        params={"path": directory, "noOverwriteDirNonDir": "true"},
        data=archive(files, time.time(), links),
        headers={"Content-Type": "application/x-tar"},
    )


def archive(files: Iterable[ContentFile], now: float, links: Mapping[str, str] = NO_LINKS) -> bytes:
    """A tar archive. Only files, and links: an entry for a directory would change the mode of one that exists."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as writer:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.size, member.mode, member.mtime = len(file.data), file.mode, int(now)
            member.uid, member.gid = file.uid, file.gid
            writer.addfile(member, io.BytesIO(file.data))
        for path, target in links.items():
            member = tarfile.TarInfo(path)
            member.type, member.linkname, member.mtime = tarfile.SYMTYPE, target, int(now)
            writer.addfile(member)
    return buffer.getvalue()


def fill_volume(connection: Connection, volume: ContentVolume) -> None:
    """Make sure that a content volume exists and is complete.

    A container that uses it was created after it was filled: it is read there, as somebody may have written to it
    since. Without one it is filled again, which disturbs nobody.
    """
    connection.call(
        "POST",
        "/volumes/create",
        doing=f"create volume {volume.name}",
        json={"Name": volume.name, "Driver": "local", "Labels": dict(volume.labels)},
    )
    users = users_of(connection, volume.name)
    if not any(_complete(connection, container, target, volume) for container, target in users[:1]):
        carry_in(connection, volume)


def _complete(connection: Connection, container: str, target: str, volume: ContentVolume) -> bool:
    """Whether the volume holds what it was filled with, as a container shows that has it, or one file of it."""
    wanted = {file.path: file.data for file in volume.files}
    found = read_files(connection, container, target, sum(map(len, wanted.values())) + _TAR_OVERHEAD)
    shown = {file.path: file.data for file in found or ()}
    return all(shown.get(path, shown.get("")) == data for path, data in wanted.items())


def users_of(connection: Connection, volume: str) -> list[tuple[str, str]]:
    """Containers that use the volume, and where; carriers that a crash left behind are removed on the way."""
    doing = f"list the users of volume {volume}"
    params = {"all": 1, "filters": canonical({"volume": [volume]}).decode()}
    rows = connection.json("GET", "/containers/json", doing=doing, params=params)
    with understood(doing):
        carriers = [row["Id"] for row in rows if CARRIER in (row.get("Labels") or {})]
        found = [
            (str(row["Id"]), str(mount["Destination"]))
            for row in rows
            for mount in row["Mounts"]
            if mount.get("Name") == volume and row["Id"] not in carriers
        ]
    for carrier in carriers:
        remove_carrier(connection, carrier)
    return found


def carry_in(connection: Connection, volume: ContentVolume) -> None:
    """Put a content volume's files into it, over those that lie there."""
    doing = f"create the carrier of volume {volume.name}"
    answer = connection.json("POST", "/containers/create", doing=doing, json=volume.carrier)
    with understood(doing):
        carrier = live.named(answer)
    try:
        put_files(connection, carrier, CARRIER_DIRECTORY, volume.files)
    finally:
        remove_carrier(connection, carrier)


def remove_carrier(connection: Connection, carrier: str) -> None:
    """Its volumes stay."""
    connection.call("DELETE", f"/containers/{carrier}", doing="remove a carrier", params={"v": "false"})


def read_files(connection: Connection, container: str, path: str, most: int) -> tuple[ContentFile, ...] | None:
    """What lies at `path` of a container; None: nothing, or more than `most` bytes. Links are followed."""
    for _ in range(_MOST_LINKS):
        packed = _packed(connection, container, path, most + _TAR_OVERHEAD)
        if packed is None:
            return None
        with understood(f"read {path} of {container}"):
            elsewhere = _link(packed)
            found = tuple(_unpacked(packed))
        if not elsewhere:
            return found if sum(len(file.data) for file in found) <= most else None
        path = posixpath.normpath(posixpath.join(posixpath.dirname(path), elsewhere))
    return None


def link_at(connection: Connection, container: str, path: str) -> str:
    """Where the symbolic link at `path` of a container leads, as it says so itself; "" where there is none."""
    packed = _packed(connection, container, path, _TAR_OVERHEAD)
    with understood(f"read {path} of {container}"):
        return _link(packed) if packed is not None else ""


def _packed(connection: Connection, container: str, path: str, most: int) -> bytes | None:
    doing = f"read {path} of {container}"
    where = f"/containers/{escaped(container)}/archive"
    try:
        response = connection.call("GET", where, doing=doing, params={"path": path}, stream=True)
    except NotFound:
        return None
    packed = bytearray()
    with response, translated(doing):
        for chunk in response.iter_content(chunk_size=1 << 16):
            packed += chunk
            if len(packed) > most:
                return None
    return bytes(packed)


def _link(packed: bytes) -> str:
    """Where what was asked for leads, if it is a link itself; "" else."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            first = archive.next()
            return first.linkname if first is not None and first.issym() else ""
    except tarfile.TarError as broken:
        raise ValueError(str(broken)) from broken


def _unpacked(packed: bytes) -> Iterator[ContentFile]:
    """The files by their paths below the archive's first member; that one itself is ""."""
    try:
        with tarfile.open(fileobj=io.BytesIO(packed), mode="r:") as archive:
            members = {member.name.strip("/"): member for member in archive}
            for name, member in members.items():
                file = _followed(members, member)
                held = archive.extractfile(file) if file is not None else None
                if file is not None and held is not None:
                    inside = name.partition("/")[2]
                    yield ContentFile(inside, held.read(), file.mode & 0o777, file.uid, file.gid)
    except tarfile.TarError as broken:
        raise ValueError(str(broken)) from broken


def _followed(members: Mapping[str, tarfile.TarInfo], member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """The file itself, or the one that links lead to within the archive."""
    for _ in range(_MOST_LINKS):
        if not member.issym() and not member.islnk():
            return member if member.isfile() else None
        base = "" if member.islnk() else posixpath.dirname(member.name.strip("/"))
        target = posixpath.normpath(posixpath.join(base, member.linkname))
        if target not in members:
            return None
        member = members[target]
    return None

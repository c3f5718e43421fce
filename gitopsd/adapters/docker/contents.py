"""Content on its way into containers: archives, and content volumes filled through a carrier that is never started."""

import io
import tarfile
import time
from collections.abc import Iterable

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.engine_json.content import CARRIER_DIRECTORY
from gitopsd.engine_json.creation import ContentVolume
from gitopsd.engine_json.labels import CARRIER
from gitopsd.model.canonical import canonical
from gitopsd.model.desired import ContentFile


def put_files(connection: Connection, container: str, directory: str, files: Iterable[ContentFile]) -> None:
    """Put files below `directory` of a container that is not started; missing directories are made (0755, root)."""
    connection.call(
        "PUT",
        f"/containers/{escaped(container)}/archive",
        doing=f"deliver content to {directory}",
        # A directory of the image in a file's place is an error, not something to remove.
        params={"path": directory, "noOverwriteDirNonDir": "true"},
        data=archive(files, time.time()),
        headers={"Content-Type": "application/x-tar"},
    )


def archive(files: Iterable[ContentFile], now: float) -> bytes:
    """A tar archive. Only files: an entry for a directory would change the mode of one that exists."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as writer:
        for file in files:
            member = tarfile.TarInfo(file.path)
            member.size, member.mode, member.mtime = len(file.data), file.mode, int(now)
            member.uid, member.gid = file.uid, file.gid
            writer.addfile(member, io.BytesIO(file.data))
    return buffer.getvalue()


def fill_volume(connection: Connection, volume: ContentVolume) -> None:
    """Make sure that a content volume exists and is complete.

    A container that uses it was created after it was filled; without one it is filled again, which disturbs nobody.
    """
    connection.call(
        "POST",
        "/volumes/create",
        doing=f"create volume {volume.name}",
        json={"Name": volume.name, "Driver": "local", "Labels": dict(volume.labels)},
    )
    if not _in_use(connection, volume.name):
        _carry_in(connection, volume)


def _in_use(connection: Connection, volume: str) -> bool:
    """Whether a container uses the volume; carriers that a crash left behind are removed on the way."""
    doing = f"list the users of volume {volume}"
    params = {"all": 1, "filters": canonical({"volume": [volume]}).decode()}
    rows = connection.json("GET", "/containers/json", doing=doing, params=params)
    with understood(doing):
        carriers = [row["Id"] for row in rows if CARRIER in (row.get("Labels") or {})]
        used = len(rows) > len(carriers)
    for carrier in carriers:
        _remove(connection, carrier)
    return used


def _carry_in(connection: Connection, volume: ContentVolume) -> None:
    doing = f"create the carrier of volume {volume.name}"
    answer = connection.json("POST", "/containers/create", doing=doing, json=volume.carrier)
    with understood(doing):
        carrier = live.named(answer)
    try:
        put_files(connection, carrier, CARRIER_DIRECTORY, volume.files)
    finally:
        _remove(connection, carrier)


def _remove(connection: Connection, carrier: str) -> None:
    connection.call("DELETE", f"/containers/{carrier}", doing="remove a carrier", params={"v": "false"})

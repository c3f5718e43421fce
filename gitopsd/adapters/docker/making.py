"""Creates one container with its content and networks: all of it before the start, or nothing of it."""

import contextlib
from collections.abc import Mapping
from typing import Any

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.contents import put_files
from gitopsd.adapters.docker.exchange import link
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.engine_json.container import with_host_files
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.labels import ENVIRONMENT
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Conflict, EngineError, NotFound


def make_container(connection: Connection, creation: Creation) -> str:
    """The id of the created container; content volumes are filled already.

    A half-made one is removed again; where that fails too, the next try finds it by its name and removes it.
    """
    body = _body(connection, creation)
    container = _create(connection, creation, body)
    try:
        for network, endpoint in creation.connect:
            connection.call(
                "POST",
                f"/networks/{escaped(network)}/connect",
                doing=f"connect {creation.name} to network {network}",
                json={"Container": container, "EndpointConfig": endpoint},
            )
        for archive in creation.archives:
            put_files(connection, container, archive.directory, archive.files)
        link(connection, container, creation)
    except EngineError:
        with contextlib.suppress(EngineError):
            _remove(connection, container)
        raise
    return container


def _body(connection: Connection, creation: Creation) -> Mapping[str, Json]:
    mountpoints = {file.volume: _mountpoint(connection, file.volume) for file in creation.host_files}
    body = with_host_files(creation, mountpoints)
    if creation.image and _image_id(connection, creation.image) == body["Image"]:
        return {**body, "Image": creation.image}
    return body


def _mountpoint(connection: Connection, volume: str) -> str:
    doing = f"inspect volume {volume}"
    answer = connection.json("GET", f"/volumes/{escaped(volume)}", doing=doing)
    with understood(doing):
        return live.named(answer, "Mountpoint")


def _image_id(connection: Connection, reference: str) -> str:
    doing = f"inspect image {reference}"
    try:
        answer = connection.json("GET", f"/images/{reference}/json", doing=doing)
    except NotFound:
        return ""
    with understood(doing):
        return live.named(answer)


def _create(connection: Connection, creation: Creation, body: Mapping[str, Json]) -> str:
    try:
        return _post(connection, creation, body)
    except Conflict:
        if not _clear_leftover(connection, creation):
            raise
        return _post(connection, creation, body)


def _post(connection: Connection, creation: Creation, body: Mapping[str, Json]) -> str:
    doing = f"create {creation.name}"
    with connection.client(doing) as client:
        answer = client.create_container_from_config(  # type: ignore[no-untyped-call]
            dict(body), creation.name, creation.platform or None
        )
    with understood(doing):
        return live.named(answer)


def _clear_leftover(connection: Connection, creation: Creation) -> bool:
    """Remove what has the name, if it is a never started container of the same environment."""
    doing = f"inspect {creation.name}"
    try:
        found: dict[str, Any] = connection.json("GET", f"/containers/{escaped(creation.name)}/json", doing=doing)
    except NotFound:
        return True
    ours = mapping(creation.body.get("Labels")).get(ENVIRONMENT)
    with understood(doing):
        leftover = (found["Config"].get("Labels") or {}).get(ENVIRONMENT) == ours and found["State"][
            "Status"
        ] == "created"
        container = live.named(found)
    if leftover:
        _remove(connection, container)
    return leftover


def _remove(connection: Connection, container: str) -> None:
    with contextlib.suppress(NotFound):
        connection.call(
            "DELETE", f"/containers/{container}", doing="remove a half-made container", params={"v": "false"}
        )

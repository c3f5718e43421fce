"""Files that are exchanged while containers run: written beside those that are read, then seen all at one moment."""

import os
import posixpath
from dataclasses import replace

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.contents import link_at, put_files, read_files, remove_carrier, users_of
from gitopsd.adapters.docker.rename_program import rename_program
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.engine_json.content import CARRIER_DIRECTORY
from gitopsd.engine_json.creation import Creation, ExchangeVolume
from gitopsd.engine_json.exchange import DATA, NEXT, PROGRAM, SETS, of_name
from gitopsd.engine_json.labels import CONTENT_VOLUME_PREFIX
from gitopsd.model.desired import ContentFile
from gitopsd.model.errors import EngineRefused

_PROGRAM_MODE = 0o755


def fill_exchange_volume(connection: Connection, volume: ExchangeVolume) -> None:
    """Make sure that the volume exists and that its files are seen in it; nothing is done where they are already."""
    connection.call(
        "POST",
        "/volumes/create",
        doing=f"create volume {volume.name}",
        json={"Name": volume.name, "Driver": "local", "Labels": dict(volume.labels)},
    )
    users_of(connection, volume.name)  # a carrier that a crash left behind goes
    doing = f"create the carrier of volume {volume.name}"
    answer = connection.json("POST", "/containers/create", doing=doing, json=volume.carrier)
    with understood(doing):
        carrier = live.named(answer)
    try:
        _fill(connection, carrier, volume)
    finally:
        remove_carrier(connection, carrier)


def link(connection: Connection, container: str, creation: Creation) -> None:
    """Let the paths in the container's own layer lead to the files; those that do already are not touched."""
    wanted = {path: to for volume in creation.exchanged for path, to in volume.links.items()}
    missing = {path: to for path, to in wanted.items() if link_at(connection, container, path) != to}
    if missing:
        put_files(connection, container, "/", (), {path.lstrip("/"): to for path, to in missing.items()})


def exchanged_in(connection: Connection, container: str, creation: Creation) -> tuple[ExchangeVolume, ...]:
    """The creation's volumes by the names of those that a container has in their places. EngineRefused: it has none."""
    doing = f"inspect {container}"
    found = connection.json("GET", f"/containers/{escaped(container)}/json", doing=doing)
    with understood(doing):
        names = {str(mount["Destination"]): str(mount.get("Name") or "") for mount in found["Mounts"]}
    for volume in creation.exchanged:
        if not names.get(volume.target, "").startswith(CONTENT_VOLUME_PREFIX):
            raise EngineRefused(f"exchange files in {container}: it was made without {volume.target}", 409)
    return tuple(of_name(volume, names[volume.target]) for volume in creation.exchanged)


def _fill(connection: Connection, carrier: str, volume: ExchangeVolume) -> None:
    seen = link_at(connection, carrier, f"{CARRIER_DIRECTORY}/{DATA}")
    if seen in SETS and _holds(connection, carrier, seen, volume):
        return
    unseen = SETS[1] if seen == SETS[0] else SETS[0]
    put_files(connection, carrier, CARRIER_DIRECTORY, [_below(unseen, file) for file in volume.files])
    if seen in SETS:
        put_files(connection, carrier, CARRIER_DIRECTORY, (), {NEXT: unseen})
        _rename(connection, carrier, volume)
    else:
        # What was never whole, nobody reads yet.
        put_files(connection, carrier, CARRIER_DIRECTORY, (), {**volume.inner, DATA: unseen})


def _rename(connection: Connection, carrier: str, volume: ExchangeVolume) -> None:
    doing = f"exchange the files of volume {volume.name}"
    version = connection.json("GET", "/version", doing=doing)
    with understood(doing):
        architecture = str(version["Arch"])
    program = rename_program(architecture, f"{CARRIER_DIRECTORY}/{NEXT}", f"{CARRIER_DIRECTORY}/{DATA}")
    if program is None:
        mend = "write on_config_change: restart"
        raise EngineRefused(f"{doing}: files cannot be exchanged in place on an engine for {architecture}; {mend}", 501)
    put_files(connection, carrier, "/", [ContentFile(PROGRAM.lstrip("/"), program, _PROGRAM_MODE)])
    connection.call("POST", f"/containers/{carrier}/start", doing=doing)
    answer = connection.json("POST", f"/containers/{carrier}/wait", doing=doing)
    with understood(doing):
        code = int(answer["StatusCode"])
    if code:
        raise EngineRefused(f"{doing}: {os.strerror(code)}", 500)


def _holds(connection: Connection, carrier: str, seen: str, volume: ExchangeVolume) -> bool:
    """Whether the set that is seen is the wanted one, with modes and owners."""
    size = sum(len(file.data) for file in volume.files)
    found = read_files(connection, carrier, f"{CARRIER_DIRECTORY}/{seen}", size) or ()
    return set(found) == set(volume.files)


def _below(directory: str, file: ContentFile) -> ContentFile:
    return replace(file, path=posixpath.join(directory, file.path))

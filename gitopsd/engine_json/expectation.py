"""What an engine would show of a container that we asked it for: the creation, over what its image says by itself."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.projection import Projection, container_projection
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentMount, SealedService

_CARRIES_CONTENT: Final = (None, "bind", "content")
# The keys of an image's configuration that its containers take over where nothing else is asked.
LAID_UNDER: Final = (
    *("User", "WorkingDir", "StopSignal", "Labels", "ExposedPorts", "Env", "Cmd", "Entrypoint", "Healthcheck"),
    "Volumes",
)
ImageConfig = Mapping[str, Any]


def expected(sealed: SealedService, creation: Creation, name: str, image: ImageConfig) -> Projection:
    """The projection that an inspection of the created container would have.

    What the engine fills in from its own defaults is absent. `name` is the container's in the end.
    """
    host = mapping(creation.body.get("HostConfig"))
    shown = {
        "Name": name,
        "Image": creation.body["Image"],
        "Config": laid_over(creation.body, image),
        "HostConfig": host,
        "Mounts": list(mounts_shown(host, image)),
        "NetworkSettings": {"Networks": _endpoints(creation)},
    }
    found = dict(container_projection(shown))
    contents = {posixpath.normpath(m.target): m for m in sealed.service.mounts if isinstance(m, ContentMount)}
    volumes = {**mapping(found.get("volumes")), **{target: {"type": "content"} for target in contents}}
    return {**found, "volumes": dict(sorted(volumes.items()))} if volumes else found


def with_content(live: Projection, wanted: Projection) -> Projection:
    """The live projection with content where `wanted` has some, in whatever way it came to its place.

    It lies in the container's own layer, in a volume of ours, or in what Compose mounted from a work tree; whether it
    is the same content, only its bytes can tell.
    """
    targets = [
        path for path, mount in mapping(wanted.get("volumes")).items() if mapping(mount).get("type") == "content"
    ]
    there = mapping(live.get("volumes"))
    found = {path: {"type": "content"} for path in targets if mapping(there.get(path)).get("type") in _CARRIES_CONTENT}
    return {**live, "volumes": {**there, **found}} if found else live


def laid_over(config: Mapping[str, Any], image: ImageConfig) -> dict[str, Any]:
    """A container's configuration with what it takes from its image, as the engine merges the two."""
    laid = {**config}
    for key in ("User", "WorkingDir", "StopSignal"):
        laid[key] = config.get(key) or image.get(key)
    for key in ("Labels", "ExposedPorts", "Volumes"):
        laid[key] = {**(image.get(key) or {}), **(config.get(key) or {})}
    own = {str(each).partition("=")[0] for each in config.get("Env") or ()}
    inherited = (each for each in image.get("Env") or () if str(each).partition("=")[0] not in own)
    laid["Env"] = [*(config.get("Env") or ()), *inherited]
    if not config.get("Entrypoint"):
        laid["Cmd"] = config.get("Cmd") or image.get("Cmd")
        if config.get("Entrypoint") is None:
            laid["Entrypoint"] = image.get("Entrypoint")
    if image.get("Healthcheck"):
        check = {key: each for key, each in (config.get("Healthcheck") or {}).items() if each}
        laid["Healthcheck"] = {**image["Healthcheck"], **check}
    return laid


def mounts_shown(host: Mapping[str, Json], image: ImageConfig) -> Iterator[Mapping[str, Any]]:
    """Mounts as an inspection lists them: what was asked for, and the image's own volumes that nothing covers."""
    covered = {posixpath.normpath(target) for target in mapping(host.get("Tmpfs"))}
    for bind in _sequence(host.get("Binds")):
        mount = _bind(str(bind))
        covered.add(mount["Destination"])
        yield mount
    for asked in map(mapping, _sequence(host.get("Mounts"))):
        covered.add(posixpath.normpath(str(asked["Target"])))
        yield _asked(asked)
    for target in image.get("Volumes") or {}:
        if posixpath.normpath(target) not in covered:
            yield {"Type": "volume", "Name": "0" * 64, "Destination": target, "RW": True}


def _bind(written: str) -> dict[str, Any]:
    source, target, *rest = written.split(":")
    options = rest[0].split(",") if rest else []
    where = {"Type": "bind", "Source": source} if source.startswith("/") else {"Type": "volume", "Name": source}
    propagation = next((each for each in options if each.endswith(("private", "slave", "shared"))), "")
    return {
        **where,
        "Destination": posixpath.normpath(target),
        "RW": "ro" not in options,
        "Propagation": propagation,
    }


def _asked(asked: Mapping[str, Json]) -> dict[str, Any]:
    named = {"Name": asked.get("Source") or "0" * 64} if asked["Type"] == "volume" else {"Source": asked.get("Source")}
    return {
        "Type": asked["Type"],
        **named,
        "Destination": asked["Target"],
        "RW": not asked.get("ReadOnly"),
        "Propagation": mapping(asked.get("BindOptions")).get("Propagation"),
    }


def _endpoints(creation: Creation) -> dict[str, Json]:
    networking = mapping(creation.body.get("NetworkingConfig"))
    return {**mapping(networking.get("EndpointsConfig")), **dict(creation.connect)}


def _sequence(value: Json) -> Sequence[Json]:
    return value if isinstance(value, Sequence) and not isinstance(value, str) else ()

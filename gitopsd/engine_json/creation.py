"""What an engine is asked to create: Engine JSON bodies and the content that goes into the container before its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile


@dataclass(frozen=True, slots=True)
class Archive:
    """Files to put into a created, not yet started container, below `directory`, before anything else sees it."""

    directory: str
    files: tuple[ContentFile, ...]


@dataclass(frozen=True, slots=True)
class ContentVolume:
    """A volume `gitopsd-content-HASH` that must exist, filled once with `files` through a carrier container."""

    name: str
    files: tuple[ContentFile, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Creation:
    """One container: `body` is the JSON of `POST /containers/create?name=NAME`.

    `connect` lists networks (engine name, endpoint configuration) that the engine's API does not take in the body and
    that are connected before the start. `host_paths` are directories on the engine's host that must exist.
    """

    name: str
    body: Mapping[str, Json]
    connect: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    archives: tuple[Archive, ...] = ()
    volumes: tuple[ContentVolume, ...] = ()
    platform: str = ""

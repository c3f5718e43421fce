"""What an engine is asked to create: Engine JSON bodies, and content that goes into the container before its start."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile, Image


@dataclass(frozen=True, slots=True)
class Archive:
    """Files to put into a created, not yet started container, below `directory`, before anything else sees it."""

    directory: str
    files: tuple[ContentFile, ...]


@dataclass(frozen=True, slots=True)
class ContentVolume:
    """A volume `gitopsd-content-HASH` that must exist, filled once with `files` through a carrier container.

    `carrier` is the create body of that container: never started, with the volume writable at CARRIER_DIRECTORY.
    """

    name: str
    files: tuple[ContentFile, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    carrier: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExchangeVolume:
    """A volume, read-only at `target`, whose files are exchanged while containers run: all of them at one moment.

    `links` are made in the container's own layer, `inner` in the volume itself: paths and where they lead.
    `carrier` is the create body of the container through which it is filled, which runs for the moment of the exchange.
    """

    name: str
    target: str
    files: tuple[ContentFile, ...]
    image: Image
    links: Mapping[str, str] = field(default_factory=dict)
    inner: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    carrier: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HostFile:
    """One file of a content volume, mounted read-only at `target` by its path on the engine's host.

    Only the engine knows where the volume lies, so the bind is added at creation: MOUNTPOINT/PATH:TARGET:ro.
    """

    volume: str
    path: str
    target: str


@dataclass(frozen=True, slots=True)
class Creation:
    """One container: `body` is the JSON of `POST /containers/create?name=NAME`; its Image is an image id.

    `image` is the reference that people know the image by; it takes the id's place if it still denotes that id.
    `connect` lists networks (engine name, endpoint configuration) that the engine's API does not take in the body, and
    the router's; they are connected before the start.
    """

    name: str
    body: Mapping[str, Json]
    connect: tuple[tuple[str, Mapping[str, Json]], ...] = ()
    archives: tuple[Archive, ...] = ()
    volumes: tuple[ContentVolume, ...] = ()
    host_files: tuple[HostFile, ...] = ()
    exchanged: tuple[ExchangeVolume, ...] = ()
    platform: str = ""
    image: str = ""

"""What the controller needs of the world, in our words. Adapters implement these; each has a small honest fake."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from gitopsd.controller.source_port import Commit, Source, Tag
from gitopsd.controller.store_port import NOTHING_NEW, Backup, Found, Inputs, Store
from gitopsd.engine_json.creation import Creation
from gitopsd.model.analysis import Reading
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile, Image
from gitopsd.model.health import Answer, Check, Subject
from gitopsd.model.image import Disk, HeldImage, OutOfSight
from gitopsd.model.live import EngineEvent, EngineFacts, KeptVolume, LayerChange, LiveState, NetworkAddresses, Used
from gitopsd.model.secret import HostFile, Lock

__all__ = [
    "NOTHING_NEW",
    "Backup",
    "Clock",
    "Commit",
    "Engine",
    "EngineView",
    "Found",
    "Inputs",
    "Probe",
    "Secrets",
    "Source",
    "Store",
    "Tag",
    "Timer",
    "Watcher",
]


class Clock(Protocol):
    """The only way to learn what time it is."""

    def now(self) -> datetime:
        """Wall clock, time zone UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...


class EngineView(Protocol):
    """A Docker engine to look at; observe mode has nothing more. Calls raise EngineUnavailable or EngineRefused."""

    def facts(self) -> EngineFacts:
        """What the engine says of itself now; costs it some work."""
        ...

    def api(self) -> tuple[int, int]:
        """The API version spoken with the engine, as (1, 41); known after the first answer."""
        ...

    def observe(self, project: str, thorough: bool = False) -> LiveState:
        """Everything that carries the project's label. `thorough` inspects every container afresh."""
        ...

    def image(self, reference: str) -> Image | None:
        """The image that the engine holds for a reference, or None. No registry is asked."""
        ...

    def image_defaults(self, image: str) -> Mapping[str, Json]:
        """What the image of this id lays under its containers, in the engine's words. NotFound: it is not there."""
        ...

    def held_images(self) -> tuple[HeldImage, ...]:
        """Every image on the engine, whoever brought it, and whether a container uses it."""
        ...

    def disk(self) -> Disk | OutOfSight:
        """The disk that the engine keeps its images on, where it can be looked at from here."""
        ...

    def read(self, container: str, path: str, most: int) -> tuple[ContentFile, ...] | None:
        """The file at `path` in a container (its path is then ""), or every file below it, whatever is mounted there.

        None: there is nothing, or it is more than `most` bytes.
        """
        ...

    def changes(self, container: str) -> tuple[LayerChange, ...]:
        """What differs in the container's own layer from its image; costs the engine a walk through it."""
        ...

    def projects(self) -> tuple[str, ...]:
        """The Compose projects that have containers on the engine, by name."""
        ...

    def kept_volumes(self) -> tuple[KeptVolume, ...]:
        """The volumes of all projects, by name, but for what gitopsd keeps for itself: claims, delivered content."""
        ...

    def logs(self, container: str, lines: int) -> str:
        """The last lines that a container wrote, both streams, bounded to 16 KiB; "" when there are none."""
        ...

    def used(self, containers: Sequence[str]) -> Mapping[str, Used]:
        """What containers use now, of those that run.

        Takes an engine a second or more: not for a pass to wait for.
        """
        ...

    def existing(self, networks: Sequence[str], volumes: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
        """Which of these network and volume names exist, whoever made them."""
        ...

    def addresses(self, network: str) -> NetworkAddresses | None:
        """Which addresses of a network are taken, by whatever container; None: there is no such network."""
        ...

    def subnets(self) -> tuple[str, ...]:
        """The subnets in use: of the engine's networks, and of the host's routes as far as they show from here."""
        ...

    def events(self, since: datetime | None) -> Iterator[EngineEvent]:
        """Container, network, volume and image events as they happen, from `since` on.

        Subscribed when this returns: what happens from then on is told. Ends when the stream ends (also silently) or
        `close_events` is called; the caller looks anew, and subscribes again.
        """
        ...

    def close_events(self) -> None:
        """End a running `events` from another thread."""
        ...


class Engine(EngineView, Protocol):
    """A Docker engine to act on. Every call may be made twice: what is already so is no error."""

    def claim(self, project: str, owner: str) -> str:
        """Claim a project by its owner volume, and return who owns it now: `owner`, or another one that came first."""
        ...

    def disclaim(self, project: str) -> None:
        """Give the project up: remove the owner volume."""
        ...

    def pull(self, reference: str, progress: Callable[[str], None], platform: str = "") -> Image:
        """Pull an image, for the engine's own platform unless told another (`linux/arm64`).

        ImageMissing: the registry says that there is none. ImageUnavailable: it could not tell.
        """
        ...

    def remove_image(self, name: str) -> None:
        """Take a name (tag or digest) from an image; the image goes with its last one. Never by force.

        Conflict: a container uses it, and this is its last name.
        """
        ...

    def create(self, creation: Creation) -> str:
        """Create a container with its content and networks, not started; return its id.

        A never started container of that name that bears our labels is replaced. Conflict: the name is somebody's.
        """
        ...

    def start(self, container: str) -> None: ...

    def unpause(self, container: str) -> None: ...

    def stop(self, container: str) -> None:
        """Stop with the container's own signal and grace period."""
        ...

    def remove(self, container: str) -> None:
        """Remove a container that does not run; its volumes stay."""
        ...

    def rename(self, container: str, name: str) -> None: ...

    def update(self, container: str, body: Mapping[str, Json]) -> tuple[str, ...]:
        """Change limits or restart policy in place and read them back. Returns the fields that the engine ignored."""
        ...

    def deliver(self, container: str, creation: Creation) -> None:
        """Put the content of a creation into a container that was made of it, over what lies there by now.

        A file that is mounted by itself goes on showing what it showed; files beside those of the creation stay.
        """
        ...

    def exchange(self, container: str, creation: Creation) -> None:
        """Exchange the files of a container that a creation like its own says can be exchanged, as far as they differ.

        Who reads them sees the whole old ones or the whole new ones, all at one moment, and so do all containers that
        were made of the same. EngineRefused: this one was made without.
        """
        ...

    def signal(self, container: str, name: str) -> None:
        """Send a signal (`SIGHUP`) to a container's first process; nothing happens where it does not run."""
        ...

    def connect(self, container: str, network: str, endpoint: Mapping[str, Json]) -> None:
        """Connect a container to a network (its name) with the whole endpoint configuration.

        One that is connected already keeps the endpoint that it has: `disconnect` it first.
        """
        ...

    def disconnect(self, container: str, network: str) -> None: ...

    def create_network(self, name: str, body: Mapping[str, Json]) -> None: ...

    def remove_network(self, network: str) -> None: ...

    def create_volume(self, name: str, body: Mapping[str, Json]) -> None: ...

    def collect_content(self, environment: str) -> int:
        """Remove the environment's content volumes that no container uses; Git has what was in them. How many."""
        ...


class Probe(Protocol):
    """Asks the instances of one engine whether they work. Safe to use from several threads."""

    def unreachable(self) -> str:
        """Why no instance there can be asked over a network, in words; "" where they can. EngineError: not known."""
        ...

    def probe(self, subject: Subject, check: Check, timeout: timedelta) -> Answer:
        """Ask one instance once. Lasts little longer than `timeout`, and raises nothing."""
        ...

    def run(self, container: str, command: Sequence[str], timeout: timedelta) -> Reading:
        """The exit code of a command that runs beside an instance, with the last of what it wrote.

        It runs in a container of the instance's image, network, settings and files, of which it can change none. 124:
        it had to be ended, as it took longer. Trouble: it could not be run. Raises nothing.
        """
        ...


class Secrets(Protocol):
    """What the host knows and Git does not: files that settings name, gitopsd's own store of secrets, and keys."""

    def unlock(self, data: bytes, lock: Lock) -> bytes:
        """An encrypted file in the clear. LockedError: no key, a wrong one, or the file was tampered with."""
        ...

    def file(self, path: Path) -> HostFile | None:
        """A file of the host, None when there is none. HostFileError: it is no file, too large, or not readable."""
        ...

    def kept(self, environment: str, name: str) -> HostFile | None:
        """A secret of gitopsd's own store; errors as of `file`."""
        ...

    def names(self, environment: str) -> tuple[str, ...]:
        """The secrets of an environment in gitopsd's own store, sorted."""
        ...

    def keep(self, environment: str, name: str, value: bytes) -> None:
        """Put a secret into gitopsd's own store, byte by byte as it is, in the place of an older one.

        HostFileError: it is empty or too large, or the name is none.
        """
        ...

    def drop(self, environment: str, name: str) -> bool:
        """Remove a secret from gitopsd's own store; False when it has none of that name."""
        ...

    def directory(self, environment: str) -> Path:
        """Where gitopsd's own store keeps them, to be watched."""
        ...


class Timer(Protocol):
    """Calls back at times, each call under a name of its own; a newer time for a name replaces the older."""

    def every(self, name: str, interval: timedelta, call: Callable[[], None]) -> None:
        """Call back each `interval`, spread a little so that many do not meet; the first call comes at once."""
        ...

    def at(self, name: str, when: datetime, call: Callable[[], None]) -> None:
        """Call back once, at `when` or at once if that is past. A jump of the clock brings the call forward."""
        ...

    def cancel(self, name: str) -> None: ...

    def running(self) -> bool: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Watcher(Protocol):
    """Watches files; a callback is told that something below one of its paths changed."""

    def watch(self, name: str, paths: Sequence[Path], call: Callable[[], None]) -> None:
        """Call back soon after a change of any of `paths`; watching under a known name replaces it."""
        ...

    def stop(self) -> None: ...

"""A Docker engine as the controller knows it: `DockerView` looks, `DockerEngine` acts as well."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any, Final

from gitopsd.adapters.docker.addressing import addresses, subnets
from gitopsd.adapters.docker.connection import TIMEOUT, Connection, escaped
from gitopsd.adapters.docker.contents import carry_in, fill_volume, put_files, read_files
from gitopsd.adapters.docker.exchange import exchanged_in, fill_exchange_volume, link
from gitopsd.adapters.docker.logs import read_logs
from gitopsd.adapters.docker.look import Looks, kept_volumes, owner_volume
from gitopsd.adapters.docker.making import make_container
from gitopsd.adapters.docker.own import own_container
from gitopsd.adapters.docker.pulling import image_held, pull
from gitopsd.adapters.docker.room import disk
from gitopsd.adapters.docker.stream import ASK_EVERY, Events
from gitopsd.adapters.docker.translate import understood
from gitopsd.adapters.docker.usage import used
from gitopsd.engine_json import live
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.fields import mapping
from gitopsd.engine_json.labels import CONTENT, CONTENT_VOLUME_PREFIX, ENVIRONMENT, OWNER, PROJECT
from gitopsd.engine_json.platform import fits
from gitopsd.model.canonical import Json, canonical
from gitopsd.model.desired import ContentFile, Image
from gitopsd.model.errors import Conflict, EngineRefused, ImageMissing, ImageUnavailable, NotFound
from gitopsd.model.image import Disk, HeldImage, OutOfSight
from gitopsd.model.live import EngineEvent, EngineFacts, KeptVolume, LayerChange, LiveState, NetworkAddresses, Used
from gitopsd.model.settings import Registry, TargetEngine

DEFAULT_GRACE: Final = 10
# What happens to a network or volume as containers come and go changes nothing of it.
USING: Final = ("connect", "disconnect", "mount", "unmount")
_NOTHING: Final = (None, 0, -1, "no", "")


def connect(
    target: TargetEngine, registries: Mapping[str, Registry], *, timeout: float = TIMEOUT, ask_every: float = ASK_EVERY
) -> "DockerEngine":
    """An engine to act on. No call is made yet. EngineError: the URL or the TLS directory is wrong.

    `registries` are read at each pull, and may change. `timeout` is how many seconds an answer may be silent,
    `ask_every` how often a quiet event stream is questioned.
    """
    return DockerEngine(Connection(target, timeout), registries, ask_every)


def connect_view(target: TargetEngine, *, timeout: float = TIMEOUT, ask_every: float = ASK_EVERY) -> "DockerView":
    """An engine that can only be looked at."""
    return DockerView(Connection(target, timeout), ask_every)


class DockerView:
    """Implements `controller.ports.EngineView`. Safe to use from several threads."""

    def __init__(self, connection: Connection, ask_every: float = ASK_EVERY) -> None:
        self._connection = connection
        self._looks = Looks(connection)
        self._events = Events(connection, ask_every)
        self._defaults: dict[str, Mapping[str, Json]] = {}

    def facts(self) -> EngineFacts:
        doing = "ask the engine who it is"
        version = self._connection.json("GET", "/version", doing=doing)
        info = self._connection.json("GET", "/info", doing=doing)
        with understood(doing):
            return live.facts(version, info, self._connection.api())

    def api(self) -> tuple[int, int]:
        return self._connection.api()

    def observe(self, project: str, thorough: bool = False) -> LiveState:
        return self._looks.look(project, thorough)

    def image(self, reference: str) -> Image | None:
        return image_held(self._connection, reference)

    def image_defaults(self, image: str) -> Mapping[str, Json]:
        if image not in self._defaults:  # an image of one id never changes
            doing = f"inspect image {image}"
            answer = self._connection.json("GET", f"/images/{image}/json", doing=doing)
            with understood(doing):
                self._defaults[image] = live.image_defaults(answer)
        return self._defaults[image]

    def read(self, container: str, path: str, most: int) -> tuple[ContentFile, ...] | None:
        return read_files(self._connection, container, path, most)

    def changes(self, container: str) -> tuple[LayerChange, ...]:
        doing = f"list the changed files of {container}"
        rows = self._connection.json("GET", f"/containers/{escaped(container)}/changes", doing=doing)
        with understood(doing):
            return tuple(live.layer_change(row) for row in rows or ())

    def projects(self) -> tuple[str, ...]:
        doing = "list the projects"
        params = {"all": 1, "filters": canonical({"label": [PROJECT]}).decode()}
        rows = self._connection.json("GET", "/containers/json", doing=doing, params=params)
        with understood(doing):
            return tuple(sorted({row["Labels"][PROJECT] for row in rows}))

    def kept_volumes(self) -> tuple[KeptVolume, ...]:
        return kept_volumes(self._connection)

    def held_images(self) -> tuple[HeldImage, ...]:
        doing = "list the images"
        # Containers first: what is made from an image meanwhile is not known to use it, and the engine keeps it anyway.
        containers = self._connection.json("GET", "/containers/json", doing=doing, params={"all": 1})
        rows = self._connection.json("GET", "/images/json", doing=doing)
        with understood(doing):
            used = frozenset(live.named(row, "ImageID") for row in containers)
            return tuple(sorted((live.held_image(row, used) for row in rows), key=lambda each: each.id))

    def disk(self) -> Disk | OutOfSight:
        doing = "ask the engine where its images are"
        info = self._connection.json("GET", "/info", doing=doing)
        with understood(doing):
            return disk(self._connection.target.url, info, own_container())

    def logs(self, container: str, lines: int) -> str:
        return read_logs(self._connection, container, lines)

    def used(self, containers: Sequence[str]) -> Mapping[str, Used]:
        return used(self._connection, containers)

    def existing(self, networks: Sequence[str], volumes: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
        found_networks = self._named("/networks", networks)
        found_volumes = self._named("/volumes", volumes)
        return found_networks & frozenset(networks), found_volumes & frozenset(volumes)

    def _named(self, path: str, names: Sequence[str]) -> frozenset[str]:
        """The engine takes a name for a pattern, so that it may answer more than was asked."""
        if not names:
            return frozenset()
        doing = f"look up {', '.join(names)}"
        params = {"filters": canonical({"name": list(names)}).decode()}
        answer = self._connection.json("GET", path, doing=doing, params=params)
        with understood(doing):
            rows = answer["Volumes"] or () if isinstance(answer, dict) else answer
            return frozenset(row["Name"] for row in rows)

    def addresses(self, network: str) -> NetworkAddresses | None:
        return addresses(self._connection, network)

    def subnets(self) -> tuple[str, ...]:
        return subnets(self._connection)

    def events(self, since: datetime | None) -> Iterator[EngineEvent]:
        return self._noted(self._events.read(since))

    def _noted(self, events: Iterator[EngineEvent]) -> Iterator[EngineEvent]:
        with self._looks.reading_events():
            for event in events:
                self._note(event)
                yield event

    def _note(self, event: EngineEvent) -> None:
        """What is remembered of a container or resource does not count once something happened to it."""
        if event.kind in ("network", "volume") and event.action not in USING:
            self._looks.forget_resources()
        if event.kind == "container" and not event.action.startswith(("exec_", "extract-to-dir")):
            self._looks.forget(event.id)
        elif container := event.attributes.get("container"):
            self._looks.forget(container)

    def close_events(self) -> None:
        self._events.close()

    def close(self) -> None:
        """Close every connection."""
        self._events.close()
        self._connection.close()


class DockerEngine(DockerView):
    """Implements `controller.ports.Engine`."""

    def __init__(
        self, connection: Connection, registries: Mapping[str, Registry], ask_every: float = ASK_EVERY
    ) -> None:
        super().__init__(connection, ask_every)
        self._registries = registries
        self._filling: dict[str, threading.Lock] = {}

    def claim(self, project: str, owner: str) -> str:
        doing = f"claim {project}"
        body = {"Name": owner_volume(project), "Driver": "local", "Labels": {OWNER: owner}}
        with self._looks.changing_resources():
            answer = self._connection.json("POST", "/volumes/create", doing=doing, json=body)
        with understood(doing):
            return live.volume(answer).labels.get(OWNER, "")

    def disclaim(self, project: str) -> None:
        with self._looks.changing_resources():
            self._gone(f"/volumes/{escaped(owner_volume(project))}", f"give {project} up")

    def pull(self, reference: str, progress: Callable[[str], None], platform: str = "") -> Image:
        pull(self._connection, reference, progress, self._registries, platform)
        found = self.image(reference)
        if found is None:
            raise ImageUnavailable(f"pull {reference}: pulled, and gone again before it could be looked at")
        if not fits(found.platform, platform):
            raise ImageMissing(f"pull {reference}: there is none for {platform}, only for {found.platform}")
        return found

    def remove_image(self, name: str) -> None:
        # Without `noprune` an engine would also remove the image's untagged parents, which somebody may have built.
        self._gone(f"/images/{name}", f"remove image {name}", {"force": "false", "noprune": "true"})

    def create(self, creation: Creation) -> str:
        with ExitStack() as held:
            for volume in sorted(creation.volumes, key=lambda each: each.name):
                held.enter_context(self._filling.setdefault(volume.name, threading.Lock()))
                with self._looks.changing_resources():
                    fill_volume(self._connection, volume)
            for exchanged in sorted(creation.exchanged, key=lambda each: each.name):
                held.enter_context(self._filling.setdefault(exchanged.name, threading.Lock()))
                with self._looks.changing_resources():
                    fill_exchange_volume(self._connection, exchanged)
            # Still held: what no container uses yet could be collected, and the engine would mount an empty volume.
            return make_container(self._connection, creation)

    def start(self, container: str) -> None:
        self._post(container, "start", "start")

    def unpause(self, container: str) -> None:
        with self._refused_unless(lambda: not self._inspect(container)["State"].get("Paused")):
            self._post(container, "unpause", "unpause")

    def stop(self, container: str) -> None:
        self._post(container, "stop", "stop", timeout=self._connection.timeout + max(self._grace(container), 0))

    def remove(self, container: str) -> None:
        try:
            self._gone(f"/containers/{escaped(container)}", f"remove {container}", {"v": "false", "force": "false"})
        except Conflict as refused:
            if "already in progress" not in str(refused):
                raise
        finally:
            self._looks.forget(container)

    def rename(self, container: str, name: str) -> None:
        with self._refused_unless(lambda: self._inspect(container)["Name"] == f"/{name}"):
            self._post(container, "rename", f"rename to {name}", params={"name": name})

    def update(self, container: str, body: Mapping[str, Json]) -> tuple[str, ...]:
        self._post(container, "update", "update", json=dict(body))
        with understood(f"inspect {container}"):
            host = dict(self._inspect(container)["HostConfig"])
        # An engine without swap accounting drops MemorySwap and keeps the memory limit: not worth a word.
        return tuple(key for key, value in body.items() if key != "MemorySwap" and not _same(value, host.get(key)))

    def deliver(self, container: str, creation: Creation) -> None:
        for volume in creation.volumes:
            with self._filling.setdefault(volume.name, threading.Lock()):
                carry_in(self._connection, volume)
        for archive in creation.archives:
            put_files(self._connection, container, archive.directory, archive.files)

    def exchange(self, container: str, creation: Creation) -> None:
        for volume in exchanged_in(self._connection, container, creation):
            with self._filling.setdefault(volume.name, threading.Lock()):
                fill_exchange_volume(self._connection, volume)
        link(self._connection, container, creation)

    def signal(self, container: str, name: str) -> None:
        with self._refused_unless(lambda: not self._inspect(container)["State"].get("Running")):
            self._post(container, "kill", f"send {name} to", params={"signal": name})

    def connect(self, container: str, network: str, endpoint: Mapping[str, Json]) -> None:
        with self._refused_unless(lambda: network in self._networks(container)):
            self._network(network, "connect", container, {"EndpointConfig": dict(endpoint)})

    def disconnect(self, container: str, network: str) -> None:
        with self._refused_unless(lambda: network not in self._networks(container)):
            self._network(network, "disconnect", container, {"Force": False})

    def create_network(self, name: str, body: Mapping[str, Json]) -> None:
        doing = f"create network {name}"
        try:
            with self._looks.changing_resources():
                self._connection.call("POST", "/networks/create", doing=doing, json={**body, "Name": name})
        except Conflict:
            self._accept(self._connection.json("GET", f"/networks/{escaped(name)}", doing=doing), body, doing)

    def remove_network(self, network: str) -> None:
        with self._looks.changing_resources():
            self._gone(f"/networks/{escaped(network)}", f"remove network {network}")

    def create_volume(self, name: str, body: Mapping[str, Json]) -> None:
        doing = f"create volume {name}"
        with self._looks.changing_resources():
            answer = self._connection.json("POST", "/volumes/create", doing=doing, json={**body, "Name": name})
        self._accept(answer, body, doing)

    def collect_content(self, environment: str) -> int:
        doing = f"list the content volumes of {environment}"
        labels = [f"{ENVIRONMENT}={environment}", CONTENT]
        params = {"filters": canonical({"label": labels, "dangling": ["true"]}).decode()}
        answer = self._connection.json("GET", "/volumes", doing=doing, params=params)
        with understood(doing):
            names = [live.volume(row).name for row in answer["Volumes"] or ()]
        return sum(self._collected(name) for name in names if name.startswith(CONTENT_VOLUME_PREFIX))

    def _collected(self, name: str) -> bool:
        with self._filling.setdefault(name, threading.Lock()):
            try:
                with self._looks.changing_resources():
                    self._gone(f"/volumes/{escaped(name)}", f"collect {name}")
            except Conflict:  # a container came to use it just now
                return False
            return True

    def _grace(self, container: str) -> int:
        """How many seconds a container has to end by itself; an engine never changes that."""
        known = self._looks.last(container)
        if known is not None:
            seconds = known.fields.get("stop_grace_period")
        else:
            with understood(f"inspect {container}"):
                seconds = self._inspect(container)["Config"].get("StopTimeout")
        return seconds if isinstance(seconds, int) else DEFAULT_GRACE

    def _accept(self, found: Any, body: Mapping[str, Json], doing: str) -> None:
        """What exists already is fine when it is this project's; otherwise somebody else's data is at stake."""
        wanted = mapping(body.get("Labels"))
        with understood(doing):
            own = found.get("Labels") or {}
        if not any(own.get(label) and own.get(label) == wanted.get(label) for label in (ENVIRONMENT, PROJECT)):
            raise Conflict(
                f"{doing}: it exists and is not this project's; declare it `external: true` or rename it", 409
            )

    def _post(self, container: str, verb: str, words: str, **more: Any) -> None:
        path = f"/containers/{escaped(container)}/{verb}"
        try:
            self._connection.call("POST", path, doing=f"{words} {container}", **more)
        finally:
            self._looks.forget(container)

    def _network(self, network: str, verb: str, container: str, more: Mapping[str, Json]) -> None:
        path, doing = f"/networks/{escaped(network)}/{verb}", f"{verb} {container} and network {network}"
        try:
            self._connection.call("POST", path, doing=doing, json={"Container": container, **more})
        finally:
            self._looks.forget(container)

    def _networks(self, container: str) -> Any:
        with understood(f"inspect {container}"):
            return self._inspect(container)["NetworkSettings"]["Networks"] or {}

    @contextmanager
    def _refused_unless(self, so_already: Callable[[], bool]) -> Iterator[None]:
        """Engines of different ages refuse with different codes what is so already."""
        try:
            yield
        except NotFound:
            raise
        except EngineRefused:
            if not so_already():
                raise

    def _inspect(self, container: str) -> Any:
        return self._connection.json("GET", f"/containers/{escaped(container)}/json", doing=f"inspect {container}")

    def _gone(self, path: str, doing: str, params: Mapping[str, str | int] | None = None) -> None:
        try:
            self._connection.call("DELETE", path, doing=doing, params=params)
        except NotFound:
            return


def _same(wanted: Json, live: Any) -> bool:
    """Whether an engine shows what it was told. Of no limit it says so in several ways."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(_same(value, live.get(key)) for key, value in wanted.items())
    return bool(wanted == live) or (wanted in _NOTHING and live in _NOTHING)

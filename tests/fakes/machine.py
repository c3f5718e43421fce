"""The inside of the fake engine: what it holds, what people do to it by hand, and how it fails on demand."""

import hashlib
import itertools
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from gitopsd.engine_json import labels
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.live import repository
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Image
from gitopsd.model.errors import (
    Conflict,
    EngineRefused,
    EngineUnavailable,
    GitopsdError,
    HostTrouble,
    ImageUnavailable,
    NotFound,
)
from gitopsd.model.image import Disk, OutOfSight
from gitopsd.model.live import EngineEvent, LiveNetwork, LiveVolume
from tests.fakes.clock import FakeClock
from tests.fakes.containers import STEADY, Behaviour, Container, Held, content_files


class Killed(BaseException):
    """The daemon's end in the middle of its work: nothing catches it."""


@dataclass(slots=True)
class Failure:
    """A planned failure of calls whose text starts with `call` (`start`, `create shop-web-1`)."""

    call: str
    error: GitopsdError
    times: int
    after: bool


NUMBERS = itertools.count(1)


class Machine:
    """Images come with `add_image` (held by the engine) or `publish` (in the registry, to be pulled)."""

    def __init__(self, clock: FakeClock | None = None, api: tuple[int, int] = (1, 41)) -> None:
        self.clock = clock or FakeClock()
        self._api = api
        self.id = f"fake-{next(NUMBERS)}"
        self.writes: list[str] = []
        self.signals: list[tuple[str, str]] = []
        self.calls: list[str] = []
        self.room: Disk | OutOfSight = Disk("/var/lib/docker", 80 << 30, 100 << 30)
        self.ignored_updates: frozenset[str] = frozenset()
        self.away = False
        self.routes: tuple[str, ...] = ()
        self.version = "Docker/20.10.24 (memory)"
        self.images: dict[str, Held] = {}
        self.registry: dict[str, Held | GitopsdError] = {}
        self.containers: dict[str, Container] = {}
        self.networks: dict[str, LiveNetwork] = {}
        self.volumes: dict[str, LiveVolume] = {}
        self.pulling = 0
        self._registry_answers = threading.Event()
        self._registry_answers.set()
        self._failures: list[Failure] = []
        self._kill_at: tuple[int, bool] | None = None
        self._dead = False
        self._made = 0
        self._happened: list[EngineEvent] = []
        self._subscription = 0
        self._change = threading.Condition(threading.RLock())

    # --- what tests arrange -------------------------------------------------------------------------------------------

    def add_image(self, reference: str, behaviour: Behaviour = STEADY, volumes: Sequence[str] = ()) -> Image:
        """Have an image on the engine; adding a reference again is a new image under the old tag."""
        held = self._image(reference, behaviour, volumes)
        self.images[reference] = self.images[held.image.id] = held
        return held.image

    def publish(self, reference: str, behaviour: Behaviour = STEADY, volumes: Sequence[str] = ()) -> Image:
        """Have an image in the registry only; publishing a reference again moves its tag."""
        held = self._image(reference, behaviour, volumes)
        image = replace(held.image, digest=f"{repository(reference)}@sha256:{self._new_id()}")
        self.registry[reference] = self.registry[image.digest] = Held(image, behaviour)
        return image

    def refuse_pull(self, reference: str, error: GitopsdError | None = None) -> None:
        """Let the registry be out of reach for a reference (or fail as `error` says)."""
        self.registry[reference] = error or ImageUnavailable(f"pull {reference}: the registry does not answer")

    def fail(self, call: str, error: GitopsdError | None = None, times: int = 1, after: bool = False) -> None:
        """Let the next `times` writes (or `read /path`) that start with `call` fail, before or `after` their effect."""
        self._failures.append(Failure(call, error or EngineUnavailable(f"{call}: no answer"), times, after))

    def kill_after(self, writes: int, before: bool = False) -> None:
        """Kill the daemon (raise Killed) when that many more writes were made, or `before` the last takes effect.

        From then on every call raises Killed, whichever thread makes it, until `revive`.
        """
        self._kill_at = (len(self.writes) + writes, before)

    def revive(self) -> None:
        """A new daemon starts."""
        self._dead, self._kill_at = False, None

    @contextmanager
    def hanging_pulls(self) -> Iterator[None]:
        """Let the registry hang meanwhile; `pulling` counts who waits for it."""
        self._registry_answers.clear()
        try:
            yield
        finally:
            self._registry_answers.set()

    def container(self, name: str) -> Container:
        """A container by name or id. KeyError: there is none."""
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def names(self, running: bool = False) -> list[str]:
        """The names of all containers, or of those that run."""
        with self._change:
            self._settle()
            return sorted(each.name for each in self.containers.values() if each.up or not running)

    # --- what people do by hand ---------------------------------------------------------------------------------------

    def kill(self, name: str) -> None:
        """As `docker kill`: the restart policy does not apply."""
        with self._by_hand(name) as container:
            container.stopped_by_hand = True
            self._end(container, 137)

    def crash(self, name: str, code: int = 1) -> None:
        """The process ends by itself: the restart policy applies."""
        with self._by_hand(name) as container:
            self._end(container, code)
            self._come_back(container)

    def load_by_hand(self, reference: str) -> None:
        """As `docker load` of what the registry has."""
        found = self.registry[reference]
        assert isinstance(found, Held)
        with self._change:
            self.images[reference] = self.images[found.image.id] = found
            self._emit("image", "load", name=found.image.id)

    def tag_by_hand(self, reference: str, name: str) -> None:
        """As `docker tag`."""
        self.images[name] = self.images[reference]

    def remove_image_by_hand(self, image: str) -> None:
        """As `docker rmi -f` of an id."""
        with self._change:
            self.images = {name: held for name, held in self.images.items() if held.image.id != image}
            self._emit("image", "delete", name=image)

    def stop_by_hand(self, name: str) -> None:
        with self._by_hand(name) as container:
            container.stopped_by_hand = True
            self._end(container, 143)

    def pause_by_hand(self, name: str) -> None:
        with self._by_hand(name) as container:
            container.state = "paused"
            self._emit("container", "pause", container)

    def rename_by_hand(self, name: str, to: str) -> None:
        with self._by_hand(name) as container:
            container.name = to
            self._emit("container", "rename", container)

    def update_by_hand(self, name: str, **limits: Any) -> None:
        """As `docker update`, in the Engine API's words."""
        with self._by_hand(name) as container:
            container.limits |= {key: value for key, value in limits.items() if key != "RestartPolicy"}
            container.restart_policy = limits.get("RestartPolicy", container.restart_policy)
            self._emit("container", "update", container)

    def exec_by_hand(self, name: str, command: str) -> None:
        with self._by_hand(name) as container:
            self._emit("container", f"exec_start: {command}", container)

    def edit_by_hand(self, name: str, path: str, data: bytes | None) -> None:
        """A command in the container writes a file, or removes it."""
        with self._by_hand(name) as container:
            files = {**container.files, **({path: data} if data is not None else {})}
            container.files = {each: held for each, held in files.items() if each != path or data is not None}
            self._emit("container", "exec_die", container)

    def connect_by_hand(self, name: str, network: str, **endpoint: Any) -> None:
        with self._by_hand(name) as container:
            container.networks[network] = endpoint
            self._emit("network", "connect", name=network)

    def disconnect_by_hand(self, name: str, network: str) -> None:
        with self._by_hand(name) as container:
            del container.networks[network]
            self._emit("network", "disconnect", name=network)

    def remove_by_hand(self, name: str) -> None:
        """As `docker rm -f`."""
        with self._by_hand(name) as container:
            if container.up:
                self._end(container, 137)
            del self.containers[container.id]
            self._emit("container", "destroy", container)

    def run_by_hand(
        self, name: str, project: str = "", service: str = "", ports: Mapping[str, str] | None = None, image: str = ""
    ) -> str:
        """Somebody's own container, with Compose's labels if a project is named; `ports`: container to host port."""
        own = {labels.PROJECT: project, labels.COMPOSE_SERVICE: service, labels.NUMBER: "1"} if project else {}
        bindings = {f"{port}/tcp": [{"HostIp": "", "HostPort": to}] for port, to in (ports or {}).items()}
        held = self.images[image].image if image else self.add_image(f"by-hand/{name}:1")
        body: dict[str, Json] = {"Image": held.id, "Labels": dict(own), "HostConfig": {"PortBindings": bindings}}
        with self._change:
            made = self._make(Creation(name, body))
            made.started(self.clock.now())
            return made.id

    def restart_engine(self) -> None:
        """Every container stops; restart policies bring some back. Streams of events end."""
        with self._change:
            self._settle()
            back = [each for each in self.containers.values() if each.comes_back_with_engine()]
            for each in self.containers.values():
                if each.up:
                    self._end(each, 137)
            for each in back:
                self._begin(each)
        self.close_events()

    # --- how it works -------------------------------------------------------------------------------------------------

    def close_events(self) -> None:
        """End every stream of events."""
        with self._change:
            self._subscription += 1
            self._change.notify_all()

    @contextmanager
    def _call(self, words: str = "look") -> Iterator[None]:
        with self._change:
            if self._dead:
                raise Killed(words)
            self.calls.append(words)
            if self.away:
                raise EngineUnavailable(f"{words}: the engine did not answer")
            self._settle()
            yield

    @contextmanager
    def _asking(self) -> Iterator[None]:
        with self._change:
            self.pulling += 1
        self._registry_answers.wait()
        yield
        with self._change:
            self.pulling -= 1

    @contextmanager
    def _write(self, verb: str, container: str = "", more: str = "") -> Iterator[None]:
        with self._change:
            found = self._find(container)
            words = f"{verb} {found.name if found else container}{more}".strip()
            with self._call(words):
                self.writes.append(words)
                self._planned(words, after=False)
                yield
                self._planned(words, after=True)

    def _planned(self, words: str, after: bool) -> None:
        """The failure, or the death, that a test planned for this write."""
        if self._kill_at is not None and len(self.writes) >= self._kill_at[0] and self._kill_at[1] != after:
            self._dead = True
            raise Killed(words)
        self._failing(words, after)

    def _failing(self, words: str, after: bool) -> None:
        for failure in self._failures:
            if failure.times > 0 and failure.after == after and words.startswith(failure.call):
                failure.times -= 1
                raise failure.error

    @contextmanager
    def _by_hand(self, name: str) -> Iterator[Container]:
        with self._change:
            self._settle()
            yield self.container(name)

    def _settle(self) -> None:
        """Let what is due by now happen: one end for each container, so that a crash loop goes round once a look."""
        now = self.clock.now()
        for each in self.containers.values():
            if each.due(now):
                self._end(each, each.image.behaviour.exit_code or 0)
                self._come_back(each)

    def _come_back(self, container: Container) -> None:
        if container.comes_back():
            container.restarts += 1
            self._begin(container)

    def _begin(self, container: Container) -> None:
        container.started(self.clock.now())
        self._emit("container", "start", container)

    def _end(self, container: Container, code: int) -> None:
        container.ended(self.clock.now(), code)
        self._emit("container", "die", container)

    def _check_start(self, container: Container) -> None:
        """What a real engine refuses only at the start."""
        if container.image.behaviour.start_error:
            raise EngineRefused(container.image.behaviour.start_error, 400)
        if missing := [name for name in container.networks if name not in self.networks]:
            raise NotFound(f"network {missing[0]} not found", 404)
        for id in container.joined():
            if id not in self.containers or not self.containers[id].up:
                raise HostTrouble(f"cannot join network of a non running container: {id}", 409)
        others = [each for each in self.containers.values() if each.up and each is not container]
        for address, port, protocol in container.host_ports():
            if any(_collide((address, port, protocol), taken) for each in others for taken in each.host_ports()):
                raise HostTrouble(f"Bind for {address or '0.0.0.0'}:{port} failed: port is already allocated", 500)
        if any(container.addresses() & each.addresses() for each in others):
            raise EngineRefused("Address already in use", 403)

    def _clear_leftover(self, creation: Creation) -> None:
        other = self._find(creation.name)
        if other is None:
            return
        ours = labels_of(creation.body).get(labels.ENVIRONMENT)
        if other.state != "created" or other.labels.get(labels.ENVIRONMENT) != ours:
            raise Conflict(f'the container name "/{creation.name}" is already in use by container "{other.id}"', 409)
        del self.containers[other.id]
        self._emit("container", "destroy", other)

    def _make(self, creation: Creation) -> Container:
        body: dict[str, Any] = dict(creation.body)
        held, host = self.images.get(body["Image"]), body.get("HostConfig") or {}
        if held is None:
            raise NotFound(f"No such image: {body['Image']}", 404)
        if gone := [each for each in host.get("VolumesFrom") or () if each.partition(":")[0] not in self.containers]:
            raise HostTrouble(f"No such container: {gone[0]}", 400)
        endpoints = (body.get("NetworkingConfig") or {}).get("EndpointsConfig") or {}
        made = Container(
            id=self._new_id(),
            name=creation.name,
            body=body,
            image=held,
            created_at=self.clock.now(),
            volumes=self._mount(host, held),
            networks={**endpoints, **dict(creation.connect)},
            named=creation.image or body["Image"],
            files=content_files(creation),
            restart_policy=dict(host.get("RestartPolicy") or {}),
        )
        self.containers[made.id] = made
        filled = (*creation.volumes, *creation.exchanged)
        self.volumes |= {each.name: LiveVolume(each.name, each.labels) for each in filled}
        self._emit("container", "create", made)
        return made

    def _mount(self, host: Mapping[str, Any], held: Held) -> dict[str, str]:
        """Target to volume name; named volumes that are missing are made, anonymous ones always."""
        wanted = {
            mount["Target"]: mount.get("Source") or self._new_id()
            for mount in host.get("Mounts") or ()
            if mount["Type"] == "volume"
        }
        taken = {mount["Target"] for mount in host.get("Mounts") or ()}
        wanted |= {target: self._new_id() for target in held.image.volumes if target not in taken}
        for name in wanted.values():
            self.volumes.setdefault(name, LiveVolume(name, {}))
        return wanted

    def _image_names(self, image: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Tags and digests of an image by its id."""
        names = sorted(name for name, held in self.images.items() if held.image.id == image and name != image)
        digests = tuple(name for name in names if "@" in name)
        return tuple(name for name in names if "@" not in name), digests

    def _find(self, name: str) -> Container | None:
        return self.containers.get(name) or next((each for each in self.containers.values() if each.name == name), None)

    def _need(self, name: str) -> Container:
        found = self._find(name)
        if found is None:
            raise NotFound(f"No such container: {name}", 404)
        return found

    def _image(self, reference: str, behaviour: Behaviour, volumes: Sequence[str]) -> Held:
        identity = "sha256:" + self._new_id()
        return Held(Image(reference, identity, "", tuple(volumes), behaviour.healthcheck), behaviour)

    def _new_id(self) -> str:
        self._made += 1
        return hashlib.sha256(str(self._made).encode()).hexdigest()

    def _emit(self, kind: str, action: str, container: Container | None = None, name: str = "") -> None:
        own = container.labels if container else {}
        event = EngineEvent(
            at=self.clock.now(),
            kind=kind,
            action=action,
            id=container.id if container else name,
            project=own.get(labels.PROJECT, ""),
            attributes={**own, "name": container.name if container else name},
        )
        self._happened.append(event)
        self._change.notify_all()


def accept(name: str, found: Mapping[str, str], body: Mapping[str, Json]) -> None:
    """What exists is fine when it is this project's."""
    wanted = labels_of(body)
    if not any(
        found.get(label) and found.get(label) == wanted.get(label) for label in (labels.ENVIRONMENT, labels.PROJECT)
    ):
        raise Conflict(f"{name} exists and is not this project's", 409)


def labels_of(body: Mapping[str, Any]) -> dict[str, str]:
    """The labels of a create body."""
    return dict(body.get("Labels") or {})


def _collide(wanted: tuple[str, str, str], taken: tuple[str, str, str]) -> bool:
    everywhere = ("", "0.0.0.0")
    same_address = wanted[0] == taken[0] or wanted[0] in everywhere or taken[0] in everywhere
    return same_address and wanted[1:] == taken[1:]

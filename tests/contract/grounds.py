"""Where the engine contract is tried: a fake and a real engine, arranged through one set of words."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

import docker

from gitopsd.controller.ports import Engine
from gitopsd.engine_json import network_body
from gitopsd.engine_json.labels import PROJECT
from gitopsd.model.desired import DesiredState, Image, Service
from gitopsd.model.live import EngineEvent, Instance
from tests.conftest import gone_is_fine
from tests.engine_json.builders import created, desired
from tests.fakes.containers import STEADY, Behaviour, exits, healthy, unhealthy
from tests.fakes.engine import FakeEngine
from tests.images import Images
from tests.waiting import eventually

Seen = TypeVar("Seen")

BEHAVIOURS: dict[str, Behaviour] = {
    "steady": STEADY,
    "fails": exits(3, log="no database\n"),
    "succeeds": exits(0, log="done\n"),
    "healthy": healthy(after=1),
    "unhealthy": unhealthy(after=1),
    "volume": STEADY,
    "told": Behaviour(ends_on="SIGHUP"),
}
CHECK = "--interval=200ms --timeout=5s --retries=1"
CHANGES: dict[str, list[str]] = {
    "steady": ['CMD ["sleep", "600"]'],
    "fails": ['CMD ["sh", "-c", "echo no database; exit 3"]'],
    "succeeds": ['CMD ["sh", "-c", "echo done"]'],
    "healthy": ['CMD ["sleep", "600"]', f'HEALTHCHECK {CHECK} CMD ["true"]'],
    "unhealthy": ['CMD ["sleep", "600"]', f'HEALTHCHECK {CHECK} CMD ["false"]'],
    "volume": ['CMD ["sleep", "600"]', "VOLUME /data"],
    "told": ['CMD ["sh", "-c", "trap \'exit 7\' HUP; while :; do sleep 0.1; done"]'],
}
VOLUMES = {"volume": ("/data",)}


class Hands(Protocol):
    """What is done behind gitopsd's back."""

    def image(self, kind: str) -> Image: ...

    def own_image(self, name: str) -> Image: ...

    def tag(self, name: str, as_name: str) -> None: ...

    def somebodys_container(self, name: str) -> None: ...

    def somebodys_network(self, name: str) -> None: ...

    def somebodys_volume(self, name: str) -> None: ...

    def pause(self, name: str) -> None: ...

    def remove(self, name: str) -> None: ...

    def read(self, name: str, path: str) -> bytes: ...

    def let_pass(self) -> None: ...


@dataclass(frozen=True)
class Ground:
    """An engine with a project on it that nobody else uses."""

    engine: Engine
    hands: Hands
    project: str

    def desired(self, *services: Service) -> DesiredState:
        """The state of these services; its networks exist afterwards."""
        keys = sorted({attachment.network for each in services for attachment in each.networks})
        state = desired(*services, project=self.project, networks=keys)
        for network in state.networks.values():
            self.engine.create_network(network.name, network_body(network, state))
        return state

    def create(self, each: Service, kind: str = "steady", name: str = "", slot: int = 1, **arguments: object) -> str:
        name = name or f"{self.project}-{each.name}-{slot}"
        made = created(each, self.hands.image(kind), self.desired(each), slot=slot, name=name, **arguments)
        return self.engine.create(made)

    def run(self, each: Service, kind: str = "steady", **arguments: object) -> str:
        container = self.create(each, kind, **arguments)  # type: ignore[arg-type]
        self.engine.start(container)
        return container

    def instances(self) -> tuple[Instance, ...]:
        return self.engine.observe(self.project).instances

    def only(self) -> Instance:
        (instance,) = self.instances()
        return instance

    def eventually(self, check: Callable[[], Seen]) -> Seen:
        """As `tests.waiting.eventually`, with time passing on a fake clock too."""

        def passing() -> Seen:
            self.hands.let_pass()
            return check()

        return eventually(passing, within=45)

    def listen(self) -> "Listener":
        return Listener(self.engine)


class Listener:
    """Reads events in a thread of its own, as the daemon does."""

    def __init__(self, engine: Engine) -> None:
        self.heard: list[EngineEvent] = []
        self._engine = engine
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def over(self) -> bool:
        return not self._thread.is_alive()

    def actions(self, container: str) -> list[str]:
        return [event.action for event in self.heard if event.id == container]

    def _listen(self) -> None:
        for event in self._engine.events(None):
            self.heard.append(event)


class FakeHands:
    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine

    def image(self, kind: str) -> Image:
        held = self._engine.images.get(f"test/{kind}:1")
        return held.image if held else self._engine.add_image(f"test/{kind}:1", BEHAVIOURS[kind], VOLUMES.get(kind, ()))

    def own_image(self, name: str) -> Image:
        return self._engine.add_image(name)

    def tag(self, name: str, as_name: str) -> None:
        self._engine.tag_by_hand(name, as_name)

    def somebodys_container(self, name: str) -> None:
        self._engine.run_by_hand(name)

    def somebodys_network(self, name: str) -> None:
        self._engine.create_network(name, {})

    def somebodys_volume(self, name: str) -> None:
        self._engine.create_volume(name, {})

    def pause(self, name: str) -> None:
        self._engine.pause_by_hand(name)

    def remove(self, name: str) -> None:
        self._engine.remove_by_hand(name)

    def read(self, name: str, path: str) -> bytes:
        return self._engine.container(name).files[path]

    def let_pass(self) -> None:
        self._engine.clock.advance(1)


class RealHands:
    def __init__(self, engine: Engine, api: docker.APIClient, images: Images, project: str) -> None:
        self._engine, self._api, self._images, self._project = engine, api, images, project
        self._networks: list[str] = []
        self._volumes: list[str] = []
        self._own_images: list[str] = []

    def image(self, kind: str) -> Image:
        tag = self._images.busybox(f"gitopsd-test/{kind}:1", changes=CHANGES[kind])
        found = self._engine.image(tag)
        assert found is not None
        return found

    def own_image(self, name: str) -> Image:
        """One that no other test has: its content names it."""
        self._images.busybox(name, {"/name": name}, CHANGES["steady"])
        self._own_images.append(name)
        found = self._engine.image(name)
        assert found is not None
        return found

    def tag(self, name: str, as_name: str) -> None:
        repository, _, tag = as_name.rpartition(":")
        self._api.tag(name, repository, tag)
        self._own_images.append(as_name)

    def somebodys_container(self, name: str) -> None:
        """With the project's label, so that it is gone after the test."""
        image = self.image("steady").id
        body = {"Image": image, "Labels": {PROJECT: self._project}}
        self._api.create_container_from_config(body, name)  # type: ignore[no-untyped-call]

    def somebodys_network(self, name: str) -> None:
        self._networks.append(name)
        self._api.create_network(name)

    def somebodys_volume(self, name: str) -> None:
        self._volumes.append(name)
        self._api.create_volume(name)

    def pause(self, name: str) -> None:
        self._api.pause(name)

    def remove(self, name: str) -> None:
        self._api.remove_container(name, force=True, v=True)

    def read(self, name: str, path: str) -> bytes:
        """As the container's own process sees it, not as the engine's archive does."""
        command = self._api.exec_create(name, ["cat", path], stderr=False)
        said = self._api.exec_start(command["Id"])
        assert isinstance(said, bytes)
        return said

    def let_pass(self) -> None:
        time.sleep(0)

    def clear(self, left: set[str]) -> None:
        """What the project's label does not lead to: content and anonymous volumes `left`, and somebody else's."""
        for network in self._networks:
            self._api.remove_network(network)
        for image in self._own_images:
            gone_is_fine(partial(self._api.remove_image, image, force=True))
        for volume in {*self._volumes, *left}:
            gone_is_fine(partial(self._api.remove_volume, volume, force=True))

"""A small honest Docker in memory: names and ports collide, volumes outlive containers, and it can fail on demand."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gitopsd.engine_json import labels
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.live import repository
from gitopsd.engine_json.projection import network_projection, volume_projection
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile, Image
from gitopsd.model.errors import Conflict, EngineRefused, GitopsdError, ImageMissing, NotFound
from gitopsd.model.image import Disk, HeldImage, OutOfSight
from gitopsd.model.live import (
    EngineEvent,
    EngineFacts,
    KeptVolume,
    LayerChange,
    LiveNetwork,
    LiveState,
    LiveVolume,
    NetworkAddresses,
    Used,
)
from tests.fakes.containers import (
    STEADY,
    Behaviour,
    Container,
    content_files,
    exchanged_files,
    exits,
    healthy,
    never_healthy,
    unhealthy,
)
from tests.fakes.machine import Killed, Machine, accept, labels_of

__all__ = ["STEADY", "Behaviour", "FakeEngine", "Killed", "exits", "healthy", "never_healthy", "unhealthy"]


class FakeEngine(Machine):
    """Implements `controller.ports.Engine`; what tests arrange and do by hand is Machine's.

    `writes` lists every call that may change something, in words; `calls` lists the others too.
    """

    def facts(self) -> EngineFacts:
        with self._call("look"):
            return EngineFacts(self.id, "20.10.24", self._api, "memory")

    def api(self) -> tuple[int, int]:
        return self._api

    def observe(self, project: str, thorough: bool = False) -> LiveState:
        with self._call("look"):
            now = self.clock.now()
            mine = [each for each in self.containers.values() if each.labels.get(labels.PROJECT) == project]
            owned = self.volumes.get(f"gitopsd-owner-{project}")
            return LiveState(
                tuple(
                    sorted((each.instance(now) for each in mine), key=lambda each: (each.service, each.slot, each.name))
                ),
                tuple(each for each in self.networks.values() if each.labels.get(labels.PROJECT) == project),
                tuple(each for each in self.volumes.values() if each.labels.get(labels.PROJECT) == project),
                owned.labels.get(labels.OWNER, "") if owned else "",
                engine=self.version,
            )

    def image(self, reference: str) -> Image | None:
        with self._call("look"):
            held = self.images.get(reference)
            return held.image if held else None

    def image_defaults(self, image: str) -> Mapping[str, Json]:
        with self._call("look"):
            if image not in self.images:
                raise NotFound(f"No such image: {image}", 404)
            return self.images[image].defaults

    def read(self, container: str, path: str, most: int) -> tuple[ContentFile, ...] | None:
        with self._call(f"read {path}"):
            self._failing(f"read {path}", after=False)
            held = self._need(container).files
            found = {name.removeprefix(path).strip("/"): data for name, data in held.items() if _below(name, path)}
            fits = sum(map(len, found.values())) <= most
            return tuple(ContentFile(name, data) for name, data in sorted(found.items())) if found and fits else None

    def changes(self, container: str) -> tuple[LayerChange, ...]:
        with self._call("look"):
            self._failing("changes", after=False)
            found = self._need(container)
            return (*(LayerChange(path, "added") for path in sorted(found.files)), *found.layer)

    def projects(self) -> tuple[str, ...]:
        with self._call("look"):
            named = {each.labels.get(labels.PROJECT, "") for each in self.containers.values()}
            return tuple(sorted(named - {""}))

    def kept_volumes(self) -> tuple[KeptVolume, ...]:
        with self._call("look"):
            mounted = {name for each in self.containers.values() for name in each.volumes.values()}
            return tuple(
                KeptVolume(name, own[labels.PROJECT], own.get(labels.ENVIRONMENT, ""), mounted=name in mounted)
                for name, own in sorted((name, each.labels) for name, each in self.volumes.items())
                if labels.PROJECT in own and labels.OWNER not in own and labels.CONTENT not in own
            )

    def held_images(self) -> tuple[HeldImage, ...]:
        with self._call("look"):
            used = {each.image.image.id for each in self.containers.values()}
            return tuple(
                HeldImage(id, *self._image_names(id), id in used)
                for id in sorted({held.image.id for held in self.images.values()})
            )

    def disk(self) -> Disk | OutOfSight:
        with self._call("look"):
            return self.room

    def logs(self, container: str, lines: int) -> str:
        with self._call("look"):
            log = self._need(container).image.behaviour.log
            return "".join(log.splitlines(keepends=True)[-lines:])[-16384:]

    def used(self, containers: Sequence[str]) -> Mapping[str, Used]:
        with self._call("usage"):
            self._failing("usage", after=False)
            found = [self._find(each) for each in containers]
            up = [each for each in found if each is not None and each.up]
            return {each.id: Used(each.image.behaviour.memory, self._worked(each)) for each in up}

    def _worked(self, container: Container) -> float:
        began = container.started_at or self.clock.now()
        return container.image.behaviour.cores * (self.clock.now() - began).total_seconds()

    def existing(self, networks: Sequence[str], volumes: Sequence[str]) -> tuple[frozenset[str], frozenset[str]]:
        with self._call("look"):
            return frozenset(networks) & self.networks.keys(), frozenset(volumes) & self.volumes.keys()

    def addresses(self, network: str) -> NetworkAddresses | None:
        with self._call("look"):
            if network not in self.networks:
                return None
            made = self.networks[network]
            members = [each.networks[network] for each in self.containers.values() if network in each.networks]
            taken = {str((end.get("IPAMConfig") or {}).get("IPv4Address") or "") for end in members}
            pools = made.fields.get("ipam.config") or {}
            assert isinstance(pools, Mapping)
            apart = {"com.docker.network.bridge.enable_icc": "false"}
            ours, together = labels.ROUTED in made.labels, made.fields.get("driver_opts") != apart
            return NetworkAddresses(next(iter(pools), ""), frozenset(taken - {""}), ours, together)

    def subnets(self) -> tuple[str, ...]:
        with self._call("look"):
            pools = [each.fields.get("ipam.config") or {} for each in self.networks.values()]
            return (*self.routes, *sorted(subnet for pool in pools if isinstance(pool, Mapping) for subnet in pool))

    def events(self, since: datetime | None) -> Iterator[EngineEvent]:
        with self._call("look"):
            position = len(self._happened) if since is None else 0
            return self._followed(self._subscription, position, since)

    def _followed(self, subscription: int, position: int, since: datetime | None) -> Iterator[EngineEvent]:
        while True:
            with self._change:
                while self._subscription == subscription and position >= len(self._happened):
                    self._change.wait()
                if self._subscription != subscription:
                    return
                event = self._happened[position]
            position += 1
            if since is None or event.at >= since:
                yield event

    def claim(self, project: str, owner: str) -> str:
        name = f"gitopsd-owner-{project}"
        with self._write(f"claim {project}"):
            return self.volumes.setdefault(name, LiveVolume(name, {labels.OWNER: owner})).labels[labels.OWNER]

    def disclaim(self, project: str) -> None:
        with self._write(f"disclaim {project}"):
            self.volumes.pop(f"gitopsd-owner-{project}", None)

    def pull(self, reference: str, progress: Callable[[str], None], platform: str = "") -> Image:
        with self._asking(), self._write(f"pull {reference} {platform}".strip()):
            found = self.registry.get(reference)
            if isinstance(found, GitopsdError):
                raise found
            if found is None:
                raise ImageMissing(f"pull {reference}: manifest unknown")
            progress("1 of 1 layers")
            names = [found.image.id, *([found.image.digest] if found.image.digest else [])]
            self.images |= dict.fromkeys([reference, *names], found)
            return replace(found.image, reference=reference)

    def remove_image(self, name: str) -> None:
        with self._write(f"remove image {name}"):
            held = self.images.get(name)
            if held is None:
                return
            id = held.image.id
            tags, digests = self._image_names(id)
            others = [each for each in tags if each != name] or [
                each for each in digests if each != name and repository(each) != repository(name)
            ]
            if others and name != id:
                del self.images[name]
                return
            if any(each.image.image.id == id for each in self.containers.values()):
                raise Conflict(f"unable to remove {name} (must force): a container is using its image {id}", 409)
            self.remove_image_by_hand(id)

    def create(self, creation: Creation) -> str:
        with self._write(f"create {creation.name}"):
            self._clear_leftover(creation)
            return self._make(creation).id

    def start(self, container: str) -> None:
        with self._write("start", container):
            found = self._need(container)
            if found.state == "paused":
                raise Conflict("cannot start a paused container, try unpause instead", 409)
            if found.state == "running":
                return
            self._check_start(found)
            self._begin(found)
            self._settle()

    def unpause(self, container: str) -> None:
        with self._write("unpause", container):
            found = self._need(container)
            if found.state == "paused":
                found.state = "running"
                self._emit("container", "unpause", found)

    def stop(self, container: str) -> None:
        with self._write("stop", container):
            found = self._need(container)
            if found.up:
                found.stopped_by_hand = True
                self._end(found, 143)

    def remove(self, container: str) -> None:
        with self._write("remove", container):
            found = self._find(container)
            if found is None:
                return
            if found.up:
                raise Conflict(f"You cannot remove a running container {found.id}", 409)
            del self.containers[found.id]
            self._emit("container", "destroy", found)

    def rename(self, container: str, name: str) -> None:
        with self._write("rename", container, f" to {name}"):
            found, other = self._need(container), self._find(name)
            if other is not None and other is not found:
                raise Conflict(f'the container name "/{name}" is already in use by container "{other.id}"', 409)
            found.name = name
            self._emit("container", "rename", found)

    def update(self, container: str, body: Mapping[str, Json]) -> tuple[str, ...]:
        with self._write("update", container):
            found = self._need(container)
            for key, value in body.items():
                if key in self.ignored_updates:
                    continue
                if key == "RestartPolicy":
                    assert isinstance(value, Mapping)
                    found.restart_policy = dict(value)
                else:
                    found.limits[key] = value
            self._emit("container", "update", found)
            return tuple(key for key in body if key in self.ignored_updates)

    def deliver(self, container: str, creation: Creation) -> None:
        with self._write("deliver to", container):
            found = self._need(container)
            found.files = {**found.files, **content_files(creation)}

    def exchange(self, container: str, creation: Creation) -> None:
        with self._write("exchange files of", container):
            found = self._need(container)
            for volume in creation.exchanged:
                if volume.target not in found.volumes:
                    raise EngineRefused(f"exchange files in {container}: it was made without {volume.target}", 409)
            mine = {found.volumes[volume.target] for volume in creation.exchanged}
            for each in self.containers.values():
                if each is found or mine & set(each.volumes.values()):
                    each.files = {**each.files, **exchanged_files(creation)}

    def signal(self, container: str, name: str) -> None:
        with self._write(f"send {name} to", container):
            found = self._need(container)
            if found.up:
                self.signals.append((found.name, name))
                self._emit("container", "kill", found)
                if found.image.behaviour.ends_on == name:
                    self._end(found, 7)

    def connect(self, container: str, network: str, endpoint: Mapping[str, Json]) -> None:
        with self._write("connect", container, f" to {network}"):
            found = self._need(container)
            if network not in self.networks:
                raise NotFound(f"network {network} not found", 404)
            found.networks.setdefault(network, endpoint)
            self._emit("network", "connect", name=network)

    def disconnect(self, container: str, network: str) -> None:
        with self._write("disconnect", container, f" from {network}"):
            self._need(container).networks.pop(network, None)
            self._emit("network", "disconnect", name=network)

    def create_network(self, name: str, body: Mapping[str, Json]) -> None:
        with self._write(f"create network {name}"):
            if name in self.networks:
                accept(name, self.networks[name].labels, body)
                return
            own = labels_of(body)
            shown = network_projection(body)
            self.networks[name] = LiveNetwork(self._new_id(), name, own, own.get(labels.OPTIONS, ""), shown)
            self._emit("network", "create", name=name)

    def remove_network(self, network: str) -> None:
        with self._write(f"remove network {network}"):
            name = next((each.name for each in self.networks.values() if network in (each.id, each.name)), "")
            if any(each.up and name in each.networks for each in self.containers.values()):
                raise EngineRefused(f"error while removing network: network {name} has active endpoints", 403)
            if self.networks.pop(name, None):
                self._emit("network", "destroy", name=name)

    def create_volume(self, name: str, body: Mapping[str, Json]) -> None:
        with self._write(f"create volume {name}"):
            if name in self.volumes:
                accept(name, self.volumes[name].labels, body)
                return
            own = labels_of(body)
            shown = volume_projection({**body, "Options": body.get("DriverOpts")})
            self.volumes[name] = LiveVolume(name, own, own.get(labels.OPTIONS, ""), shown)
            self._emit("volume", "create", name=name)

    def collect_content(self, environment: str) -> int:
        with self._write("collect content"):
            used = {name for each in self.containers.values() for name in each.volumes.values()}
            unused = [
                name
                for name, volume in self.volumes.items()
                if labels.CONTENT in volume.labels
                and volume.labels.get(labels.ENVIRONMENT) == environment
                and name not in used
            ]
            for name in unused:
                del self.volumes[name]
            return len(unused)


def _below(name: str, path: str) -> bool:
    return name == path or name.startswith(f"{path.rstrip('/')}/")

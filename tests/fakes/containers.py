"""What the fake engine holds: images with a behaviour, and containers that follow it as the clock moves."""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gitopsd.engine_json import labels
from gitopsd.engine_json.creation import Creation
from gitopsd.engine_json.exchange import shown_files
from gitopsd.engine_json.expectation import laid_over, mounts_shown
from gitopsd.engine_json.projection import container_projection
from gitopsd.engine_json.routed import routed_address_of
from gitopsd.model.desired import Image
from gitopsd.model.live import Check, Instance, LayerChange, State

NO_HEALTHCHECK = ["NONE"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a container of an image behaves. Times are seconds after its start; None: never.

    Health counts only where there is a healthcheck: the image's (`healthcheck`), or the container's own.
    """

    healthcheck: bool = False
    healthy_after: float | None = 0.0
    unhealthy_after: float | None = None
    exit_code: int | None = None
    exits_after: float = 0.0
    start_error: str = ""
    log: str = ""
    check_output: str = ""
    memory: int = 8 << 20
    cores: float = 0.0
    ends_on: str = ""  # a signal at which it ends, with code 7


STEADY = Behaviour()
"""Runs, and is healthy at once where it is asked."""


def exits(code: int, after: float = 0.0, log: str = "") -> Behaviour:
    """Ends by itself: a job, or with a restart policy a crash loop."""
    return Behaviour(exit_code=code, exits_after=after, log=log)


def healthy(after: float) -> Behaviour:
    """Has a healthcheck, which passes from `after` on."""
    return Behaviour(healthcheck=True, healthy_after=after)


def unhealthy(after: float = 0.0, says: str = "") -> Behaviour:
    """Has a healthcheck, which has used up its retries at `after`."""
    return Behaviour(healthcheck=True, healthy_after=None, unhealthy_after=after, check_output=says)


def never_healthy() -> Behaviour:
    """Has a healthcheck, which stays at `starting`."""
    return Behaviour(healthcheck=True, healthy_after=None)


@dataclass(slots=True)
class Held:
    """An image that the engine or the registry holds."""

    image: Image
    behaviour: Behaviour

    @property
    def defaults(self) -> dict[str, Any]:
        """What it lays under its containers."""
        return {"Volumes": {target: {} for target in self.image.volumes}}


@dataclass(slots=True, eq=False)
class Container:
    """One container; `body` is what it was created with, `named` how its image was called."""

    id: str
    name: str
    body: Mapping[str, Any]
    image: Held
    created_at: datetime
    volumes: dict[str, str]
    networks: dict[str, Mapping[str, Any]]
    named: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    layer: tuple[LayerChange, ...] = ()
    state: State = "created"
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    error: str = ""
    restarts: int = 0
    restart_policy: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    stopped_by_hand: bool = False

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.body.get("Labels") or {})

    @property
    def up(self) -> bool:
        return self.state in ("running", "paused")

    def host_ports(self) -> set[tuple[str, str, str]]:
        """(address, host port, protocol) of every fixed publication."""
        bindings = self.body["HostConfig"].get("PortBindings") or {}
        return {
            (each["HostIp"], each["HostPort"], port.rpartition("/")[2])
            for port, published in bindings.items()
            for each in published
            if each["HostPort"]
        }

    def addresses(self) -> set[tuple[str, str]]:
        """(network, address) of every fixed address."""
        return {
            (network, address)
            for network, endpoint in self.networks.items()
            for address in (endpoint.get("IPAMConfig") or {}).values()
        }

    def joined(self) -> tuple[str, ...]:
        """Ids of the containers in whose network, PID or IPC namespace it is."""
        host = self.body["HostConfig"]
        modes = (str(host.get(key) or "") for key in ("NetworkMode", "PidMode", "IpcMode"))
        return tuple(sorted({mode.removeprefix("container:") for mode in modes if mode.startswith("container:")}))

    def borrowed(self) -> tuple[str, ...]:
        """Ids of the containers whose volumes it mounts."""
        return tuple(sorted({each.partition(":")[0] for each in self.body["HostConfig"].get("VolumesFrom") or ()}))

    def started(self, now: datetime) -> None:
        self.state, self.started_at, self.error, self.stopped_by_hand = "running", now, "", False

    def ended(self, now: datetime, code: int) -> None:
        self.state, self.finished_at, self.exit_code = "exited", now, code

    def due(self, now: datetime) -> bool:
        """Whether its process has come to its end."""
        behaviour = self.image.behaviour
        if self.state != "running" or behaviour.exit_code is None or self.started_at is None:
            return False
        return now >= self.started_at + timedelta(seconds=behaviour.exits_after)

    def comes_back(self) -> bool:
        """Whether its restart policy starts it again after its process ended."""
        name, retries = self.restart_policy.get("Name") or "no", self.restart_policy.get("MaximumRetryCount") or 0
        if name == "on-failure":
            return self.exit_code != 0 and (not retries or self.restarts < retries)
        return name in ("always", "unless-stopped")

    def comes_back_with_engine(self) -> bool:
        """Whether a restart of the engine starts it; `always` does so even after a stop by hand."""
        name = self.restart_policy.get("Name") or "no"
        was_up = self.up or name == "always"
        return name == "always" or (was_up and not self.stopped_by_hand and name in ("unless-stopped", "on-failure"))

    def check(self, now: datetime) -> Check:
        own = (self.body.get("Healthcheck") or {}).get("Test")
        behaviour = self.image.behaviour
        if own == NO_HEALTHCHECK or not (own or behaviour.healthcheck) or self.started_at is None:
            return "none"
        if self.state != "running":
            return "unhealthy" if self.state == "exited" else "starting"
        age = (now - self.started_at).total_seconds()
        if behaviour.unhealthy_after is not None and age >= behaviour.unhealthy_after:
            return "unhealthy"
        if behaviour.healthy_after is not None and age >= behaviour.healthy_after:
            return "healthy"
        return "starting"

    def instance(self, now: datetime) -> Instance:
        own = self.labels
        return Instance(
            id=self.id,
            name=self.name,
            service=own.get(labels.COMPOSE_SERVICE, ""),
            slot=int(own.get(labels.SLOT) or own.get(labels.NUMBER) or 0),
            state=self.state,
            created_at=self.created_at,
            fingerprint=own.get(labels.FINGERPRINT, ""),
            environment=own.get(labels.ENVIRONMENT, ""),
            release=int(own.get(labels.RELEASE) or 0),
            image_id=self.image.image.id,
            check=self.check(now),
            check_output=self.image.behaviour.check_output,
            exit_code=self.exit_code,
            error=self.error,
            started_at=self.started_at,
            finished_at=self.finished_at,
            restart_count=self.restarts,
            restart_policy=str(self.restart_policy.get("Name") or "no"),
            one_off=own.get(labels.ONE_OFF) == "True",
            volumes=dict(self.volumes),
            networks=frozenset(self.networks),
            joined=self.joined(),
            borrowed=self.borrowed(),
            labels=own,
            image=self.named,
            address=f"fake:{self.id}" if self.up else "",
            routed_address=routed_address_of(self.networks),
            fields=container_projection(self.shown()),
        )

    def shown(self) -> dict[str, Any]:
        """As an engine would inspect it, as far as the field table looks."""
        host = {**self.body["HostConfig"], **self.limits, "RestartPolicy": self.restart_policy}
        return {
            "Id": self.id,
            "Name": f"/{self.name}",
            "Image": self.image.image.id,
            "Config": {"Hostname": self.id[:12], **laid_over(self.body, self.image.defaults)},
            "HostConfig": host,
            "Mounts": list(mounts_shown(host, self.image.defaults)),
            "NetworkSettings": {"Networks": self.networks},
        }


def content_files(creation: Creation) -> dict[str, bytes]:
    """Every file that is delivered by value, by its path in the container."""
    found = {
        posixpath.join(archive.directory, file.path): file.data
        for archive in creation.archives
        for file in archive.files
    }
    filled = {volume.name: volume.files for volume in creation.volumes}
    for mount in (creation.body["HostConfig"] or {}).get("Mounts") or ():  # type: ignore[union-attr]
        subpath = (mount.get("VolumeOptions") or {}).get("Subpath")
        for file in filled.get(mount.get("Source", ""), ()):
            if subpath is None:
                found[posixpath.join(mount["Target"], file.path)] = file.data
            elif subpath == file.path:
                found[mount["Target"]] = file.data
    found |= exchanged_files(creation)
    for bound in creation.host_files:
        found[bound.target] = next(file.data for file in filled[bound.volume] if file.path == bound.path)
    return found


def exchanged_files(creation: Creation) -> dict[str, bytes]:
    """Every file that can be exchanged, by the path at which it is seen."""
    return {file.path: file.data for volume in creation.exchanged for file in shown_files(volume)}

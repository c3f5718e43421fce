"""A pure engine in memory: it takes actions, keeps names and ports apart, and lets containers live as they are told.

Time stands still until `pass_time`. What a container does is decided by its fingerprint's `Behaviour`.
"""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Literal

from gitopsd.engine_json import borrowed_services, joined_services
from gitopsd.model.action import (
    Action,
    Connect,
    Create,
    CreateNetwork,
    CreateVolume,
    Deliver,
    Disconnect,
    Exchange,
    Keep,
    Remove,
    RemoveNetwork,
    Rename,
    Restore,
    Start,
    Stop,
    Unpause,
    Update,
)
from gitopsd.model.desired import SealedService
from gitopsd.model.health import Answer, Check, Fail, Pass, Unknown
from gitopsd.model.live import Check as EngineCheck
from gitopsd.model.live import Instance, LiveNetwork, LiveState, LiveVolume, State
from gitopsd.model.parted import with_first
from tests.builders import NOON, seconds
from tests.streets import Streets

Mishap = Literal["refused", "lost", "silent"]


class Refused(Exception):
    """The engine answered no."""


class Unfit(Exception):
    """The engine answered no, as its host cannot have that now."""


class Unanswered(Exception):
    """The engine did not answer: whether the call took effect is unknown."""


@dataclass(frozen=True, slots=True)
class Behaviour:
    """How a container of a fingerprint lives, in seconds since its start; None: never.

    `check`: it has a healthcheck, which turns healthy after `healthy_after` and unhealthy after `unhealthy_after`.
    Asked, it answers well after `answers_after`, and not any more after `silent_after`.
    """

    check: bool = False
    healthy_after: float | None = 0
    unhealthy_after: float | None = None
    exits_after: float | None = None
    exit_code: int = 0
    restart: Literal["no", "unless-stopped", "always"] = "always"
    unstartable: str = ""
    answers_after: float | None = 0
    silent_after: float | None = None


STEADY = Behaviour()


@dataclass(slots=True)
class Box:
    """A container as the engine keeps it. `limits` and `policy` are what an inspection would show."""

    id: str
    name: str
    service: str
    slot: int
    release: int
    fingerprint: str
    created_at: datetime
    policy: str
    limits: str
    ports: frozenset[str]
    volumes: Mapping[str, str]
    state: State = "created"
    started_at: datetime | None = None
    restarts: int = 0
    exit_code: int = 0
    stopped_by_hand: bool = False
    joined: tuple[str, ...] = ()
    borrowed: tuple[str, ...] = ()
    routed: bool = False

    @property
    def up(self) -> bool:
        return self.state in ("running", "restarting", "paused")


@dataclass
class World:
    """An engine with one project. `specifications` maps fingerprints and limits to what Git ever wanted.

    What it says to an action in whose text a part occurs: `refuse` a no, `unfit` that its host cannot have it now.
    `once` are parts of the next calls that go wrong, once each: `refused`, `lost` on the way there, or `silent` after
    they took effect. `sick` are names of what answers wrongly, whatever its behaviour; `no_way` is why nobody can be
    asked.
    """

    now: datetime = NOON
    environment: str = "production"
    behaviours: dict[str, Behaviour] = field(default_factory=dict)
    specifications: dict[tuple[str, str, str], SealedService] = field(default_factory=dict)
    boxes: dict[str, Box] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    volumes: set[str] = field(default_factory=set)
    in_use: set[str] = field(default_factory=set)
    refuse: dict[str, str] = field(default_factory=dict)
    unfit: dict[str, str] = field(default_factory=dict)
    once: dict[str, Mishap] = field(default_factory=dict)
    sick: set[str] = field(default_factory=set)
    no_way: str = ""
    streets: Streets = field(default_factory=Streets)
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    # What the engine shows.

    def look(self) -> LiveState:
        networks = tuple(LiveNetwork(id, name, {}) for name, id in sorted(self.networks.items()))
        volumes = tuple(LiveVolume(name, {}) for name in sorted(self.volumes))
        return LiveState(tuple(self._instance(box) for box in self.boxes.values()), networks, volumes, "us")

    def _instance(self, box: Box) -> Instance:
        return Instance(
            id=box.id,
            name=box.name,
            service=box.service,
            slot=box.slot,
            state=box.state,
            created_at=box.created_at,
            fingerprint=box.fingerprint,
            environment=self.environment,
            owner="us",
            release=box.release,
            check=self.check(box),
            check_output="connection refused" if self.check(box) == "unhealthy" else "",
            exit_code=box.exit_code,
            started_at=box.started_at,
            restart_count=box.restarts,
            restart_policy=box.policy,
            volumes=box.volumes,
            joined=box.joined,
            borrowed=box.borrowed,
            routed_address=f"10.0.0.{box.id[1:]}" if box.routed else "",
            fields={"ports": {f"{port}/tcp": [f":{port}"] for port in sorted(box.ports)}},
        )

    def check(self, box: Box) -> EngineCheck:
        behaviour = self.behaviour(box)
        if not behaviour.check or box.started_at is None:
            return "none"
        age = (self.now - box.started_at).total_seconds()
        if behaviour.unhealthy_after is not None and age >= behaviour.unhealthy_after:
            return "unhealthy"
        return "healthy" if behaviour.healthy_after is not None and age >= behaviour.healthy_after else "starting"

    def answer(self, id: str, check: Check) -> Answer:
        """What an instance answers now."""
        box = self.boxes[id]
        behaviour, age = self.behaviour(box), (self.now - (box.started_at or self.now)).total_seconds()
        late = behaviour.answers_after is None or age < behaviour.answers_after
        gone = behaviour.silent_after is not None and age >= behaviour.silent_after
        if self.no_way:
            return Unknown(self.no_way)
        return Fail(f"{check} answered 503") if late or gone or box.name in self.sick else Pass()

    def behaviour(self, box: Box) -> Behaviour:
        return self.behaviours.get(box.fingerprint, STEADY)

    def named(self, name: str) -> Box:
        return next(box for box in self.boxes.values() if name in (box.name, box.id))

    def good(self, box: Box) -> bool:
        """Whether a person would say that it works right now: up, healthy, and not about to fall over."""
        return self.behaviour(box).exits_after is None and self.seems_good(box) and self.connected(box)

    def connected(self, box: Box) -> bool:
        """Whether the namespaces of other containers that it was started in are there still."""
        homes = [self.boxes.get(id) for id in box.joined]
        return all(home is not None and home.up and _began(home) <= _began(box) for home in homes)

    def seems_good(self, box: Box) -> bool:
        return box.state == "running" and self.check(box) in ("none", "healthy") and self.answers(box)

    def answers(self, box: Box) -> bool:
        """Whether its own checks would pass now, where it has any."""
        checks = self.specification(box.service, box.fingerprint).service.policy.health.each
        return all(isinstance(self.answer(box.id, check), Pass | Unknown) for check in checks)

    def specification(self, service: str, fingerprint: str) -> SealedService:
        """What Git wanted last of a service with this fingerprint."""
        found = [sealed for (name, other, _), sealed in self.specifications.items()
                 if (name, other) == (service, fingerprint)]  # fmt: skip
        return found[-1]

    def running(self) -> list[str]:
        """Names of what is up, with the image that each runs, sorted."""
        return sorted(f"{box.name} {box.fingerprint}" for box in self.boxes.values() if box.up)

    # What the engine is told.

    def apply(self, action: Action) -> None:
        for part, reason in self.refuse.items():
            if part in str(action):
                raise Refused(reason)
        for part, reason in self.unfit.items():
            if part in str(action):
                raise Unfit(reason)
        part = next((part for part in self.once if part in str(action)), "")
        mishap = self.once.pop(part) if part else None
        if mishap == "refused":
            raise Refused("Conflict. The container name is already in use")
        if mishap != "lost":
            self._do(action)
        if mishap is not None:
            raise Unanswered(str(action))

    def _do(self, action: Action) -> None:
        match action:
            case CreateNetwork(name=name):
                self.networks.setdefault(name, f"net {name}")
            case RemoveNetwork(name=name):
                self._remove_network(name)
            case CreateVolume(name=name):
                self.volumes.add(name)
            case Create():
                self._create(action)
            case _:
                self._change(self._find(action.container), action)

    def _change(self, box: Box, action: Action) -> None:
        match action:
            case Start():
                self._start(box)
            case Stop():
                self._stop(box, 143)
            case Remove():
                self._remove(box)
            case Unpause():
                box.state = "running"
            case Keep():
                box.policy = "no"
            case Restore() | Update():
                box.policy = self.behaviours.get(action.fingerprint, STEADY).restart
                box.limits = with_first(box.limits, action.in_place) if isinstance(action, Update) else box.limits
            case Exchange(in_place=in_place):
                box.limits = with_first(in_place, box.limits)
            case Connect() | Disconnect() | Deliver():
                pass
            case Rename(name=name):
                self._free(name)
                box.name = name

    def _remove_network(self, name: str) -> None:
        if name in self.in_use:
            raise Refused(f"network {name} has active endpoints")
        self.networks.pop(name, None)

    def _find(self, container: str) -> Box:
        found = [box for box in self.boxes.values() if container in (box.id, box.name)]
        if not found:
            raise Refused(f"no such container: {container}")
        return found[0]

    def _free(self, name: str) -> None:
        if any(box.name == name for box in self.boxes.values()):
            raise Refused(f"the container name {name} is already in use")

    def _create(self, create: Create) -> None:
        self._free(create.name)
        sealed = self.specification(create.service, create.fingerprint)
        number = next(self.numbers)
        own = {target: f"anonymous-{number}-{target}" for target in sealed.image.volumes}
        self.volumes |= set(own.values()) - set(create.carry.values())
        options = sealed.service.options
        joined = tuple(create.joins[name] for name in joined_services(options))
        borrowed = tuple(create.joins[name] for name in borrowed_services(options))
        if missing := [id for id in (*joined, *borrowed) if id not in self.boxes]:
            raise Unfit(f"No such container: {missing[0]}")
        box = Box(
            id=f"c{number}",
            name=create.name,
            service=create.service,
            slot=create.slot,
            release=create.release,
            fingerprint=create.fingerprint,
            created_at=self.now,
            policy=self.behaviours.get(create.fingerprint, STEADY).restart,
            limits=sealed.in_place,
            ports=frozenset(port.published for port in sealed.service.direct_ports),
            volumes={**own, **create.carry},
            joined=joined,
            borrowed=borrowed,
            routed=sealed.service.traffic is not None,
        )
        self.boxes[box.id] = box

    def _start(self, box: Box) -> None:
        if box.up:
            return
        behaviour = self.behaviour(box)
        if behaviour.unstartable:
            raise Refused(behaviour.unstartable)
        for other in self.boxes.values():
            if other.up and other.ports & box.ports:
                raise Unfit(f"port {min(other.ports & box.ports)} is already allocated")
        if down := [id for id in box.joined if id not in self.boxes or not self.boxes[id].up]:
            raise Unfit(f"cannot join network of a non running container: {down[0]}")
        box.state, box.restarts, box.stopped_by_hand = "running", 0, False
        self._begin(box)

    def _begin(self, box: Box) -> None:
        """Its process begins: after what it lives in, and later than whatever was started in it before."""
        inside = [_began(other) for other in self.boxes.values() if box.id in other.joined]
        homes = [_began(self.boxes[id]) for id in box.joined]
        box.started_at = max([self.now, *homes, *(began + timedelta(microseconds=1) for began in inside)])

    def _stop(self, box: Box, code: int) -> None:
        if box.up:
            self.streets.stops(box)
            box.state, box.exit_code = "exited", code
        box.stopped_by_hand = True

    def _remove(self, box: Box) -> None:
        if box.up:
            raise Refused(f"container {box.name} is running")
        del self.boxes[box.id]

    # What happens by itself, and by hand.

    def pass_time(self, until: datetime) -> None:
        """Move the clock; containers exit and restart meanwhile, in steps of at most a second."""
        while self.now < until:
            before, self.now = self.now, min(self.now + seconds(1), until)
            self.streets.pass_time((self.now - before).total_seconds(), self)
            for box in self.boxes.values():
                self._live(box)

    def _live(self, box: Box) -> None:
        behaviour = self.behaviour(box)
        if box.state != "running" or behaviour.exits_after is None or box.started_at is None:
            return
        if (self.now - box.started_at).total_seconds() < behaviour.exits_after:
            return
        box.exit_code = behaviour.exit_code
        if box.policy == "no":
            box.state = "exited"
        else:
            self._restart(box)

    def _restart(self, box: Box) -> None:
        """Its restart policy starts it again, if what it lives in is there."""
        if any(id not in self.boxes or not self.boxes[id].up for id in box.joined):
            box.state, box.exit_code = "exited", 128
            return
        box.restarts += 1
        self._begin(box)

    def kill(self, name: str) -> None:
        """`docker kill`: Docker takes that for a wish and does not restart."""
        box = self.named(name)
        box.state, box.exit_code, box.stopped_by_hand = "exited", 137, True

    def crash(self, name: str) -> None:
        """The process dies by itself."""
        box = self.named(name)
        if box.state == "running":
            box.exit_code = 1
            if box.policy == "no":
                box.state = "exited"
            else:
                self._restart(box)

    def pause(self, name: str) -> None:
        self.named(name).state = "paused"

    def vanish(self, name: str) -> None:
        """`docker rm -f`."""
        del self.boxes[self.named(name).id]

    def restart_engine(self) -> None:
        """All stop; with `always` even what was stopped comes back, with `unless-stopped` only what was up."""
        back = [
            box for box in self.boxes.values()
            if (box.state == "exited" and box.policy == "always") or (box.up and box.policy != "no")
        ]  # fmt: skip
        for box in self.boxes.values():
            if box.up:
                box.state, box.exit_code = "exited", 255
        for box in back:
            if any(id not in self.boxes or not self.boxes[id].up for id in box.joined):
                box.exit_code = 128
                continue
            box.state = "running"
            self._begin(box)


def _began(box: Box) -> datetime:
    return box.started_at or NOON


def limited(sealed: SealedService, limits: str) -> SealedService:
    return replace(sealed, in_place=f"limits {limits}")

"""A swarm of one node in memory: Swarm's rules as far as gitopsd leans on them, in steps that a test takes."""

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from gitopsd.controller.swarm_port import Swarm
from gitopsd.drift.swarm import replicas
from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT, OPTIONS
from gitopsd.engine_json.swarm_adopted import adopted
from gitopsd.engine_json.swarm_mode import attempts, completions, mode_of, runs_to_end
from gitopsd.engine_json.swarm_spec import STACK
from gitopsd.model.canonical import Json
from gitopsd.model.errors import Conflict, EngineRefused, EngineUnavailable, NotFound
from gitopsd.model.live import LiveNetwork
from gitopsd.model.swarm import (
    HeldObject,
    ObjectKind,
    Occupant,
    SwarmNode,
    SwarmObject,
    SwarmService,
    SwarmSpec,
    SwarmState,
    SwarmTask,
)
from tests.fakes.clock import NOON, FakeClock

NODE = SwarmNode(
    "n1",
    "alpha",
    "manager",
    "ready",
    "active",
    "reachable",
    platform="linux/x86_64",
    cpus=2,
    memory=1 << 32,
    changed=NOON,
)


@dataclass
class Kept:
    """A service as the fake keeps it. `previous` is the body that a rollback goes back to, `iteration` a job's run."""

    id: str
    body: dict[str, Any]
    version: int
    previous: dict[str, Any] | None = None
    update: str = ""
    message: str = ""
    tasks: list[SwarmTask] = field(default_factory=list)
    iteration: int = 0
    changed: datetime = NOON
    login: str = ""


class FakeSwarm(Swarm):
    """`failing` are images whose tasks fail as soon as they start, those of `late` fail after Swarm's watch has ended.
    Jobs of the images of `endless` do not end, and each task has written what `said` has for its image. `login` is the
    mark of what all registries want now; None: nobody can read it.

    Time passes where `step` is called.
    """

    def __init__(self, clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.nodes: tuple[SwarmNode, ...] = (NODE,)
        self.services: dict[str, Kept] = {}
        self.networks: dict[str, Mapping[str, Json]] = {}
        self.objects: dict[str, tuple[HeldObject, Mapping[str, str]]] = {}
        self.owners: dict[str, str] = {}
        self.configs: dict[str, bytes] = {}
        self.failing: set[str] = set()
        self.late: set[str] = set()
        self.endless: set[str] = set()
        self.said: dict[str, str] = {}
        self._ran: dict[str, str] = {}  # the images of tasks, by their ids
        self._made_from: dict[str, dict[str, Any]] = {}  # their templates
        self.login: str | None = ""
        self.refuses, self.refusal = "", "invalid"
        self.away = False
        self.calls: list[str] = []
        self.looks = 0
        self._count = 10

    # What gitopsd calls.

    def look(self, project: str) -> SwarmState:
        self._asked("")
        self.looks += 1
        services = {name: self._shown(kept) for name, kept in sorted(self.services.items()) if _of(kept.body, project)}
        networks = tuple(
            LiveNetwork(f"id-{name}", name, _labels(body), _options(body), _fields(body))
            for name, body in sorted(self.networks.items())
            if _of(body, project)
        )
        objects = tuple(held for held, labels in self.objects.values() if labels.get(STACK) == project)
        return SwarmState(services, self.nodes, networks, objects, self.owners.get(project, ""))

    def stacks(self) -> frozenset[str]:
        self._asked("")
        return frozenset(str(kept.body["Labels"].get(STACK)) for kept in self.services.values())

    def occupants(self) -> tuple[Occupant, ...]:
        self._asked("")
        return tuple(
            occupant
            for kept in self.services.values()
            for task in kept.tasks
            if task.node and task.state == "running" and task.wanted in ("running", "complete")
            for occupant in (_occupant(kept.body, task.node),)
        )

    def logins(self, images: Collection[str]) -> Mapping[str, str]:
        return {} if self.login is None else dict.fromkeys(images, self.login)

    def logs(self, task: str, lines: int) -> str:
        self._asked("")
        if not any(each.id == task for kept in self.services.values() for each in kept.tasks):
            raise NotFound(f"read the log of {task}: there is no such task", 404)
        return "".join(self.said.get(self._ran[task], "").splitlines(keepends=True)[-lines:])

    def config(self, name: str) -> bytes | None:
        self._asked("")
        return self.configs.get(name)

    def claim(self, project: str, owner: str) -> str:
        self._asked("claim")
        return self.owners.setdefault(project, owner)

    def disclaim(self, project: str) -> None:
        self.owners.pop(project, None)

    def create_network(self, name: str, body: Mapping[str, Json]) -> None:
        self._asked(f"create network {name}")
        self.networks.setdefault(name, body)

    def remove_network(self, id: str) -> None:
        self._asked(f"remove network {id}")
        self.networks.pop(id.removeprefix("id-"), None)

    def create_objects(self, objects: Collection[SwarmObject], labels: Mapping[str, str]) -> None:
        for each in objects:
            known = self.objects.get(f"{each.kind}/{each.name}")
            if known is not None and known[1].get(ENVIRONMENT) != labels.get(ENVIRONMENT):
                raise Conflict(f"create {each.kind} {each.name}: it exists already", 409)
            if known is None:
                if each.kind == "config":
                    self.configs[each.name] = each.data
                held = HeldObject(each.kind, self._new_id(), each.name, ENVIRONMENT in labels)
                self.objects[f"{each.kind}/{each.name}"] = held, dict(labels)

    def remove_object(self, kind: ObjectKind, id: str) -> None:
        for key, (held, _) in list(self.objects.items()):
            if held.id == id:
                if any(held.name in _object_names(kept.body) for kept in self.services.values()):
                    raise EngineRefused(f"remove {kind} {id}: it is in use", 400)
                del self.objects[key]

    def create_service(self, spec: SwarmSpec) -> None:
        self._asked(f"create {spec.name}")
        self._has_networks(spec)
        if spec.name in self.services:
            raise Conflict(f"create service {spec.name}: the name conflicts with an existing object", 409)
        made = Kept(self._new_id(), _body(spec.body), self._new_version(), changed=self.clock.now())
        made.login = self.login or ""
        self.services[spec.name] = made
        self._tasks(self.services[spec.name])

    def update_service(self, id: str, version: int, spec: SwarmSpec, forced: int = 0) -> None:
        self._asked(f"update {spec.name}")
        self._has_networks(spec)
        body = _body(spec.body)
        body["TaskTemplate"]["ForceUpdate"] = forced
        kept = self._by_id(id)
        self._change(kept, version, body)
        kept.login = self.login or ""

    def remove_service(self, id: str) -> None:
        self._asked("remove service")
        for name, kept in list(self.services.items()):
            if kept.id == id:
                del self.services[name]

    # What others do to it.

    def deployed(self, name: str, body: Mapping[str, Any], network: str = "") -> None:
        """`docker stack deploy` has made a service, and its network and configs."""
        for config in body["TaskTemplate"]["ContainerSpec"].get("Configs") or ():
            held = HeldObject("config", self._new_id(), config["ConfigName"], ours=False)
            self.objects[f"config/{config['ConfigName']}"] = held, dict(body["Labels"])
        self.services[name] = Kept(self._new_id(), _body(body), self._new_version(), changed=self.clock.now())
        self._tasks(self.services[name])
        if network:
            self.networks[network] = {"Labels": {STACK: body["Labels"][STACK]}, "Driver": "overlay"}

    def by_hand(self, name: str, change: Any) -> None:
        """Somebody changes a service's Spec: `change` gets it and may do so."""
        kept = self.services[name]
        body = copy.deepcopy(kept.body)
        change(body)
        self._change(kept, kept.version, body)

    @staticmethod
    def pending(task: SwarmTask, why: str) -> SwarmTask:
        """The task while Swarm finds no place for it."""
        return replace(task, state="pending", why=why)

    def node(self, name: str, **changes: Any) -> None:
        """Somebody tells a node something, or the managers note something of it."""
        others = [each for each in self.nodes if each.hostname != name]
        known = next((each for each in self.nodes if each.hostname == name), replace(NODE, id=name, hostname=name))
        changed = replace(known, changed=self.clock.now(), **changes)
        self.nodes = tuple(sorted((*others, changed), key=lambda each: each.hostname))

    def drain(self, name: str) -> None:
        """Somebody says that a node shall have no tasks: those that it has end, and others are made elsewhere."""
        self.node(name, availability="drain")
        for kept in self.services.values():
            kept.tasks = [
                replace(each, state="shutdown", wanted="shutdown", at=self.clock.now())
                if self._is_on(each, name) and each.runs
                else each
                for each in kept.tasks
            ]
            self._tasks(kept)

    def lose(self, name: str) -> None:
        """A node is not heard any more: its tasks are wanted no longer, and others are made elsewhere."""
        self.node(name, state="down", why="heartbeat failure")
        for kept in self.services.values():
            kept.tasks = [
                replace(each, wanted="shutdown") if self._is_on(each, name) and each.runs else each
                for each in kept.tasks
            ]
            if kept.update != "updating":
                self._tasks(kept)

    def back(self, name: str) -> None:
        """It is heard again: what ran there has failed, which an update that is under way is held against."""
        self.node(name, state="ready", why="")
        now, why = self.clock.now(), "task: non-zero exit (255)"
        for kept in self.services.values():
            gone = [each for each in kept.tasks if self._is_on(each, name) and each.wanted == "shutdown"]
            kept.tasks = [
                replace(each, state="failed", at=now, why=why) if each in gone and each.state == "running" else each
                for each in kept.tasks
            ]
            if gone and kept.update == "updating":
                self._goes_back(kept)

    def _is_on(self, task: SwarmTask, name: str) -> bool:
        return any(each.id == task.node and each.hostname == name for each in self.nodes)

    def step(self) -> None:
        """Swarm goes on with what it is at: an update that fails goes back, another one is completed."""
        for kept in self.services.values():
            self._step(kept)

    def _step(self, kept: Kept) -> None:
        if runs_to_end(kept.body):
            self._run_on(kept)
            return
        if kept.update == "updating" and self._fails(kept):
            self._goes_back(kept)
        elif kept.update == "updating":
            kept.update, kept.message = "completed", "update completed"
        elif _image(kept.body) in self.late:
            why = "task: non-zero exit (3)"
            ended = [replace(each, state="failed", wanted="shutdown", why=why) for each in kept.tasks if each.runs]
            kept.tasks = [*(each for each in kept.tasks if not each.runs), *ended]
        self._tasks(kept)

    def _goes_back(self, kept: Kept) -> None:
        action = (kept.body.get("UpdateConfig") or {}).get("FailureAction")
        if action == "rollback" and kept.previous is not None:
            kept.body, kept.previous, kept.version = kept.previous, None, self._new_version()
            kept.update, kept.message = "rollback_completed", "rollback completed"
        else:
            kept.update, kept.message = "paused", "update paused due to failure"

    # How it does that.

    def _has_networks(self, spec: SwarmSpec) -> None:
        for each in _body(spec.body)["TaskTemplate"].get("Networks") or ():
            if each["Target"] not in self.networks:
                raise NotFound(f"create service {spec.name}: network {each['Target']} not found", 404)

    def _change(self, kept: Kept, version: int, body: dict[str, Any]) -> None:
        if version != kept.version:
            raise Conflict(f"update service {body['Name']}: update out of sequence", 500)
        if mode_of(body) != mode_of(kept.body):
            raise EngineRefused(f"update service {body['Name']}: service mode change is not allowed", 501)
        moved = kept.body["TaskTemplate"] != body["TaskTemplate"]
        kept.previous, kept.body, kept.version = kept.body, body, self._new_version()
        kept.update, kept.message, kept.changed = "", "", self.clock.now()
        if runs_to_end(body):
            kept.tasks = [_cut_off(each) for each in kept.tasks]
            kept.iteration += 1
        elif moved:
            kept.update, kept.message = "updating", "update in progress"
            self._failed_task(kept)
        else:
            kept.tasks = [replace(each, fingerprint=_fingerprint(body)) if each.runs else each for each in kept.tasks]
        self._tasks(kept)

    def _tasks(self, kept: Kept) -> None:
        """As many tasks as the Spec says, of what it says, unless those fail."""
        if runs_to_end(kept.body):
            count = completions(kept.body) or len(self.nodes)
            kept.tasks += [self._job_task(kept, slot) for slot in range(count)]
            return
        failed = [each for each in kept.tasks if each.state == "failed"]
        if kept.update == "updating":
            return
        fails = self._fails(kept)
        wanted = replicas(kept.body)
        count = len(self.nodes) if wanted is None else wanted
        fingerprint = _fingerprint(kept.body)
        same = (each for each in kept.tasks if not self._with_template(each, kept).made_from)
        known = {each.slot: each for each in same if each.fingerprint == fingerprint and each.runs}
        made = [
            known.get(slot) or self._task(kept, slot, "failed" if fails else "running") for slot in range(1, count + 1)
        ]
        ended = [each for each in kept.tasks if each.wanted == "shutdown" and each.state != "failed"]
        kept.tasks = [*failed, *ended, *made]

    def begin(self, name: str) -> None:
        """An update that is under way has made the first of its tasks, and others are to come."""
        kept = self.services[name]
        kept.tasks.append(self._task(kept, len(self.nodes), "running"))

    def _run_on(self, kept: Kept) -> None:
        """A job's tasks end, and one that failed is begun anew as often as its policy has it."""
        again = attempts(kept.body)
        for number, task in enumerate(kept.tasks):
            if task.state != "running" or _image(kept.body) in self.endless:
                continue
            if not self._fails(kept):
                kept.tasks[number] = replace(task, state="complete", at=self.clock.now())
                continue
            why = "task: non-zero exit (3)"
            ended = replace(task, state="failed", wanted="shutdown", why=why, exit_code=3, at=self.clock.now())
            kept.tasks[number] = ended
            tries = sum(each.slot == task.slot and each.iteration == task.iteration for each in kept.tasks)
            if again is None or tries <= again:
                kept.tasks.append(self._job_task(kept, task.slot))

    def _job_task(self, kept: Kept, slot: int) -> SwarmTask:
        node = self.nodes[slot % len(self.nodes)].id
        made = SwarmTask(
            self._begun(kept), "running", "complete", self.clock.now(), slot, node, _fingerprint(kept.body)
        )
        return replace(made, iteration=kept.iteration)

    def _failed_task(self, kept: Kept) -> None:
        if self._fails(kept):
            kept.tasks.append(self._task(kept, 1, "failed"))

    def _task(self, kept: Kept, slot: int, state: str) -> SwarmTask:
        why = "task: non-zero exit (3)" if state == "failed" else ""
        wanted = "shutdown" if state == "failed" else "running"
        free, now = [each.id for each in self.nodes if not each.ailing], self.clock.now()
        place = free[(slot - 1) % len(free)] if free else ""
        made = SwarmTask(self._begun(kept), state, wanted, now, slot, place, _fingerprint(kept.body), why, made=now)
        joined = (str(each["Target"]) for each in kept.body["TaskTemplate"].get("Networks") or ())
        made = replace(made, addresses={name: f"10.0.{at}.{self._count % 250 + 2}" for at, name in enumerate(joined)})
        return made if free else self.pending(made, f"no suitable node ({len(self.nodes)} not available for new tasks)")

    def _begun(self, kept: Kept) -> str:
        """The id of a task that begins now."""
        made = self._new_id()
        self._ran[made] = _image(kept.body).partition("@")[0]
        self._made_from[made] = copy.deepcopy(kept.body["TaskTemplate"])
        return made

    def _with_template(self, task: SwarmTask, kept: Kept) -> SwarmTask:
        """As a look shows it: with what it was made from, where its service says another thing by now."""
        template = self._made_from.get(task.id, {})
        other = template and _content(template) != _content(kept.body["TaskTemplate"])
        return replace(task, made_from=template) if other else task

    def _fails(self, kept: Kept) -> bool:
        return _image(kept.body) in self.failing

    def _shown(self, kept: Kept) -> SwarmService:
        wanted = replicas(kept.body)
        names = (*_object_names(kept.body), *_object_names(kept.previous or {}))
        return SwarmService(
            id=kept.id,
            name=str(kept.body["Name"]),
            version=kept.version,
            body=copy.deepcopy(kept.body),
            labels={str(key): str(value) for key, value in kept.body["Labels"].items()},
            update=kept.update,
            message=kept.message,
            desired=1 if wanted is None else wanted,
            uses=frozenset(held.id for held, _ in self.objects.values() if held.name in names),
            tasks=tuple(self._with_template(each, kept) for each in kept.tasks),
            iteration=kept.iteration,
            changed=kept.changed,
            login=kept.login,
        )

    def _by_id(self, id: str) -> Kept:
        return next(kept for kept in self.services.values() if kept.id == id)

    def _asked(self, call: str) -> None:
        if self.away:
            raise EngineUnavailable("the manager does not answer")
        if call:
            self.calls.append(call)
        if self.refuses and call.startswith(self.refuses):
            raise EngineRefused(f"{call}: {self.refusal}", 400)

    def _new_id(self) -> str:
        self._count += 1
        return f"id{self._count}"

    def _new_version(self) -> int:
        self._count += 1
        return self._count


def _cut_off(task: SwarmTask) -> SwarmTask:
    """A run that a newer one takes the place of."""
    return replace(task, state="shutdown", wanted="remove") if task.state == "running" else task


def _occupant(body: Mapping[str, Any], node: str) -> Occupant:
    reserved = (body["TaskTemplate"].get("Resources") or {}).get("Reservations") or {}
    ports = (body.get("EndpointSpec") or {}).get("Ports") or ()
    own = {(each["Protocol"], each["PublishedPort"]) for each in ports if each["PublishMode"] == "host"}
    cpus, memory = reserved.get("NanoCPUs", 0) / 10**9, reserved.get("MemoryBytes", 0)
    return Occupant(node, body["Name"], cpus, memory, ports=frozenset(own))


def _content(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what makes no task anew by itself, or once only."""
    return {key: each for key, each in template.items() if key not in ("Placement", "ForceUpdate")}


def _image(body: Mapping[str, Any]) -> str:
    return str(body["TaskTemplate"]["ContainerSpec"]["Image"])


def _object_names(body: Mapping[str, Any]) -> list[str]:
    container = body.get("TaskTemplate", {}).get("ContainerSpec", {})
    return [
        *(each["ConfigName"] for each in container.get("Configs") or ()),
        *(each["SecretName"] for each in container.get("Secrets") or ()),
    ]


def _labels(body: Mapping[str, Any]) -> dict[str, str]:
    return {str(key): str(value) for key, value in (body.get("Labels") or {}).items()}


def _of(body: Mapping[str, Any], project: str) -> bool:
    return bool((body.get("Labels") or {}).get(STACK) == project)


def _fields(body: Mapping[str, Any]) -> Mapping[str, Json]:
    """What a manager shows of the settings of a network that a stack brought along."""
    return {} if _options(body) else {"driver": body.get("Driver"), "ipam.driver": "default", "labels": _labels(body)}


def _options(body: Mapping[str, Any]) -> str:
    return str((body.get("Labels") or {}).get(OPTIONS) or "")


def _fingerprint(body: Mapping[str, Any]) -> str:
    """What its tasks stand for, as `engine_json.swarm_live` has it."""
    bears = str((body["TaskTemplate"]["ContainerSpec"].get("Labels") or {}).get(FINGERPRINT) or "")
    taken = adopted(body.get("Labels") or {})
    return taken.fingerprint if taken is not None and bears == taken.bears else bears


def _body(body: Mapping[str, Json]) -> dict[str, Any]:
    return copy.deepcopy(dict(body))

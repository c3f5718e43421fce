"""A swarm as the controller knows it, through one of its managers."""

from base64 import b64decode, b64encode
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

import docker.auth

from gitopsd.adapters.docker.connection import TIMEOUT, Connection, escaped
from gitopsd.adapters.docker.logs import read_logs
from gitopsd.adapters.docker.pulling import credentials, split_reference
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import live
from gitopsd.engine_json.labels import ENVIRONMENT, LOGIN, OWNER
from gitopsd.engine_json.swarm_adopted import given, image_of
from gitopsd.engine_json.swarm_live import held_object, occupants, swarm_node, swarm_service, with_ids
from gitopsd.engine_json.swarm_spec import STACK
from gitopsd.model.canonical import Json, canonical, keyed_digest
from gitopsd.model.errors import Conflict, ImageUnavailable, NotFound
from gitopsd.model.settings import Registry, TargetEngine
from gitopsd.model.swarm import HeldObject, ObjectKind, Occupant, SwarmObject, SwarmSpec, SwarmState

KINDS: Final[tuple[ObjectKind, ...]] = ("config", "secret")


def connect_swarm(
    target: TargetEngine, registries: Mapping[str, Registry], key: Callable[[], bytes], *, timeout: float = TIMEOUT
) -> "DockerSwarm":
    """A swarm to act on, by one of its managers. No call is made yet. `registries` are read at each use; `key` is the
    store's.
    """
    return DockerSwarm(Connection(target, timeout), registries, key)


class DockerSwarm:
    """Implements `controller.swarm_port.Swarm`. Safe to use from several threads."""

    def __init__(self, connection: Connection, registries: Mapping[str, Registry], key: Callable[[], bytes]) -> None:
        self._connection, self._registries, self._key = connection, registries, key

    def look(self, project: str) -> SwarmState:
        doing = f"look at {project} on the swarm"
        ours = {"filters": canonical({"label": [f"{STACK}={project}"]}).decode()}
        # Services first: a task that comes after them is of one that is known, one that is gone was of the look before.
        services = self._rows("/services", doing, {**ours, "status": "true"})
        tasks = self._rows("/tasks", doing, ours)
        nodes = self._rows("/nodes", doing)
        networks = self._rows("/networks", doing)
        with understood(doing):
            names = {str(each["Id"]): str(each["Name"]) for each in networks}
            found = [swarm_service(each, tasks, names) for each in services]
            return SwarmState(
                services={each.name: each for each in sorted(found, key=lambda each: each.name)},
                nodes=tuple(sorted(map(swarm_node, nodes), key=lambda each: each.hostname)),
                networks=tuple(live.network(each) for each in _named_alike(networks, project)),
                objects=tuple(self._objects(project, doing)),
                owner=self._owner(project),
            )

    def stacks(self) -> frozenset[str]:
        doing = "look which stacks are on the swarm"
        rows = self._rows("/services", doing, {"filters": canonical({"label": [STACK]}).decode()})
        with understood(doing):
            return frozenset(_stack(each["Spec"].get("Labels")) for each in rows) - {""}

    def occupants(self) -> tuple[Occupant, ...]:
        doing = "look what the nodes of the swarm have room for"
        services, tasks = self._rows("/services", doing), self._rows("/tasks", doing)
        with understood(doing):
            return occupants(services, tasks)

    def logins(self, images: Collection[str]) -> Mapping[str, str]:
        marks: dict[str, str] = {}
        asked = {image: _registry(image) for image in images}
        for registry in set(asked.values()):
            with suppress(ImageUnavailable):
                marks[registry] = self._mark(credentials(registry, self._registries))
        return {image: marks[registry] for image, registry in asked.items() if registry in marks}

    def logs(self, task: str, lines: int) -> str:
        return read_logs(self._connection, task, lines, "tasks")

    def config(self, name: str) -> bytes | None:
        doing = f"read config {name}"
        try:
            answer = self._connection.json("GET", f"/configs/{escaped(name)}", doing=doing)
        except NotFound:
            return None
        with understood(doing):
            return b64decode(answer["Spec"].get("Data") or "")

    def claim(self, project: str, owner: str) -> str:
        """By a config, as managers agree on who makes one of a name first."""
        body = {"Name": _owner_config(project), "Labels": {OWNER: owner}, "Data": b64encode(b"gitopsd\n").decode()}
        with suppress(Conflict):
            self._connection.json("POST", "/configs/create", doing=f"claim {project}", json=body)
        return self._owner(project)

    def disclaim(self, project: str) -> None:
        self._gone(f"/configs/{escaped(_owner_config(project))}", f"give {project} up")

    def create_network(self, name: str, body: Mapping[str, Json]) -> None:
        with suppress(Conflict):
            self._connection.json(
                "POST", "/networks/create", doing=f"create network {name}", json={**body, "Name": name}
            )

    def remove_network(self, id: str) -> None:
        self._gone(f"/networks/{escaped(id)}", f"remove network {id}")

    def create_objects(self, objects: Collection[SwarmObject], labels: Mapping[str, str]) -> None:
        for each in objects:
            self._create_object(each, labels)

    def _create_object(self, made: SwarmObject, labels: Mapping[str, str]) -> None:
        doing = f"create {made.kind} {made.name}"
        body = {"Name": made.name, "Labels": dict(labels), "Data": b64encode(made.data).decode()}
        try:
            self._connection.json("POST", f"/{made.kind}s/create", doing=doing, json=body)
        except Conflict:
            known = self._connection.json("GET", f"/{made.kind}s/{escaped(made.name)}", doing=doing)
            with understood(doing):
                if (known["Spec"].get("Labels") or {}).get(ENVIRONMENT) != labels.get(ENVIRONMENT):
                    raise

    def remove_object(self, kind: ObjectKind, id: str) -> None:
        self._gone(f"/{kind}s/{escaped(id)}", f"remove {kind} {id}")

    def create_service(self, spec: SwarmSpec) -> None:
        doing, (body, login) = f"create service {spec.name}", self._sent(spec)
        self._connection.json("POST", "/services/create", doing=doing, json=body, headers=login)

    def update_service(self, id: str, version: int, spec: SwarmSpec, forced: int = 0) -> None:
        doing, (body, login) = f"update service {spec.name}", self._sent(spec)
        body["TaskTemplate"]["ForceUpdate"] = forced
        how: dict[str, Any] = {"params": {"version": version}, "headers": login}
        self._connection.json("POST", f"/services/{escaped(id)}/update", doing=doing, json=body, **how)

    def remove_service(self, id: str) -> None:
        self._gone(f"/services/{escaped(id)}", f"remove service {id}")

    def close(self) -> None:
        self._connection.close()

    def _sent(self, spec: SwarmSpec) -> tuple[dict[str, Any], Mapping[str, str]]:
        """With what its nodes say to the registry of the image, which Swarm hands on to them, and the mark of that."""
        login = credentials(_registry(image_of(spec.body)), self._registries)
        body = self._identified(spec)
        if mark := self._mark(login):
            body["Labels"] = {**body["Labels"], LOGIN: mark}
        return body, login

    def _mark(self, login: Mapping[str, str]) -> str:
        return keyed_digest(self._key(), dict(login)) if login else ""

    def _identified(self, spec: SwarmSpec) -> dict[str, Any]:
        """With the ids of what it is given, which may have another one by now under the same name."""
        names = {f"/{kind}s": sorted(set(given(spec.body, kind).values())) for kind in KINDS}
        ids: dict[str, str] = {}
        for path, wanted in names.items():
            if not wanted:
                continue
            rows = self._rows(path, f"look up {', '.join(wanted)}", {"filters": canonical({"name": wanted}).decode()})
            ids |= {str(row["Spec"]["Name"]): str(row["ID"]) for row in rows}
        with understood(f"look up what {spec.name} is given"):
            return with_ids(spec.body, ids)

    def _objects(self, project: str, doing: str) -> Iterator[HeldObject]:
        filters = {"filters": canonical({"label": [f"{STACK}={project}"]}).decode()}
        for kind in KINDS:
            for row in self._rows(f"/{kind}s", doing, filters):
                yield held_object(kind, row)

    def _owner(self, project: str) -> str:
        doing = f"look whose {project} is"
        try:
            answer = self._connection.json("GET", f"/configs/{escaped(_owner_config(project))}", doing=doing)
        except NotFound:
            return ""
        with understood(doing):
            return str((answer["Spec"].get("Labels") or {}).get(OWNER) or "")

    def _rows(self, path: str, doing: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        return list(self._connection.json("GET", path, doing=doing, params=params) or ())

    def _gone(self, path: str, doing: str) -> None:
        with suppress(NotFound):
            self._connection.call("DELETE", path, doing=doing)


def _owner_config(project: str) -> str:
    return f"gitopsd-owner-{project}"


def _registry(image: str) -> str:
    return str(docker.auth.resolve_repository_name(split_reference(image)[0])[0])


def _named_alike(rows: list[dict[str, Any]], project: str) -> list[dict[str, Any]]:
    """The networks of the project, and those that bear the name of one."""
    names = {each["Name"] for each in rows if _stack(each.get("Labels")) == project}
    return [each for each in rows if each["Name"] in names]


def _stack(labels: Any) -> str:
    return str((labels or {}).get(STACK) or "")

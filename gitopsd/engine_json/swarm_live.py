"""What a manager answers -> what is there on its swarm, in our words. Pure.

Ids of networks, configs and secrets become names, so that what is there can be held against what was asked for.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from gitopsd.engine_json.labels import ENVIRONMENT, FINGERPRINT, LOGIN
from gitopsd.engine_json.swarm_adopted import Adopted, adopted
from gitopsd.model.canonical import Json
from gitopsd.model.swarm import HeldObject, ObjectKind, Occupant, SwarmNode, SwarmService, SwarmTask

NANO: Final = 10**9
_OBJECTS: Final = (("Configs", "ConfigID"), ("Secrets", "SecretID"))
_PLACED: Final = ("assigned", "accepted", "preparing", "ready", "starting", "running")
_WANTED: Final = ("ready", "running", "complete")
_NO_CONTENT: Final = ("Placement", "ForceUpdate", "Runtime")

# What an engine answers has no type; a shape that is not understood shows as KeyError, TypeError, ValueError or so.
Answer = Mapping[str, Any]


def swarm_service(answer: Answer, tasks: Iterable[Answer], networks: Mapping[str, str]) -> SwarmService:
    """A row of `GET /services?status=true`, with those of `GET /tasks`; `networks` are names by id."""
    update, labels = answer.get("UpdateStatus") or {}, dict(answer["Spec"].get("Labels") or {})
    login, spec = labels.pop(LOGIN, ""), {**answer["Spec"], "Labels": labels}
    taken = adopted(labels)
    rows = [each for each in tasks if each.get("ServiceID") == answer["ID"]]
    says = _content(spec["TaskTemplate"]) if rows else {}
    mine = (_held_against(says, each, swarm_task(each, taken), networks) for each in rows)
    return SwarmService(
        id=str(answer["ID"]),
        name=str(spec["Name"]),
        version=int(answer["Version"]["Index"]),
        body=by_names(spec, networks),
        labels={str(key): str(value) for key, value in labels.items()},
        update=str(update.get("State") or ""),
        message=str(update.get("Message") or ""),
        desired=int((answer.get("ServiceStatus") or {}).get("DesiredTasks") or 0),
        uses=frozenset((*_used(spec), *_used(answer.get("PreviousSpec") or {}))),
        tasks=tuple(sorted(mine, key=lambda each: (each.at, each.id))),
        iteration=_iteration(answer.get("JobStatus") or {}),
        changed=_moment(answer, "UpdatedAt"),
        login=str(login),
    )


def _held_against(says: Answer, row: Answer, task: SwarmTask, networks: Mapping[str, str]) -> SwarmTask:
    """The task with what it was made from, where its service `says` otherwise."""
    made_from = row.get("Spec") or {}
    if not made_from or _content(made_from) == says:
        return task
    return replace(task, made_from=_template_by_names(made_from, networks))


def _content(template: Answer) -> Answer:
    """A template without what moves no task by itself; Swarm leaves the runtime out of what a task is made from."""
    return {key: each for key, each in template.items() if key not in _NO_CONTENT}


def swarm_task(answer: Answer, taken: Adopted | None = None) -> SwarmTask:
    """A row of `GET /tasks`; `taken` says what those of its service stand for that were there before gitopsd.

    When it came to its state is what its node says, whose clock may be wrong: then it is when managers noted it last.
    """
    status, bears = answer["Status"], str((_container(answer).get("Labels") or {}).get(FINGERPRINT) or "")
    return SwarmTask(
        id=str(answer["ID"]),
        state=str(status["State"]),
        wanted=str(answer["DesiredState"]),
        at=_at(answer, datetime.fromisoformat(status["Timestamp"])),
        slot=int(answer.get("Slot") or 0),
        node=str(answer.get("NodeID") or ""),
        fingerprint=taken.fingerprint if taken is not None and bears == taken.bears else bears,
        why=str(status.get("Err") or ""),
        iteration=_iteration(answer),
        exit_code=int((status.get("ContainerStatus") or {}).get("ExitCode") or 0),
        made=_moment(answer, "CreatedAt"),
        addresses=dict(_addresses(answer)),
    )


def occupants(services: Iterable[Answer], tasks: Iterable[Answer]) -> tuple[Occupant, ...]:
    """Who takes room of the nodes, by all rows of `GET /services` and `GET /tasks`, as Swarm's scheduler counts: a task
    does from the moment at which it has its node.
    """
    known = {str(each["ID"]): each["Spec"] for each in services}
    return tuple(
        _occupant(each, known[each["ServiceID"]])
        for each in tasks
        if each.get("NodeID") and each.get("ServiceID") in known
        if each["Status"]["State"] in _PLACED and each["DesiredState"] in _WANTED
    )


def _occupant(task: Answer, spec: Answer) -> Occupant:
    reserved = ((task.get("Spec") or {}).get("Resources") or {}).get("Reservations") or {}
    ports = (spec.get("EndpointSpec") or {}).get("Ports") or ()
    return Occupant(
        node=str(task["NodeID"]),
        service=str(spec["Name"]),
        cpus=int(reserved.get("NanoCPUs") or 0) / NANO,
        memory=int(reserved.get("MemoryBytes") or 0),
        generic=_generic(reserved.get("GenericResources") or ()),
        ports=frozenset(
            (str(each.get("Protocol") or "tcp"), int(each["PublishedPort"]))
            for each in ports
            if each.get("PublishMode") == "host" and each.get("PublishedPort")
        ),
    )


def swarm_node(answer: Answer) -> SwarmNode:
    spec, described = answer["Spec"], answer.get("Description") or {}
    resources, platform = described.get("Resources") or {}, described.get("Platform") or {}
    engine, manager = described.get("Engine") or {}, answer.get("ManagerStatus") or {}
    return SwarmNode(
        id=str(answer["ID"]),
        hostname=str(described.get("Hostname") or answer["ID"]),
        role=str(spec.get("Role") or ""),
        state=str(answer["Status"]["State"]),
        availability=str(spec.get("Availability") or ""),
        reachability=str(manager.get("Reachability") or ""),
        labels={str(key): str(value) for key, value in (spec.get("Labels") or {}).items()},
        engine_labels={str(key): str(value) for key, value in (engine.get("Labels") or {}).items()},
        platform=f"{platform.get('OS') or ''}/{platform.get('Architecture') or ''}",
        cpus=int(resources.get("NanoCPUs") or 0) / NANO,
        memory=int(resources.get("MemoryBytes") or 0),
        generic=_generic(resources.get("GenericResources") or ()),
        plugins=frozenset(f"{each['Type']}/{each['Name']}" for each in engine.get("Plugins") or ()),
        changed=_moment(answer, "UpdatedAt"),
        why=str(answer["Status"].get("Message") or ""),
        address=_address(str(answer["Status"].get("Addr") or ""), str(manager.get("Addr") or "")),
    )


def _addresses(task: Answer) -> Iterable[tuple[str, str]]:
    """Where it is on each of its networks, once it has begun."""
    for each in task.get("NetworksAttachments") or ():
        for address in (each.get("Addresses") or ())[:1]:
            yield str(each["Network"]["Spec"]["Name"]), str(address).partition("/")[0]


def _address(seen: str, manager: str) -> str:
    """A manager may see itself at no address in particular; the one that it tells others is right then."""
    return manager.rpartition(":")[0].strip("[]") if manager and seen in ("", "0.0.0.0", "::") else seen


def _generic(announced: Iterable[Answer]) -> dict[str, int]:
    """How many a node has of each kind: it tells of a number, or of each by its name."""
    found: dict[str, int] = {}
    for each in announced:
        if counted := each.get("DiscreteResourceSpec"):
            found[str(counted["Kind"])] = found.get(str(counted["Kind"]), 0) + int(counted.get("Value") or 0)
        elif named := each.get("NamedResourceSpec"):
            found[str(named["Kind"])] = found.get(str(named["Kind"]), 0) + 1
    return found


def _at(task: Answer, told: datetime) -> datetime:
    made, noted = _moment(task, "CreatedAt"), _moment(task, "UpdatedAt")
    if made is None or noted is None or made <= told <= noted:
        return told
    return noted


def _moment(answer: Answer, key: str) -> datetime | None:
    return datetime.fromisoformat(answer[key]) if answer.get(key) else None


def held_object(kind: ObjectKind, answer: Answer) -> HeldObject:
    spec = answer["Spec"]
    return HeldObject(kind, str(answer["ID"]), str(spec["Name"]), ENVIRONMENT in (spec.get("Labels") or {}))


def by_names(spec: Answer, networks: Mapping[str, str]) -> Mapping[str, Json]:
    """A raw Spec with the names of networks, configs and secrets in the place of their ids."""
    return {**spec, "TaskTemplate": _template_by_names(spec["TaskTemplate"], networks)}


def _template_by_names(shown: Answer, networks: Mapping[str, str]) -> dict[str, Any]:
    template, container = dict(shown), dict(shown.get("ContainerSpec") or {})
    for key, id in _OBJECTS:
        if container.get(key):
            container[key] = [{name: value for name, value in each.items() if name != id} for each in container[key]]
    template["ContainerSpec"] = container
    if template.get("Networks"):
        template["Networks"] = [{**each, "Target": _name(each, networks)} for each in template["Networks"]]
    return template


def with_ids(body: Mapping[str, Json], ids: Mapping[str, str]) -> dict[str, Any]:
    """The JSON to send: configs and secrets by their names and ids. KeyError: one of them is not there."""
    sent: dict[str, Any] = {**body}
    template = sent["TaskTemplate"] = dict(sent["TaskTemplate"])
    container = template["ContainerSpec"] = dict(template["ContainerSpec"])
    for key, id in _OBJECTS:
        name = f"{id.removesuffix('ID')}Name"
        if container.get(key):
            container[key] = [{**each, id: ids[each[name]]} for each in container[key]]
    return sent


def _name(attachment: Answer, networks: Mapping[str, str]) -> str:
    target = str(attachment.get("Target") or "")
    return networks.get(target, target)


def _iteration(holder: Answer) -> int:
    """Of a task, or of what a service says of its job."""
    return int((holder.get("JobIteration") or {}).get("Index") or 0)


def _used(spec: Answer) -> Iterable[str]:
    container = _container(spec)
    return (str(each[id]) for key, id in _OBJECTS for each in container.get(key) or ())


def _container(holder: Answer) -> Answer:
    """Of a service's Spec, or of a task."""
    template = holder.get("TaskTemplate") or holder.get("Spec") or {}
    container: Answer = template.get("ContainerSpec") or {}
    return container

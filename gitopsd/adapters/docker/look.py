"""Looks at a project: one list call, and an inspection of what changed since the last look.

While the engine's events are read, what they are silent about is as it was.
"""

import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from gitopsd.adapters.docker.connection import Connection, escaped
from gitopsd.adapters.docker.own import own_container
from gitopsd.adapters.docker.translate import understood
from gitopsd.engine_json import labels, live
from gitopsd.model.canonical import canonical
from gitopsd.model.errors import NotFound
from gitopsd.model.live import Instance, KeptVolume, LiveNetwork, LiveState, LiveVolume

# An instance that started or ended this many seconds ago may do so again without a trace in the list, but for events.
YOUNG: Final = 10.0
# The list's age is rounded, and the engine's clock is read in whole seconds.
TOLERANCE: Final = 2.0
_AGE: Final = re.compile(r"(Less than a|About an?|\d+) (second|minute|hour|day|week|month|year)s?")
_UNITS: Final = {
    "second": 1,
    "minute": 60,
    "hour": 3600,
    "day": 86400,
    "week": 604800,
    "month": 2592000,
    "year": 31536000,
}

# Beside the ids of containers that something happened to: it did to a network or a volume.
RESOURCES: Final = "resources"


@dataclass(frozen=True, slots=True)
class Seen:
    """A container as it was inspected, and the row of the list that went with it.

    `reading` numbers the unbroken reading of events that would have told of a change since.
    """

    row: Mapping[str, Any]
    instance: Instance
    reading: int | None = None


@dataclass(frozen=True, slots=True)
class Resources:
    """The networks and volumes of a project, and who claims it."""

    networks: tuple[LiveNetwork, ...]
    volumes: tuple[LiveVolume, ...]
    owner: str


class Looks:
    """Remembers inspections per project and, while events are read, resources. Safe to use from several threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._own = own_container()
        self._seen: dict[str, dict[str, Seen]] = {}
        self._resources: dict[str, Resources] = {}
        self._open: list[set[str]] = []
        self._readings = 0
        self._reading: int | None = None  # None while nobody reads the engine's events
        self._lock = threading.Lock()

    def look(self, project: str, thorough: bool) -> LiveState:
        """The project's containers, networks and volumes, and who claims it."""
        instances, engine = self._instances(project, thorough)
        resources = self._resources_of(project, thorough)
        return LiveState(
            instances=instances,
            networks=resources.networks,
            volumes=resources.volumes,
            owner=resources.owner,
            own=next((each.id for each in instances if each.id == self._own), ""),
            engine=engine,
        )

    @contextmanager
    def reading_events(self) -> Iterator[None]:
        """From now on events tell of every change, and whoever reads them makes `forget` what they tell of."""
        with self._lock:
            self._readings += 1
            mine = self._reading = self._readings
        try:
            yield
        finally:
            with self._lock:
                self._resources.clear()
                self._reading = None if self._reading == mine else self._reading

    @contextmanager
    def changing_resources(self) -> Iterator[None]:
        """For a call that may make or remove networks and volumes: the next look must show what became of it."""
        try:
            yield
        finally:
            self.forget_resources()

    def forget_resources(self) -> None:
        """Something happened to a network or a volume, whose it may be."""
        with self._lock:
            self._resources.clear()
            for changed in self._open:
                changed.add(RESOURCES)

    def forget(self, container: str) -> None:
        """Something happened to a container: what is known of it, or being learnt right now, does not count."""
        with self._lock:
            for seen in self._seen.values():
                seen.pop(container, None)
            for changed in self._open:
                changed.add(container)

    def last(self, container: str) -> Instance | None:
        """A container as it was inspected last; None where that is forgotten."""
        with self._lock:
            found = (seen[container] for seen in self._seen.values() if container in seen)
            return next((each.instance for each in found), None)

    def _instances(self, project: str, thorough: bool) -> tuple[tuple[Instance, ...], str]:
        with self._changes() as changed:
            reading = self._reading
            rows, now, engine = self._list(project)
            seen = {} if thorough else dict(self._seen.get(project, {}))
            found: dict[str, Seen] = {}
            for row in rows:
                known = seen.get(row["Id"])
                watched = known is not None and known.reading is not None and known.reading == reading
                if known and still_true(known, row, now, watched=watched):
                    found[row["Id"]] = known
                elif inspected := self._inspect(row, reading):
                    found[row["Id"]] = inspected
            with self._lock:
                self._seen[project] = {id: each for id, each in found.items() if id not in changed}
        instances = (each.instance for each in found.values())
        return tuple(sorted(instances, key=lambda each: (each.service, each.slot, each.name))), engine

    def _resources_of(self, project: str, thorough: bool) -> Resources:
        known = None if thorough else self._resources.get(project)
        if known is not None:
            return known
        with self._changes() as changed:
            reading = self._reading
            networks, volumes = _networks(self._connection, project), _volumes(self._connection, project)
            found = Resources(networks, volumes, owner(self._connection, project))
            with self._lock:
                if RESOURCES not in changed and reading is not None and reading == self._reading:
                    self._resources[project] = found
        return found

    @contextmanager
    def _changes(self) -> Iterator[set[str]]:
        """The containers that something happened to while this is open, and `RESOURCES`."""
        changed: set[str] = set()
        with self._lock:
            self._open.append(changed)
        try:
            yield changed
        finally:
            with self._lock:
                self._open = [each for each in self._open if each is not changed]

    def _list(self, project: str) -> tuple[list[dict[str, Any]], datetime | None, str]:
        """The rows, the engine's time, and its name and version."""
        doing = f"list the containers of {project}"
        params = {"all": 1, "filters": _by_project(project)}
        response = self._connection.call("GET", "/containers/json", doing=doing, params=params)
        with understood(doing):
            rows = [_steady(row) for row in response.json()]
            date = response.headers.get("Date")
            return rows, parsedate_to_datetime(date) if date else None, response.headers.get("Server", "")

    def _inspect(self, row: Mapping[str, Any], reading: int | None) -> Seen | None:
        # With its id, so that the engine's word that it is gone is not taken for word of another container.
        doing = f"inspect {', '.join(row['Names'])} ({row['Id']})"
        try:
            answer = self._connection.json("GET", f"/containers/{row['Id']}/json", doing=doing)
        except NotFound:  # gone since the list
            return None
        with understood(doing):
            return Seen(row, live.instance(answer, row), reading)


def still_true(seen: Seen, row: Mapping[str, Any], now: datetime | None, *, watched: bool) -> bool:
    """Whether an inspection holds: the same row, and an age in it that fits the start or end that we know.

    `watched`: an event would have told that it does not.
    """
    instance = seen.instance
    if now is None or {**row, "Status": ""} != {**seen.row, "Status": ""}:
        return False
    if instance.state == "created":
        return True
    settled = instance.state in ("running", "paused", "exited") and instance.check in ("none", "healthy")
    since = instance.finished_at if instance.state == "exited" else instance.started_at
    if not settled or since is None or _mark(row["Status"]) != _mark(seen.row["Status"]):
        return False
    age = (now - since).total_seconds()
    shortest, longest = age_range(row["Status"])
    return (watched or age > YOUNG) and shortest - TOLERANCE <= age <= longest + TOLERANCE


def age_range(status: str) -> tuple[float, float]:
    """The seconds that `Up 3 minutes` may stand for; an empty range when it names no age."""
    found = _AGE.search(status)
    if not found:
        return 1.0, 0.0
    amount, unit = found.group(1), _UNITS[found.group(2)]
    count = int(amount) if amount.isdigit() else int(amount.startswith("About"))
    early = 1800 if unit >= _UNITS["hour"] else 0  # from the hour on, it is rounded to the nearest
    return float(count * unit - early), float((count + 1) * unit)


def _mark(status: str) -> str:
    """A status without its age: health, pause and exit code."""
    return _AGE.sub("", status)


def _steady(row: dict[str, Any]) -> dict[str, Any]:
    """Some engines list ports and mounts in another order every time."""
    return {**row, **{key: sorted(row.get(key) or (), key=canonical) for key in ("Ports", "Mounts")}}


def _networks(connection: Connection, project: str) -> tuple[LiveNetwork, ...]:
    doing = f"list the networks of {project}"
    answer = connection.json("GET", "/networks", doing=doing, params={"filters": _by_project(project)})
    with understood(doing):
        return tuple(sorted((live.network(row) for row in answer), key=lambda each: each.name))


def _volumes(connection: Connection, project: str) -> tuple[LiveVolume, ...]:
    doing = f"list the volumes of {project}"
    answer = connection.json("GET", "/volumes", doing=doing, params={"filters": _by_project(project)})
    with understood(doing):
        return tuple(sorted((live.volume(row) for row in answer["Volumes"] or ()), key=lambda each: each.name))


def kept_volumes(connection: Connection) -> tuple[KeptVolume, ...]:
    """The volumes of all projects. Who is free is asked first: what is mounted meanwhile is told as mounted."""
    doing, label = "list the volumes", {"label": [labels.PROJECT]}
    free, all_of_them = (
        connection.json("GET", "/volumes", doing=doing, params={"filters": canonical(filters).decode()})
        for filters in ({**label, "dangling": ["true"]}, label)
    )
    with understood(doing):
        unmounted = {str(row["Name"]) for row in free["Volumes"] or ()}
        found = (live.volume(row) for row in all_of_them["Volumes"] or ())
        own = (labels.OWNER, labels.CONTENT)
        kept = (each for each in found if not any(label in each.labels for label in own))
        return tuple(
            KeptVolume(
                each.name,
                each.labels[labels.PROJECT],
                each.labels.get(labels.ENVIRONMENT, ""),
                mounted=each.name not in unmounted,
            )
            for each in sorted(kept, key=lambda each: each.name)
        )


def owner(connection: Connection, project: str) -> str:
    """Who claims a project; "" for nobody."""
    doing = f"look up the owner of {project}"
    try:
        answer = connection.json("GET", f"/volumes/{escaped(owner_volume(project))}", doing=doing)
    except NotFound:
        return ""
    with understood(doing):
        return live.volume(answer).labels.get(labels.OWNER, "")


def owner_volume(project: str) -> str:
    """The volume whose label says who owns a project."""
    return f"gitopsd-owner-{project}"


def _by_project(project: str) -> str:
    return canonical({"label": [f"{labels.PROJECT}={project}"]}).decode()

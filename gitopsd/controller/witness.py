"""What the engine's events told of each container since gitopsd was last at work on it."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from gitopsd.drift.story import check_of
from gitopsd.model.live import EngineEvent, Instance

Kept = TypeVar("Kept")
KEPT_EVENTS = 32
KEPT_CONTAINERS = 2_000
TOUCHING = frozenset(("exec_die", "extract-to-dir"))
OWN = frozenset(
    ("create", "start", "rename", "update", "connect", "disconnect", "unpause")
)  # what gitopsd's work brings


class Witness:
    """Remembers a bounded number of events. The thread that listens writes, those that make passes read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: OrderedDict[str, deque[EngineEvent]] = OrderedDict()
        self._checks: dict[str, str] = {}
        self._touched: dict[str, datetime] = {}
        self._checking: dict[str, None] = {}
        self._done_with: dict[str, datetime] = {}
        self._called: dict[str, str] = {}

    def hear(self, event: EngineEvent) -> bool:
        """Remember it. Whether it tells that files in a container may have been changed by hand."""
        container = _container(event)
        if not container:
            return False
        with self._lock:
            if event.kind == "container" and (name := event.attributes.get("name", "")):
                _kept(self._called, container, name)
            if event.action in TOUCHING:
                return self._noted_touch(container, event)
            if self._comes_late(container, event):
                return False
            self._note_check(container, event)
            events = self._heard.setdefault(container, deque(maxlen=KEPT_EVENTS))
            if events and event.action.startswith("exec_start") and events[-1].action == event.action:
                events.pop()  # a healthcheck runs over and over
            events.append(event)
            self._heard.move_to_end(container)
            while len(self._heard) > KEPT_CONTAINERS:
                self._heard.popitem(last=False)

            return False

    def attend(self, instances: Iterable[Instance]) -> None:
        """These are there; what their healthchecks run is no hand's work."""
        checks = {each.id: check_of(each) for each in instances}
        with self._lock:
            for container, check in checks.items():
                _kept(self._checks, container, check)

    def touched(self, container: str, since: datetime) -> bool:
        """Whether somebody may have changed its files."""
        with self._lock:
            return self._touched.get(container, since) > since

    def _comes_late(self, container: str, event: EngineEvent) -> bool:
        """It tells of gitopsd's own work, which is over: the stream of events may lag behind."""
        names = (container, self._called.get(container, ""))  # an event of a network has the network's name
        over = [self._done_with[name] for name in names if name in self._done_with]
        return event.action in OWN and any(event.at <= until for until in over)

    def _noted_touch(self, container: str, event: EngineEvent) -> bool:
        run = event.attributes.get("execID", "")
        if run in self._checking:
            del self._checking[run]
            return False
        _kept(self._touched, container, event.at)
        return True

    def _note_check(self, container: str, event: EngineEvent) -> None:
        action, _, detail = event.action.partition(":")
        check, run = self._checks.get(container, ""), event.attributes.get("execID", "")
        if action == "exec_start" and check and check in detail and run:
            _kept(self._checking, run, None)

    def of(self, container: str) -> tuple[EngineEvent, ...]:
        with self._lock:
            return tuple(self._heard.get(container, ()))

    def named(self, name: str) -> tuple[EngineEvent, ...]:
        """Of the container that bore a name, also when it is gone."""
        with self._lock:
            found = [each for each in self._heard.values() if each and each[-1].attributes.get("name") == name]
        return tuple(found[-1]) if found else ()

    def names(self, event: EngineEvent) -> frozenset[str]:
        """What the container of an event is called, as far as that was told: its id and its names."""
        container = _container(event)
        with self._lock:
            heard = [event, *self._heard.get(container, ())]
        named = {each.attributes.get("name", "") for each in heard if each.kind == "container"}
        return frozenset({container, *named} - {""})

    def forget(self, containers: Iterable[str], until: datetime) -> None:
        """What happened to these, by id or name, was gitopsd's own work, or came before it; also what is told later."""
        named = set(containers)
        with self._lock:
            for each in named:
                _kept(self._done_with, each, until)
            for id, events in list(self._heard.items()):
                if id in named or (events and events[-1].attributes.get("name") in named):
                    del self._heard[id]


def _container(event: EngineEvent) -> str:
    return event.id if event.kind == "container" else event.attributes.get("container", "")


def _kept(into: dict[str, Kept], key: str, value: Kept) -> None:
    """As the newest; the oldest go once there are too many."""
    into.pop(key, None)
    into[key] = value
    while len(into) > KEPT_CONTAINERS:
        del into[next(iter(into))]

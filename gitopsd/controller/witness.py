"""What the engine's events told of each container since gitopsd was last at work on it."""

import threading
from collections import OrderedDict, deque
from collections.abc import Iterable

from gitopsd.model.live import EngineEvent

KEPT_EVENTS = 32
KEPT_CONTAINERS = 2_000


class Witness:
    """Remembers a bounded number of events. The thread that listens writes, those that make passes read."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._heard: OrderedDict[str, deque[EngineEvent]] = OrderedDict()

    def hear(self, event: EngineEvent) -> None:
        container = event.id if event.kind == "container" else event.attributes.get("container", "")
        if not container:
            return
        with self._lock:
            events = self._heard.setdefault(container, deque(maxlen=KEPT_EVENTS))
            if events and event.action.startswith("exec_start") and events[-1].action == event.action:
                events.pop()  # a healthcheck runs over and over
            events.append(event)
            self._heard.move_to_end(container)
            while len(self._heard) > KEPT_CONTAINERS:
                self._heard.popitem(last=False)

    def of(self, container: str) -> tuple[EngineEvent, ...]:
        with self._lock:
            return tuple(self._heard.get(container, ()))

    def named(self, name: str) -> tuple[EngineEvent, ...]:
        """Of the container that bore a name, also when it is gone."""
        with self._lock:
            found = [each for each in self._heard.values() if each and each[-1].attributes.get("name") == name]
        return tuple(found[-1]) if found else ()

    def forget(self, containers: Iterable[str]) -> None:
        """What happened to these, by id or name, was gitopsd's own work, or came before it."""
        named = set(containers)
        with self._lock:
            for id, events in list(self._heard.items()):
                if id in named or (events and events[-1].attributes.get("name") in named):
                    del self._heard[id]

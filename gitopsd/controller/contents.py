"""What lies in containers where content was delivered, read seldom: a reading costs the engine the whole of it.

Read 10 s after the start, so that what a container's own start makes of it counts as its own; then when somebody ran a
command in it or the engine says that files were put into it, and otherwise every 5 minutes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gitopsd.controller.ports import EngineView
from gitopsd.engine_json.delivered import Place, content_shown
from gitopsd.model.canonical import Json
from gitopsd.model.desired import ContentFile
from gitopsd.model.errors import EngineRefused
from gitopsd.model.live import Instance

OLD_ENOUGH = timedelta(seconds=10)
EVERY = timedelta(minutes=5)
MOST_A_LOOK = 8 << 20  # bytes; what is left waits for the next look
MOST_OF_A_PLACE = 16 << 20  # what a place may hold beyond what was delivered there


@dataclass(frozen=True, slots=True)
class Reading:
    """What a container's places held; None: it could not be read."""

    started_at: datetime | None
    at: datetime
    shown: dict[str, Json] | None


class Contents:
    """Readings of one environment. Belongs to one pass at a time.

    `touched` tells whether somebody may have changed a container's files since a moment. `at_once`: everything is read
    now, whatever it costs.
    """

    def __init__(self, engine: EngineView, touched: Callable[[str, datetime], bool], *, at_once: bool = False) -> None:
        self._engine, self._touched, self._at_once = engine, touched, at_once
        self._readings: dict[str, Reading] = {}
        self._left = MOST_A_LOOK

    def begin(self, containers: frozenset[str]) -> None:
        """A look begins; only these containers are there."""
        self._left = MOST_A_LOOK
        self._readings = {id: each for id, each in self._readings.items() if id in containers}

    def unread(self) -> frozenset[str]:
        """Containers whose content could not be read."""
        return frozenset(id for id, each in self._readings.items() if each.shown is None)

    def forget(self, container: str) -> None:
        """Something was done to it: what was read does not count."""
        self._readings.pop(container, None)

    def due(self, instance: Instance, now: datetime) -> bool:
        """Whether it is time to read the container anew."""
        if instance.state != "running" or instance.started_at is None:
            return False
        known = self._readings.get(instance.id)
        if known is None or known.started_at != instance.started_at:
            return self._at_once or now - instance.started_at >= OLD_ENOUGH
        return now - known.at >= EVERY or self._touched(instance.id, known.at)

    def of(self, instance: Instance, places: tuple[Place, ...], key: bytes, now: datetime) -> dict[str, Json] | None:
        """What lies there now, or lay there when it was read last; None where that is not known."""
        if not places:
            return None
        size = sum(place.size for place in places)
        if self.due(instance, now) and (self._at_once or self._left > 0):
            self._left -= size
            shown = self._read(instance.id, places, key)
            self._readings[instance.id] = Reading(instance.started_at, now, shown)
        known = self._readings.get(instance.id)
        return known.shown if known is not None and known.started_at == instance.started_at else None

    def _read(self, container: str, places: tuple[Place, ...], key: bytes) -> dict[str, Json] | None:
        found: list[tuple[Place, tuple[ContentFile, ...]]] = []
        try:
            for place in places:
                read = self._engine.read(container, place.target, place.size + MOST_OF_A_PLACE)
                found.append((place, read or ()))
        except EngineRefused:  # a proxy before the engine may deny it
            return None
        return content_shown(found, key)

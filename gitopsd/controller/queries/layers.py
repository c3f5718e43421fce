"""What was written, changed or removed in the own layers of an environment's containers, one walk through each."""

from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.baselines import Expect
from gitopsd.controller.ports import EngineView
from gitopsd.drift import layer_drift, untold
from gitopsd.model.drift import DriftItem
from gitopsd.model.errors import EngineError
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal, Placed


@dataclass(frozen=True, slots=True)
class Layers:
    """What was found, and what could not be told, in words."""

    items: tuple[DriftItem, ...] = ()
    unseen: tuple[str, ...] = ()


def layers(engine: EngineView, journal: Journal, live: LiveState, expect: Expect, now: datetime) -> Layers:
    """Every container of ours that is not only kept."""
    looks = [
        _layer(engine, instance, placed, expect, now)
        for instance in live.instances
        if (placed := journal.inventory.get(instance.id)) is not None and not placed.kept
    ]
    return Layers(
        tuple(item for look in looks for item in look.items), tuple(words for look in looks for words in look.unseen)
    )


def _layer(engine: EngineView, instance: Instance, placed: Placed, expect: Expect, now: datetime) -> Layers:
    try:
        found = engine.changes(instance.id)
    except EngineError as refused:
        return Layers(unseen=(f"files inside {instance.name}: {refused}",))
    expected = expect(instance, placed)
    delivered = [path for place in expected.places for path in place.files] if expected is not None else []
    more = untold(instance, found, delivered)
    unseen = (f"{more} more files inside {instance.name}",) if more else ()
    return Layers(layer_drift(instance, placed.service, found, delivered, now), unseen)

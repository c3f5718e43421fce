"""A router in memory over a `World`: it does what is wanted of it, shows that, and notes whoever is stopped in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gitopsd.model.route import ALL, SLOTS, ObservedRoute, ObservedTarget, SlotName, SlotSample
from gitopsd.model.routing import UNSEEN, Routed, Seen

if TYPE_CHECKING:
    from tests.world import Box, World


@dataclass
class Streets:
    """`late`: it takes nothing over until it is told to. `away`: nobody answers. `slow` are ids that go on answering.

    `stopped` are the names of those that were stopped while requests could reach them. `rate` is how many requests a
    service gets in a second, `errors` which part of them each image answers with an error.
    """

    routes: dict[str, Routed] = field(default_factory=dict)
    late: bool = False
    away: bool = False
    slow: set[str] = field(default_factory=set)
    stopped: list[str] = field(default_factory=list)
    rate: float = 0.0
    errors: dict[str, float] = field(default_factory=dict)
    epoch: int = 0
    counted: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def take(self, wanted: Mapping[str, Routed]) -> bool:
        """Route like that from now on; whether that is something new."""
        if self.late or self.away or self.routes == wanted:
            return False
        self.routes = dict(wanted)
        return True

    def sight(self, wanted: Mapping[str, Routed], world: "World") -> dict[str, Seen]:
        if self.away:
            return {}
        named = {*wanted, *self.routes}
        return {
            name: Seen(self.routes.get(name) == wanted.get(name), self._shown(name, world), self._counts(name))
            for name in named
        }

    def pass_time(self, span: float, world: "World") -> None:
        """So many seconds of requests come."""
        for name, routed in self.routes.items():
            counted = self.counted.setdefault(name, {"a": [0.0, 0.0], "b": [0.0, 0.0]})
            for image, part in self.traffic(name, world).items():
                here = [id for id in routed.places if id in world.boxes and _image(world.boxes[id]) == image]
                slot = routed.places[here[0]].slot
                requests = self.rate * span * part / 100
                counted[slot][0] += requests
                counted[slot][1] += requests * self.errors.get(image, 0.0)

    def restart(self) -> None:
        """Its counters begin anew."""
        self.epoch += 1
        self.counted.clear()

    def _counts(self, name: str) -> dict[SlotName, SlotSample]:
        found = self.counted.get(name)
        if found is None:
            return {}
        return {slot: SlotSample(str(self.epoch), int(found[slot][0]), int(found[slot][1])) for slot in SLOTS}

    def _shown(self, name: str, world: "World") -> ObservedRoute | None:
        routed = self.routes.get(name)
        if routed is None:
            return None
        slots: dict[str, list[ObservedTarget]] = {"a": [], "b": []}
        for id, place in routed.places.items():
            box = world.boxes.get(id)
            ready = box is not None and world.seems_good(box) and box.name not in world.sick
            flying = int(id in self.slow)
            slots[place.slot].append(ObservedTarget(id, place.address, 8080, place.weight, ready, flying))
        return ObservedRoute("production", name, routed.share, tuple(slots["a"]), tuple(slots["b"]))

    def stops(self, box: "Box") -> None:
        """An instance is being stopped."""
        if any(box.id in routed.places for routed in self.routes.values()) or box.id in self.slow:
            self.stopped.append(box.name)

    def traffic(self, service: str, world: "World") -> dict[str, float]:
        """What part of the requests each image gets, in percent; `none` is what nobody answers."""
        routed = self.routes.get(service)
        found: dict[str, float] = {}
        if routed is None:
            return found
        shares = {"a": ALL - routed.share, "b": routed.share}
        shown = self._shown(service, world) or UNSEEN
        assert isinstance(shown, ObservedRoute)
        ready = {slot: [each.id for each in shown.slot(slot) if each.ready and routed.places[each.id].leaving is None]
                 for slot in ("a", "b")}  # fmt: skip
        if not ready["a"] or not ready["b"]:
            shares = {slot: ALL if ready[slot] else 0 for slot in ("a", "b")}
        for slot, share in shares.items():
            for id in ready[slot]:
                name = _image(world.boxes[id])
                found[name] = found.get(name, 0) + share / 100 / len(ready[slot])
        return {name: round(share, 1) for name, share in sorted(found.items()) if share}


def _image(box: "Box") -> str:
    return box.fingerprint.partition("/")[0]

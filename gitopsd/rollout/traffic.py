"""What a rollout knows of the router: who was let in and answers through it, and who may be stopped."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from gitopsd.model.route import ALL, FULL, SLOTS, SlotName, SlotSample
from gitopsd.model.routing import UNSEEN, Routed, Seen
from gitopsd.rollout.member import Member


@dataclass(frozen=True, slots=True)
class InRouter:
    """One service there. `routed` None: the router has no part in it. `counts` is what each slot has answered, and
    `bounds` are those of their latencies, in seconds.
    """

    routed: Routed | None = None
    seen: Seen = UNSEEN

    @property
    def counts(self) -> Mapping[SlotName, SlotSample]:
        return self.seen.counts

    @property
    def bounds(self) -> tuple[float, ...]:
        return self.seen.bounds

    def admitted(self) -> dict[str, datetime]:
        """Who takes its full part, and was seen to answer through the router; and since when it has been in there."""
        places = self.routed.places if self.routed is not None else {}
        whole = {id: each for id, each in places.items() if each.leaving is None and each.weight == FULL}
        return {id: each.since for id, each in whole.items() if self.seen.ready(id)}

    def inside(self, id: str) -> bool:
        """Whether requests may still reach an instance: only what the router was read back without is out."""
        if self.routed is None:
            return False
        return id in self.routed.places or self.seen.has(id) or not self.seen.agreed

    def slot_of(self, members: tuple[Member, ...]) -> SlotName | None:
        """The slot of these instances; None: none of them is in the router."""
        places = self.routed.places if self.routed is not None else {}
        slots = [places[each.id].slot for each in members if each.id in places]
        fullest: SlotName = max(SLOTS, key=slots.count)
        return fullest if slots else None

    def mixed(self, slot: SlotName, members: tuple[Member, ...]) -> bool:
        """Whether others than these answer in the slot, too: what came between newer content and what served before."""
        places = self.routed.places if self.routed is not None else {}
        own = {each.id for each in members}
        return any(each.slot == slot and id not in own for id, each in places.items())

    def full(self, members: tuple[Member, ...]) -> bool:
        """These instances have all of the traffic, as the router was read back."""
        slot, route = self.slot_of(members), self.seen.route
        if slot is None or route is None or not self.seen.agreed:
            return False
        return route.share == (ALL if slot == "b" else 0)


NOT_ROUTED = InRouter()

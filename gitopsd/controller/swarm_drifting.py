"""Drift of services of a swarm in the loop: what was found is kept with its age, its cause and its end."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.drift_events import Noted, noted
from gitopsd.controller.ports import Store
from gitopsd.drift.swarm import Hiding
from gitopsd.drift.swarm_detect import drift_on_swarm
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem, PastDrift
from gitopsd.model.release import Journal
from gitopsd.model.swarm import MakeNetwork, SendService, SwarmAction, SwarmSpec, SwarmState


class SwarmDrifting:
    """The drift of one environment, from pass to pass. `masked` takes secrets out of a text."""

    def __init__(self, environment: str, store: Store, masked: Callable[[str], str]) -> None:
        self._environment, self._store, self._masked = environment, store, masked
        self._healed: dict[str, str] = {}  # why a service was told again, until its drift is over

    def healed(self, actions: Iterable[SwarmAction]) -> None:
        """Services have been told again what they were told before."""
        for each in actions:
            match each:
                case SendService(service=name, occasion="repair"):
                    self._healed[name] = each.cause
                case MakeNetwork(name=name, occasion="repair"):
                    self._healed[f"network {name}"] = each.cause
                case _:
                    pass

    def note(
        self,
        journal: Journal,
        serving: SealedState | None,
        live: SwarmState,
        told: Mapping[str, SwarmSpec],
        mended: tuple[PastDrift, ...],
        now: datetime,
    ) -> Noted:
        """What drifts, for the store, and what is told of what is new and what is over. Routes were `mended` beside."""
        hiding = Hiding(self._store.key(), self._masked)
        found = drift_on_swarm(journal, serving, live, told, hiding, now)
        known = self._store.drift(self._environment).items
        before = {each.identity: each for each in known}
        items = tuple(
            replace(each, first_seen=before[each.identity].first_seen) if each.identity in before else each
            for each in found
        )
        current = {each.identity for each in items}
        over = tuple(self._over(each, journal, now) for each in known if each.identity not in current)
        for each in (past.item for past in over):
            self._healed.pop(f"{each.resource} {each.name}", None)
            self._healed.pop(each.service, None)
        return noted(self._environment, known, items, items, (*over, *mended))

    def _over(self, item: DriftItem, journal: Journal, now: datetime) -> PastDrift:
        if cause := self._healed.get(f"{item.resource} {item.name}") or self._healed.get(item.service):
            return PastDrift(item, now, "healed", cause)
        if item.service in journal.rollouts:
            return PastDrift(item, now, "replaced", journal.rollouts[item.service].cause)
        return PastDrift(item, now, "reverted")

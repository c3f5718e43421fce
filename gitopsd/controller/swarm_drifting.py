"""Drift of services of a swarm in the loop: what was found is kept with its age, its cause and its end."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.drifting import Noted
from gitopsd.controller.ports import Store
from gitopsd.drift import end_words
from gitopsd.drift.swarm import Hiding, swarm_drift
from gitopsd.model.drift import Drifted, DriftItem, PastDrift
from gitopsd.model.event import Event
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SendService, SwarmAction, SwarmSpec, SwarmState


class SwarmDrifting:
    """The drift of one environment, from pass to pass. `masked` takes secrets out of a text."""

    def __init__(self, environment: str, store: Store, masked: Callable[[str], str]) -> None:
        self._environment, self._store, self._masked = environment, store, masked
        self._healed: dict[str, str] = {}  # why a service was told again, until its drift is over

    def healed(self, actions: Iterable[SwarmAction]) -> None:
        """Services have been told again what they were told before."""
        for each in actions:
            if isinstance(each, SendService) and each.cause.startswith("repair: "):
                self._healed[each.service] = each.cause

    def note(self, journal: Journal, live: SwarmState, told: Mapping[str, SwarmSpec], now: datetime) -> Noted:
        """What drifts, for the store, and what is told of what is new and what is over."""
        known = self._store.drift(self._environment).items
        before = {each.identity: each for each in known}
        items = tuple(
            replace(each, first_seen=before[each.identity].first_seen) if each.identity in before else each
            for each in swarm_drift(journal, live, told, Hiding(self._store.key(), self._masked), now)
        )
        current = {each.identity for each in items}
        over = tuple(self._over(each, journal, now) for each in known if each.identity not in current)
        changed = over or current != before.keys()
        begun = (each for each in items if each.identity not in before)
        events = (*map(self._began, begun), *map(self._ended, over))
        return Noted(Drifted(self._environment, items) if changed else None, over, events)

    def _over(self, item: DriftItem, journal: Journal, now: datetime) -> PastDrift:
        if cause := self._healed.pop(item.service, ""):
            return PastDrift(item, now, "healed", cause)
        if item.service in journal.rollouts:
            return PastDrift(item, now, "replaced", journal.rollouts[item.service].cause)
        return PastDrift(item, now, "reverted")

    def _began(self, item: DriftItem) -> Event:
        return self._event(item, "DriftFound", f"{item.name} {item.kind}: {item.cause}", item.last_seen)

    def _ended(self, past: PastDrift) -> Event:
        words = end_words(past) + (f" ({past.by})" if past.by else "")
        return self._event(
            past.item, "DriftEnded", f"{past.item.name} is no longer {past.item.kind}: {words}", past.ended_at
        )

    def _event(self, item: DriftItem, reason: str, message: str, at: datetime) -> Event:
        return Event(
            at,
            reason,
            message,
            "info" if reason == "DriftEnded" else "warning",
            environment=self._environment,
            service=item.service,
            data={
                "resource": item.resource,
                "name": item.name,
                "kind": item.kind,
                "state": item.state,
                "cause": item.cause,
                "fields": [each.path for each in item.changes],
            },
        )

"""Drift in the loop: single fields compared at every look, what was found kept with its age, cause and end."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.baselines import Baselines, Expect, FieldLook
from gitopsd.controller.ports import Store
from gitopsd.controller.witness import Witness
from gitopsd.drift import drift
from gitopsd.drift.story import story
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import Drifted, DriftItem
from gitopsd.model.event import Event
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal


class Drifting:
    """The drift of one environment, from pass to pass. `witness` is the engine's; `masked` takes secrets out."""

    def __init__(self, environment: str, store: Store, witness: Witness, masked: Callable[[str], str]) -> None:
        self._environment, self._store, self._witness, self._masked = environment, store, witness, masked
        self._baselines = Baselines(environment, store)
        self._known: tuple[DriftItem, ...] | None = None

    def done_with(self, containers: Collection[str]) -> None:
        """Actions on these, by id or name, have ended."""
        self._baselines.done_with(containers)
        self._witness.forget(containers)

    def look(self, journal: Journal, live: LiveState, busy: frozenset[str], expect: Expect) -> FieldLook:
        return self._baselines.look(journal, live, busy, expect)

    def note(
        self, journal: Journal, live: LiveState, serving: SealedState | None, fields: FieldLook, now: datetime
    ) -> tuple[Event, ...]:
        """Keep what drifted, and tell what is new and what is over. What is being mended is not over yet."""
        known = self._known if self._known is not None else self._store.drift(self._environment).items
        before = {each.identity: each for each in known}
        there = {each.id: each for each in live.instances}
        found = tuple(
            self._told(each, before.get(each.identity), there.get(each.instance))
            for each in drift(journal, live, serving, fields.found, now)
        )
        rolling = {name for name, rollout in journal.rollouts.items() if rollout.open}
        current = {each.identity for each in found}
        kept = tuple(each for each in known if each.identity not in current and each.service in rolling)
        self._known = (*found, *kept)
        if _words(self._known) != _words(known):
            self._store.save_drift(Drifted(self._environment, self._known))
        return (*self._began(found, before), *self._ended(known, {each.identity for each in self._known}, now))

    def _told(self, item: DriftItem, known: DriftItem | None, instance: Instance | None) -> DriftItem:
        """With its age, and with what the engine's events say of it, which may come after the look that found it."""
        if known is not None:
            item = replace(item, first_seen=known.first_seen)
        if known is not None and known.cause != item.cause:
            return replace(item, cause=known.cause)
        heard = self._witness.of(item.instance) if item.instance else self._witness.named(item.name)
        said = self._masked(story(heard, instance))
        return replace(item, cause=f"{item.cause}: {said}") if said else item

    def _began(self, items: Iterable[DriftItem], before: Collection[object]) -> tuple[Event, ...]:
        new = (each for each in items if each.identity not in before)
        reasons = {"heal-loop": "HealLoop"}
        return tuple(
            self._event(
                *(each, reasons.get(each.state, "DriftFound"), f"{each.name} {each.kind}: {each.cause}"), each.last_seen
            )
            for each in new
        )

    def _ended(self, known: Iterable[DriftItem], current: Collection[object], now: datetime) -> tuple[Event, ...]:
        over = (each for each in known if each.identity not in current)
        return tuple(self._event(each, "DriftEnded", f"{each.name} is no longer {each.kind}", now) for each in over)

    def _event(self, item: DriftItem, reason: str, message: str, at: datetime) -> Event:
        return Event(
            at,
            reason,
            message,
            "info" if reason == "DriftEnded" else "warning",
            environment=self._environment,
            service=item.service,
            data={"resource": item.resource, "kind": item.kind, "fields": [each.path for each in item.changes]},
        )


def _words(items: tuple[DriftItem, ...]) -> set[tuple[tuple[str, ...], str]]:
    """What is worth keeping: not the moment of the last look."""
    return {(each.identity, each.cause) for each in items}

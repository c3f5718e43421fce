"""Drift in the loop: single fields compared at every look, and what was found, with its age, cause and end."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from gitopsd.controller.baselines import Baselines, Expect, FieldLook
from gitopsd.controller.contents import Contents
from gitopsd.controller.drift_events import Noted, noted
from gitopsd.controller.ports import EngineView, Store
from gitopsd.controller.witness import Witness
from gitopsd.drift import drift, ending
from gitopsd.drift.story import story
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem, PastDrift
from gitopsd.model.event import Event
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Pending, Preparing

LOOKED_BACK = 500  # events


class Drifting:
    """The drift of one environment, from pass to pass. `witness` is the engine's; `masked` takes secrets out."""

    def __init__(
        self, environment: str, engine: EngineView, store: Store, witness: Witness, masked: Callable[[str], str]
    ) -> None:
        self._environment, self._store, self._witness, self._masked = environment, store, witness, masked
        self._baselines = Baselines(environment, store, Contents(engine, witness.touched))
        self._known: tuple[DriftItem, ...] | None = None
        self._outcomes: Sequence[Event] = ()
        self._busy: frozenset[str] = frozenset()

    def done_with(self, containers: Mapping[str, Collection[str]], outcomes: Sequence[Event], now: datetime) -> None:
        """Actions on these, by id or name, have ended; with each go the paths of what the engine ignored of them.

        `outcomes` tell of those actions, and are not in the ledger yet.
        """
        self._outcomes = outcomes
        self._baselines.done_with(containers)
        self._witness.forget(containers, now)

    def look(self, journal: Journal, live: LiveState, busy: frozenset[str], expect: Expect, now: datetime) -> FieldLook:
        self._busy = frozenset(key.rpartition("/")[0] for key in busy)
        self._witness.attend(live.instances)
        return self._baselines.look(journal, live, busy, expect, now)

    def note(
        self,
        journal: Journal,
        live: LiveState,
        serving: SealedState | None,
        fields: FieldLook,
        put_back: Sequence[PastDrift],
        now: datetime,
    ) -> Noted:
        """What drifted, for the store, and what is told of it. What is being mended is not over yet.

        `put_back` is what others have told of, and mended, since the last call.
        """
        known = self._known if self._known is not None else self._store.drift(self._environment).items
        before = {each.identity: each for each in known}
        there = {each.id: each for each in live.instances}
        found = tuple(
            self._told(each, before.get(each.identity), there.get(each.instance))
            for each in drift(journal, live, serving, fields.found, now)
            if each.identity in before or not _is_being_made(each, journal)
        )
        mended = self._busy | {name for name, rollout in journal.rollouts.items() if rollout.open}
        there_still = {each.identity for each in found}
        gone = (each for each in known if each.identity not in there_still)
        kept = tuple(each for each in gone if each.service in mended or each.resource in mended)
        current = (*found, *kept)
        over = (*put_back, *self._over(known, current, live, now))
        told = noted(self._environment, known, found, current, over)
        self._known = current if told.drifted is None else None  # a pass that cannot store it has not told of it either
        return told

    def _over(
        self, known: Iterable[DriftItem], current: tuple[DriftItem, ...], live: LiveState, now: datetime
    ) -> tuple[PastDrift, ...]:
        there = {each.identity for each in current}
        over = [each for each in known if each.identity not in there]
        if not over:
            return ()
        ledger = self._store.events(environment=self._environment, limit=LOOKED_BACK, newest=True)
        return tuple(ending(each, current, live, (*ledger, *self._outcomes), now) for each in over)

    def _told(self, item: DriftItem, known: DriftItem | None, instance: Instance | None) -> DriftItem:
        """With its age, and with what the engine's events say of it, which may come after the look that found it."""
        if known is not None:
            item = replace(item, first_seen=known.first_seen)
        if known is not None and known.cause != item.cause:
            return replace(item, cause=known.cause, story=known.story)
        heard = self._witness.of(item.instance) if item.instance else self._witness.named(item.name)
        said = self._masked(story(heard, instance))
        return replace(item, cause=f"{item.cause}: {said}", story=said) if said else item


def _is_being_made(item: DriftItem, journal: Journal) -> bool:
    """A network or volume that is not there yet, rather than not there any more: a release is only just making it."""
    begins = (each for each in journal.rollouts.values() if each.kind != "repair")
    return (
        item.resource in ("network", "volume")
        and item.kind == "missing"
        and any(isinstance(each.phase, Pending | Preparing) for each in begins)
    )

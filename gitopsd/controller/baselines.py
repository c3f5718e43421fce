"""What the containers of an environment looked like when gitopsd was done with them, and which fields differ by now."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from gitopsd.controller.contents import Contents
from gitopsd.controller.ports import Store
from gitopsd.drift.comparing import Comparison, Fields, Wanted, compared, left_as
from gitopsd.engine_json.delivered import ROWS, Place, content_of
from gitopsd.engine_json.expectation import with_content
from gitopsd.engine_json.hiding import hidden_projection
from gitopsd.engine_json.projection import VERSION, Projection
from gitopsd.model.baseline import Baseline
from gitopsd.model.canonical import digest
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal, Placed


@dataclass(frozen=True, slots=True)
class Expected:
    """What an instance is held against: `shown` as it is, `wanted` in the hidden form.

    `secret` are the Compose keys behind which it has values of secret origin, `places` where it has content.
    """

    shown: Projection
    wanted: Wanted
    secret: frozenset[str]
    places: tuple[Place, ...] = ()


def without_content(wanted: Wanted) -> Wanted:
    """For a look at a container whose content nobody has read yet."""
    bare = [
        {path: each for path, each in side.items() if path not in ROWS} for side in (wanted.applied, wanted.desired)
    ]
    return replace(wanted, applied=bare[0], desired=bare[1])


Expect = Callable[[Instance, Placed], Expected | None]
"""None where the specification is not at hand any more."""


@dataclass(frozen=True, slots=True)
class FieldLook:
    """What every instance of ours came to, by container id. `unread` are those whose content could not be read."""

    found: Mapping[str, Comparison] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()

    @property
    def to_heal(self) -> Mapping[str, Fields]:
        """The first look after an upgrade, an adoption or a loss finds new ground to stand on, and mends nothing."""
        return {id: each.fields for id, each in self.found.items() if each.fields and not each.fresh}


@dataclass(frozen=True, slots=True)
class Seen:
    """The last look at an instance. `content`: some was delivered to it."""

    instance: Instance
    placed: Placed
    result: Comparison
    content: bool


@dataclass(frozen=True, slots=True)
class By:
    """With what a look compares: the key of digests, who made the baselines that count, and the time."""

    key: bytes
    made_by: str
    now: datetime


class Baselines:
    """The baselines of one environment. Belongs to one pass at a time."""

    def __init__(self, environment: str, store: Store, contents: Contents) -> None:
        self._environment, self._store, self._contents = environment, store, contents
        self._kept: dict[str, Baseline] | None = None
        self._seen: dict[str, Seen] = {}
        self._done_with: dict[str, frozenset[str]] = {}

    def done_with(self, containers: Mapping[str, Collection[str]]) -> None:
        """Actions on these, by id or name, have ended: the next look at each is its baseline.

        With each go the paths of what the engine was asked for and ignored.
        """
        for container, ignored in containers.items():
            self._done_with[container] = self._done_with.get(container, frozenset()) | frozenset(ignored)

    def look(
        self,
        journal: Journal,
        live: LiveState,
        busy: frozenset[str],
        expect: Expect,
        now: datetime,
        *,
        keep: bool = True,
    ) -> FieldLook:
        """Every instance of ours against its baseline; one that has none gets one, which is kept at once.

        An instance whose slot is `busy`, or that was never started, is left for a later look.
        """
        key = self._store.key()
        made_by = f"{live.engine}; fields {VERSION}; key {digest(key.hex())[:8]}"
        by = By(key, made_by, now)
        found: dict[str, Comparison] = {}
        self._contents.begin(frozenset(each.id for each in live.instances))
        for instance in live.instances:
            placed = journal.inventory.get(instance.id)
            ready = instance.state not in ("created", "removing") and placed is not None and not placed.kept
            if placed is not None and ready and f"{placed.service}/{placed.slot}" not in busy:
                found[instance.id] = self._at(instance, placed, expect, by)
        if keep:
            self._keep({id: each.baseline for id, each in found.items() if each.baseline is not None}, live)
        return FieldLook(found, self._contents.unread())

    def _at(self, instance: Instance, placed: Placed, expect: Expect, by: By) -> Comparison:
        """A look that remembers inspections gives the very same instance again, which comes to the same again."""
        ends = [self._done_with[each] for each in (instance.id, instance.name) if each in self._done_with]
        acted = bool(ends)
        known = self._seen.get(instance.id)
        if known is not None and not acted and self._still_true(known, instance, placed, by.now):
            return known.result
        expected = expect(instance, placed)
        if expected is None:
            return Comparison()
        if acted:
            self._contents.forget(instance.id)
        live, wanted, left = self._seen_now(instance, expected, by)
        if acted:
            before = replace(known.result if known is not None else Comparison(), baseline=left)
            result = left_as(live, wanted, by.made_by, before, frozenset().union(*ends))
        else:
            result = compared(live, left, wanted, by.made_by)
        result = replace(result, pending=wanted.applied != wanted.desired)
        self._done_with = {
            each: ignored for each, ignored in self._done_with.items() if each not in (instance.id, instance.name)
        }
        self._seen[instance.id] = Seen(instance, placed, result, bool(expected.places))
        return result

    def _still_true(self, known: Seen, instance: Instance, placed: Placed, now: datetime) -> bool:
        same = known.instance.fields is instance.fields and known.placed == placed
        return same and not known.result.fields and not (known.content and self._contents.due(instance, now))

    def _seen_now(self, instance: Instance, expected: Expected, by: By) -> tuple[Projection, Wanted, Baseline | None]:
        """What to compare: as it shows itself, as it is wanted, and its baseline, all three with content or without.

        Content that is not read now is taken to be as it was left; what is read for the first time is left so, as what
        a container makes of its files by itself cannot be told from what a hand made of them before anybody looked.
        """
        shown, left = with_content(instance.fields, expected.shown), self._baselines().get(instance.id)
        if left is None or left.made_by != by.made_by:
            return hidden_projection(shown, by.key, expected.secret), without_content(expected.wanted), left
        read, kept = self._contents.of(instance, expected.places, by.key, by.now), content_of(left.shown)
        live = hidden_projection({**shown, **(read or {})}, by.key, expected.secret)
        if read is None and not kept:
            return live, without_content(expected.wanted), left
        if not kept:
            left = replace(left, shown={**left.shown, **content_of(live)})
        return {**live, **kept} if read is None else live, expected.wanted, left

    def _baselines(self) -> dict[str, Baseline]:
        if self._kept is None:
            self._kept = dict(self._store.baselines(self._environment))
        return self._kept

    def _keep(self, found: Mapping[str, Baseline], live: LiveState) -> None:
        before = self._baselines()
        there = {each.id for each in live.instances}
        changed: dict[str, Baseline | None] = {id: each for id, each in found.items() if before.get(id) != each}
        changed |= dict.fromkeys(before.keys() - there)
        if changed:
            self._store.save_baselines(self._environment, changed)
            self._kept = {id: each for id, each in {**before, **changed}.items() if each is not None}
        self._seen = {id: each for id, each in self._seen.items() if id in there}
        names = there | {each.name for each in live.instances}
        self._done_with = {each: ignored for each, ignored in self._done_with.items() if each in names}

"""What the containers of an environment looked like when gitopsd was done with them, and which fields differ by now."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace

from gitopsd.controller.ports import Store
from gitopsd.drift.comparing import Comparison, Fields, Wanted, compared, left_as
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

    `secret` are the Compose keys behind which it has values of secret origin.
    """

    shown: Projection
    wanted: Wanted
    secret: frozenset[str]


Expect = Callable[[Instance, Placed], Expected | None]
"""None where the specification is not at hand any more."""


@dataclass(frozen=True, slots=True)
class FieldLook:
    """What every instance of ours came to, by container id."""

    found: Mapping[str, Comparison] = field(default_factory=dict)

    @property
    def to_heal(self) -> Mapping[str, Fields]:
        """The first look after an upgrade, an adoption or a loss finds new ground to stand on, and mends nothing."""
        return {id: each.fields for id, each in self.found.items() if each.fields and not each.fresh}


class Baselines:
    """The baselines of one environment. Belongs to one pass at a time."""

    def __init__(self, environment: str, store: Store) -> None:
        self._environment, self._store = environment, store
        self._kept: dict[str, Baseline] | None = None
        self._seen: dict[str, tuple[Instance, Placed, Comparison]] = {}
        self._done_with: dict[str, frozenset[str]] = {}

    def done_with(self, containers: Mapping[str, Collection[str]]) -> None:
        """Actions on these, by id or name, have ended: the next look at each is its baseline.

        With each go the paths of what the engine was asked for and ignored.
        """
        for container, ignored in containers.items():
            self._done_with[container] = self._done_with.get(container, frozenset()) | frozenset(ignored)

    def look(
        self, journal: Journal, live: LiveState, busy: frozenset[str], expect: Expect, *, keep: bool = True
    ) -> FieldLook:
        """Every instance of ours against its baseline; one that has none gets one, which is kept at once.

        An instance whose slot is `busy`, or that was never started, is left for a later look.
        """
        key = self._store.key()
        made_by = f"{live.engine}; fields {VERSION}; key {digest(key.hex())[:8]}"
        found: dict[str, Comparison] = {}
        for instance in live.instances:
            placed = journal.inventory.get(instance.id)
            ready = instance.state not in ("created", "removing") and placed is not None and not placed.kept
            if placed is not None and ready and f"{placed.service}/{placed.slot}" not in busy:
                found[instance.id] = self._at(instance, placed, expect, key, made_by)
        if keep:
            self._keep({id: each.baseline for id, each in found.items() if each.baseline is not None}, live)
        return FieldLook(found)

    def _at(self, instance: Instance, placed: Placed, expect: Expect, key: bytes, made_by: str) -> Comparison:
        """A look that remembers inspections gives the very same instance again, which comes to the same again."""
        ends = [self._done_with[each] for each in (instance.id, instance.name) if each in self._done_with]
        acted = bool(ends)
        known = self._seen.get(instance.id)
        same = known is not None and known[0].fields is instance.fields and known[1] == placed
        if known is not None and same and not acted and not known[2].fields:
            return known[2]
        expected = expect(instance, placed)
        if expected is None:
            return Comparison()
        live = hidden_projection(with_content(instance.fields, expected.shown), key, expected.secret)
        left = self._baselines().get(instance.id)
        if acted:
            before = known[2] if known is not None else Comparison(baseline=left)
            result = left_as(live, expected.wanted, made_by, before, frozenset().union(*ends))
        else:
            result = compared(live, left, expected.wanted, made_by)
        result = replace(result, pending=expected.wanted.applied != expected.wanted.desired)
        self._done_with = {
            each: ignored for each, ignored in self._done_with.items() if each not in (instance.id, instance.name)
        }
        self._seen[instance.id] = (instance, placed, result)
        return result

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

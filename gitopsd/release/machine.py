"""The state machine of an environment: its open release, the way back of a failed one, and repairs in between.

A release progresses until all its rollouts are finalising, and none is watched; then it has succeeded. When one fails,
the others turn back, and services that were promoted already return to what served before, dependents first; the
content is rejected.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache

from gitopsd.model.action import Chain
from gitopsd.model.analysis import NOTHING_MEASURED, Measures
from gitopsd.model.desired import SealedState
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal, Release
from gitopsd.model.rollout import Finalising, Pending, Preparing, Progressing, RolledBack, Rollout
from gitopsd.model.visits import NOBODY_VISITS, NOT_VISITED, Visits
from gitopsd.release.draining import drains_noted
from gitopsd.release.gates import may_begin, may_finalise
from gitopsd.release.heals import Drifted, connected_first, heal_in_place, healable, marked, noted_well
from gitopsd.release.inventory import members_of, settled
from gitopsd.release.noting import noted
from gitopsd.release.repairs import open_repairs
from gitopsd.release.resources import intend, missing_resources, surplus_networks
from gitopsd.release.restarts import calm_at, counted, crashes_told
from gitopsd.release.returning import conclude, swept
from gitopsd.release.routing import Sight, gated, in_router, next_change, routes_of
from gitopsd.release.schema import begun, contract_looks, contracts, heard, let_in, misfit
from gitopsd.release.sharing import sharing_of
from gitopsd.release.sickness import diagnosed
from gitopsd.release.telling import told
from gitopsd.rollout import Member, Said
from gitopsd.rollout import advance as advance_rollout
from gitopsd.rollout.machine import turn_back


@dataclass(frozen=True, slots=True)
class Signals:
    """What the world said since the last look, by chain key (`web/1`): chains under way, and the engine's refusals.

    `held` are those that the engine's host cannot have now: no evidence, and not to be tried again yet. `returned`: the
    engine was away, or nobody looked; what stopped meanwhile did not stop by itself. `storm`: too much restarts there
    for anything new to begin. `spikes`: services whose new instances take far too much memory, each with that in words.
    `sight` is what the router showed, `measures` what was measured beside the passes, `visits` what came of gitopsd's
    own requests through the router, by service; None: it sends none. `printed` are the last
    lines of jobs that ended well, of those that read something.
    """

    busy: frozenset[str] = frozenset()
    refused: Mapping[str, str] = field(default_factory=dict)
    held: frozenset[str] = frozenset()
    returned: bool = False
    storm: bool = False
    spikes: Mapping[str, str] = field(default_factory=dict)
    sight: Sight = field(default_factory=dict)
    measures: Mapping[str, Measures] = field(default_factory=dict)
    visits: Mapping[str, Visits] | None = None
    printed: Mapping[str, str] = field(default_factory=dict)

    def of(self, service: str) -> Said:
        """What concerns the slots of a service."""
        refused = {slot: self.refused[key] for slot, key in _slots(service, self.refused)}
        busy, held = (_by_service(keys).get(service, frozenset()) for keys in (self.busy, self.held))
        spike = self.spikes.get(service, "")
        measures = self.measures.get(service, NOTHING_MEASURED)
        visits = self.visits.get(service, NOT_VISITED) if self.visits is not None else NOBODY_VISITS
        told = Said(busy, refused, held, returned=self.returned, storm=self.storm, spike=spike)
        return replace(told, measures=measures, visits=visits)


@lru_cache(maxsize=4)
def _by_service(keys: frozenset[str]) -> Mapping[str, frozenset[int]]:
    """Slots by service, found once for all services of a pass."""
    slots: dict[str, set[int]] = {}
    for key in keys:
        name, _, slot = key.rpartition("/")
        if slot.isdigit():
            slots.setdefault(name, set()).add(int(slot))
    return {name: frozenset(found) for name, found in slots.items()}


def _slots(service: str, keys: Iterable[str]) -> list[tuple[int, str]]:
    parts = ((key.rpartition("/"), key) for key in keys)
    return [(int(slot), key) for (name, _, slot), key in parts if name == service and slot.isdigit()]


QUIET = Signals()
UNTOUCHED: Drifted = {}


@dataclass(frozen=True, slots=True)
class Turn:
    """The next journal, what to do now, what happened, releases that ended, and when time alone calls for a look."""

    journal: Journal
    chains: tuple[Chain, ...] = ()
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()
    wake_at: datetime | None = None


def advance(
    journal: Journal,
    wanted: SealedState | None,
    live: LiveState,
    now: datetime,
    signals: Signals = QUIET,
    *,
    repair: bool = True,
    drifted: Drifted = UNTOUCHED,
) -> Turn:
    """One turn of an environment. `wanted` is what the open release wants or, without one, what serves.

    `repair`: whether what serves may be mended; rollouts that are open go on regardless. `drifted` are the fields of
    instances that were changed by hand.
    """
    drifted = healable(journal, wanted, drifted, repair=repair)
    start = marked(settled(journal, live, signals.busy), drifted)
    start = counted(start, live, now, returned=signals.returned)
    members = members_of(start, live)
    start = noted_well(start, members)
    start = diagnosed(start, wanted, members, now, repair=repair)
    members = members_of(start, live)
    crashes = tuple(crashes_told(journal, start, wanted, live, now))
    after = open_repairs(start, wanted, members, now, repair=repair)
    after, cures = heal_in_place(after, drifted, members, now)
    mends = wanted is not None and repair and wanted.desired.policy.heal.removed == "repair"
    needed = mends or any(each.open for each in after.rollouts.values())
    missing = missing_resources(wanted, live) if needed else ()
    around = Surroundings(wanted, members, now, missing)
    after, chains, times, events, ended = _turned(after, start, around, signals)
    after = contracts(swept(after), wanted, now)
    surplus = surplus_networks(after, wanted, live, now)
    chains = connected_first(chains, drifted, members)
    resources = (chain for chain in (*missing, *surplus) if chain.key not in signals.held)
    chains = tuple(chain for chain in (*resources, *chains, *cures) if chain.key not in signals.busy)
    passed = gated(after, chains, wanted, signals.sight)
    chains = passed.chains
    routes = routes_of(after, wanted, members, passed.leaving, signals.sight, now, signals.busy)
    after = drains_noted(after, routes, now)
    after = intend(replace(after, routes=routes), chains, now)
    moves = next_change(routes, wanted, now)
    times = (*times, *calm_at(after, wanted, now), *((moves,) if moves is not None else ()))
    times = (*times, *contract_looks(journal, after, wanted, now))
    waits = (*times, *(each.not_before for each in after.repairs.values() if each.not_before > now))
    return Turn(after, chains, (*crashes, *events), ended, min(waits, default=None))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all rollouts of a turn see: what is wanted, who is there, the time, and the resources still to be made."""

    wanted: SealedState | None
    members: Mapping[str, tuple[Member, ...]]
    now: datetime
    missing: tuple[Chain, ...]


def _turned(
    journal: Journal, before: Journal, around: Surroundings, signals: Signals
) -> tuple[Journal, tuple[Chain, ...], tuple[datetime, ...], tuple[Event, ...], tuple[Release, ...]]:
    """Turn after turn of the rollouts until no phase changes: one may open the gate of another."""
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()
    while True:
        turned, chains, times = _rollouts(journal, around, signals)
        turned, closed = conclude(turned, around.wanted, around.now)
        ended += closed
        events += tuple(told(before, turned, closed, around.now))
        if _phases(turned) == _phases(journal) and turned.release == journal.release:
            return turned, chains, times, events, ended
        journal = before = turned
        signals = replace(signals, refused={})  # a refusal is held against a rollout once


def _phases(journal: Journal) -> list[tuple[str, object, object]]:
    return [(name, rollout.phase, rollout.kind) for name, rollout in sorted(journal.rollouts.items())]


def _rollouts(
    journal: Journal, around: Surroundings, signals: Signals
) -> tuple[Journal, tuple[Chain, ...], tuple[datetime, ...]]:
    """Advance every open rollout by one turn."""
    sharing = sharing_of(journal, around.members)
    chains: list[Chain] = []
    times: list[datetime] = []
    rollouts = dict(journal.rollouts)  # filled in place: a copy for each service would be too much for many of them
    journal = replace(journal, rollouts=rollouts)
    for name in sorted(rollouts):
        rollout = rollouts[name] = _gated(journal, name, around, signals)
        journal = begun(journal, rollout)
        if not rollout.open:
            continue
        said = replace(signals.of(name), sharing=sharing, router=in_router(journal, name, signals.sight))
        turn = advance_rollout(rollout, around.members.get(name, ()), around.now, said)
        journal, turned = heard(journal, rollout, turn.rollout, signals.printed, around.now)
        journal = noted(journal, rollout, turned)
        rollouts[name] = turned
        chains += turn.chains
        times += [turn.wake_at] if turn.wake_at is not None else []
    return journal, tuple(chains), tuple(times)


def _gated(journal: Journal, name: str, around: Surroundings, signals: Signals) -> Rollout:
    """The rollout, moved past the gates that are open for it."""
    rollout = journal.rollouts[name]
    if rollout.paused is not None:
        return rollout
    calm = not (signals.storm and rollout.kind == "change")
    if isinstance(rollout.phase, Pending) and calm and may_begin(journal, rollout, around.members):
        rollout = let_in(journal, replace(rollout, phase=Preparing()), around.now)
    elif isinstance(rollout.phase, Progressing) and (bad := misfit(journal, rollout)):
        rollout = turn_back(rollout, bad, around.now)
    if isinstance(rollout.phase, Preparing):
        rollout = _prepared(rollout, around, signals)
    may = rollout.leaving and may_finalise(journal, rollout, around.members, around.now)
    if isinstance(rollout.phase, Progressing) and may:
        rollout = replace(rollout, phase=Finalising())
    return rollout


def _prepared(rollout: Rollout, around: Surroundings, signals: Signals) -> Rollout:
    """Past Preparing once networks and volumes are there; the engine's refusal to make one is evidence."""
    now, missing = around.now, around.missing
    refused = next((signals.refused[chain.key] for chain in missing if chain.key in signals.refused), "")
    if refused:
        return replace(rollout, phase=RolledBack(f"not begun: {refused}"), finished_at=now)
    if missing:
        return rollout
    limit = rollout.deadline - rollout.started_at
    return replace(rollout, phase=Progressing(), started_at=now, deadline=now + limit)

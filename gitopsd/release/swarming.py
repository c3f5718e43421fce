"""The state machine of an environment on a swarm: Swarm brings each service along, gitopsd says which content.

A rollout here is one service told something else. Swarm's own updater moves its tasks, and goes back by itself when
they fail; that is read off the service, and becomes the same phases, outcome and rejection as on a plain engine.
What a service that ends is to do next is in `swarm_jobs`.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitopsd.engine_json.swarm_mode import mode_of
from gitopsd.model.analysis import NOTHING_MEASURED, Measures
from gitopsd.model.desired import SealedState
from gitopsd.model.event import Event
from gitopsd.model.release import Journal, Release
from gitopsd.model.rollout import (
    Failed,
    Pending,
    Preparing,
    Progressing,
    RolledBack,
    RollingBack,
    Rollout,
    Succeeded,
)
from gitopsd.model.swarm import (
    DropService,
    SendService,
    Sent,
    SwarmAction,
    SwarmService,
    SwarmSpec,
    SwarmState,
)
from gitopsd.model.visits import NOBODY_VISITS, NOT_VISITED, Visits
from gitopsd.release.gates import may_begin
from gitopsd.release.noting import noted
from gitopsd.release.repairs import attempt
from gitopsd.release.returning import conclude, swept
from gitopsd.release.schema import begun, contract_looks, contracts, heard, let_in, misfit
from gitopsd.release.swarm_jobs import OTHER_MODE, job_step, lost_runs
from gitopsd.release.swarm_logins import renewals, renewals_told
from gitopsd.release.swarm_mending import (
    Means,
    heals_now,
    missing_networks,
    orphans,
    send,
    surplus,
)
from gitopsd.release.swarm_routing import Sight, homeward, left_over, pair_of, routes_on_swarm, spent
from gitopsd.release.swarm_shifting import Make, awaited, patient, settled, shifted
from gitopsd.release.swarm_update import Seen, cause_of, update_step
from gitopsd.release.telling import told
from gitopsd.rollout.machine import turn_back

LOOK_AGAIN = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class SwarmTurn:
    """The next journal, what to do now in this order, what happened, what ended, and when to look again."""

    journal: Journal
    actions: tuple[SwarmAction, ...] = ()
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ground:
    """What every service of a turn sees. `refused` is what the manager would not do, in words, by service; `printed` is
    the last line of each job that reads something and ended well; `sight` what the routers show; `visits` what came of
    gitopsd's own requests, None where nobody sends any; `logins` the marks of those that are valid now, by image, at a
    look that asks for them; `measures` what queries gave.
    """

    live: SwarmState
    make: Make
    now: datetime
    refused: Mapping[str, str] = field(default_factory=dict)
    printed: Mapping[str, str] = field(default_factory=dict)
    sight: Sight = field(default_factory=dict)
    visits: Mapping[str, Visits] | None = None
    logins: Mapping[str, str] = field(default_factory=dict)
    measures: Mapping[str, Measures] = field(default_factory=dict)

    def visits_of(self, service: str) -> Visits:
        return self.visits.get(service, NOT_VISITED) if self.visits is not None else NOBODY_VISITS


def advance_swarm(journal: Journal, wanted: SealedState | None, ground: Ground, *, repair: bool) -> SwarmTurn:
    """One turn. `wanted` is what the open release wants or, without one, what serves."""
    means = Means(ground.live, ground.make, ground.now, repair)
    makes = missing_networks(journal, wanted, means)
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()
    before = start = journal
    while True:
        journal, actions = _rollouts(journal, ground, waits=bool(makes))
        journal, closed = conclude(journal, wanted, ground.now)
        ended += closed
        events += tuple(told(before, journal, closed, ground.now))
        if _phases(journal) == _phases(before) and journal.release == before.release:
            break
        before = journal
        ground = replace(ground, refused={})  # a refusal is held against a rollout once
    journal = contracts(swept(journal), wanted, ground.now)
    events += tuple(_told_again(journal, actions, ground.now))
    healed, heals = heals_now(journal, wanted, means)
    drops = (*spent(healed, ground.live, ground.sight), *surplus(start, healed, wanted, means))
    journal = _sending(healed, (*actions, *heals), ground.now)
    journal = replace(journal, routes=routes_on_swarm(journal, wanted, ground.live, ground.sight, ground.now))
    open_still = any(each.open for each in journal.rollouts.values())
    makes = makes if open_still or start.release is None else ()  # what needed them may have ended badly just now
    mended = {f"network {each.name}" for each in makes if each.occasion == "repair"}
    repairs = {**journal.repairs, **{key: attempt(journal.repairs.get(key), ground.now) for key in mended}}
    journal = replace(journal, networks=journal.networks | {each.name for each in makes}, repairs=repairs)
    waits = (each.not_before for each in journal.repairs.values() if each.not_before > ground.now)
    times = (*waits, *((ground.now + LOOK_AGAIN,) if open_still or heals else ()))
    times = (*times, *contract_looks(start, journal, wanted, ground.now))
    drops = (*lost_runs(journal, ground.live), *orphans(start, healed, wanted, means), *drops)
    busy = {each.id for each in (*actions, *heals, *drops) if isinstance(each, SendService | DropService)}
    renewed = renewals(journal, ground.live, ground.logins, busy)
    events += renewals_told(journal, renewed, ground.now)
    return SwarmTurn(journal, (*makes, *actions, *heals, *renewed, *drops), events, ended, min(times, default=None))


def _phases(journal: Journal) -> list[tuple[str, object, object]]:
    return [(name, rollout.phase, rollout.kind) for name, rollout in sorted(journal.rollouts.items())]


def _rollouts(journal: Journal, ground: Ground, *, waits: bool) -> tuple[Journal, tuple[SwarmAction, ...]]:
    """Every open rollout by one turn. What leaves early goes first: others need its port."""
    actions: list[SwarmAction] = []
    for name in sorted(journal.rollouts, key=lambda name: (not journal.rollouts[name].early, name)):
        before = journal.rollouts[name]
        if not before.open:
            continue
        rollout = _begun(journal, before, ground, waits=waits)
        journal = begun(journal, rollout)
        if rollout.open and not isinstance(rollout.phase, Pending):
            rollout, action = _stepped(journal, rollout, ground)
            actions += [action] if action is not None else []
        journal, rollout = heard(journal, before, rollout, ground.printed, ground.now)
        journal = noted(replace(journal, rollouts={**journal.rollouts, name: rollout}), before, rollout)
    return journal, tuple(actions)


def _begun(journal: Journal, rollout: Rollout, ground: Ground, *, waits: bool) -> Rollout:
    """Past Pending once what it needs is there; that the manager would not make a network is evidence."""
    if isinstance(rollout.phase, Progressing) and rollout.paused is None and (bad := misfit(journal, rollout)):
        return turn_back(rollout, bad, ground.now)
    if not isinstance(rollout.phase, Pending | Preparing) or rollout.paused is not None:
        return rollout
    if said := ground.refused.get(rollout.service):
        return replace(rollout, phase=RolledBack(f"not begun: {said}"), finished_at=ground.now)
    if waits or not may_begin(journal, rollout, {}):
        return rollout
    rollout = let_in(journal, rollout, ground.now)
    if not rollout.open:
        return rollout
    limit = rollout.deadline - rollout.started_at
    return replace(rollout, phase=Progressing(), started_at=ground.now, deadline=ground.now + limit)


def _stepped(journal: Journal, rollout: Rollout, ground: Ground) -> tuple[Rollout, SwarmAction | None]:
    """By its canary while one is let in, else by the service itself; to its end once the routers are done with it."""
    pair, now = pair_of(journal, ground.live, rollout.service, ground.sight), ground.now
    measures = ground.measures.get(rollout.service, NOTHING_MEASURED)
    pair = replace(pair, visits=ground.visits_of(rollout.service), measures=measures)
    earlier = left_over(rollout, pair) and not isinstance(rollout.phase, RollingBack)
    if earlier or not homeward(rollout, pair):
        shift = (settled if earlier else shifted)(rollout, pair, ground.make, now)
        bad = shift.against or ground.refused.get(rollout.service, "")
        return (_failed(shift.rollout, bad, now), None) if bad else (shift.rollout, shift.told)
    if pair.canary is not None or (pair.router.routed is not None and rollout.target.routed):
        rollout = patient(rollout, pair, now)
    turned, action = _turned(rollout, journal.sent.get(rollout.service), ground)
    goal = rollout.target if isinstance(turned.phase, Succeeded) else rollout.stable
    if not isinstance(turned.phase, Succeeded | RolledBack) or not (why := awaited(rollout, goal, pair)):
        return turned, action
    return (_failed(rollout, why, now), action) if now >= rollout.deadline else (rollout, action)


def _turned(rollout: Rollout, sent: Sent | None, ground: Ground) -> tuple[Rollout, SwarmAction | None]:
    goal = rollout.stable if isinstance(rollout.phase, RollingBack) else rollout.target
    service = ground.live.services.get(f"{rollout.project}_{rollout.service}")
    if goal is None or not goal.fingerprint:
        if service is None:
            return _arrived(rollout, ground.now), None
        return rollout, DropService(rollout.service, service.id, cause_of(rollout))
    spec = ground.make(rollout.service, goal)
    if said := ground.refused.get(rollout.service):
        return _failed(rollout, said, ground.now), None
    if rollout.job:
        return _job_turned(rollout, service, sent, spec, ground.now)
    if service is not None and mode_of(service.body) != mode_of(spec.body):
        return rollout, DropService(rollout.service, service.id, OTHER_MODE)
    step = update_step(rollout, goal, spec, sent, Seen(service, ground.live.nodes, ground.now))
    match step.kind:
        case "send":
            return rollout, send(rollout.service, goal, spec, service, step.why)
        case "again":
            return rollout, send(rollout.service, goal, spec, service, step.why, "again")
        case "failed":
            return _failed(rollout, step.why, ground.now), None
        case "arrived":
            return _arrived(rollout, ground.now), None
        case _:
            return rollout, None


def _job_turned(
    rollout: Rollout, service: SwarmService | None, sent: Sent | None, spec: SwarmSpec, now: datetime
) -> tuple[Rollout, SwarmAction | None]:
    step = job_step(rollout, service, sent, spec, now)
    rollout = replace(rollout, begun=rollout.begun or step.begun)
    drop = DropService(rollout.service, service.id, step.why) if service is not None else None
    match step.kind:
        case "send":
            return rollout, send(rollout.service, rollout.target, spec, service, step.why)
        case "drop":
            return rollout, drop
        case "done":
            return _arrived(rollout, now), None
        case "failed":
            return _failed(rollout, step.why, now), None
        case _:
            return rollout, None


def _told_again(journal: Journal, actions: Iterable[SwarmAction], now: datetime) -> Iterator[Event]:
    """The loss of a machine says nothing about what was released."""
    for action in actions:
        if isinstance(action, SendService) and action.occasion == "again":
            service, words = action.service, f"{action.service}: {action.cause}"
            release = journal.rollouts[service].release if service in journal.rollouts else None
            yield Event(now, "UpdateToldAgain", words, "warning", journal.environment, service, release)


def _failed(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    match rollout.phase:
        case RollingBack(reason=first):
            return replace(rollout, phase=Failed(f"{first}; and the way back failed: {reason}"), finished_at=now)
        case _ if rollout.way_back:
            return turn_back(rollout, reason, now)
        case _:
            return replace(rollout, phase=Failed(reason), finished_at=now)


def _arrived(rollout: Rollout, now: datetime) -> Rollout:
    phase = RolledBack(rollout.phase.reason) if isinstance(rollout.phase, RollingBack) else Succeeded()
    return replace(rollout, phase=phase, finished_at=now)


def _sending(journal: Journal, actions: Iterable[SwarmAction], now: datetime) -> Journal:
    """The journal with what is about to be told: before it is, so that nobody asks later whether it was."""
    sent = {
        each.service: Sent(each.spec.digest, each.version, now)
        for each in actions
        if isinstance(each, SendService) and not each.spec.canary
    }
    kept = {name: each for name, each in journal.sent.items() if name in journal.rollouts}
    return replace(journal, sent={**kept, **sent}) if sent or kept != journal.sent else journal

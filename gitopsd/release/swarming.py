"""The state machine of an environment on a swarm: Swarm brings each service along, gitopsd says which content.

A rollout here is one service told something else. Swarm's own updater moves its tasks, and goes back by itself when
they fail; that is read off the service, and becomes the same phases, outcome and rejection as on a plain engine.
What a service that ends is to do next is in `swarm_jobs`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitopsd.drift.swarm import replicas
from gitopsd.engine_json.swarm_mode import mode_of
from gitopsd.engine_json.swarm_spec import LEAST_MONITOR, SPEC
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
    Target,
)
from gitopsd.model.swarm import (
    DropService,
    SendService,
    Sent,
    SwarmAction,
    SwarmService,
    SwarmSpec,
    SwarmState,
    SwarmTask,
)
from gitopsd.release.gates import may_begin
from gitopsd.release.noting import noted
from gitopsd.release.repairs import attempt
from gitopsd.release.returning import conclude, swept
from gitopsd.release.schema import begun, contract_looks, contracts, heard, let_in, misfit
from gitopsd.release.swarm_jobs import OTHER_MODE, SETTLES, job_step, lost_runs
from gitopsd.release.swarm_mending import (
    REPAIR,
    UPDATING,
    Means,
    heals_now,
    missing_networks,
    orphans,
    send,
    surplus,
)
from gitopsd.release.telling import told
from gitopsd.rollout.machine import turn_back

LOOK_AGAIN = timedelta(seconds=1)

Make = Callable[[str, Target], SwarmSpec]
"""What a service is told to come to a target. GitopsdError: its specification is no longer at hand."""


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
    the last line of each job that reads something and ended well.
    """

    live: SwarmState
    make: Make
    now: datetime
    refused: Mapping[str, str] = field(default_factory=dict)
    printed: Mapping[str, str] = field(default_factory=dict)


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
    healed, heals = heals_now(journal, wanted, means)
    drops = surplus(start, healed, wanted, means)
    journal = _sending(healed, (*actions, *heals), ground.now)
    open_still = any(each.open for each in journal.rollouts.values())
    makes = makes if open_still or start.release is None else ()  # what needed them may have ended badly just now
    mended = {f"network {each.name}" for each in makes if each.cause.startswith(REPAIR)}
    repairs = {**journal.repairs, **{key: attempt(journal.repairs.get(key), ground.now) for key in mended}}
    journal = replace(journal, networks=journal.networks | {each.name for each in makes}, repairs=repairs)
    waits = (each.not_before for each in journal.repairs.values() if each.not_before > ground.now)
    times = (*waits, *((ground.now + LOOK_AGAIN,) if open_still or heals else ()))
    times = (*times, *contract_looks(start, journal, wanted, ground.now))
    drops = (*lost_runs(journal, ground.live), *orphans(start, healed, wanted, means), *drops)
    return SwarmTurn(journal, (*makes, *actions, *heals, *drops), events, ended, min(times, default=None))


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
            rollout, action = _turned(rollout, journal.sent.get(name), ground)
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


def _turned(rollout: Rollout, sent: Sent | None, ground: Ground) -> tuple[Rollout, SwarmAction | None]:
    back = rollout.phase.reason if isinstance(rollout.phase, RollingBack) else ""
    goal = rollout.stable if isinstance(rollout.phase, RollingBack) else rollout.target
    service = ground.live.services.get(f"{rollout.project}_{rollout.service}")
    if goal is None or not goal.fingerprint:
        if service is None:
            return _arrived(rollout, ground.now), None
        cause = f"rollback: {back}" if back else rollout.cause
        return rollout, DropService(rollout.service, service.id, cause)
    spec = ground.make(rollout.service, goal)
    if said := ground.refused.get(rollout.service):
        return _failed(rollout, said, ground.now), None
    if rollout.job:
        return _job_turned(rollout, service, sent, spec, ground.now)
    if service is not None and mode_of(service.body) != mode_of(spec.body):
        return rollout, DropService(rollout.service, service.id, OTHER_MODE)
    if service is None or service.labels.get(SPEC) != spec.digest:
        if service is not None and (why := _thrown_back(service, sent, spec)):
            return _failed(rollout, why, ground.now), None
        cause = f"rollback: {back}" if back else rollout.cause
        return rollout, send(rollout.service, goal, spec, service, cause)
    if service.update == "completed" and rollout.policy.on_failure == "continue":
        return _arrived(rollout, ground.now), None
    if problem := _problem(rollout, service, goal, ground.now):
        return _failed(rollout, problem, ground.now), None
    arrived = _has_arrived(rollout, service, goal, sent, ground.now)
    return (_arrived(rollout, ground.now) if arrived else rollout), None


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


def _thrown_back(service: SwarmService, sent: Sent | None, spec: SwarmSpec) -> str:
    """Why Swarm took back what it was told last, in words; "" where it did not, or was told nothing yet."""
    taken = sent is not None and sent.digest == spec.digest and service.version != sent.version
    if not taken or not service.update.startswith("rollback"):
        return ""
    why = _latest_failure(service, spec.fingerprint) or service.message or "its tasks failed"
    return f"Swarm rolled it back: {why}"


def _problem(rollout: Rollout, service: SwarmService, goal: Target, now: datetime) -> str:
    """What speaks against the target that the service has by now."""
    if service.update in ("paused", "rollback_paused"):
        why = _latest_failure(service, goal.fingerprint) or service.message
        return f"Swarm paused the update: {why}"
    failed = [each for each in _own(service, goal.fingerprint) if each.state in ("failed", "rejected")]
    lately = [each for each in failed if each.at >= rollout.started_at]
    # An update that may go back by itself is left to Swarm, which counts what it began.
    if service.update not in UPDATING and len(lately) >= rollout.policy.crash_loop.restarts:
        return f"{len(lately)} of its tasks failed: {lately[-1].why or lately[-1].state}"
    if now < rollout.deadline:
        return ""
    ready, most = _ready(service, goal)
    pending = next((each.why for each in reversed(service.tasks) if each.why), "")
    minutes = (rollout.deadline - rollout.started_at).total_seconds() / 60
    return f"{ready} of {most} tasks run after {minutes:.0f} minutes" + (f": {pending}" if pending else "")


def _has_arrived(rollout: Rollout, service: SwarmService, goal: Target, sent: Sent | None, now: datetime) -> bool:
    ready, most = _ready(service, goal)
    if service.update in UPDATING or ready < most:
        return False
    # That Swarm has ended its watch is not enough: what crashes later than that is begun again and again by then.
    own = _own(service, goal.fingerprint)
    failed = any(each.state in ("failed", "rejected") and each.at >= rollout.started_at for each in own)
    lasting = max(rollout.policy.min_ready, LEAST_MONITOR if failed else timedelta(0))
    if not all(each.at + lasting <= now for each in own if each.runs):
        return False
    # Nothing was to be moved, or Swarm has not begun yet: told so lately, it shows neither.
    begun = service.update in ("completed", "rollback_completed")
    return begun or sent is None or now >= sent.at + SETTLES


def _ready(service: SwarmService, goal: Target) -> tuple[int, int]:
    """How many tasks of the target run, and how many shall; of a global one as many as there are nodes for it."""
    wanted = replicas(service.body)
    return sum(each.runs for each in _own(service, goal.fingerprint)), service.desired if wanted is None else wanted


def _own(service: SwarmService, fingerprint: str) -> list[SwarmTask]:
    return [each for each in service.tasks if each.fingerprint == fingerprint]


def _latest_failure(service: SwarmService, fingerprint: str) -> str:
    return next((each.why for each in reversed(_own(service, fingerprint)) if each.why), "")


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
        each.service: Sent(each.spec.digest, each.version, now) for each in actions if isinstance(each, SendService)
    }
    kept = {name: each for name, each in journal.sent.items() if name in journal.rollouts}
    return replace(journal, sent={**kept, **sent}) if sent or kept != journal.sent else journal

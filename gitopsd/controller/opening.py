"""Opening a release: its plan, its number, its commit kept, and the words that the ledger shows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType

from gitopsd.controller.desire import Desire, Desires
from gitopsd.controller.environments import Environment
from gitopsd.controller.guarding import lane
from gitopsd.controller.metrics_port import Metrics
from gitopsd.controller.ports import Commit, EngineView, Inputs, Probe, Store
from gitopsd.model.desired import DesiredState, SealedState
from gitopsd.model.errors import SourceError
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.plan import FieldChange, Plan
from gitopsd.model.release import Hold, Journal, Release
from gitopsd.plan.own import own_holds
from gitopsd.plan.planning import Applied, plan
from gitopsd.plan.requirements import Offer, externals, unasked, unmeasured, unmet
from gitopsd.release import Candidate, begin, refuse
from gitopsd.release.guarding import Case, effective, kept, voices_of
from gitopsd.release.opening import prospect
from gitopsd.release.pinning import pinned
from gitopsd.release.queue import Waiting, enqueue, let_go, ruled_out
from gitopsd.release.schema import GUARD, foreseen, passing, refusal


def make_plan(
    journal: Journal,
    desire: Desire,
    live: LiveState,
    basis: SealedState | None,
    engine: EngineView,
    holds: tuple[Hold, ...] = (),
    unlike: Mapping[str, tuple[FieldChange, ...]] = MappingProxyType({}),
) -> Plan | None:
    """The plan for what Git wants now; None while that is not known. `unlike`: as in plan.Applied."""
    if desire.state is None or desire.loaded is None:
        return None
    applied = Applied(journal.stable, basis, unlike)
    made = plan(desire.state, applied, journal, live, desire.loaded.waves, holds)
    refused = refusal(journal, desire.state, made)
    if refused and passing(journal, desire.state, made):
        made = replace(
            made, holds=(*made.holds, Hold("leaving", f"{refused}; or wait: what needs it so is on its way out"))
        )
    elif refused:
        made = replace(made, holds=(*made.holds, Hold(GUARD, refused)))
    if not refused and (stops := foreseen(journal, desire.state, made)):
        why = f"{stops}; so it will be refused, unless its probe reads another version than the one on record"
        made = replace(made, warnings=(*made.warnings, why))
    problems = (*made.problems, *unmet(desire.state.desired, _offer(desire.state.desired, engine)))
    return replace(made, holds=(*made.holds, *own_holds(made, live)), problems=problems)


def with_way_to_ask(made: Plan, desired: DesiredState, probe: Probe) -> Plan:
    """The plan, with what is wrong if instances are to be asked that nobody here can reach."""
    if not any(service.policy.health.each for service in desired.services.values()):
        return made
    return replace(made, problems=(*made.problems, *unasked(desired, probe.unreachable())))


def with_way_to_measure(made: Plan, desired: DesiredState, metrics: Metrics) -> Plan:
    """The plan, with what is wrong if a rollout is to be judged by what the settings name no source for."""
    return replace(made, problems=(*made.problems, *unmeasured(desired, metrics.lacks)))


def _offer(desired: DesiredState, engine: EngineView) -> Offer:
    networks, volumes = externals(desired)
    there = engine.existing(networks, volumes) if networks or volumes else ((), ())
    return Offer(engine.api(), *there)


@dataclass(frozen=True, slots=True)
class Opening:
    """A release about to begin. `refusal`: what speaks against it, its registry or the `guard`; "" for nothing."""

    environment: Environment
    desire: Desire
    plan: Plan
    refusal: str
    cause: str
    guard: str = ""


def open_release(
    journal: Journal, opening: Opening, desires: Desires, store: Store, now: datetime
) -> tuple[Journal, tuple[Event, ...], tuple[Release, ...]]:
    """Begin the release that the plan describes, or refuse it."""
    state = opening.desire.state
    if state is None:
        return journal, (), ()
    candidate = _candidate(journal, opening, state, desires, store, now)
    number = _number(journal, state, store)
    left = _out_of_the_queue(journal, state, number, now)
    desires.keep(opening.environment, state.revision, number)
    if opening.refusal:
        begun = refuse(left.journal, candidate, number, opening.refusal, now, opening.guard)
    else:
        _keep_images(opening.environment.name, state, store)
        begun = begin(left.journal, candidate, number, now)
    return begun[0], (*left.events, *begun[1]), (*left.ended, *begun[2])


def hold_release(
    journal: Journal,
    opening: Opening,
    holds: tuple[Hold, ...],
    desires: Desires,
    store: Store,
    now: datetime,
) -> Waiting:
    """Let the release wait for its guards, under the number that it will have."""
    state, queued = opening.desire.state, journal.queued
    if state is None:
        return Waiting(journal, holds=holds)
    if (out := ruled_out(journal, state.content_digest, holds, now)) is not None:
        return out
    rule = effective(voices_of(journal, Case(state, opening.plan, opening.environment.policy.guards))).approval
    if queued is not None and queued.release.content_digest == state.content_digest:
        return enqueue(journal, replace(queued.release, revision=state.revision), holds, rule, now)
    candidate = _candidate(journal, opening, state, desires, store, now)
    release = prospect(opening.environment.name, candidate, store.next_release(), now)
    return enqueue(journal, release, holds, rule, now)


def _candidate(
    journal: Journal, opening: Opening, state: SealedState, desires: Desires, store: Store, now: datetime
) -> Candidate:
    commit = _commit(opening.environment, desires, state.revision, now)
    waves = opening.desire.loaded.waves if opening.desire.loaded is not None else ()
    limits = effective(voices_of(journal, Case(state, opening.plan, opening.environment.policy.guards)))
    stay = kept(journal, back=pinned(journal) is not None or bool(lane(journal, state, store)))
    return Candidate(state, opening.plan, waves, commit.author, commit.subject, opening.cause, limits, stay)


def _number(journal: Journal, state: SealedState, store: Store) -> int:
    """The one under which it waited, or a new one."""
    queued = journal.queued
    if queued is not None and queued.release.content_digest == state.content_digest:
        return queued.release.number
    return store.next_release()


def _out_of_the_queue(journal: Journal, state: SealedState, number: int, now: datetime) -> Waiting:
    queued = journal.queued
    if queued is not None and queued.release.content_digest == state.content_digest:
        return Waiting(replace(journal, queued=None))
    return let_go(journal, f"superseded by release {number}", now)


def _keep_images(environment: str, state: SealedState, store: Store) -> None:
    """Under the release's content: the names in its inputs may come to stand for other images, and it keeps its own."""
    found = store.inputs(environment, state.input_digest)  # with those that only give files
    images = {name: service.image for name, service in state.services.items()}
    known = found.images if found is not None else {}
    store.save_inputs(environment, Inputs(state.content_digest, frozenset(), {**known, **images}))


def what_changed(journal: Journal, made: Plan) -> str:
    """Where the commit serves already, it is the host that changed: its variables, its secrets or its settings.

    Or time has passed, and a contract job is due.
    """
    if due := sorted(name for name, each in journal.unneeded.items() if each.due):
        return f"nothing needs any more what it drops: {', '.join(due)}"
    if journal.serving is None or journal.serving.revision != made.revision:
        return "newer content in Git"
    causes = dict.fromkeys(change.cause for change in made.changes if change.change != "unchanged")
    return f"on this host: {'; '.join(causes) or 'settings changed'}"


def _commit(environment: Environment, desires: Desires, revision: str, now: datetime) -> Commit:
    try:
        return desires.commit(environment, revision)
    except SourceError:
        return Commit(revision, "unknown", "unknown", now)

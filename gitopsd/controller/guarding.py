"""What is known of a release that would begin, for the guards to judge: what goes first, what was good, who asks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from gitopsd.controller.crowd import Crowd
from gitopsd.controller.elsewhere import Elsewhere, Wanted
from gitopsd.controller.environments import Environment
from gitopsd.controller.passes import Look
from gitopsd.controller.ports import Store
from gitopsd.controller.router_reach import on_engine
from gitopsd.controller.storm import GUARD as STORM
from gitopsd.model.desired import SealedState
from gitopsd.model.plan import Plan
from gitopsd.model.release import Hold, Journal
from gitopsd.release.guarding import Case, Proof, crowded, effective, images_of, looser, standing, voices_of
from gitopsd.release.opening import verdict
from gitopsd.release.pinning import pinned

Ask = Callable[[Wanted, Path], Proof]


class Guarding:
    """The guards of one environment's releases, with those that share its engine."""

    def __init__(self, name: str, store: Store, crowd: Crowd, elsewhere: Elsewhere | None = None) -> None:
        self._name, self._store, self._crowd, self._elsewhere = name, store, crowd, elsewhere

    def holds(self, look: Look, state: SealedState, made: Plan, wake: Callable[[], None]) -> tuple[Hold, ...]:
        """What holds the release of this content; one that is free may still have to wait for others."""
        case = case_of(look.environment, look.journal, state, made, self._store, self._asking(wake))
        if case.lane:
            return ()
        most = look.environment.policy.rollouts
        under_way = partial(names_under_way, look.environment.engine.url, self._store)
        found = standing(look.journal, case, look.now)
        return found or crowded(self._crowd.enter(self._name, most, under_way, wake), most)

    def _asking(self, wake: Callable[[], None]) -> Ask | None:
        return partial(self._elsewhere.proof, wake=wake) if self._elsewhere is not None else None

    def calmed(self, holds: tuple[Hold, ...], journal: Journal, state: SealedState | None) -> tuple[Hold, ...]:
        """The holds without that of a storm of restarts, where what was good comes back: that may be what ends it."""
        if not any(hold.guard == STORM for hold in holds) or not self._goes_back(journal, state):
            return holds
        return tuple(hold for hold in holds if hold.guard != STORM)

    def _goes_back(self, journal: Journal, state: SealedState | None) -> bool:
        """Whether a pin, or what Git says (`state`), is on its way to what was good here before."""
        held, serving = pinned(journal), journal.serving
        wanted = held or state
        if wanted is None:
            return False
        if journal.release is None and serving is not None and serving.content_digest == wanted.content_digest:
            return False  # it is there
        return held is not None or (state is not None and bool(lane(journal, state, self._store)))

    def note(self, journal: Journal) -> None:
        """How it stands at the end of a pass."""
        self._crowd.note(self._name, under_way=journal.release is not None)


def case_of(
    environment: Environment, journal: Journal, state: SealedState, made: Plan, store: Store, ask: Ask | None
) -> Case:
    """The case for a release of this content. `ask` finds out what an environment that is not here proves."""
    case = Case(state, made, environment.policy.guards, lane=lane(journal, state, store))
    if case.lane:
        return case
    file, proofs = environment.policy.servers_file, {}
    for each in sorted(effective(voices_of(journal, case)).requires, key=lambda each: each.healthy_for):
        if file is None or ask is None or store.journal(each.environment).serving is not None:
            proofs[each.environment] = proof(each.environment, store)
        else:
            images = frozenset(images_of(state)) if each.same else frozenset()
            wanted = Wanted(each.environment, environment.name, images, each.healthy_for)
            proofs[each.environment] = ask(wanted, file)
    return replace(case, proofs=proofs)


def lane(journal: Journal, state: SealedState, store: Store) -> str:
    """Why content passes all guards that hold in time: it was good here before, and someone goes back to it."""
    serving = journal.serving
    if serving is not None and serving.content_digest == state.content_digest:
        return f"it goes back to release {serving.release}, which is the last good one"
    for release in store.releases(journal.environment) if state.services else ():  # nothing at all was never good
        if release.outcome == "succeeded" and release.content_digest == state.content_digest:
            return f"it goes back to release {release.number}, which was good"
    return ""


def proof(name: str, store: Store) -> Proof:
    """How another environment of this gitopsd stands."""
    serving = store.journal(name).serving
    release = store.release(serving.release) if serving is not None else None
    status = next((each for each in store.statuses() if each.name == name), None)
    if release is None:
        return Proof(known=status is not None)
    well = status is not None and status.health == "Healthy" and release.finished_at is not None
    since = max(status.since, release.finished_at) if well and status and release.finished_at else None
    return Proof(release.number, frozenset(each.digest for each in release.services), since)


def names_under_way(url: str, store: Store) -> set[str]:
    """The environments of an engine whose releases are under way, as the store has them."""
    return {name for name in on_engine(url, store) if store.journal(name).release is not None}


def with_guards(
    made: Plan, environment: Environment, journal: Journal, state: SealedState, store: Store, now: datetime, ask: Ask
) -> Plan:
    """The plan, with every guard that would hold it now, and those of which it asks for less.

    What has begun already, or is there, waits for nothing.
    """
    case = case_of(environment, journal, state, made, store, ask)
    if verdict(journal, state) == "same":
        holds = tuple(hold for hold in made.holds if hold.guard not in ("manual", STORM))
        return replace(made, holds=holds, loosened=() if case.lane else looser(journal, state))
    if case.lane:
        holds = tuple(hold for hold in made.holds if hold.guard != STORM)
        return replace(
            made, holds=holds, warnings=(*made.warnings, f"{case.lane}, so no guard but the policy holds it")
        )
    holds = (*made.holds, *standing(journal, case, now), *_crowded(environment, store))
    return replace(made, loosened=looser(journal, state), holds=holds)


def _crowded(environment: Environment, store: Store) -> tuple[Hold, ...]:
    most, others = environment.policy.rollouts, names_under_way(environment.engine.url, store) - {environment.name}
    return crowded(tuple(sorted(others)), most) if most and len(others) >= most else ()

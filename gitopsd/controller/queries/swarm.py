"""Plan, drift and standing of an environment on a swarm, by one look; read only."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from gitopsd.controller.guarding import Ask, with_guards
from gitopsd.controller.guards import Asker, guards
from gitopsd.controller.opening import make_plan
from gitopsd.controller.queries.look import Look, applied
from gitopsd.controller.queries.view import View
from gitopsd.controller.swarm_acting import foreign_services, telling
from gitopsd.drift import remembered
from gitopsd.drift.swarm import Hiding
from gitopsd.drift.swarm_detect import UNSEEN, drift_on_swarm
from gitopsd.model.drift import DriftItem, DriftReport
from gitopsd.model.errors import GitopsdError
from gitopsd.model.live import LiveState
from gitopsd.model.plan import Plan
from gitopsd.model.swarm import SwarmSpec, SwarmState
from gitopsd.plan.swarm import on_swarm
from gitopsd.release.status import Knowledge
from gitopsd.release.swarm_nodes import node_warnings
from gitopsd.release.swarm_status import ailing, service_statuses


def swarm_plan(view: View, seen: Look, state: SwarmState, ask: Ask) -> Plan:
    """What would be told to the swarm."""
    desire, journal = seen.desire, seen.journal
    foreign = foreign_services(_project(seen), journal, desire, state)
    engine, live = view.engine(seen.environment), seen.live or LiveState()
    asker = Asker(view.store.instance_id(), view.fingerprints, sync=False)
    holds = (*desire.holds, *guards(seen.environment, journal, live, desire, asker), *foreign)
    made = make_plan(journal, desire, live, applied(view, seen), engine, holds)
    if made is None or desire.state is None:
        if not seen.environment.path:
            return Plan(seen.environment.name, desire.head, holds=desire.holds)
        raise GitopsdError(desire.reason or "what Git wants is not known yet")
    pulled = (f"image {image} is not on the manager yet; it is pulled first" for image in desire.missing.values())
    occupants = () if made.empty else view.swarm(seen.environment).occupants()
    made = on_swarm(made, desire.state, state, occupants)
    made = replace(made, warnings=(*made.warnings, *sorted(set(pulled))))
    return with_guards(made, seen.environment, journal, desire.state, view.store, view.now, ask)


def swarm_report(view: View, seen: Look, state: SwarmState, known: Iterable[DriftItem]) -> DriftReport:
    """What differs from what the swarm was told."""
    told, serving = _told(view, seen, state), seen.journal.serving
    hiding = Hiding(view.store.key(), view.desires(seen.environment.name).secrecy.masked)
    items = drift_on_swarm(seen.journal, applied(view, seen), state, told, hiding, view.now)
    lost = sorted(seen.journal.stable.keys() - told.keys())
    return DriftReport(
        environment=seen.environment.name,
        revision=serving.revision if serving is not None else "",
        sync="OutOfSync" if ailing(state, told) else "Synced",
        items=remembered(items, (*known, *view.store.drift(seen.environment.name).items)),
        not_checked=(*UNSEEN, *(f"{name}: what it was told cannot be rebuilt" for name in lost)),
    )


def swarm_knowledge(view: View, seen: Look, state: SwarmState, known: Knowledge) -> Knowledge:
    services = tuple(service_statuses(seen.journal, known.wanted, state, _project(seen)))
    warnings = (*known.warnings, *node_warnings(state))
    return replace(known, services=services, ailing=ailing(state, _told(view, seen, state)), warnings=warnings)


def _told(view: View, seen: Look, state: SwarmState) -> Mapping[str, SwarmSpec]:
    states = (applied(view, seen), seen.desire.state)
    desires = view.desires(seen.environment.name)
    return telling(desires, seen.environment, states, view.store.key(), state).known(seen.journal)


def _project(seen: Look) -> str:
    loaded = seen.desire.loaded
    return seen.journal.project or (loaded.desired.project if loaded is not None else "")

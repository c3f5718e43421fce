"""What a plan says of a swarm: Swarm replaces every task for a change that a plain engine makes in place."""

from collections.abc import Collection
from dataclasses import replace

from gitopsd.engine_json.swarm_mode import mode, mode_of
from gitopsd.engine_json.swarm_spec import update_order
from gitopsd.model.desired import SealedState
from gitopsd.model.plan import IN_PLACE, Change, Plan
from gitopsd.model.swarm import Occupant, SwarmState
from gitopsd.plan.order import START_S, STOP_S
from gitopsd.plan.placement import image_warnings, placement_holds, platform_warnings
from gitopsd.plan.shifting import told_steps

TOLD_OTHERWISE = "what Swarm is told of it changed: limits, restart, placement, labels, or how it is updated"
MADE_ANEW = "Swarm changes no service's mode: it is removed and made anew"
STOPS_FIRST = "Swarm stops each task before it starts the next one; update_config.order: start-first removes it"


def on_swarm(made: Plan, wanted: SealedState, live: SwarmState, occupants: Collection[Occupant] = ()) -> Plan:
    """The plan as a swarm carries it out. What no node can have beside its `occupants` holds it."""
    changes = tuple(_change(each, wanted, live) for each in made.changes)
    holds = () if made.empty else placement_holds(wanted, live.nodes, changes, occupants)
    moving = {each.service for each in changes if each.change not in ("unchanged", "remove")}
    found = (*image_warnings(wanted, moving, live.nodes), *platform_warnings(wanted, moving, live.nodes))
    return replace(made, changes=changes, volumes=(), holds=(*made.holds, *holds), warnings=(*made.warnings, *found))


def _change(change: Change, wanted: SealedState, live: SwarmState) -> Change:
    sealed = wanted.services.get(change.service)
    if sealed is None or change.change in ("unchanged", "create"):
        return change
    there = live.services.get(f"{wanted.desired.project}_{change.service}")
    if there is not None and mode_of(there.body) not in mode(sealed.service, 1):
        cause = f"{change.cause}; {MADE_ANEW}" if change.change == "replace" else MADE_ANEW
        change = replace(change, change="replace", cause=cause, order="stop-first", steps=())
        return replace(change, interruption_s=STOP_S + START_S, interruption=MADE_ANEW)
    if sealed.service.job is not None:
        return change
    order = update_order(sealed.service)
    steps = told_steps(sealed.service.policy) if change.change == "replace" else ()
    if change.change in ("update", IN_PLACE):
        change = replace(change, change="update", cause=TOLD_OTHERWISE)
    alone = order == "stop-first" and sealed.service.replicas <= max(sealed.service.policy.parallelism, 1)
    how = STOPS_FIRST if alone and change.change != "scale" and not steps else ""
    return replace(change, order=order, steps=steps, interruption_s=STOP_S + START_S if how else 0.0, interruption=how)

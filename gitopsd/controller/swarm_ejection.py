"""Giving an environment on a swarm up: its services keep running, and gitopsd forgets that it had to do with them."""

from gitopsd.controller.ejection import Ejection, give_up, refusal, stays_suspended
from gitopsd.controller.ports import Store
from gitopsd.controller.swarm_acting import live_state
from gitopsd.controller.swarm_port import Swarm
from gitopsd.engine_json.labels import ENVIRONMENT
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmState


def eject_stack(journal: Journal, swarm: Swarm, store: Store, ejection: Ejection) -> str:
    """Forget the journal and give the stack up. Safe to run again after an interruption."""
    name, project = journal.environment, journal.project
    live = swarm.look(project) if project else SwarmState()
    if refused := refusal(journal, live_state(live), store.instance_id()):
        return f"refused: {refused}"
    give_up(journal, swarm, store)
    running = sum(each.labels.get(ENVIRONMENT) in journal.names for each in live.services.values())
    return f"given up; {running} services of stack {project} keep running{stays_suspended(name, store, ejection)}"

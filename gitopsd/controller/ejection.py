"""Giving an environment up: everything keeps running, and gitopsd forgets that it ever had to do with it."""

from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.ports import Engine, Store
from gitopsd.controller.swarm_port import Swarm
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal, Suspension


@dataclass(frozen=True, slots=True)
class Ejection:
    """Who gives an environment up, and whether Git still has it: then it stays suspended, or it would be taken back."""

    by: str
    in_git: bool
    at: datetime


def eject_environment(journal: Journal, engine: Engine, store: Store, ejection: Ejection) -> str:
    """Forget the journal and give the project up. Safe to run again after an interruption."""
    name, project = journal.environment, journal.project
    live = engine.observe(project) if project else LiveState()
    if refused := refusal(journal, live, store.instance_id()):
        return f"refused: {refused}"
    give_up(journal, engine, store)
    running = sum(each.id in journal.inventory for each in live.instances)
    return f"given up; {running} containers of project {project} keep running{stays_suspended(name, store, ejection)}"


def refusal(journal: Journal, live: LiveState, me: str) -> str:
    """Why the environment cannot be given up as it is; "" when it can."""
    if live.owner not in ("", me):
        return f"project {journal.project} belongs to another gitopsd ({live.owner[:8]})"
    if journal.release is not None or journal.rollouts:
        return f"a release or a repair of {journal.environment} is under way; wait for its end"
    if kept := [
        each.name for each in live.instances if each.id in journal.inventory and journal.inventory[each.id].kept
    ]:
        return f"{', '.join(kept)} is still kept as a way back; wait until it is cleared away"
    if journal.routes:
        routed = ", ".join(sorted(journal.routes))
        mend = "take `traffic` out of the manifest, and eject once its containers publish their ports themselves"
        return f"{routed} is reached through the router, which only gitopsd keeps; {mend}"
    return ""


def give_up(journal: Journal, engine: Engine | Swarm, store: Store) -> None:
    """The project is nobody's, and nothing of it is known any more."""
    if journal.project:
        engine.disclaim(journal.project)
    store.forget(journal.environment)
    for image in store.pulled():
        if image.environment in journal.names:  # whoever looks after the project now decides about its images too
            store.forget_pulled(image.engine, image.id)


def stays_suspended(name: str, store: Store, ejection: Ejection) -> str:
    """What Git still has stays suspended, or it would be taken back; that in words."""
    if not ejection.in_git:
        return ""
    reason = f"ejected; it is still in Git, and `gitopsd resume {name}` takes it back"
    store.save(Journal(name, suspension=Suspension(ejection.by, reason, ejection.at)))
    return f"; it is still in Git and stays suspended: `gitopsd resume {name}` takes it back"

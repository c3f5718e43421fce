"""Taking an environment down: its containers and networks go, its volumes stay, and the project is given up."""

from dataclasses import dataclass
from datetime import datetime

from gitopsd.controller.ports import Engine, Store
from gitopsd.model.errors import EngineRefused, NotFound
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal, Suspension
from gitopsd.plan.own import removal_refusal
from gitopsd.release import recognise


@dataclass(frozen=True, slots=True)
class Removal:
    """Who takes an environment down, and whether Git still has it: then it stays suspended, or it would come back."""

    by: str
    in_git: bool
    at: datetime


def remove_environment(
    journal: Journal, engine: Engine, store: Store, removal: Removal
) -> tuple[str, tuple[Event, ...]]:
    """Remove what the inventory knows. Safe to run again after an interruption; foreign containers are left alone."""
    live = engine.observe(journal.project) if journal.project else LiveState()
    if live.owner not in ("", store.instance_id()):
        return f"refused: project {journal.project} belongs to another gitopsd ({live.owner[:8]})", ()
    if refused := removal_refusal(live):
        return refused, ()
    events = _containers_gone(journal, live, engine, removal.at)
    made = [network for network in live.networks if network.name in journal.networks]
    kept = [_network_kept(engine, network.id, network.name) for network in made]
    if journal.project:
        for name in journal.names:
            engine.collect_content(name)
        engine.disclaim(journal.project)
    store.forget(journal.environment)
    still = "".join(f"; network {name} is still in use" for name in kept if name)
    return f"{len(events)} containers removed, volumes stay{still}{suspended(journal, store, removal)}", events


def _containers_gone(journal: Journal, live: LiveState, engine: Engine, now: datetime) -> tuple[Event, ...]:
    ours = recognise(journal, live).inventory
    events = []
    for instance in live.instances:
        if instance.id in ours:
            engine.stop(instance.id)
            engine.remove(instance.id)
            message = f"{instance.name} removed with its environment; its volumes stay"
            events.append(
                Event(now, "InstanceRemoved", message, environment=journal.environment, service=instance.service)
            )
    return tuple(events)


def suspended(journal: Journal, store: Store, removal: Removal) -> str:
    """What Git still has stays suspended, or it would come back; that in words."""
    if not removal.in_git:
        return ""
    name = journal.environment
    reason = f"removed; it is still in Git, and `gitopsd resume {name}` brings it back"
    store.save(Journal(name, suspension=Suspension(removal.by, reason, removal.at)))
    return f"; it is still in Git and stays suspended: `gitopsd resume {name}` brings it back"


def _network_kept(engine: Engine, network: str, name: str) -> str:
    try:
        engine.remove_network(network)
    except NotFound:
        return ""
    except EngineRefused:
        return name
    return ""

"""Taking an environment down: its containers and networks go, its volumes stay, and the project is given up."""

from datetime import datetime

from gitopsd.controller.ports import Engine, Store
from gitopsd.model.errors import Conflict, NotFound
from gitopsd.model.event import Event
from gitopsd.model.release import Journal
from gitopsd.plan.own import removal_refusal
from gitopsd.release import recognise


def remove_environment(journal: Journal, engine: Engine, store: Store, now: datetime) -> tuple[str, tuple[Event, ...]]:
    """Remove what the inventory knows. Safe to run again after an interruption; foreign containers are left alone."""
    live = engine.observe(journal.project) if journal.project else None
    if live is None:
        store.forget(journal.environment)
        return "there was nothing to remove", ()
    if refused := removal_refusal(live):
        return refused, ()
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
    made = [network for network in live.networks if network.name in journal.networks]
    kept = [_network_kept(engine, network.id, network.name) for network in made]
    engine.disclaim(journal.project)
    store.forget(journal.environment)
    still = "".join(f"; network {name} is still in use" for name in kept if name)
    return f"{len(events)} containers removed, volumes stay{still}", tuple(events)


def _network_kept(engine: Engine, network: str, name: str) -> str:
    try:
        engine.remove_network(network)
    except NotFound:
        return ""
    except Conflict:
        return name
    return ""

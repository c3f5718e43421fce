"""How long instances take to leave the router, as the measures of their rollout keep it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.model.release import Journal
from gitopsd.model.rollout import Rollout
from gitopsd.model.routing import Routed


def drains_noted(journal: Journal, routes: Mapping[str, Routed], now: datetime) -> Journal:
    """The journal with what those took who leave the router now. `routes` are what is wanted of it from now on."""
    noted = {
        name: _noted(journal.rollouts[name], drains)
        for name in journal.routes.keys() & journal.rollouts.keys()
        if (drains := _drains(journal, name, routes, now))
    }
    return replace(journal, rollouts={**journal.rollouts, **noted}) if noted else journal


def _drains(journal: Journal, name: str, routes: Mapping[str, Routed], now: datetime) -> dict[str, float]:
    """Seconds by slot; of several in one slot the last one's."""
    stay = routes[name].places.keys() if name in routes else frozenset()
    return {
        str(journal.inventory[id].slot): round((now - place.leaving).total_seconds(), 3)
        for id, place in journal.routes[name].places.items()
        if place.leaving is not None and id not in stay and id in journal.inventory
    }


def _noted(rollout: Rollout, drains: Mapping[str, float]) -> Rollout:
    took = rollout.measured
    return replace(rollout, measured=replace(took, drains={**took.drains, **drains})) if took is not None else rollout

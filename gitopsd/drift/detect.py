"""The drift of one environment: containers first, then the networks and volumes that its services need."""

from collections.abc import Iterator
from datetime import datetime

from gitopsd.drift.containers import absent_slots, foreign, instance_drift
from gitopsd.drift.resources import networks, volumes
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal

UNSEEN = ("fields of live containers, such as environment, limits and networks", "files inside containers")


def drift(journal: Journal, live: LiveState, serving: SealedState | None, now: datetime) -> tuple[DriftItem, ...]:
    """Everything that is not as we left it, sorted by what it is and its name.

    The journal's inventory says which containers are ours. `serving` is the state that was applied last; without it
    images, networks and volumes are not compared. A service with an open rollout is left out: it is being changed.
    """
    found = [*_containers(journal, live, serving, now)]
    if serving is not None:
        found += [*networks(serving, live, now), *volumes(serving, live, now)]
    return tuple(sorted(found, key=lambda item: (item.resource, item.service, item.name, item.kind)))


def not_checked(journal: Journal, serving: SealedState | None) -> tuple[str, ...]:
    """What such a look cannot see."""
    rolling = sorted(_rolling(journal))
    under_way = (f"{', '.join(rolling)}: a rollout is under way",) if rolling else ()
    lost = ("images, networks and volumes: the serving revision cannot be rebuilt",) if serving is None else ()
    return (*UNSEEN, *lost, *under_way)


def _containers(journal: Journal, live: LiveState, serving: SealedState | None, now: datetime) -> Iterator[DriftItem]:
    rolling = _rolling(journal)
    project = serving.desired.project if serving is not None else journal.project
    for name, stable in sorted(journal.stable.items()):
        sealed = serving.services.get(name) if serving is not None else None
        if name in rolling or (sealed is not None and sealed.service.job is not None):
            continue
        ours = [each for each in live.instances if _service(journal, each.id) == name]
        slots = {journal.inventory[each.id].slot for each in ours if not journal.inventory[each.id].kept}
        yield from absent_slots(name, stable, slots, f"{project}-{name}", now)
        for instance in ours:
            yield from instance_drift(instance, journal.inventory[instance.id], stable, sealed, project, now)
    for instance in live.instances:
        if instance.id not in journal.inventory:
            yield from foreign(instance, journal, now)


def _rolling(journal: Journal) -> frozenset[str]:
    return frozenset(name for name, rollout in journal.rollouts.items() if rollout.open)


def _service(journal: Journal, container: str) -> str:
    placed = journal.inventory.get(container)
    return placed.service if placed is not None else ""

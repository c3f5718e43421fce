"""The drift of one environment: containers first, then the networks and volumes that its services need."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.drift.comparing import Comparison
from gitopsd.drift.containers import absent_slots, changed_fields, failing, foreign, instance_drift
from gitopsd.drift.resources import networks, volumes
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal

LAYERS = "files inside containers but delivered ones (--fs looks at them)"
UNSEEN = (
    LAYERS,
    "processes started by hand in them",
    "what lies in binds and volumes",
    "firewall rules and cgroups of the host",
)
Compared = Mapping[str, Comparison]


def drift(
    journal: Journal, live: LiveState, serving: SealedState | None, fields: Compared, now: datetime
) -> tuple[DriftItem, ...]:
    """Everything that is not as we left it, sorted by what it is and its name.

    The journal's inventory says which containers are ours. `serving` is the state that was applied last; without it
    images, networks and volumes are not compared. `fields` is what each container came to, by id. A service with an
    open rollout is left out: it is being changed.
    """
    found = [*_containers(journal, live, serving, fields, now)]
    if serving is not None:
        found += [*networks(serving, live, now), *volumes(serving, live, now)]
    return tuple(sorted(found, key=lambda item: (item.resource, item.service, item.name, item.kind)))


def not_checked(journal: Journal, serving: SealedState | None, *, layers: bool = False) -> tuple[str, ...]:
    """What such a look cannot see. `layers`: it went through the containers' own layers."""
    rolling = sorted(_rolling(journal))
    under_way = (f"{', '.join(rolling)}: a rollout is under way",) if rolling else ()
    lost = ("images, networks and volumes: the serving revision cannot be rebuilt",) if serving is None else ()
    unseen = (each for each in UNSEEN if not (layers and each == LAYERS))
    return (*unseen, *lost, *under_way)


def remembered(items: Iterable[DriftItem], known: Iterable[DriftItem]) -> tuple[DriftItem, ...]:
    """The items with the moment at which each was first seen, and its cause, if an earlier look knew it already."""
    before = {each.identity: each for each in known}
    return tuple(
        replace(each, first_seen=before[each.identity].first_seen, cause=before[each.identity].cause)
        if each.identity in before
        else each
        for each in items
    )


def _containers(
    journal: Journal, live: LiveState, serving: SealedState | None, fields: Compared, now: datetime
) -> Iterator[DriftItem]:
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
            placed = journal.inventory[instance.id]
            yield from instance_drift(instance, placed, stable, sealed, project, now)
            yield from failing(instance, placed, journal.readiness.get(instance.id), now)
            if instance.id in fields:
                yield from _looped(journal, changed_fields(instance, placed, fields[instance.id], now))
    for instance in live.instances:
        if instance.id not in journal.inventory:
            yield from foreign(instance, journal, now)


def _looped(journal: Journal, items: Iterable[DriftItem]) -> Iterator[DriftItem]:
    """Marks what is undone as often as it is mended."""
    for item in items:
        repair = journal.repairs.get(item.service)
        loops = item.state == "open" and repair is not None and repair.looping
        yield replace(item, state="heal-loop", cause=f"{item.cause}, and again after every heal") if loops else item


def _rolling(journal: Journal) -> frozenset[str]:
    return frozenset(name for name, rollout in journal.rollouts.items() if rollout.open)


def _service(journal: Journal, container: str) -> str:
    placed = journal.inventory.get(container)
    return placed.service if placed is not None else ""

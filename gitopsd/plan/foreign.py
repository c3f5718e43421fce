"""Containers in a project that somebody else started: what they stand in the way of waits until they are adopted."""

from collections.abc import Collection

from gitopsd.engine_json.labels import CARRIER
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Hold, Journal

MOST_NAMED = 3


def foreign_holds(project: str, services: Collection[str], journal: Journal, live: LiveState) -> tuple[Hold, ...]:
    """A hold named `foreign` while such containers fill places that `services` need."""
    names = [each.name for each in foreign(services, journal, live)]
    if not names:
        return ()
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    shown = ", ".join(names[:MOST_NAMED]) + more
    reason = f"project {project} runs containers that docker compose started ({shown})"
    return (Hold("foreign", f"{reason}; `gitopsd adopt {project}` takes them over"),)


def foreign(services: Collection[str], journal: Journal, live: LiveState) -> tuple[Instance, ...]:
    """The containers of services in whose slots nothing of ours stands; one beside ours is a mere extra.

    In a project of which nothing is ours yet, any service's container counts; but not the one that gitopsd runs in,
    which cannot be adopted away: the plan says so itself.
    """
    ours = {id for id, placed in journal.inventory.items() if not placed.kept}
    taken = {
        (journal.inventory[each.id].service, journal.inventory[each.id].slot)
        for each in live.instances
        if each.id in ours
    }
    return tuple(
        each
        for each in live.instances
        if is_foreign(each, journal)
        and each.id != live.own
        and (each.service in services or not journal.inventory)
        and (each.service, each.slot) not in taken
    )


def is_foreign(instance: Instance, journal: Journal) -> bool:
    """Whether it is a service's container that somebody else made; one-off and copied ones are not."""
    ours = instance.id in journal.inventory or instance.name in journal.intended
    named = bool(instance.service) and instance.environment not in journal.names
    return named and not ours and not instance.one_off and CARRIER not in instance.labels

"""Which of the live containers are ours: those that the journal knows, or that it meant to create before a crash."""

from collections.abc import Mapping
from dataclasses import replace

from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal, Placed
from gitopsd.model.rollout import Target
from gitopsd.rollout import Member


def recognise(journal: Journal, live: LiveState) -> Journal:
    """The journal with its inventory brought up to what is there.

    A container is ours by its id, or by bearing a name that we meant to create, with our labels. Labels alone count
    only where the journal is empty (a lost store), as anybody can copy them; and in a slot's own name, where they tell
    of a release that the journal does not know yet (a store from a backup).
    """
    if _blank(journal):
        # Given up, and suspended so that it is not taken back at once.
        return journal if journal.suspension is not None else _adopted(journal, live)
    known = {each.id: journal.inventory[each.id] for each in live.instances if each.id in journal.inventory}
    found = [(each, _meant(journal, each)) for each in live.instances if each.id not in known]
    new = {instance.id: placed for instance, placed in found if placed is not None}
    strange = [instance for instance, placed in found if placed is None]
    later = _from_later(journal, strange) if strange else []
    if later:
        return _caught_up(replace(journal, inventory={**known, **new}), later)
    if not new and known == journal.inventory:
        return journal
    made = {placed.name for placed in new.values()}
    intended = {name: placed for name, placed in journal.intended.items() if name not in made}
    return replace(journal, inventory={**known, **new}, intended=intended)


def settled(journal: Journal, live: LiveState, busy: frozenset[str]) -> Journal:
    """The journal without what is over where nothing is under way.

    A kept instance that runs with a restart policy again has been given back its place. What was meant to be created
    and is not there will not come any more, once nothing is open.
    """
    back = {
        instance.id
        for instance in live.instances
        if instance.state == "running" and instance.restart_policy not in ("", "no")
    }
    inventory = {
        id: replace(placed, kept=False)
        if placed.kept and id in back and f"{placed.service}/{placed.slot}" not in busy
        else placed
        for id, placed in journal.inventory.items()
    }
    quiet = journal.release is None and not journal.rollouts and not busy
    intended = {} if quiet else journal.intended
    if inventory == journal.inventory and intended == journal.intended:
        return journal
    return replace(journal, inventory=inventory, intended=intended)


def _blank(journal: Journal) -> bool:
    return not (journal.inventory or journal.intended or journal.serving or journal.release or journal.stable)


def _meant(journal: Journal, instance: Instance) -> Placed | None:
    placed = journal.intended.get(instance.name)
    if placed is None or instance.environment not in journal.names:
        return None
    same = (instance.service, instance.slot, instance.fingerprint) == (placed.service, placed.slot, placed.fingerprint)
    return placed if same else None


def _from_later(journal: Journal, strange: list[Instance]) -> list[Instance]:
    """Those of a release that came after all that the journal knows, in their slots' own names."""
    known = {placed.release for placed in (*journal.inventory.values(), *journal.intended.values())}
    known |= {rollout.release for rollout in journal.rollouts.values()}
    known |= {rejection.release for rejection in journal.rejected.values()}
    known |= {journal.release.number} if journal.release is not None else set()
    known |= {journal.serving.release} if journal.serving is not None else set()
    newest = max(known, default=0)
    return [
        each
        for each in strange
        if each.environment in journal.names
        and each.fingerprint
        and each.slot
        and each.name == f"{journal.project}-{each.service}-{each.slot}"
        and each.release > newest
    ]


def _caught_up(journal: Journal, later: list[Instance]) -> Journal:
    """What later releases made is ours, and serves, unless a release of the journal's own is open."""
    inventory = {**journal.inventory, **{instance.id: _placed(instance) for instance in later}}
    services = sorted({instance.service for instance in later})
    serving = {} if journal.release is not None else {service: _stable(service, later) for service in services}
    return replace(journal, inventory=inventory, stable={**journal.stable, **serving})


def _adopted(journal: Journal, live: LiveState) -> Journal:
    """An inventory from labels. What serves is taken for stable, so that unchanged content replaces nothing.

    What ended well counts as completed, so that a one-shot does not run again.
    """
    ours = [
        instance
        for instance in live.instances
        if instance.environment in journal.names and instance.fingerprint and instance.slot
    ]
    inventory = {instance.id: _placed(instance) for instance in ours}
    services = sorted({instance.service for instance in ours})
    completed = {service: done for service in services if (done := _completed(service, ours))}
    stable = {service: _stable(service, ours) for service in services}
    return replace(journal, inventory=inventory, stable=stable, completed=completed)


def _placed(instance: Instance) -> Placed:
    return Placed(instance.service, instance.slot, instance.fingerprint, "", instance.release, instance.name)


def _completed(service: str, instances: list[Instance]) -> tuple[str, ...]:
    own = [each for each in instances if each.service == service and each.restart_policy in ("", "no")]
    return tuple(sorted({each.fingerprint for each in own if each.state == "exited" and each.exit_code == 0}))


def _stable(service: str, instances: list[Instance]) -> Target:
    """The fingerprint that runs in most slots; of two that run in as many, the one that bears the slots' names."""
    own = [instance for instance in instances if instance.service == service]
    running = [instance for instance in own if instance.state == "running"] or own

    def weight(fingerprint: str) -> tuple[int, int]:
        bearing = [each.name for each in running if each.fingerprint == fingerprint]
        return len(bearing), sum(".gitopsd-" not in name for name in bearing)

    fingerprint = max(sorted({each.fingerprint for each in running}), key=weight)
    serving = [instance for instance in running if instance.fingerprint == fingerprint]
    joins = _services({id for instance in serving for id in instance.joined}, instances)
    borrows = _services({id for instance in serving for id in instance.borrowed}, instances)
    return Target(fingerprint, max(instance.slot for instance in serving), joins=joins, borrows=borrows)


def _services(ids: set[str], instances: list[Instance]) -> tuple[str, ...]:
    return tuple(sorted({instance.service for instance in instances if instance.id in ids}))


def members_of(journal: Journal, live: LiveState) -> Mapping[str, tuple[Member, ...]]:
    """Our instances by service."""
    members: dict[str, list[Member]] = {}
    for instance in live.instances:
        placed = journal.inventory.get(instance.id)
        if placed is not None:
            members.setdefault(placed.service, []).append(Member(instance, placed, journal.readiness.get(instance.id)))
    return {service: tuple(found) for service, found in members.items()}

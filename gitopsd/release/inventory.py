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
    only where the journal is empty (a lost store), as anybody can copy them.
    """
    if _blank(journal):
        return _adopted(journal, live)
    inventory = {
        instance.id: _still_kept(placed, instance)
        for instance in live.instances
        if (placed := journal.inventory.get(instance.id) or _meant(journal, instance)) is not None
    }
    found = {placed.name for placed in inventory.values()}
    intended = {name: placed for name, placed in journal.intended.items() if name not in found}
    if inventory == journal.inventory and intended == journal.intended:
        return journal
    return replace(journal, inventory=inventory, intended=intended)


def _blank(journal: Journal) -> bool:
    return not (journal.inventory or journal.intended or journal.serving or journal.release or journal.stable)


def _still_kept(placed: Placed, instance: Instance) -> Placed:
    """A kept instance that runs with a restart policy again has been given back its place."""
    back = placed.kept and instance.state == "running" and instance.restart_policy not in ("", "no")
    return replace(placed, kept=False) if back else placed


def _meant(journal: Journal, instance: Instance) -> Placed | None:
    placed = journal.intended.get(instance.name)
    if placed is None or instance.environment != journal.environment:
        return None
    same = (instance.service, instance.slot, instance.fingerprint) == (placed.service, placed.slot, placed.fingerprint)
    return placed if same else None


def _adopted(journal: Journal, live: LiveState) -> Journal:
    """An inventory from labels. What serves is taken for stable, so that unchanged content replaces nothing."""
    ours = [
        instance
        for instance in live.instances
        if instance.environment == journal.environment and instance.fingerprint and instance.slot
    ]
    inventory = {instance.id: _placed(instance) for instance in ours}
    services = {instance.service for instance in ours}
    stable = {service: _stable(service, ours) for service in sorted(services)}
    return replace(journal, inventory=inventory, stable=stable)


def _placed(instance: Instance) -> Placed:
    return Placed(instance.service, instance.slot, instance.fingerprint, "", instance.release, instance.name)


def _stable(service: str, instances: list[Instance]) -> Target:
    """The fingerprint that runs in most slots."""
    own = [instance for instance in instances if instance.service == service]
    running = [instance for instance in own if instance.state == "running"] or own
    counts = {each.fingerprint: sum(one.fingerprint == each.fingerprint for one in running) for each in running}
    fingerprint = max(sorted(counts), key=lambda each: counts[each])
    slots = {instance.slot for instance in running if instance.fingerprint == fingerprint}
    return Target(fingerprint, max(slots))


def members_of(journal: Journal, live: LiveState) -> Mapping[str, tuple[Member, ...]]:
    """Our instances by service."""
    members: dict[str, list[Member]] = {}
    for instance in live.instances:
        placed = journal.inventory.get(instance.id)
        if placed is not None:
            members.setdefault(placed.service, []).append(Member(instance, placed))
    return {service: tuple(found) for service, found in members.items()}

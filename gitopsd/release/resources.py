"""What a release needs besides instances: networks, volumes, and the names of containers about to be made."""

from dataclasses import replace
from datetime import datetime

from gitopsd.model.action import Chain, Create, CreateNetwork, CreateVolume, Keep, RemoveNetwork
from gitopsd.model.desired import SealedState
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal, Placed
from gitopsd.model.schema import Accepts
from gitopsd.release.repairs import attempt


def missing_resources(wanted: SealedState | None, live: LiveState) -> tuple[Chain, ...]:
    """Networks that services join and volumes that are named, where they are missing."""
    if wanted is None:
        return ()
    desired = wanted.desired
    used = {attachment.network for sealed in wanted.services.values() for attachment in sealed.service.networks}
    present = {network.name for network in live.networks}
    volumes = {volume.name for volume in live.volumes}
    cause = "services need it"
    made = [
        Chain(f"network {network.name}", (CreateNetwork(key, network.name, cause),))
        for key, network in sorted(desired.networks.items())
        if key in used and not network.external and network.name not in present
    ]
    return (*made, *(
        Chain(f"volume {volume.name}", (CreateVolume(key, volume.name, cause),))
        for key, volume in sorted(desired.volumes.items())
        if not volume.external and volume.name not in volumes
    ))  # fmt: skip


def surplus_networks(journal: Journal, wanted: SealedState | None, live: LiveState, now: datetime) -> tuple[Chain, ...]:
    """Networks that we made and that left the manifest go once nothing is under way any more.

    One that somebody else uses cannot go; it is tried again as repairs are.
    """
    if wanted is None or journal.release is not None or any(each.open for each in journal.rollouts.values()):
        return ()
    if not wanted.desired.policy.prune or _other_content_serves(journal, wanted):
        return ()
    named = {network.name for network in wanted.desired.networks.values()}
    return tuple(
        Chain(f"network {each.name}", (RemoveNetwork(each.name, each.id, "left the manifest"),))
        for each in live.networks
        if each.name in journal.networks and each.name not in named and _may_try(journal, f"network {each.name}", now)
    )


def _may_try(journal: Journal, key: str, now: datetime) -> bool:
    tried = journal.repairs.get(key)
    return tried is None or now >= tried.not_before


def _other_content_serves(journal: Journal, wanted: SealedState) -> bool:
    return journal.serving is None or journal.serving.content_digest != wanted.content_digest


def intend(journal: Journal, chains: tuple[Chain, ...], now: datetime) -> Journal:
    """Write down which containers are about to be made or kept, so that they are known for it after a crash."""
    removals = [chain.key for chain in chains if any(isinstance(each, RemoveNetwork) for each in chain.actions)]
    if removals:
        tried = {key: attempt(journal.repairs.get(key), now, at_once=0) for key in removals}
        journal = replace(journal, repairs={**journal.repairs, **tried})
    creates = [action for chain in chains for action in chain.actions if isinstance(action, Create)]
    networks = {a.name for chain in chains for a in chain.actions if isinstance(a, CreateNetwork)}
    volumes = {a.name for chain in chains for a in chain.actions if isinstance(a, CreateVolume)}
    kept = {action.container for chain in chains for action in chain.actions if isinstance(action, Keep)}
    known = journal.inventory.keys()
    if not (creates or networks or volumes or kept):
        return journal
    intended = {
        create.name: Placed(
            create.service,
            create.slot,
            create.fingerprint,
            create.in_place,
            create.release,
            create.name,
            schema=_schema(journal, create),
        )
        for create in creates
    }
    return replace(
        journal,
        intended={**journal.intended, **intended},
        inventory={**journal.inventory, **{id: replace(journal.inventory[id], kept=True) for id in kept & known}},
        networks=journal.networks | networks,
        volumes=journal.volumes | volumes,
    )


def _schema(journal: Journal, create: Create) -> Accepts | None:
    """What the instance that is about to be made works with of a database."""
    rollout = journal.rollouts.get(create.service)
    known = (rollout.target, rollout.stable) if rollout is not None else (journal.stable.get(create.service),)
    return next((each.schema for each in known if each is not None and each.fingerprint == create.fingerprint), None)

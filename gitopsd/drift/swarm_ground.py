"""Drift of what services of a swarm stand on: networks, configs, secrets, and nodes. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from gitopsd.drift.resources import networks
from gitopsd.engine_json.swarm_placement import unplaceable
from gitopsd.engine_json.swarm_spec import STACK, with_networks_of_a_swarm
from gitopsd.model.desired import SealedState
from gitopsd.model.drift import DriftItem
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmSpec, SwarmState


def ground_drift(
    journal: Journal, serving: SealedState | None, live: SwarmState, told: Mapping[str, SwarmSpec], now: datetime
) -> tuple[DriftItem, ...]:
    """All that is not as we left it around the services. While a release is under way, it is changing that."""
    if serving is None or journal.release is not None:
        return ()
    ours = LiveState(networks=tuple(each for each in live.networks if each.labels.get(STACK)))
    return (
        *networks(with_networks_of_a_swarm(serving), ours, now),
        *_twins(serving, live, now),
        *_objects(live, told, now),
        *_nodes(serving, live, told, now),
    )


def _twins(serving: SealedState, live: SwarmState, now: datetime) -> Iterator[DriftItem]:
    """Networks of one name: a task may join either."""
    names = [each.name for each in live.networks]
    for network in serving.desired.networks.values():
        if names.count(network.name) > 1:
            cause = f"there are {names.count(network.name)} networks {network.name}: remove those made by hand"
            yield DriftItem("network", network.name, "", "", "extra", cause, now, now)


def _objects(live: SwarmState, told: Mapping[str, SwarmSpec], now: datetime) -> Iterator[DriftItem]:
    """A missing one is made again with the service that is told with it. The other ones are somebody's, but for what an
    adopted service brought along.
    """
    there = {(each.kind, each.name) for each in live.objects if each.ours}
    for service, spec in sorted(told.items()):
        for made in spec.objects:
            if (made.kind, made.name) not in there:
                cause = f"{made.kind} {made.name} is gone: removed, and not by gitopsd"
                yield DriftItem(made.kind, made.name, service, "", "missing", cause, now, now, cure="recreate")
    used = {id for service in live.services.values() for id in service.uses}
    for each in live.objects:
        if not each.ours and each.id not in used:
            cause = f"{each.kind} {each.name} says that it is of this stack, and gitopsd did not make it"
            yield DriftItem(each.kind, each.name, "", each.id, "extra", cause, now, now)


def _nodes(serving: SealedState, live: SwarmState, told: Mapping[str, SwarmSpec], now: datetime) -> Iterator[DriftItem]:
    """Services that the nodes cannot have any more. Nodes are a person's: this is told, and not mended."""
    for name, spec in sorted(told.items()):
        sealed = serving.services.get(name)
        if sealed is None or sealed.service.job is not None or not sealed.service.replicas:
            continue
        if why := unplaceable(sealed.service, serving.desired, live.nodes):
            cause = f"a node was changed, or is gone: {why}"
            yield DriftItem("service", spec.name, name, "", "unhealthy", cause, now, now)

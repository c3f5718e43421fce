"""What of a plan the nodes of a swarm cannot have: it is held before anything starts."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from gitopsd.engine_json.swarm_mode import mode
from gitopsd.engine_json.swarm_placement import could_take, crowded, same_platform, unplaceable
from gitopsd.model.desired import SealedService, SealedState
from gitopsd.model.plan import Change
from gitopsd.model.release import Hold
from gitopsd.model.swarm import Occupant, SwarmNode
from gitopsd.plan.shifting import told_steps


def placement_holds(
    wanted: SealedState,
    nodes: Sequence[SwarmNode],
    changes: Collection[Change] = (),
    occupants: Collection[Occupant] = (),
) -> tuple[Hold, ...]:
    """Services that the nodes cannot have, each with what keeps it away. Labels of a node may come yet.

    What `changes` move leaves the room that it has, and is not counted against each other.
    """
    moving = {each.service: each for each in changes if each.change != "unchanged"}
    names = {f"{wanted.desired.project}_{name}" for name in moving}
    stay = [each for each in occupants if each.service not in names]
    return tuple(
        Hold("placement", f"{name}: {why}")
        for name, sealed in sorted(wanted.services.items())
        if sealed.service.replicas
        if (why := unplaceable(sealed.service, wanted.desired, nodes, stay if name in moving else ()))
        or (why := _beside(sealed, wanted, moving.get(name), nodes, (*stay, *_own(sealed, wanted, occupants))))
    )


def _beside(
    sealed: SealedService,
    wanted: SealedState,
    change: Change | None,
    nodes: Sequence[SwarmNode],
    occupants: Collection[Occupant],
) -> str:
    """Why what comes has no room while what it replaces is still there. A first one that has is enough: each that is
    replaced leaves its room to the next. Of blue and green all are there at once.
    """
    service = sealed.service
    if change is None or change.change != "replace" or "Replicated" not in mode(service, 1):
        return ""
    if change.order == "stop-first" and not change.steps:
        return ""
    more = service.replicas if service.policy.strategy == "blue-green" else 1
    return crowded(service, wanted.desired, nodes, occupants, more)


def _own(sealed: SealedService, wanted: SealedState, occupants: Collection[Occupant]) -> Iterator[Occupant]:
    """What a service has already. What a router moves the traffic to is a service of another name, to Swarm."""
    name = f"{wanted.desired.project}_{sealed.service.name}"
    there = (each for each in occupants if each.service == name)
    yield from (replace(each, service="") if told_steps(sealed.service.policy) else each for each in there)


def image_warnings(wanted: SealedState, moving: Collection[str], nodes: Sequence[SwarmNode]) -> Iterator[str]:
    """Images that no registry has: each node runs what it happens to hold under their names."""
    for name in sorted(moving):
        image = wanted.services[name].image
        unknown = not image.digest and "@" not in image.reference
        if unknown and len(could_take(wanted.services[name].service, wanted.desired, nodes)) > 1:
            what = f"{name}: no registry tells a digest of {image.reference}"
            yield f"{what}, so nodes that do not hold it refuse its tasks, and others may hold another one: push it"


def platform_warnings(wanted: SealedState, moving: Collection[str], nodes: Sequence[SwarmNode]) -> Iterator[str]:
    """Nodes that may get tasks of an image that the manager has for another platform only, as far as is known here."""
    for name in sorted(moving):
        image = wanted.services[name].image
        able = could_take(wanted.services[name].service, wanted.desired, nodes) if image.platform else ()
        others = sorted(node.hostname for node in able if not same_platform(image.platform, node.platform))
        if others:
            named = ", ".join(others)
            what = f"{name}: the manager has {image.reference} for {image.platform}, which {named} is not"
            yield f"{what}; unless its registry has it for that too, tasks fail there: write platform"

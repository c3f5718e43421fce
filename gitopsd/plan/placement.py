"""What of a plan the nodes of a swarm cannot have: it is held before anything starts."""

from collections.abc import Collection, Iterator, Sequence

from gitopsd.engine_json.swarm_placement import could_take, same_platform, unplaceable
from gitopsd.model.desired import SealedState
from gitopsd.model.release import Hold
from gitopsd.model.swarm import SwarmNode


def placement_holds(wanted: SealedState, nodes: Sequence[SwarmNode]) -> tuple[Hold, ...]:
    """Services that the nodes cannot have, each with what keeps it away. Labels of a node may come yet."""
    return tuple(
        Hold("placement", f"{name}: {why}")
        for name, sealed in sorted(wanted.services.items())
        if sealed.service.replicas and (why := unplaceable(sealed.service, wanted.desired, nodes))
    )


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

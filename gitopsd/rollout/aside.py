"""How a service that leaves the manifest stands aside: stopped and kept, so that it can come back if the rest fails."""

from gitopsd.model.action import Action, Chain, Rename
from gitopsd.model.rollout import Rollout
from gitopsd.rollout.member import Member
from gitopsd.rollout.steps import stand_down


def stand_aside(rollout: Rollout, members: tuple[Member, ...]) -> tuple[Chain, ...]:
    """What is left to do; nothing once the service holds no port, and no name that a newcomer needs."""
    chains = []
    for slot in sorted({member.placed.slot for member in members}):
        found = (member for member in members if member.placed.slot == slot)
        actions = tuple(action for member in found for action in _aside(rollout, member))
        if actions:
            chains.append(Chain(f"{rollout.service}/{slot}", actions))
    return tuple(chains)


def _aside(rollout: Rollout, member: Member) -> tuple[Action, ...]:
    down = stand_down(member, rollout.cause)
    suffix = f".gitopsd-{rollout.release}"
    name = member.instance.name
    if not rollout.early or name.endswith(suffix):
        return down
    return (*down, Rename(rollout.service, member.placed.slot, member.id, name + suffix, "leaves its name"))

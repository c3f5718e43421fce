"""What is done for a service while a person holds its rollout: nothing, where something serves."""

from dataclasses import replace

from gitopsd.model.action import Chain
from gitopsd.rollout.member import Member, ready_now
from gitopsd.rollout.slots import Look
from gitopsd.rollout.survey import survey_of


def upkeep(look: Look, members: tuple[Member, ...]) -> tuple[Chain, ...]:
    """Chains for the slots in which nothing serves: what was begun there is brought to its end.

    Where nothing was begun, what served before comes back. A one-shot runs on, but none is started.
    """
    if look.rollout.job:
        return ()
    serving = {member.placed.slot for member in members if ready_now(member)}
    begun = {member.placed.slot for member in members if member.placed.fingerprint == look.goal.fingerprint}
    kept = {slot: chain for slot, chain in _chains(look, members).items() if slot in begun}
    if look.rollout.stable is not None:
        before = replace(look, goal=look.rollout.stable, cause="serves while the rollout is paused")
        kept |= {slot: chain for slot, chain in _chains(before, members).items() if slot not in begun}
    return tuple(chain for slot, chain in sorted(kept.items()) if slot not in serving)


def _chains(look: Look, members: tuple[Member, ...]) -> dict[int, Chain]:
    """By slot, of those that the goal wants filled."""
    chains = {int(chain.key.rpartition("/")[2]): chain for chain in survey_of(look, members).chains}
    return {slot: chain for slot, chain in chains.items() if slot <= look.goal.replicas}

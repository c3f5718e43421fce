"""Whose memory is looked at: new instances beside those that served before, as long as their rollout may turn back."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Progressing, Rollout, Target
from gitopsd.rollout.memory import Weighed

SAMPLE: Final = 5
"""Of those that served before, as many are weighed: their median is what counts, and an engine takes long for each."""


def to_weigh(journal: Journal, live: LiveState, now: datetime) -> Mapping[str, Weighed]:
    """By service."""
    concerned = (rollout for rollout in journal.rollouts.values() if _concerns(rollout, now))
    found = {each.service: _weighed(journal, each, live) for each in concerned}
    return {service: each for service, each in found.items() if each.new or each.stable}


def _concerns(rollout: Rollout, now: datetime) -> bool:
    spike, stable = rollout.policy.memory_spike, rollout.stable
    other = stable is None or stable.fingerprint != rollout.target.fingerprint
    wanted = rollout.kind == "change" and other and not rollout.job and not rollout.leaving
    begun = isinstance(rollout.phase, Progressing) or rollout.watched(now)
    return wanted and begun and bool(spike.percent_of_limit or spike.ratio_to_stable)


def _weighed(journal: Journal, rollout: Rollout, live: LiveState) -> Weighed:
    new, stable = (_running(journal, rollout.service, goal, live) for goal in (rollout.target, rollout.stable))
    stable = dict(list(stable.items())[-SAMPLE:])  # the first ones are replaced soon
    limits = {
        each.id: limit
        for each in live.instances
        if (each.id in new or each.id in stable) and isinstance(limit := each.fields.get("resources.memory"), int)
    }
    return Weighed(rollout.service, rollout.release, new, stable, limits, rollout.policy.memory_spike)


def _running(journal: Journal, service: str, goal: Target | None, live: LiveState) -> dict[str, str]:
    """Names by id, of those that run what is the goal."""
    if goal is None:
        return {}
    return {
        each.id: each.name
        for each in live.instances
        if each.id in journal.inventory
        and each.state == "running"
        and (journal.inventory[each.id].service, journal.inventory[each.id].fingerprint) == (service, goal.fingerprint)
    }

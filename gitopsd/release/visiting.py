"""Whom gitopsd sends requests of its own through the router: newer content that is to get its first share, or is judged
by them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from gitopsd.model.analysis import Synthetic
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Rollout
from gitopsd.model.route import OTHER, SlotName
from gitopsd.model.visits import PreWarm
from gitopsd.release.inventory import members_of
from gitopsd.release.routing import Sight, in_router
from gitopsd.rollout import Member
from gitopsd.rollout.reaching import is_asked, patience, reached
from gitopsd.rollout.shifting import gradual
from gitopsd.rollout.watching import analysis_at


@dataclass(frozen=True, slots=True)
class Visited:
    """A service whose new instances are in slot `slot`. `release` tells one rollout of it from the next.

    `asked`: one of them is to answer, next `interval` after a failure. `pre_warm` follows once that is so. `synthetic`
    are sent to both slots now, or only to the new one where the other is empty.
    """

    service: str
    release: int
    slot: SlotName
    asked: bool
    timeout: timedelta
    interval: timedelta
    pre_warm: PreWarm | None = None
    synthetic: Synthetic | None = None
    slots: tuple[SlotName, ...] = ()
    bounds: tuple[float, ...] = ()


def to_visit(journal: Journal, live: LiveState, sight: Sight) -> Mapping[str, Visited]:
    """By service."""
    return to_visit_among(journal, members_of(journal, live), sight)


def to_visit_among(journal: Journal, members: Mapping[str, tuple[Member, ...]], sight: Sight) -> Mapping[str, Visited]:
    """By service, as the instances are that may be visited."""
    found = (_visited(journal, each, members.get(each.service, ()), sight) for each in journal.rollouts.values())
    return {each.service: each for each in found if each is not None}


def _visited(journal: Journal, rollout: Rollout, members: tuple[Member, ...], sight: Sight) -> Visited | None:
    if not is_asked(rollout):
        return None
    router, checks = in_router(journal, rollout.service, sight), rollout.policy.health
    new = tuple(each for each in members if each.placed.fingerprint == rollout.target.fingerprint)
    slot = router.slot_of(new)
    if slot is None or router.routed is None:
        return None
    there = sum(each.id in router.routed.serving(slot) and router.seen.ready(each.id) for each in new)
    wanted = min(rollout.shift.scale, rollout.target.replicas) if gradual(rollout) and rollout.policy.pre_warm else 1
    synthetic = rollout.policy.analysis.synthetic if analysis_at(rollout) is not None else None
    return Visited(
        service=rollout.service,
        release=rollout.release,
        slot=slot,
        asked=not reached(rollout) and router.seen.agreed and there >= max(1, wanted),
        timeout=patience(checks),
        interval=checks.interval,
        pre_warm=rollout.policy.pre_warm if not reached(rollout) else None,
        synthetic=synthetic,
        slots=(slot, OTHER[slot]) if router.routed.serving(OTHER[slot]) else (slot,),
        bounds=router.bounds,
    )

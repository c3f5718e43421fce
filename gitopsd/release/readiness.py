"""Who is asked whether it works, and how each one stands by what it answered."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.desired import SealedState
from gitopsd.model.health import NOT_ASKED, Asked, Checks, Heard, Readiness, Subject
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal, Placed
from gitopsd.rollout.health import readiness_of


def judged(
    journal: Journal, wanted: SealedState | None, live: LiveState, heard: Mapping[str, Heard], now: datetime
) -> Journal:
    """The journal that knows how the instances stand by what was heard; only what runs can stand."""
    found: dict[str, Readiness] = {}
    for instance, checks in _running(journal, wanted, live):
        known = journal.readiness.get(instance.id)
        found[instance.id] = readiness_of(known, heard.get(instance.id), instance.started_at, checks, now)
    return journal if found == journal.readiness else replace(journal, readiness=found)


def to_ask(journal: Journal, wanted: SealedState | None, live: LiveState) -> dict[str, Asked]:
    """Everybody who is to be asked from now on, by container id."""
    asked: dict[str, Asked] = {}
    for instance, checks in _running(journal, wanted, live):
        known = journal.readiness.get(instance.id)
        if known is not None and instance.state == "running":
            grace = checks.start_period if known.state == "starting" else timedelta(0)
            subject = Subject(instance.id, _address(instance, live))
            asked[instance.id] = Asked(subject, instance.started_at, checks, known.since + grace)
    return asked


def next_deadline(journal: Journal, now: datetime) -> datetime | None:
    """When the next start will have taken too long."""
    times = (each.until for each in journal.readiness.values() if each.state == "starting")
    return min((at for at in times if at is not None and at > now), default=None)


def _running(journal: Journal, wanted: SealedState | None, live: LiveState) -> list[tuple[Instance, Checks]]:
    """Instances of ours that run and have checks, in any fingerprint: each is asked as its own release wanted it."""
    found = (
        (instance, _checks(journal, wanted, journal.inventory[instance.id]))
        for instance in live.instances
        if instance.id in journal.inventory and instance.state in ("running", "restarting", "paused")
    )
    return [(instance, checks) for instance, checks in found if checks.each]


def _checks(journal: Journal, wanted: SealedState | None, placed: Placed) -> Checks:
    sealed = wanted.services.get(placed.service) if wanted is not None else None
    if sealed is not None and sealed.fingerprint == placed.fingerprint:
        return sealed.service.policy.health if sealed.service.job is None else NOT_ASKED
    rollout = journal.rollouts.get(placed.service)
    targets = (
        *(journal.stable.get(placed.service), journal.before.get(placed.service)),
        *((rollout.target, rollout.stable) if rollout is not None else ()),
    )
    own = (each.health for each in targets if each is not None and each.fingerprint == placed.fingerprint)
    return next(own, NOT_ASKED)


def _address(instance: Instance, live: LiveState) -> str:
    """One in another's network is found at that one's address."""
    kind, _, other = instance.address.partition("container:")
    if kind or not other:
        return instance.address
    return next((each.address for each in live.instances if each.id == other), "")

"""A wall clock that jumps takes the times of what is under way along, so that no deadline passes by it."""

from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.health import Readiness
from gitopsd.model.release import Journal, Repair
from gitopsd.model.rollout import Measured, Rollout, Sighting
from gitopsd.model.routing import Routed


def after_jump(journal: Journal, jump: timedelta) -> Journal:
    """The journal with the times of open rollouts, repairs, answers, drains and contract jobs moved by `jump`.

    It is forward or back. What a person said for a time of day, such as the end of a suspension, stays.
    """
    if not jump:
        return journal
    return replace(
        journal,
        rollouts={name: _moved(rollout, jump) for name, rollout in journal.rollouts.items()},
        repairs={name: _later(repair, jump) for name, repair in journal.repairs.items()},
        readiness={id: _standing(readiness, jump) for id, readiness in journal.readiness.items()},
        restarts={id: replace(each, at=tuple(at + jump for at in each.at)) for id, each in journal.restarts.items()},
        routes={name: _routed(routed, jump) for name, routed in journal.routes.items()},
        sent={name: replace(each, at=each.at + jump) for name, each in journal.sent.items()},
        unneeded={name: replace(each, since=each.since + jump) for name, each in journal.unneeded.items()},
    )


def _moved(rollout: Rollout, jump: timedelta) -> Rollout:
    paused, measured, watched = rollout.paused, rollout.measured, rollout.watched_until
    since, sampled = rollout.shift.since, rollout.sampled
    return replace(
        rollout,
        paused=replace(paused, at=paused.at + jump) if paused is not None else None,
        measured=_shifted(measured, jump) if measured is not None else None,
        started_at=rollout.started_at + jump,
        deadline=rollout.deadline + jump,
        watched_until=watched + jump if watched is not None else None,
        shift=replace(rollout.shift, since=since + jump if since is not None else None),
        sampled=replace(sampled, at=sampled.at + jump) if sampled is not None else None,
        seen={id: _seen(sighting, jump) for id, sighting in rollout.seen.items()},
    )


def _routed(routed: Routed, jump: timedelta) -> Routed:
    places = {
        id: replace(place, since=place.since + jump, leaving=place.leaving + jump if place.leaving else None)
        for id, place in routed.places.items()
    }
    return replace(routed, places=places)


def _shifted(measured: Measured, jump: timedelta) -> Measured:
    down = measured.down_since
    return replace(measured, begun=measured.begun + jump, down_since=down + jump if down is not None else None)


def _seen(sighting: Sighting, jump: timedelta) -> Sighting:
    ready = sighting.ready_since
    return replace(
        sighting,
        first_seen=sighting.first_seen + jump,
        ready_since=ready + jump if ready else None,
        crashes=tuple(at + jump for at in sighting.crashes),
    )


def _later(repair: Repair, jump: timedelta) -> Repair:
    cured = repair.cured + jump if repair.cured is not None else None
    return replace(repair, not_before=repair.not_before + jump, last=repair.last + jump, cured=cured)


def _standing(readiness: Readiness, jump: timedelta) -> Readiness:
    until = readiness.until + jump if readiness.until is not None else None
    return replace(readiness, since=readiness.since + jump, until=until)


def jump_between(before: tuple[datetime, float], now: tuple[datetime, float], tolerance: timedelta) -> timedelta:
    """How far the wall clock went beyond the monotonic one between two readings; nothing within `tolerance`."""
    jump = (now[0] - before[0]) - timedelta(seconds=now[1] - before[1])
    return jump if abs(jump) > tolerance else timedelta(0)

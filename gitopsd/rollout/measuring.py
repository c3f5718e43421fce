"""What a rollout takes, as it is seen: how long instances need to get ready, and for how long nothing serves."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.model.rollout import Measured, Rollout, Sighting
from gitopsd.rollout.member import Judge, Member, ready_now


def measure(
    rollout: Rollout, members: tuple[Member, ...], seen: Mapping[str, Sighting], now: datetime
) -> Measured | None:
    """The measures after one more look at all instances of the service."""
    before = rollout.measured or Measured(now)
    starts, warms = _starts(rollout, members, seen), _warms(rollout, members, seen, now)
    found = replace(before, starts={**before.starts, **starts}, warms={**warms, **before.warms})
    found = replace(found, gap=max(before.gap, _gap_of(rollout, members, before, now)))
    if not _serves(rollout):
        return found
    down = not any(ready_now(member) for member in members)
    if down:
        return replace(found, down_since=before.down_since or now)
    if before.down_since is None:
        return found
    return replace(found, down_since=None, down=before.down + (now - before.down_since).total_seconds())


def _serves(rollout: Rollout) -> bool:
    """It is to serve all the time: it did before, and shall afterwards."""
    stable = rollout.stable
    return stable is not None and bool(stable.replicas and rollout.target.replicas) and not rollout.job


def _starts(rollout: Rollout, members: tuple[Member, ...], seen: Mapping[str, Sighting]) -> dict[str, float]:
    """Of the rollout's own instances. What a repair finds running did not start for it, nor what was ready already when
    the rollout turned back.
    """
    found = {}
    for member in members:
        sighting = seen[member.id]
        ready = sighting.ready_since
        if not _own(rollout, member) or ready is None or (rollout.kind == "repair" and ready == sighting.first_seen):
            continue
        if ready < sighting.first_seen:
            continue
        found[str(member.placed.slot)] = round((ready - sighting.first_seen).total_seconds(), 3)
    return found


def _warms(
    rollout: Rollout, members: tuple[Member, ...], seen: Mapping[str, Sighting], now: datetime
) -> dict[str, float]:
    """Of those whose start is measured, once they have been good for `min_ready`; the look that finds it counts."""
    judge = Judge(rollout.policy, seen, now)
    starts = _starts(rollout, members, seen)
    found = {}
    for member in members:
        slot, ready = str(member.placed.slot), seen[member.id].ready_since
        if slot in starts and _own(rollout, member) and ready is not None and judge.ready(member):
            found[slot] = round((now - ready).total_seconds(), 3)
    return found


def _own(rollout: Rollout, member: Member) -> bool:
    return member.placed.fingerprint == rollout.target.fingerprint and member.placed.release == rollout.release


def _gap_of(rollout: Rollout, members: tuple[Member, ...], before: Measured, now: datetime) -> float:
    """What was down before is a repair's to answer for, and no release's."""
    gap = _gap(members) if _serves(rollout) else 0.0
    return gap if rollout.kind == "repair" else min(gap, (now - before.begun).total_seconds())


def _gap(members: tuple[Member, ...]) -> float:
    """From the end of the last one that ended to the start of what is ready now: a look may have missed it."""
    starts = [each.instance.started_at for each in members if ready_now(each) and each.instance.started_at is not None]
    ends = [each.instance.finished_at for each in members if not each.up and each.instance.finished_at is not None]
    return max(0.0, (min(starts) - max(ends)).total_seconds()) if starts and ends else 0.0

"""The rest between slots: `delay` of `update_config` and, on the way back, of `rollback_config`."""

from collections.abc import Iterator
from datetime import datetime

from gitopsd.model.rollout import Progressing, RollingBack, Rollout
from gitopsd.rollout.member import Judge, Member


def rest_until(rollout: Rollout, members: tuple[Member, ...], judge: Judge) -> datetime | None:
    """The end of the policy's `delay` after the last slot that was taken over; None: it is over, or there is none."""
    if not rollout.policy.delay:
        return None
    proven = rollout.policy.min_ready + rollout.policy.delay
    last = max((since + proven for since in _taken(rollout, members, judge)), default=judge.now)
    return last if last > judge.now else None


def goes_back(rollout: Rollout) -> bool:
    """Whether it brings back what served before a release that failed."""
    return rollout.kind == "return" or isinstance(rollout.phase, RollingBack)


def _taken(rollout: Rollout, members: tuple[Member, ...], judge: Judge) -> Iterator[datetime]:
    """Since when each slot that was taken over is ready. Newer content that is what serves waits for nothing."""
    stable, back = rollout.stable, goes_back(rollout)
    newer = rollout.kind == "change" and rollout.target != stable
    if not isinstance(rollout.phase, Progressing | RollingBack) or not (back or newer):
        return
    for member in members:
        since = judge.seen[member.id].ready_since
        if since is None:
            continue
        if back:
            own = stable is not None and member.placed.fingerprint == stable.fingerprint
            taken = own and since >= rollout.started_at
        else:
            taken = member.placed.release == rollout.release
        if taken:
            yield since

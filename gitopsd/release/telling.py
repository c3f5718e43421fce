"""What happened between two journals, as events for the ledger."""

from collections.abc import Iterable
from datetime import datetime

from gitopsd.model.event import Event
from gitopsd.model.release import Journal, Release
from gitopsd.model.rollout import Failed, Pending, Preparing, RolledBack, RollingBack, Rollout


def told(before: Journal, after: Journal, ended: tuple[Release, ...], now: datetime) -> Iterable[Event]:
    for name, rollout in sorted(after.rollouts.items()):
        old = before.rollouts.get(name)
        if isinstance(rollout.phase, Pending | Preparing):
            continue
        if old is None or old.phase != rollout.phase or old.release != rollout.release:
            yield _phase_event(before.environment, rollout, now)
    for release in ended:
        yield Event(
            now,
            "ReleaseEnded",
            f"release {release.number} {release.outcome}" + (f": {release.reason}" if release.reason else ""),
            severity="info" if release.outcome in ("succeeded", "superseded") else "error",
            environment=after.environment,
            release=release.number,
        )


def _phase_event(environment: str, rollout: Rollout, now: datetime) -> Event:
    word = type(rollout.phase).__name__
    reason = getattr(rollout.phase, "reason", "") or rollout.cause
    bad = isinstance(rollout.phase, Failed | RollingBack | RolledBack)
    return Event(
        now,
        f"Rollout{word}",
        f"{rollout.service}: {reason}",
        severity="error" if bad else "info",
        environment=environment,
        service=rollout.service,
        release=rollout.release,
        data={"kind": rollout.kind, "cause": rollout.cause},
    )

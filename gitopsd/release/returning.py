"""How a release ends: succeeded when all its rollouts are finalising, otherwise back to what served before."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.model.release import Journal, Outcome, Rejection, Release
from gitopsd.model.rollout import (
    Failed,
    Finalising,
    Pending,
    Preparing,
    Progressing,
    RolledBack,
    RollingBack,
    Rollout,
    Succeeded,
    Target,
)
from gitopsd.release.gates import RETURNED
from gitopsd.release.opening import serving_of
from gitopsd.rollout.machine import NOTHING, turn_back


def conclude(journal: Journal, now: datetime) -> tuple[Journal, tuple[Release, ...]]:
    """The journal after looking at how the release stands, and the release if it ended now."""
    release = journal.release
    if release is None:
        return journal, ()
    concerned = [each for each in journal.rollouts.values() if each.kind != "repair"]
    if release.phase == "progressing":
        reason = _failure(concerned)
        if reason:
            return _turned(journal, release, reason, now)
        if all(isinstance(each.phase, Finalising | Succeeded) for each in concerned):
            return _succeeded(journal, release, now)
        return journal, ()
    if any(each.open for each in concerned):
        return journal, ()
    return _ended(journal, release, now)


def _failure(rollouts: Iterable[Rollout]) -> str:
    for rollout in rollouts:
        if isinstance(rollout.phase, Failed | RollingBack | RolledBack):
            return f"{rollout.service}: {rollout.phase.reason}"
    return ""


def _succeeded(journal: Journal, release: Release, now: datetime) -> tuple[Journal, tuple[Release, ...]]:
    ended = replace(release, phase="ended", outcome="succeeded", finished_at=now)
    rejected = {each: why for each, why in journal.rejected.items() if each != release.content_digest}
    done = replace(journal, release=None, serving=serving_of(release), before={}, rejected=rejected)
    return done, (ended,)


def _turned(journal: Journal, release: Release, reason: str, now: datetime) -> tuple[Journal, tuple[Release, ...]]:
    """Everything turns back, if there is a way back; a first release ends where it stands."""
    way_back = all(rollout.way_back for rollout in journal.rollouts.values() if rollout.kind == "change")
    turned = replace(journal, release=replace(release, phase="returning", reason=reason))
    if not way_back:
        stopped = {name: _halted(rollout, reason, now) for name, rollout in journal.rollouts.items()}
        return _ended(replace(turned, rollouts=stopped), replace(release, reason=reason), now)
    rollouts = {name: _returned(journal, rollout, reason, now) for name, rollout in journal.rollouts.items()}
    return replace(turned, rollouts=_dependents_first(rollouts)), ()


def _halted(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    halts = rollout.open and rollout.kind != "repair"
    return replace(rollout, phase=Failed(reason), finished_at=now) if halts else rollout


def _returned(journal: Journal, rollout: Rollout, reason: str, now: datetime) -> Rollout:
    cause = f"release {journal.release.number if journal.release else 0} failed: {reason}"
    if rollout.kind == "repair":
        return rollout
    match rollout.phase:
        case Pending() | Preparing():
            return replace(rollout, phase=RolledBack(f"not begun: {reason}"), finished_at=now)
        case Progressing():
            return turn_back(rollout, cause, now)
        case Finalising() | Succeeded() if not rollout.job:
            return _return(rollout, journal.before.get(rollout.service) or NOTHING, cause, now)
        case _:
            return rollout


def _return(rollout: Rollout, goal: Target, cause: str, now: datetime) -> Rollout:
    """A new rollout of a service that was promoted already, to what served before; it has no way back of its own."""
    return replace(
        rollout,
        target=goal,
        stable=goal,
        phase=Pending(),
        cause=f"return: {cause}",
        kind="return",
        started_at=now,
        deadline=now + rollout.policy.progress_deadline,
        way_back=False,
        early=False,
        seen={},
        served=0,
        finished_at=None,
    )


def _dependents_first(rollouts: Mapping[str, Rollout]) -> dict[str, Rollout]:
    """A returning service waits for those that need it to return before it."""
    dependents: dict[str, set[str]] = {}
    for name, rollout in rollouts.items():
        for needed, _ in rollout.needs:
            dependents.setdefault(needed, set()).add(name)
    return {
        name: replace(rollout, needs=tuple((each, RETURNED) for each in sorted(dependents.get(name, ()))))
        if isinstance(rollout.phase, Pending)
        else rollout
        for name, rollout in rollouts.items()
    }


def _ended(journal: Journal, release: Release, now: datetime) -> tuple[Journal, tuple[Release, ...]]:
    failed = any(isinstance(each.phase, Failed) for each in journal.rollouts.values() if each.kind != "repair")
    returned = journal.serving is not None and not failed
    outcome: Outcome = "rolled-back" if returned else "failed"
    ended = replace(release, phase="ended", outcome=outcome, finished_at=now)
    rejection = Rejection(release.content_digest, release.number, release.revision, release.reason, now)
    rejected = {**journal.rejected, release.content_digest: rejection}
    return replace(journal, release=None, before={}, rejected=rejected), (ended,)


def swept(journal: Journal) -> Journal:
    """Without the rollouts that have ended."""
    rollouts = {name: rollout for name, rollout in journal.rollouts.items() if rollout.open}
    return journal if len(rollouts) == len(journal.rollouts) else replace(journal, rollouts=rollouts)

"""How a release ends: succeeded when all its rollouts serve and none is watched any more, else back to before."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from gitopsd.model.desired import Policy, SealedState
from gitopsd.model.release import Journal, Outcome, Rejection, Release
from gitopsd.model.rollout import (
    Cancelled,
    Failed,
    Finalising,
    Pending,
    Preparing,
    Progressing,
    RolledBack,
    RollingBack,
    Rollout,
    Succeeded,
)
from gitopsd.plan.order import order_back
from gitopsd.release.called import called_by_failure
from gitopsd.release.gates import RETURNED, RETURNING
from gitopsd.release.opening import serving_of
from gitopsd.release.schema import GUARD
from gitopsd.release.sharing import sharers
from gitopsd.rollout.fence import going_back
from gitopsd.rollout.machine import NOTHING, turn_back


def conclude(journal: Journal, wanted: SealedState | None, now: datetime) -> tuple[Journal, tuple[Release, ...]]:
    """The journal after looking at how the release stands, and the release if it ended now."""
    release = journal.release
    if release is None:
        return journal, ()
    concerned = [each for each in journal.rollouts.values() if each.kind != "repair"]
    if release.phase == "progressing":
        if release.aborted is not None:
            back = journal.serving is not None
            return _turned_back(journal, replace(release, reason=release.aborted.words), wanted, now, back=back)
        failed = next((each for each in concerned if isinstance(each.phase, Failed | RollingBack | RolledBack)), None)
        if failed is not None:
            reason = f"{failed.service}: {getattr(failed.phase, 'reason', '')}"
            release = replace(release, reason=reason, guard=getattr(failed.phase, "guard", ""))
            return _turned_back(journal, release, wanted, now, back=failed.way_back)
        serve = all(isinstance(each.phase, Finalising | Succeeded) for each in concerned)
        if serve and not any(each.watched(now) for each in concerned):
            return _succeeded(journal, release, now)
        return journal, ()
    journal, release = _lost(journal, release, concerned)
    if any(each.open for each in concerned):
        return journal, ()
    return _ended(_as_before(journal), release, now)


def _succeeded(journal: Journal, release: Release, now: datetime) -> tuple[Journal, tuple[Release, ...]]:
    ended = replace(release, phase="ended", outcome="succeeded", finished_at=now)
    stays = (item for item in journal.rejected.items() if not item[1].schema)  # that may suit now
    rejected = {each: why for each, why in stays if each != release.content_digest}
    done = replace(journal, release=None, serving=serving_of(release), before={}, rejected=rejected, failures=0)
    return done, (ended,)


def _turned_back(
    journal: Journal, release: Release, wanted: SealedState | None, now: datetime, *, back: bool
) -> tuple[Journal, tuple[Release, ...]]:
    """Everything turns back, if there is a way back; a first release ends where it stands."""
    if not back:
        stopped = {name: _halted(rollout, release.reason, now) for name, rollout in journal.rollouts.items()}
        ended = replace(release, outcome="failed" if release.aborted is None else "cancelled")
        return _ended(replace(journal, rollouts=stopped), ended, now, paused=True)
    turned = replace(journal, release=replace(release, phase="returning"))
    names = sorted({*journal.rollouts, *journal.stable, *journal.before})
    rollouts = {name: rollout for name in names if (rollout := _turned(turned, name, wanted, now)) is not None}
    turned = replace(turned, rollouts=rollouts)
    return replace(turned, rollouts={**rollouts, **called_by_failure(turned, wanted, _cause(turned), now)}), ()


def _halted(rollout: Rollout, reason: str, now: datetime) -> Rollout:
    halts = rollout.open and rollout.kind != "repair"
    return replace(rollout, phase=Failed(reason), finished_at=now, paused=None) if halts else rollout


def _turned(journal: Journal, name: str, wanted: SealedState | None, now: datetime) -> Rollout | None:
    """The service's rollout now that the release failed: its way back, or a new one where it was promoted already."""
    rollout = journal.rollouts.get(name)
    drawn = _drawn_along(journal, name)
    if rollout is not None and rollout.kind != "repair":
        match rollout.phase:
            case Progressing() if not rollout.early and not drawn:
                return turn_back(rollout, _cause(journal), now)
            case Progressing() | RollingBack() if rollout.early:
                return _return(journal, name, wanted, now)
            case RollingBack() | RolledBack() | Failed():
                return rollout
    kept = journal.stable.get(name) == journal.before.get(name) and not drawn
    if kept or _is_job(rollout, name, wanted):
        if rollout is None or rollout.kind == "repair" or not isinstance(rollout.phase, Pending | Preparing):
            return rollout
        return _not_begun(journal, rollout, now)
    return _return(journal, name, wanted, now)


def _not_begun(journal: Journal, rollout: Rollout, now: datetime) -> Rollout:
    release = journal.release
    aborted = release.aborted if release is not None else None
    reason = f"not begun: {release.reason}" if release is not None else "not begun"
    phase = Cancelled(aborted.by) if aborted is not None else RolledBack(reason)
    return replace(rollout, phase=phase, finished_at=now, paused=None)


def _drawn_along(journal: Journal, name: str) -> bool:
    """A service that it lived in has been touched: what lives in that one's containers goes with them, and after."""
    before = journal.before.get(name) or NOTHING
    others = (journal.rollouts.get(each) for each in (*before.joins, *before.borrows))
    return any(
        other is not None and other.kind != "repair" and not isinstance(other.phase, Pending | Preparing)
        for other in others
    )


def _is_job(rollout: Rollout | None, name: str, wanted: SealedState | None) -> bool:
    sealed = wanted.services.get(name) if wanted is not None else None
    return (rollout is not None and rollout.job) or (sealed is not None and sealed.service.job is not None)


def _cause(journal: Journal) -> str:
    release = journal.release
    if release is None:
        return "return"
    why = release.reason if release.aborted is not None else f"failed: {release.reason}"
    return f"release {release.number} {why}"


def _return(journal: Journal, name: str, wanted: SealedState | None, now: datetime) -> Rollout:
    """A rollout of a service to what served before the release; it has no way back of its own."""
    sealed = wanted.services.get(name) if wanted is not None else None
    goal = journal.before.get(name) or NOTHING
    policy = sealed.service.policy if sealed is not None else Policy()
    return Rollout(
        service=name,
        release=journal.release.number if journal.release is not None else 0,
        target=goal,
        stable=goal,
        order=order_back(sealed) if sealed is not None else "stop-first",
        policy=going_back(policy),
        cause=f"return: {_cause(journal)}",
        phase=Pending(),
        started_at=now,
        deadline=now + policy.progress_deadline,
        kind="return",
        way_back=False,
        project=journal.project,
        needs=(
            *((each, RETURNED) for each in _before_it(journal, name, wanted)),
            *((each, RETURNING) for each in (*goal.joins, *goal.borrows)),
        ),
    )


def _before_it(journal: Journal, name: str, wanted: SealedState | None) -> list[str]:
    """Who returns before it: its dependents; and before one that made room for newcomers, all the others.

    What lives in its containers can only return after it.
    """
    rollout = journal.rollouts.get(name)
    if rollout is not None and rollout.early:
        return sorted(each for each, other in journal.rollouts.items() if not other.early)
    services, after = wanted.services if wanted is not None else {}, sharers(journal.before, name)
    return sorted(
        each
        for each, sealed in services.items()
        if each not in after and any(need.service == name for need in sealed.service.depends_on)
    )


def _lost(journal: Journal, release: Release, concerned: Iterable[Rollout]) -> tuple[Journal, Release]:
    """A service whose way back failed: the release has failed, though the others go on returning."""
    back = (each for each in concerned if each.terms.phase != "on-failure")
    lost = next((each for each in back if isinstance(each.phase, Failed)), None)
    if lost is None or release.outcome == "failed":
        return journal, release
    said = getattr(lost.phase, "reason", "")
    reason = said if said.startswith(release.reason) else f"{release.reason}; {lost.service} did not return: {said}"
    release = replace(release, outcome="failed", reason=reason)
    return replace(journal, release=release), release


def _as_before(journal: Journal) -> Journal:
    """What did not return is not given up: it is for repairs to bring back what served before."""
    jobs = {name: target for name, target in journal.stable.items() if name in journal.completed}
    return replace(journal, stable={**journal.before, **jobs})


def _ended(
    journal: Journal, release: Release, now: datetime, *, paused: bool = False
) -> tuple[Journal, tuple[Release, ...]]:
    back: Outcome = "rolled-back" if release.aborted is None else "cancelled"
    outcome: Outcome = release.outcome or (back if journal.serving is not None else "failed")
    ended = replace(release, phase="ended", outcome=outcome, finished_at=now)
    rejection = Rejection(release.content_digest, release.number, release.revision, release.reason, now, paused)
    rejection = replace(rejection, schema=release.guard == GUARD)
    rejected = {**journal.rejected, release.content_digest: rejection}
    failures = journal.failures + (release.aborted is None)
    return replace(journal, release=None, before={}, rejected=rejected, failures=failures), (ended,)


def swept(journal: Journal) -> Journal:
    """Without the rollouts that have ended."""
    rollouts = {name: rollout for name, rollout in journal.rollouts.items() if rollout.open}
    return journal if len(rollouts) == len(journal.rollouts) else replace(journal, rollouts=rollouts)

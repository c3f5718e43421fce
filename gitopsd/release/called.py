"""What runs only when a release goes back: its jobs of phase on-failure."""

from datetime import datetime

from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Pending, Rollout
from gitopsd.plan.order import replacement
from gitopsd.release.gates import RETURNED
from gitopsd.release.opening import target_of


def called_by_failure(journal: Journal, wanted: SealedState | None, cause: str, now: datetime) -> dict[str, Rollout]:
    """The jobs that a failed release calls, once all else has returned."""
    release = journal.release
    if wanted is None or release is None:
        return {}
    returning = tuple((name, RETURNED) for name, each in sorted(journal.rollouts.items()) if each.open)
    found: dict[str, Rollout] = {}
    for name, sealed in sorted(wanted.services.items()):
        job = sealed.service.job
        if job is None or job.phase != "on-failure":
            continue
        limit = job.timeout or sealed.service.policy.progress_deadline
        found[name] = Rollout(
            service=name,
            release=release.number,
            target=target_of(sealed),
            stable=None,
            order=replacement(sealed).order,
            policy=sealed.service.policy,
            cause=f"on failure: {cause}",
            phase=Pending(),
            started_at=now,
            deadline=now + limit,
            job=True,
            kind="return",
            way_back=False,
            project=journal.project,
            needs=returning,
            terms=job,
        )
    return found

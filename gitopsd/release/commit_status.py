"""What a forge is told of an environment's newest commit: that it waits, serves or failed, and why."""

from collections.abc import Iterator
from dataclasses import replace

from gitopsd.model.notice import CommitState, CommitStatus, Reported, Standing
from gitopsd.model.release import Hold
from gitopsd.model.status import EnvironmentStatus

SPOILT = ("rejected", "manifest", "policy", "signature", "project", "claim")  # only another commit mends these


def reported(
    standing: Standing, status: EnvironmentStatus, repository: str
) -> tuple[Standing, tuple[CommitStatus, ...]]:
    """What is known to have been told after this look, and what is to be told by it.

    A commit that changes nothing here is told of only where the one before it was left unwell.
    """
    found = _state(standing, status)
    before = standing.reported
    if found is None or found[0] == before:
        return standing, ()
    now, why, page = found
    unwell = before is not None and before.state != "success"
    if now.state == "success" and status.serving_revision != now.revision and not unwell:
        return standing, ()
    context = f"gitopsd/{status.name}"
    told = (
        *_left_behind(before, now, repository, context),
        CommitStatus(repository, now.revision, now.state, context, why, page),
    )
    return replace(standing, reported=now), told


def _state(standing: Standing, status: EnvironmentStatus) -> tuple[Reported, str, str] | None:
    """The state of the newest commit, in words, and the page that shows it; None: nothing can be said now."""
    revision, page = status.desired_revision, f"/environments/{status.name}"
    spoilt = next((hold for hold in status.holds if hold.guard in SPOILT), None)
    if not revision or status.mode == "observe":
        return None
    if spoilt is not None:
        return Reported(revision, "failure", spoilt.guard), spoilt.reason, _release(spoilt, page)
    if "Unknown" in (status.sync, status.health):
        return None
    if standing.release is not None:
        key, page = f"release {standing.release}", f"/releases/{standing.release}"
        return Reported(revision, "pending", key), f"{key} is under way", page
    if status.revision == revision:
        said = f"release {status.serving_release} serves it"
        return Reported(revision, "success", ""), said, f"/releases/{status.serving_release}"
    if status.holds:
        return Reported(revision, "pending", status.holds[0].guard), status.holds[0].reason, page
    return Reported(revision, "pending", "turn"), "it is looked at", page


def _release(hold: Hold, page: str) -> str:
    return f"/releases/{hold.release}" if hold.release is not None else page


def _left_behind(before: Reported | None, now: Reported, repository: str, context: str) -> Iterator[CommitStatus]:
    """A commit that newer content overtook does not stay pending for ever."""
    if before is None or before.state != "pending" or before.revision == now.revision:
        return
    state: CommitState = "superseded"
    yield CommitStatus(repository, before.revision, state, context, f"superseded by {now.revision[:12]}")

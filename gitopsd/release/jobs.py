"""The places of jobs in a release: who waits for which job.

probe, before, expand and verify come, in this order, before everything that is not needed for them; `after` comes once
all else serves. So one that fails early stops the release before any traffic has moved.
"""

from collections.abc import Mapping
from typing import Final

from gitopsd.model.job import JobPhase
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Progressing, Rollout, Succeeded

_PLACES: Final[Mapping[JobPhase, int]] = {"probe": 0, "before": 1, "expand": 2, "verify": 3, "after": 5, "contract": 6}
_OTHERS: Final = 4


def awaited_jobs(journal: Journal, rollout: Rollout) -> tuple[str, ...]:
    """What a rollout of a release waits for by the places of jobs, whatever `depends_on` says."""
    own = _place(rollout)
    held = [name for name, other in journal.rollouts.items() if _holds_up(other, rollout, own)]
    return tuple(sorted(name for name in held if rollout.service not in _needed_by(journal, journal.rollouts[name])))


def awaits_job(journal: Journal, removal: Rollout) -> bool:
    """Whether one that goes first, to make room, waits for a job that does not itself wait for that room."""
    early = [each for each in journal.rollouts.values() if _place(each) < _OTHERS and not _served(each)]
    opened = {name for name, each in journal.rollouts.items() if each.open and not each.job}
    return removal.early and any(not _needed_by(journal, each) & opened for each in early)


def runs_job(journal: Journal) -> bool:
    """Whether a job that has a place in the release has begun, and not ended: newer content lets it end."""
    return any(
        each.terms.phase is not None and each.begun and isinstance(each.phase, Progressing)
        for each in journal.rollouts.values()
    )


def _place(rollout: Rollout) -> int:
    phase = rollout.terms.phase
    return _OTHERS if phase is None else _PLACES.get(phase, _OTHERS)


def _holds_up(other: Rollout, rollout: Rollout, own: int) -> bool:
    if (other.terms.phase is None and rollout.terms.phase is None) or other.service == rollout.service:
        return False
    return _place(other) < own and other.kind == "change" and not (other.leaving or _served(other))


def comes_first(rollout: Rollout) -> bool:
    """Whether it is a job that comes before everything that it does not need."""
    return _place(rollout) < _OTHERS


def _served(rollout: Rollout) -> bool:
    return isinstance(rollout.phase, Finalising | Succeeded)


def _needed_by(journal: Journal, rollout: Rollout) -> set[str]:
    """What a rollout waits for by `depends_on`, directly or through others."""
    found: set[str] = set()
    left = [rollout]
    while left:
        for name, _ in left.pop().needs:
            if name not in found:
                found.add(name)
                left += [journal.rollouts[name]] if name in journal.rollouts else []
    return found

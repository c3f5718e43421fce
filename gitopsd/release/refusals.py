"""The engine's refusals, each beside what the refused action was for: newer content does not answer for what was there
before it, nor a way back for the way forward.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.model.release import Journal
from gitopsd.model.rollout import RollingBack


@dataclass(frozen=True, slots=True)
class Aim:
    """What an action is for: a release and, where it is one of a rollout, its kind and the content that it brings."""

    release: int
    kind: str = ""
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """The engine's word against an action."""

    reason: str
    aim: Aim


def aim_of(journal: Journal, key: str) -> Aim:
    """What the chains of a key are for by now."""
    rollout = journal.rollouts.get(key.rpartition("/")[0])
    if rollout is None:
        return Aim(journal.release.number if journal.release is not None else 0)
    goal = rollout.stable if isinstance(rollout.phase, RollingBack) else rollout.target
    return Aim(rollout.release, rollout.kind, goal.fingerprint if goal is not None else "")


def concerning(journal: Journal, refusals: Mapping[str, Refusal]) -> dict[str, str]:
    """What was refused of what is still aimed at, by key."""
    return {key: each.reason for key, each in refusals.items() if each.aim == aim_of(journal, key)}

"""What a turn of one rollout means for the rest of the environment: what is stable now, and which jobs are done."""

from collections.abc import Mapping
from dataclasses import replace

from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, RolledBack, Rollout, Succeeded, Target
from gitopsd.release.schema import ended
from gitopsd.release.telling import failures_told


def noted(journal: Journal, before: Rollout, after: Rollout) -> Journal:
    """From Finalising on a rollout's target is stable, and after a way back what it returned to."""
    name, noted = after.service, _gone_on(journal, before, after)
    if isinstance(after.phase, RolledBack) and not after.job:
        return replace(noted, stable=_with(journal.stable, name, after.stable))
    if not after.target.fingerprint:
        gone = isinstance(after.phase, Succeeded)
        return replace(noted, stable=_with(journal.stable, name, None)) if gone else noted
    if not isinstance(after.phase, Finalising | Succeeded) or isinstance(before.phase, Finalising):
        return noted
    completed, noted = journal.completed, ended(noted, after)
    if after.job and after.terms.phase != "on-failure":
        done = (*completed.get(name, ()), after.target.fingerprint)
        completed = {**completed, name: tuple(dict.fromkeys(done))[-20:]}
    return replace(noted, stable=_with(journal.stable, name, after.target), completed=completed)


def _gone_on(journal: Journal, before: Rollout, after: Rollout) -> Journal:
    """A release that goes on though an instance failed says so to its end."""
    release = journal.release
    told = failures_told(before, after)
    if release is None or not told:
        return journal
    words = (release.reason, *(f"{after.service}: {each}" for each in told))
    return replace(journal, release=replace(release, reason="; ".join(filter(None, words))))


def _with(stable: Mapping[str, Target], name: str, target: Target | None) -> dict[str, Target]:
    others = {each: kept for each, kept in stable.items() if each != name}
    return others if target is None or not target.fingerprint else {**others, name: target}

"""When a rollout of a release may begin, and when a removal may finalise."""

from collections.abc import Mapping
from datetime import datetime

from gitopsd.model.release import Journal
from gitopsd.model.rollout import Finalising, Pending, Preparing, Progressing, Rollout, Succeeded
from gitopsd.release.jobs import awaited_jobs, awaits_job, comes_first
from gitopsd.rollout import Member, stand_aside
from gitopsd.rollout.member import ready_now

RETURNED = "returned"  # a need of a service that returns: its dependents have returned
RETURNING = "returning"  # the same of one that lives in another: that one is on its way back, or has arrived


def may_begin(journal: Journal, rollout: Rollout, members: Mapping[str, tuple[Member, ...]]) -> bool:
    """Dependencies are as `depends_on` wants them, and jobs that come before it have ended well.

    Removals come last, but early ones first: others wait for those.
    """
    if rollout.leaving:
        return (rollout.early and not awaits_job(journal, rollout)) or _rest_is_good(journal)
    makes_room = any(each.early and not _aside(each, members) for each in journal.rollouts.values())
    if makes_room and not comes_first(rollout):
        return False
    if rollout.kind == "change" and awaited_jobs(journal, rollout):
        return False
    return all(met(journal, service, condition, members) for service, condition in rollout.needs)


def may_finalise(journal: Journal, removal: Rollout, members: Mapping[str, tuple[Member, ...]], now: datetime) -> bool:
    """The stopped instances of a removed service may go: everything that stays is good, nothing will need them back."""
    watched = any(each.watched(now) for each in journal.rollouts.values())
    return _aside(removal, members) and _rest_is_good(journal) and not watched


def _rest_is_good(journal: Journal) -> bool:
    stays = [each for each in journal.rollouts.values() if each.kind == "change" and not each.leaving]
    return all(isinstance(each.phase, Finalising | Succeeded) for each in stays)


def _aside(removal: Rollout, members: Mapping[str, tuple[Member, ...]]) -> bool:
    begun = not isinstance(removal.phase, Pending | Preparing)
    return begun and not stand_aside(removal, members.get(removal.service, ()))


def met(journal: Journal, service: str, condition: str, members: Mapping[str, tuple[Member, ...]]) -> bool:
    """Whether what a rollout waits for has come about."""
    rollout = journal.rollouts.get(service)
    if condition == RETURNED:
        return rollout is None or not rollout.open
    if condition == RETURNING:
        return rollout is None or not isinstance(rollout.phase, Pending | Preparing)
    if rollout is None or not rollout.open:
        return rollout is None or isinstance(rollout.phase, Succeeded)
    if isinstance(rollout.phase, Finalising):
        return True
    if condition != "service_started" or not isinstance(rollout.phase, Progressing):
        return False
    started = [each for each in members.get(service, ()) if each.placed.fingerprint == rollout.target.fingerprint]
    return len(started) >= rollout.target.replicas and all(each.up or ready_now(each) for each in started)

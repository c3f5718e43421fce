"""What a person says to the release under way: wait, go on, do not wait, go back. Each with its answer in words."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from gitopsd.model.guards import ApprovalRule, Ruling
from gitopsd.model.release import Abort, Journal, Release
from gitopsd.model.rollout import Finalising, Paused, Pending, Preparing, Progressing, Rollout, Sighting
from gitopsd.model.units import span_text
from gitopsd.rollout.shifting import at_approval, waits, waits_for_a_person
from gitopsd.rollout.watching import forgotten

IDLE = "nothing is being rolled out here"
SHORTEST = 7  # of what stands for a commit
MOST_TOLD = 5


def pause(journal: Journal, service: str, paused: Paused) -> tuple[Journal, str]:
    """Hold the rollouts of the release, or that of one service. One that has begun to return is not held."""
    if answer := _no(journal, service):
        return journal, answer
    under_way = _under_way(journal, service)
    held = {name: replace(rollout, paused=paused) for name, rollout in under_way.items() if rollout.paused is None}
    if not held:
        return journal, f"paused already: {', '.join(under_way)}"
    return _with(journal, held), f"paused: {', '.join(held)}; `gitopsd rollout resume` goes on"


def resume(journal: Journal, service: str, now: datetime) -> tuple[Journal, str]:
    """Let what is paused go on, with as much time as it had left."""
    if answer := _no(journal, service):
        return journal, answer
    freed = {name: _freed(rollout, now) for name, rollout in _under_way(journal, service).items() if rollout.paused}
    return _with(journal, freed), f"goes on: {', '.join(freed)}" if freed else "nothing was paused"


def promote(journal: Journal, service: str, now: datetime) -> tuple[Journal, str]:
    """Let what is paused go on, and take what is ready for good: `min_ready`, `delay`, `monitor` and a pause of its
    steps count as over. An approval is nothing that time brings, and stays what it was: for `approve` to give.
    """
    if answer := _no(journal, service):
        return journal, answer
    under_way = _under_way(journal, service)
    hurried = {name: _hurried(journal, _freed(rollout, now), now) for name, rollout in under_way.items()}
    moved = {name: rollout for name, rollout in hurried.items() if rollout != under_way[name]}
    asked = [name for name, rollout in under_way.items() if at_approval(rollout)]
    if not moved and asked:
        return journal, f"waits for an approval: {', '.join(asked)}; `gitopsd approve {journal.environment}` gives it"
    if not moved:
        return journal, f"nothing waits for the passing of time: {', '.join(under_way)}"
    return _with(journal, moved), f"goes on without waiting: {', '.join(moved)}"


def abort(journal: Journal, service: str, order: Abort) -> tuple[Journal, str]:
    """End the release under way: everything goes back. Its content is not tried again until a person says `retry`."""
    release = journal.release
    if release is None:
        return journal, f"{IDLE}, so there is nothing to abort"
    if answer := _no(journal, service):
        return journal, answer
    where = f"goes back to release {journal.serving.release}" if journal.serving is not None else "ends where it stands"
    return replace(journal, release=replace(release, aborted=order)), f"release {release.number} {where}"


def stands_at_approval(journal: Journal, what: str) -> bool:
    """Whether the release under way waits at an approval, and is meant by its number, a commit, or nothing at all."""
    release = journal.release
    if release is None or not _approvable(journal):
        return False
    meant = what == str(release.number) or (len(what) >= SHORTEST and release.revision.startswith(what))
    return meant or (what == "" and (journal.queued is None or not journal.queued.asks))


def ruled_on_step(journal: Journal, ruling: Ruling) -> tuple[Journal, str]:
    """Approved, the services that wait at an approval go on; denied, the release goes back."""
    waiting, release = _approvable(journal), journal.release
    if ruling.said == "approved" or release is None:
        freed = {name: replace(each, shift=replace(each.shift, promoted=True)) for name, each in waiting.items()}
        return _with(journal, freed), f"approved: {', '.join(waiting)} goes on"
    return abort(journal, "", Abort(ruling.by, ruling.at, ruling.reason or "denied"))


def unanswered(journal: Journal, now: datetime) -> Journal:
    """The journal with the release on its way back, if nobody has approved of a step of it in time."""
    release = journal.release
    if release is None or release.aborted is not None:
        return journal
    timeout = (release.guards.approval or ApprovalRule()).timeout
    since = [each.shift.since for each in _approvable(journal).values() if each.shift.since is not None]
    if release.phase == "returning" or not any(now >= each + timeout for each in since):
        return journal
    order = Abort("gitopsd", now, f"nobody approved of its step within {span_text(timeout)}")
    return replace(journal, release=replace(release, aborted=order))


def overdue(journal: Journal, now: datetime) -> Journal:
    """The journal with the release on its way back, if it has taken longer than it may.

    While it waits for a person, who has a time of their own, it is not held against it.
    """
    release = journal.release
    if release is None or release.aborted is not None or release.phase == "returning" or not release.timeout:
        return journal
    asked = any(each.paused is not None or waits_for_a_person(each) for each in _under_way(journal, "").values())
    if asked or now < release.started_at + release.timeout:
        return journal
    order = Abort("gitopsd", now, f"it did not end within {span_text(release.timeout)}, the release_timeout")
    return replace(journal, release=replace(release, aborted=order))


def tripped(journal: Journal, now: datetime) -> Journal:
    """The journal with the release on its way back, if more of its instances failed than the circuit breaker lets."""
    release = journal.release
    if release is None or release.aborted is not None or release.phase == "returning" or not release.launches:
        return journal
    failed = [
        f"{name}/{slot}" for name, each in sorted(journal.rollouts.items()) for slot in _failed_slots(each, release)
    ]
    if len(failed) < release.launches:
        return journal
    told = f"{len(failed)} launches failed ({', '.join(failed[:MOST_TOLD])}), which opens the circuit breaker"
    return replace(journal, release=replace(release, aborted=Abort("gitopsd", now, told)))


def _failed_slots(rollout: Rollout, release: Release) -> tuple[str, ...]:
    """The slots whose new instances failed, and were passed over."""
    of_release = rollout.release == release.number and rollout.kind == "change"
    return tuple(sorted({*rollout.passed, *rollout.relapsed})) if of_release else ()


def _approvable(journal: Journal) -> dict[str, Rollout]:
    return {name: each for name, each in _under_way(journal, "").items() if at_approval(each)}


def _no(journal: Journal, service: str) -> str:
    """Why nothing can be said to the release, or to one service's part in it; "" where that can be."""
    release = journal.release
    if release is None:
        return IDLE
    if release.phase == "returning" or release.aborted is not None:
        return f"release {release.number} is on its way back already: {release.reason}".rstrip(": ")
    if not _under_way(journal, service):
        others = ", ".join(_under_way(journal, "")) or "none any more"
        return f"{service or 'no service'} is not being rolled out; release {release.number} is at: {others}"
    return ""


def _under_way(journal: Journal, service: str) -> dict[str, Rollout]:
    return {
        name: rollout
        for name, rollout in sorted(journal.rollouts.items())
        if service in ("", name)
        and rollout.kind == "change"
        and (isinstance(rollout.phase, Pending | Preparing | Progressing) or _watched(rollout))
    }


def _watched(rollout: Rollout) -> bool:
    return isinstance(rollout.phase, Finalising) and rollout.watched_until is not None


def _with(journal: Journal, changed: Mapping[str, Rollout]) -> Journal:
    return replace(journal, rollouts={**journal.rollouts, **changed})


def _freed(rollout: Rollout, now: datetime) -> Rollout:
    """Its deadlines move by the time that was spent waiting; before it has begun, none runs."""
    if rollout.paused is None:
        return rollout
    waited, until = now - rollout.paused.at, rollout.watched_until
    begun, since = isinstance(rollout.phase, Progressing | Finalising), rollout.shift.since
    return replace(
        rollout,
        paused=None,
        deadline=rollout.deadline + waited if begun else rollout.deadline,
        watched_until=until + waited if until is not None else None,
        shift=replace(rollout.shift, since=since + waited if since is not None else None),
        judged=forgotten(rollout.judged),
    )


def _hurried(journal: Journal, rollout: Rollout, now: datetime) -> Rollout:
    """Its new instances that are ready count as having been so for as long as they must; what serves, as watched."""
    if rollout.watched(now):
        return replace(rollout, watched_until=now)
    long_ago = now - rollout.policy.min_ready - rollout.policy.delay

    def sooner(id: str, sighting: Sighting) -> Sighting:
        placed = journal.inventory.get(id)
        new = placed is not None and placed.fingerprint == rollout.target.fingerprint
        waits = new and sighting.ready_since is not None and sighting.ready_since > long_ago
        return replace(sighting, ready_since=long_ago) if waits else sighting

    seen = {id: sooner(id, sighting) for id, sighting in rollout.seen.items()}
    shift = replace(rollout.shift, promoted=rollout.shift.promoted or (waits(rollout) and not at_approval(rollout)))
    return replace(rollout, seen=seen, shift=shift)

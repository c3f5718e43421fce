"""How a release begins: from a plan to rollouts; and how newer content takes over from an open one."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeVar

from gitopsd.engine_json import borrowed_services, joined_services
from gitopsd.model.canonical import Json
from gitopsd.model.desired import Policy, SealedService, SealedState, Service
from gitopsd.model.event import Event
from gitopsd.model.guards import NO_GUARDS, Guards, outspoken, strictest
from gitopsd.model.job import ONE_SHOT
from gitopsd.model.plan import Change, Plan
from gitopsd.model.release import Journal, Outcome, Rejection, Release, ReleasedService, Serving
from gitopsd.model.rollout import Finalising, Pending, Preparing, Progressing, RollingBack, Rollout, Succeeded, Target
from gitopsd.plan.order import order_back, replacement
from gitopsd.release.guarding import asked
from gitopsd.release.jobs import runs_job
from gitopsd.release.schema import GUARD, recalled
from gitopsd.release.telling import release_ended
from gitopsd.rollout.machine import NOTHING
from gitopsd.rollout.shifting import gradual

Verdict = Literal["same", "begin", "wait", "rejected"]
Followed = TypeVar("Followed", Release, Serving)
MOST_BEGUN = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """What would be released: sealed content, its plan, the commit that it comes from, and what all guards allow it.

    `kept` are guards that stay in force though the content does not ask for them, as nobody let go of them.
    """

    wanted: SealedState
    plan: Plan
    waves: tuple[tuple[str, ...], ...]
    author: str
    subject: str
    cause: str
    limits: Guards = NO_GUARDS
    kept: Guards = NO_GUARDS


def verdict(journal: Journal, wanted: SealedState) -> Verdict:
    """What newer content means now. A release on its way back first brings everything back, then gives way.

    So does one whose job is running, once that has ended.
    """
    release, serving = journal.release, journal.serving
    current = release or serving
    if current is not None and current.content_digest == wanted.content_digest:
        due = any(each.due for each in journal.unneeded.values())
        return "begin" if release is None and (due or _left_as_it_failed(journal)) else "same"
    if release is not None and (release.phase == "returning" or release.aborted is not None or runs_job(journal)):
        return "wait"
    return "rejected" if wanted.content_digest in journal.rejected else "begin"


def _left_as_it_failed(journal: Journal) -> bool:
    """Whether instances of a release that failed stand where the last good one stood: going back to it is work."""
    failed = {each.release for each in journal.rejected.values() if each.paused}
    return journal.serving is not None and any(each.release in failed for each in journal.inventory.values())


def follow(journal: Journal, wanted: SealedState) -> Journal:
    """Equal content at another commit: the revision moves, nothing else."""
    release, serving = journal.release, journal.serving
    if release is not None and release.content_digest == wanted.content_digest:
        moved = _moved(release, wanted)
        return journal if moved == release else replace(journal, release=moved)
    if serving is not None and release is None and serving.content_digest == wanted.content_digest:
        now_at = _moved(serving, wanted)
        return journal if now_at == serving else replace(journal, serving=now_at)
    return journal


def _moved(current: Followed, wanted: SealedState) -> Followed:
    """At the newer commit. What that one asks for on top counts from now on; what it does not, only after a release."""
    guards = strictest(outspoken(current.guards), outspoken(asked(wanted.desired)))
    return replace(current, revision=wanted.revision, input_digest=wanted.input_digest, guards=guards)


def begin(
    journal: Journal, candidate: Candidate, number: int, now: datetime
) -> tuple[Journal, tuple[Event, ...], tuple[Release, ...]]:
    """Open a release, superseding an open one. A service whose target did not change keeps its rollout."""
    ended = _superseded(journal, number, now)
    release = prospect(journal.environment, candidate, number, now)
    if journal.serving is None and any(each.outcome == "succeeded" for each in ended):
        journal = replace(journal, release=None, serving=serving_of(ended[0]))  # nothing better is known
    journal = _refreshed(recalled(journal, candidate.wanted), candidate)
    before = journal.before if journal.release is not None else journal.stable
    journal = replace(journal, before=before)
    rollouts = {
        change.service: rollout
        for change in candidate.plan.changes
        if (rollout := _rollout(change, journal, candidate, number, now)) is not None
    }
    event = Event(
        now,
        "ReleaseStarted",
        f"release {number} of {candidate.wanted.revision[:8]} ({candidate.subject}): {candidate.cause}",
        environment=journal.environment,
        release=number,
        data={
            "cause": candidate.cause,
            "changes": {each.service: _told(each) for each in candidate.plan.changes if each.change != "unchanged"},
        },
    )
    opened = replace(
        journal,
        project=candidate.wanted.desired.project,
        release=release,
        rollouts=rollouts,
        repairs={},
        rejected={digest: replace(each, paused=False) for digest, each in journal.rejected.items()},
        begun=(*journal.begun, now)[-MOST_BEGUN:],
    )
    superseding = tuple(
        Event(now, "ReleaseSuperseded", each.reason, environment=journal.environment, release=each.number)
        if each.outcome == "superseded"
        else release_ended(each, now)
        for each in ended
    )
    return opened, (*superseding, event), ended


def _told(change: Change) -> dict[str, Json]:
    """What the plan said of a service, for whoever asks later why."""
    return {
        "change": change.change,
        "cause": change.cause,
        "order": change.order,
        "interruption_s": change.interruption_s,
        "interruption": change.interruption,
    }


def refuse(
    journal: Journal, candidate: Candidate, number: int, reason: str, now: datetime, guard: str = ""
) -> tuple[Journal, tuple[Event, ...], tuple[Release, ...]]:
    """Reject content before anything was touched: evidence against it came before its release could begin."""
    outcome: Outcome = "rolled-back" if journal.serving is not None else "failed"
    release = replace(
        prospect(journal.environment, candidate, number, now),
        phase="ended",
        outcome=outcome,
        finished_at=now,
        reason=reason,
        guard=guard,
    )
    rejection = Rejection(release.content_digest, number, release.revision, reason, now, schema=guard == GUARD)
    message = f"release {number} of {release.revision[:8]} ({candidate.subject}) was rejected: {reason}"
    event = Event(now, "ReleaseRejected", message, "error", journal.environment, release=number)
    rejected = {**journal.rejected, release.content_digest: rejection}
    project = journal.project or candidate.wanted.desired.project
    return replace(journal, project=project, rejected=rejected), (event,), (release,)


def _refreshed(journal: Journal, candidate: Candidate) -> Journal:
    """What does not change is stable as it is wanted now: its image may bear another name, or its limits be unknown."""
    unchanged = [change.service for change in candidate.plan.changes if change.change == "unchanged"]
    services = candidate.wanted.services
    fresh = {
        name: target_of(services[name])
        for name in unchanged
        if name in journal.stable and journal.stable[name].fingerprint == services[name].fingerprint
    }
    before = {
        name: fresh[name] if name in fresh and target == journal.stable[name] else target
        for name, target in journal.before.items()
    }
    return replace(journal, stable={**journal.stable, **fresh}, before=before)


def _superseded(journal: Journal, number: int, now: datetime) -> tuple[Release, ...]:
    release = journal.release
    if release is None:
        return ()
    outcome: Outcome = "succeeded" if _serves(journal) else "superseded"
    reason = f"superseded by release {number}"
    reason = f"{reason} while it was watched" if outcome == "succeeded" else reason
    return (replace(release, phase="ended", outcome=outcome, finished_at=now, reason=reason),)


def _serves(journal: Journal) -> bool:
    """All of the open release serves already, and is only watched. What leaves is kept until that is over."""
    concerned = [each for each in journal.rollouts.values() if each.kind != "repair" and not each.leaving]
    return bool(concerned) and all(isinstance(each.phase, Finalising | Succeeded) for each in concerned)


def prospect(environment: str, candidate: Candidate, number: int, now: datetime) -> Release:
    """The release of a candidate as it begins."""
    wanted = candidate.wanted
    return Release(
        number=number,
        environment=environment,
        revision=wanted.revision,
        input_digest=wanted.input_digest,
        content_digest=wanted.content_digest,
        author=candidate.author,
        subject=candidate.subject,
        cause=candidate.cause,
        started_at=now,
        services=tuple(released(sealed) for _, sealed in sorted(wanted.services.items())),
        waves=candidate.waves,
        guards=strictest(candidate.kept, asked(wanted.desired)),
        timeout=candidate.limits.timeout,
        launches=candidate.limits.launches,
    )


def released(sealed: SealedService) -> ReleasedService:
    """The ledger's entry of a service."""
    service, image = sealed.service, sealed.image
    digest = image.digest or image.id
    return ReleasedService(
        service.name,
        service.image,
        digest,
        sealed.fingerprint,
        sealed.config_digest,
        service.replicas,
        sealed.secrets,
        service.schema,
    )


def target_of(sealed: SealedService) -> Target:
    """What the slots of a sealed service shall be."""
    service, options = sealed.service, sealed.service.options
    joins = joined_services(options)
    return Target(
        sealed.fingerprint,
        replicas=1 if service.job is not None else service.replicas,
        in_place=sealed.in_place,
        image=service.image,
        container_name=str(options.get("container_name") or ""),
        joins=joins,
        borrows=tuple(each for each in borrowed_services(options) if each not in joins),
        secrets=sealed.secrets,
        health=service.policy.health,
        routed=service.traffic is not None,
        schema=service.schema,
    )


def _rollout(change: Change, journal: Journal, candidate: Candidate, number: int, now: datetime) -> Rollout | None:
    current = journal.rollouts.get(change.service)
    sealed = candidate.wanted.services.get(change.service)
    target = target_of(sealed) if sealed is not None else NOTHING
    if current is not None and current.open:
        # One that has not begun may wait for other services now, and one that has turned back goes the other way.
        anew = isinstance(current.phase, Pending | Preparing | RollingBack)
        # One that has arrived already moves once more with the service that it lives in.
        again = isinstance(current.phase, Finalising) and change.change == "replace"
        if current.target == target and not (anew or again or _other_steps(current, sealed)):
            return current
        made = _new(change, journal, candidate.wanted, number, now)
        return replace(made, paused=current.paused) if current.target == target else made
    return None if change.change == "unchanged" else _new(change, journal, candidate.wanted, number, now)


def _other_steps(current: Rollout, sealed: SealedService | None) -> bool:
    """Whether the same content is to be let in by other steps now: those are taken from the first one on."""
    if sealed is None or not gradual(current) or not isinstance(current.phase, Progressing):
        return False
    before, wanted = current.policy, sealed.service.policy
    return (before.strategy, before.steps, before.analysis) != (wanted.strategy, wanted.steps, wanted.analysis)


def _new(change: Change, journal: Journal, wanted: SealedState, number: int, now: datetime) -> Rollout:
    """A rollout at its beginning, waiting for what it depends on. Its way back is the last good release's."""
    sealed = wanted.services.get(change.service)
    stable = journal.before.get(change.service)
    if sealed is None:
        return _leaving(change, journal, wanted, number, now)
    service, target = sealed.service, target_of(sealed)
    policy = service.policy
    if service.job is not None:
        # A one-shot that is to run has nothing to go back to; one that ran already only ends what interrupted it.
        stable = target if change.change == "unchanged" else None
        policy = replace(policy, progress_deadline=service.job.timeout or policy.progress_deadline)
    # What runs may call for another order than what is wanted: a port that it has, and a router is to have.
    alone = replacement(sealed).order
    order = change.order if change.change == "replace" and service.job is None else alone
    if policy.back.order is not None:
        back = order_back(sealed) if order == alone else order
        policy = replace(policy, back=replace(policy.back, order=back))
    rollback = policy.on_failure != "pause" and wanted.desired.policy.on_failure == "rollback"
    return Rollout(
        service=change.service,
        release=number,
        target=target,
        stable=stable,
        order=order,
        policy=policy,
        cause=change.cause or "back to what serves: newer content",
        phase=Pending(),
        started_at=now,
        deadline=now + policy.progress_deadline,
        job=service.job is not None,
        way_back=journal.serving is not None and rollback,
        project=wanted.desired.project,
        needs=_needs(service),
        terms=service.job or ONE_SHOT,
    )


def _needs(service: Service) -> tuple[tuple[str, str], ...]:
    """What it waits for: what it depends on, and in any case what it lives in."""
    written = {each.service: each.condition for each in service.depends_on}
    return tuple({**dict.fromkeys(service.shares, "service_started"), **written}.items())


def _leaving(change: Change, journal: Journal, wanted: SealedState, number: int, now: datetime) -> Rollout:
    policy = Policy()
    stable = journal.before.get(change.service)
    done = journal.completed.get(change.service, ())
    return Rollout(
        service=change.service,
        release=number,
        target=NOTHING,
        stable=stable,
        order="stop-first",
        policy=policy,
        cause=change.cause,
        phase=Pending(),
        started_at=now,
        deadline=now + policy.progress_deadline,
        job=stable is not None and stable.fingerprint in done,
        early=change.early,
        project=wanted.desired.project,
    )


def serving_of(release: Release) -> Serving:
    """A release that succeeded, as the last good one."""
    return Serving(
        release.number,
        release.revision,
        release.revision,
        release.input_digest,
        release.content_digest,
        release.guards,
    )

"""How an environment stands: sync and health from the journal, what is wanted and what is there; two questions."""

from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.engine_json.routed import inner_address
from gitopsd.model.desired import SealedService, SealedState
from gitopsd.model.live import LiveState
from gitopsd.model.mode import Mode
from gitopsd.model.policy import Heals
from gitopsd.model.release import Hold, Journal
from gitopsd.model.rollout import Paused, Rollout, Target
from gitopsd.model.routing import Routed
from gitopsd.model.status import EnvironmentStatus, Health, NextStep, ServiceStatus, Sync, worst
from gitopsd.release.inventory import members_of
from gitopsd.release.repairs import ailment
from gitopsd.release.resources import missing_resources
from gitopsd.release.restarts import storms
from gitopsd.release.sharing import sharing_of
from gitopsd.rollout import Member
from gitopsd.rollout.member import ready_now

HOLDING_ROLLOUTS = ("host", "paused", "restart-storm")
OUT_OF_SYNC = Heals(unhealthy="report")  # whether it works is another question


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What is known at one look. `wanted` and `live` are None where Git or the engine did not say; `reason` says why.

    `stale`: Git does not answer, so newer content may be waiting. `desired_revision` is the newest commit seen, also
    when its manifest cannot be loaded. `services`, and whether one of them is `ailing`, are told where they are no
    containers of this engine.
    """

    wanted: SealedState | None
    live: LiveState | None
    desired_revision: str
    holds: tuple[Hold, ...] = ()
    reason: str = ""
    stale: bool = False
    next: NextStep | None = None
    warnings: tuple[str, ...] = ()
    services: tuple[ServiceStatus, ...] | None = None
    ailing: bool = False


def environment_status(name: str, mode: Mode, journal: Journal, known: Knowledge, now: datetime) -> EnvironmentStatus:
    """The status at one look. `since` is `now`: the caller keeps the older time while the words stay the same."""
    serving, sync = journal.serving, _sync(journal, known)
    services = known.services
    if services is None:
        services = tuple(_services(journal, known, now)) if known.live is not None else ()
    if sync == "Synced":  # no release waits for somebody to ask for it
        known = replace(known, holds=tuple(hold for hold in known.holds if hold.guard != "manual"))
    return EnvironmentStatus(
        name=name,
        project=journal.project or (known.wanted.desired.project if known.wanted is not None else ""),
        mode=mode,
        revision=serving.revision if serving is not None else "",
        desired_revision=known.desired_revision,
        sync=sync,
        health=_health(journal, known, services),
        reason=_reason(journal, known, services),
        since=now,
        serving_revision=serving.release_revision if serving is not None else "",
        serving_release=serving.release if serving is not None else None,
        holds=(*known.holds, *_paused(journal), *_rejected(journal, known)),
        next=known.next,
        services=services,
        warnings=known.warnings,
    )


def _sync(journal: Journal, known: Knowledge) -> Sync:
    if known.wanted is None or known.live is None or known.stale:
        return "Unknown"
    serves = journal.serving is not None and journal.serving.content_digest == known.wanted.content_digest
    return "Synced" if serves and not _ailing(journal, known) else "OutOfSync"


def _ailing(journal: Journal, known: Knowledge) -> bool:
    if known.services is not None:
        return known.ailing
    if known.wanted is None or known.live is None:
        return False
    if missing_resources(known.wanted, known.live):
        return True
    members = members_of(journal, known.live)
    project, sharing = known.wanted.desired.project, sharing_of(journal, members)
    return any(
        ailment(stable, members.get(name, ()), f"{project}-{name}", sharing, OUT_OF_SYNC)
        for name, stable in journal.stable.items()
        if not _is_job(known.wanted, name)
    )


def _is_job(state: SealedState | None, name: str) -> bool:
    return state is not None and name in state.services and state.services[name].service.job is not None


def _health(journal: Journal, known: Knowledge, services: tuple[ServiceStatus, ...]) -> Health:
    if known.live is None:
        return "Unknown"
    if journal.suspension is not None:
        return "Suspended"
    if not services and _emptied(journal, known):
        return "Healthy"
    if not services:
        return "Missing" if known.wanted is not None else "Unknown"
    healths = tuple(service.health for service in services)
    failed = bool(_rejected(journal, known))
    return "Degraded" if failed and worst(healths) == "Healthy" else worst(healths)


def _emptied(journal: Journal, known: Knowledge) -> bool:
    """Nothing is there because a release wanted nothing."""
    serving, wanted = journal.serving, known.wanted
    return serving is not None and wanted is not None and serving.content_digest == wanted.content_digest


def _reason(journal: Journal, known: Knowledge, services: tuple[ServiceStatus, ...]) -> str:
    if known.reason:
        return known.reason
    release = journal.release
    if release is not None:
        doing = "returning" if release.phase == "returning" else "rolling out"
        said = f"{doing} release {release.number}" + (f": {release.reason}" if release.reason else "")
        waits = (hold for hold in (*known.holds, *_paused(journal)) if hold.guard in HOLDING_ROLLOUTS)
        return next((f"{said}, held: {hold.reason}" for hold in waits), said)
    holds = (*_rejected(journal, known), *known.holds)
    if holds:
        return holds[0].reason
    if journal.suspension is not None:
        return f"suspended by {journal.suspension.by}: {journal.suspension.reason}".rstrip(": ")
    return next((service.reason for service in services if service.reason), "")


def _paused(journal: Journal) -> tuple[Hold, ...]:
    """What a person holds of the release under way: a hold for each time that somebody said so."""
    services: dict[Paused, list[Rollout]] = {}
    for _, rollout in sorted(journal.rollouts.items()):
        if rollout.paused is not None:
            services.setdefault(rollout.paused, []).append(rollout)
    return tuple(
        Hold("paused", f"{', '.join(each.service for each in held)} {paused.words}", held[0].release, by=paused.by)
        for paused, held in services.items()
    )


def _rejected(journal: Journal, known: Knowledge) -> tuple[Hold, ...]:
    if known.wanted is None or journal.release is not None:
        return ()
    rejection = journal.rejected.get(known.wanted.content_digest)
    if rejection is None:
        return ()
    reason = f"release {rejection.release} of {rejection.revision[:8]} was rejected: {rejection.reason}"
    return (Hold("rejected", reason, rejection.release),)


def _services(journal: Journal, known: Knowledge, now: datetime) -> list[ServiceStatus]:
    live = known.live or LiveState()
    members, raging = members_of(journal, live), storms(journal, known.wanted, live, now)
    names = set(journal.stable) | set(known.wanted.services if known.wanted is not None else ())
    found = (_service(journal, known, name, members.get(name, ())) for name in sorted(names))
    return [_in_storm(each, raging[each.name]) if each.name in raging else each for each in found]


def _in_storm(service: ServiceStatus, words: str) -> ServiceStatus:
    """Between two restarts everything looks well."""
    health: Health = "Degraded" if service.health == "Healthy" else service.health
    return replace(service, health=health, reason=service.reason or words)


def _service(journal: Journal, known: Knowledge, name: str, members: tuple[Member, ...]) -> ServiceStatus:
    stable = journal.stable.get(name)
    rollout = journal.rollouts.get(name)
    sealed = known.wanted.services.get(name) if known.wanted is not None else None
    goal = stable or (rollout.target if rollout is not None else None)
    ready = [member for member in members if ready_now(member)]
    job = _is_job(known.wanted, name)
    desired = sealed.service.replicas if sealed is not None else (goal.replicas if goal is not None else 0)
    done = waits_apart(sealed) or (sealed is not None and sealed.fingerprint in journal.completed.get(name, ()))
    paused = rollout.paused if rollout is not None else None
    health: Health = _job_health(done, members) if job else _service_health(goal, members, rolling=rollout is not None)
    waits = paused is not None and health == "Progressing"
    return ServiceStatus(
        name=name,
        sync=_service_sync(stable, sealed.fingerprint if sealed is not None else None, job=job, done=done),
        health="Suspended" if waits else health,
        fingerprint=goal.fingerprint if goal is not None else "",
        image=goal.image if goal is not None else (sealed.service.image if sealed is not None else ""),
        desired=1 if job else desired,
        ready=int(done) if job else len(ready),
        reason=paused.words if paused is not None and waits else _why(members, health),
        address=_address(journal.routes.get(name)),
    )


def _address(routed: Routed | None) -> str:
    if routed is None or not routed.traffic.inner or not routed.places:
        return ""
    return inner_address(routed) + ("" if routed.traffic.hidden else f":{routed.traffic.listen}")


def waits_apart(sealed: SealedService | None) -> bool:
    """A job that no release runs by itself: that it has not run is as it should be."""
    job = sealed.service.job if sealed is not None else None
    return job is not None and job.phase in ("contract", "on-failure")


def _service_sync(stable: Target | None, wanted: str | None, *, job: bool, done: bool) -> Sync:
    if job:
        return "Synced" if done else "OutOfSync"
    return "Synced" if stable is not None and stable.fingerprint == wanted else "OutOfSync"


def _job_health(done: bool, members: tuple[Member, ...]) -> Health:
    if done:
        return "Healthy"
    return "Progressing" if any(member.up for member in members) else ("Degraded" if members else "Missing")


def _service_health(goal: Target | None, members: tuple[Member, ...], *, rolling: bool) -> Health:
    """The worst of what a person would notice first: something unhealthy, something missing, something starting."""
    if not members:
        return "Progressing" if rolling else ("Missing" if goal is None or goal.replicas else "Healthy")
    if any(member.unhealthy or member.placed.looping for member in members):
        return "Degraded"
    if any(member.instance.state == "paused" for member in members):
        return "Suspended"
    ready = sum(ready_now(member) for member in members)
    if rolling or any(_starting(member) for member in members):
        return "Progressing"
    if any(member.instance.state in ("restarting", "dead") for member in members):
        return "Degraded"
    return "Healthy" if goal is not None and ready >= goal.replicas else "Degraded"


def _starting(member: Member) -> bool:
    asked = member.readiness is not None and member.readiness.state == "starting"
    return member.up and (member.instance.check == "starting" or asked)


def _why(members: tuple[Member, ...], health: Health) -> str:
    if health == "Progressing":
        waits = next((each for each in members if _starting(each) and each.complaint), None)
        return f"{waits.instance.name} is not ready: {waits.complaint[:120]}" if waits is not None else ""
    if health not in ("Degraded", "Suspended"):
        return ""
    for member in members:
        instance = member.instance
        if member.placed.looping:
            return f"{instance.name} {member.placed.looping}"
        if member.unhealthy:
            return f"{instance.name} is unhealthy: {member.complaint[:120]}".rstrip(": ")
        if instance.state not in ("running", "created"):
            code = f" with code {instance.exit_code}" if instance.state == "exited" else ""
            return f"{instance.name} {instance.state}{code}"
    return ""

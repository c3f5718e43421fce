"""The plan of an environment: what is wanted, held against what was applied and what is there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from gitopsd.model.desired import SealedService, SealedState, Service
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.parted import differing, known_part
from gitopsd.model.plan import IN_PLACE, Change, ChangeKind, FieldChange, Plan
from gitopsd.model.release import Hold, Journal
from gitopsd.model.rollout import Target
from gitopsd.plan.claims import Claim, claims, duplicate_claims
from gitopsd.plan.divergence import divergences
from gitopsd.plan.explain import changed_fields, why_exchanged, why_replaced, why_unlike
from gitopsd.plan.handover import handover_holds
from gitopsd.plan.order import replacement
from gitopsd.plan.requirements import impossible, unexchangeable
from gitopsd.plan.sharing import drawn_along
from gitopsd.plan.shifting import alone_problems, told_steps


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied: targets by service (the truth), and the state that they came from, to explain changes.

    `unlike` are the fields in which what was adopted differs from what is wanted, by service: no state tells them.
    """

    targets: Mapping[str, Target]
    state: SealedState | None = None
    unlike: Mapping[str, tuple[FieldChange, ...]] = field(default_factory=dict)

    def service(self, name: str) -> SealedService | None:
        """The service as it was applied, if the state at hand is really the one that was, but for values of secrets."""
        if self.state is None or name not in self.state.services or name not in self.targets:
            return None
        found = self.state.services[name]
        return found if known_part(found.fingerprint) == known_part(self.targets[name].fingerprint) else None

    def secrets(self, name: str) -> Mapping[str, str]:
        """The keyed digests of the service's secrets as they were applied."""
        return self.targets[name].secrets if name in self.targets else {}


def plan(
    wanted: SealedState,
    applied: Applied,
    journal: Journal,
    live: LiveState,
    waves: Sequence[Sequence[str]],
    holds: tuple[Hold, ...] = (),
) -> Plan:
    """Changes per service in waves: equal fingerprints and counts change nothing, whatever the commit says."""
    by_name = {name: number for number, wave in enumerate(waves) for name in wave}
    own = [
        _change(sealed, applied, journal, by_name.get(name, 0), tuple(_instances(name, live)))
        for name, sealed in sorted(wanted.services.items())
    ]
    kept = drawn_along(_recurring(own, wanted), wanted)
    removed = [_removal(name, wanted, applied, len(waves)) for name in _gone(wanted, applied, journal)]
    desired = wanted.desired
    present = {network.name for network in live.networks}
    volumes = {volume.name for volume in live.volumes}
    used = _used_networks(wanted)
    return Plan(
        environment=desired.environment,
        revision=wanted.revision,
        changes=tuple(sorted([*kept, *removed], key=lambda change: (change.wave, change.service))),
        networks=tuple(sorted(name for name in used if name not in present)),
        volumes=tuple(sorted(v.name for v in desired.volumes.values() if not v.external and v.name not in volumes)),
        removed_networks=_gone_networks(wanted, journal, present),
        holds=(*holds, *_handed_over(own, wanted, applied)),
        warnings=tuple(str(warning) for warning in desired.warnings),
        problems=(
            *duplicate_claims(desired),
            *impossible(desired),
            *unexchangeable(wanted),
            *alone_problems(desired, {name: sealed.image.volumes for name, sealed in wanted.services.items()}),
            *divergences(wanted, live),
        ),
    )


def _instances(service: str, live: LiveState) -> Iterator[Instance]:
    return (each for each in live.instances if each.service == service and each.state not in ("exited", "dead"))


def _change(
    sealed: SealedService,
    applied: Applied,
    journal: Journal,
    wave: int,
    instances: tuple[Instance, ...],
) -> Change:
    service = sealed.service
    stable = applied.targets.get(service.name)
    if service.job is not None:
        return _job_change(sealed, applied, journal, wave)
    if stable is None:
        cause = f"new service, image {service.image}"
        return Change(service.name, "create", cause, wave, strategy=service.policy.strategy)
    kind, cause = _kind(sealed, stable, applied)
    fields = applied.unlike.get(service.name) or _fields(applied, sealed)
    if kind != "replace":
        return Change(service.name, kind, cause, wave, fields=fields, strategy=service.policy.strategy)
    how = replacement(sealed, instances)
    return Change(
        service.name,
        kind,
        cause,
        wave,
        fields=fields,
        strategy=service.policy.strategy,
        steps=told_steps(service.policy) if how.order == "start-first" else (),
        order=how.order,
        interruption_s=how.interruption_s,
        interruption=how.reason,
    )


def _kind(sealed: SealedService, stable: Target, applied: Applied) -> tuple[ChangeKind, str]:
    service = sealed.service
    if sealed.fingerprint != stable.fingerprint:
        unlike = applied.unlike.get(service.name)
        return "replace", why_unlike(unlike) if unlike else why_replaced(applied.service(service.name), sealed, stable)
    limits, files = _changed_in_place(sealed, stable, applied)
    if service.replicas != stable.replicas:
        causes = (f"replicas {stable.replicas} -> {service.replicas}", limits, files)
        return "scale", "; ".join(cause for cause in causes if cause)
    before = applied.service(service.name)
    if before is not None and before.service.traffic != service.traffic and not limits:
        return "update", "; ".join(cause for cause in ("the router serves it otherwise", files) if cause)
    # After a lost journal the limits and files are not known: nothing to tell, and a repair brings them.
    if not stable.in_place or not (limits or files):
        return "unchanged", ""
    return ("update", "; ".join(cause for cause in (limits, files) if cause)) if limits else (IN_PLACE, files)


def _changed_in_place(sealed: SealedService, stable: Target, applied: Applied) -> tuple[str, str]:
    """What of a service that runs is brought up to date, in words: its limits, and its files."""
    differs = differing(sealed.in_place, stable.in_place)
    limits = "limits or restart policy changed, in place" if "" in differs else ""
    return limits, why_exchanged(applied.service(sealed.service.name), sealed, differs) if any(differs) else ""


def _job_change(sealed: SealedService, applied: Applied, journal: Journal, wave: int) -> Change:
    service = sealed.service
    done = journal.completed.get(service.name, ())
    phase = service.job.phase if service.job is not None else None
    due = journal.unneeded.get(service.name)
    if phase == "on-failure" or (phase == "contract" and not (due is not None and due.due)):
        return Change(service.name, "unchanged", "", wave, strategy="job")
    if sealed.fingerprint in done:
        return Change(service.name, "unchanged", "", wave, strategy="job")
    if not done:
        return Change(service.name, "create", f"one-shot, image {service.image}", wave, strategy="job")
    cause = why_replaced(applied.service(service.name), sealed, applied.targets.get(service.name))
    return Change(service.name, "replace", f"runs again: {cause}", wave, _fields(applied, sealed), strategy="job")


def _recurring(changes: list[Change], wanted: SealedState) -> list[Change]:
    """The changes with the jobs that run in every release, where there is one."""
    if all(change.change == "unchanged" for change in changes):
        return changes
    jobs = {name: sealed.service.job for name, sealed in wanted.services.items()}

    def again(change: Change) -> Change:
        job = jobs[change.service]
        recurs = change.change == "unchanged" and job is not None and job.every_release
        return replace(change, change="replace", cause="runs in every release") if recurs else change

    return [again(change) for change in changes]


def _fields(applied: Applied, after: SealedService) -> tuple[FieldChange, ...]:
    name = after.service.name
    return changed_fields(applied.service(name), after, applied.secrets(name))


def _gone(wanted: SealedState, applied: Applied, journal: Journal) -> list[str]:
    """Services that are ours and left the manifest."""
    if not wanted.desired.policy.prune:
        return []
    ours = {*applied.targets, *(placed.service for placed in journal.inventory.values())}
    return sorted(ours - set(wanted.services))


def _removal(name: str, wanted: SealedState, applied: Applied, last: int) -> Change:
    before = applied.service(name)
    wants = claims(wanted.desired)
    early = before is not None and any(claim.clashes(wants) for claim in _own_claims(before.service, wanted))
    cause = "left the manifest" + ("; first, as its port or name is needed" if early else "")
    return Change(name, "remove", cause, 0 if early else last, order="stop-first", early=early)


def _own_claims(service: Service, wanted: SealedState) -> frozenset[Claim]:
    desired = wanted.desired
    alone = type(desired)(desired.environment, desired.project, {service.name: service}, {}, {})
    return frozenset(claim for claim in claims(alone) if claim.kind != "project")


def _handed_over(changes: Sequence[Change], wanted: SealedState, applied: Applied) -> tuple[Hold, ...]:
    serving = {change.service: applied.service(change.service) for change in changes}
    before = {name: _own_claims(sealed.service, wanted) for name, sealed in serving.items() if sealed is not None}
    after = {name: _own_claims(sealed.service, wanted) for name, sealed in wanted.services.items()}
    return handover_holds(changes, before, after)


def _used_networks(wanted: SealedState) -> set[str]:
    """Engine names of the networks that services join; as with Compose, an unused one is not made."""
    keys = {attachment.network for sealed in wanted.services.values() for attachment in sealed.service.networks}
    networks = wanted.desired.networks
    return {networks[key].name for key in keys if key in networks and not networks[key].external}


def _gone_networks(wanted: SealedState, journal: Journal, present: set[str]) -> tuple[str, ...]:
    if not wanted.desired.policy.prune:
        return ()
    named = {network.name for network in wanted.desired.networks.values()}
    return tuple(sorted(name for name in journal.networks if name in present and name not in named))

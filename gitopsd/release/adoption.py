"""Adoption: what was found takes its place in the journal as it is, so that nothing has to be made anew. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from gitopsd.model.adoption import FOUND, Adoptee, AdoptionReport
from gitopsd.model.canonical import digest
from gitopsd.model.desired import SealedService, SealedState
from gitopsd.model.event import Event
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal, Placed, Release, ReleasedService
from gitopsd.model.rollout import Target
from gitopsd.release.guarding import asked
from gitopsd.release.opening import serving_of, target_of


@dataclass(frozen=True, slots=True)
class Deed:
    """Who adopts, when, under which number in the ledger; and the commit that the containers were held against."""

    by: str
    at: datetime
    number: int
    author: str
    subject: str


def adopt(
    journal: Journal, state: SealedState, live: LiveState, report: AdoptionReport, deed: Deed
) -> tuple[Journal, Release, tuple[Event, ...]]:
    """The journal that knows the adoptees, and the release in the ledger that stands for them.

    What is as the manifest wants gets the manifest's fingerprint; of what is not, a service gets one of its own, so
    that the next release replaces it.
    """
    targets = {name: _target(name, state.services[name], report) for name in sorted(report.services)}
    placed = {
        each.instance.id: _placed(each, targets[name], state.services[name], deed.number)
        for each in report.adoptees
        for name in (each.instance.service,)
    }
    completed = {name: (*journal.completed.get(name, ()), *done) for name, done in _completed(state, report)}
    desired = state.desired
    made = {each.name for each in desired.networks.values() if not each.external}
    kept = {each.name for each in desired.volumes.values() if not each.external}
    taken = replace(
        journal,
        project=desired.project,
        inventory={**journal.inventory, **placed},
        stable={**journal.stable, **targets},
        completed={**journal.completed, **completed},
        networks=journal.networks | {each.name for each in live.networks if each.name in made},
        volumes=journal.volumes | {each.name for each in live.volumes if each.name in kept},
        rejected={},
        repairs={},
    )
    events = tuple(_told(each, taken, deed) for each in report.adoptees)
    release = _release(taken, state, report, deed)
    return replace(taken, serving=serving_of(release)), release, events


def as_found(journal: Journal) -> Mapping[str, Placed]:
    """The inventory's entries that stand, wholly or in their limits, for what was found and not for a manifest."""
    return {
        id: placed
        for id, placed in journal.inventory.items()
        if placed.fingerprint.startswith(FOUND) or placed.in_place == FOUND
    }


def settle(journal: Journal, state: SealedState, report: AdoptionReport) -> Journal:
    """The journal after another comparison of what was found: of the manifest's make where that says just so now."""
    alike = report.services - set(report.unlike)
    targets = {name: _target(name, state.services[name], report) for name in sorted(alike)}
    inventory = {
        each.instance.id: replace(
            journal.inventory[each.instance.id],
            fingerprint=targets[each.instance.service].fingerprint,
            in_place=targets[each.instance.service].in_place,
            restart="",
        )
        for each in report.adoptees
        if each.instance.service in alike
    }
    stable = {
        name: replace(journal.stable[name], fingerprint=target.fingerprint, in_place=target.in_place)
        for name, target in targets.items()
        if name in journal.stable
    }
    return replace(journal, inventory={**journal.inventory, **inventory}, stable={**journal.stable, **stable})


def slots(instances: Iterable[Instance]) -> Iterator[tuple[Instance, int]]:
    """Each instance of a service with the slot it gets: the one that its label says, or the first that is free."""
    found = sorted(instances, key=lambda each: (each.slot, each.created_at, each.id))
    wanted = range(1, len(found) + 1)
    free = [slot for slot in wanted if slot not in {each.slot for each in found}]
    taken: set[int] = set()
    for instance in found:
        fits = instance.slot in wanted and instance.slot not in taken
        slot = instance.slot if fits else free.pop(0)
        taken.add(slot)
        yield instance, slot


def _target(name: str, sealed: SealedService, report: AdoptionReport) -> Target:
    """What serves of a service: the manifest's make where all that was found is, or else one that no manifest has."""
    own = [each for each in report.adoptees if each.instance.service == name]
    wanted = target_of(sealed)
    target = replace(wanted, replicas=len(own), image=own[0].instance.image or wanted.image)
    if name in report.unlike:
        return replace(target, fingerprint=_found(own), in_place="")
    # Neither the wanted limits nor unknown ones: the plan is to say that they change.
    return replace(target, in_place=FOUND) if name in report.in_place else target


def _found(adoptees: Iterable[Adoptee]) -> str:
    return FOUND + digest(sorted(each.instance.id for each in adoptees))[:32]


def _placed(adoptee: Adoptee, target: Target, sealed: SealedService, number: int) -> Placed:
    """One that is as wanted has the wanted fingerprint, also beside others of its service that are not."""
    instance = adoptee.instance
    if adoptee.match.changes or target.fingerprint == sealed.fingerprint:
        fingerprint, in_place = target.fingerprint, target.in_place
    else:
        fingerprint, in_place = sealed.fingerprint, FOUND if adoptee.match.in_place else sealed.in_place
    restart = str(instance.fields.get("restart") or "no") if fingerprint.startswith(FOUND) else ""
    return Placed(instance.service, adoptee.slot, fingerprint, in_place, number, instance.name, restart=restart)


def _completed(state: SealedState, report: AdoptionReport) -> Iterator[tuple[str, tuple[str, ...]]]:
    """One-shots that ended well, as the manifest wants them, do not run again."""
    for each in report.adoptees:
        sealed, instance = state.services[each.instance.service], each.instance
        done = instance.state == "exited" and instance.exit_code == 0
        if sealed.service.job is not None and done and not each.match.changes:
            yield instance.service, (sealed.fingerprint,)


def _release(journal: Journal, state: SealedState, report: AdoptionReport, deed: Deed) -> Release:
    differing = ", ".join(sorted({*report.unlike, *report.in_place, *report.missing})) or "the number of replicas"
    what = f"what runs in project {report.project}"
    return adopting(journal, state, deed, what, "" if _same(state, report) else differing)


def adopting(journal: Journal, state: SealedState, deed: Deed, what: str, differing: str) -> Release:
    """The release that an adoption is. `differing` is what is not as the manifest says: the content is then another."""
    return Release(
        number=deed.number,
        environment=journal.environment,
        revision=state.revision,
        input_digest=state.input_digest,
        content_digest=f"{FOUND}{deed.number}" if differing else state.content_digest,
        author=deed.author,
        subject=deed.subject,
        cause=f"adopted by {deed.by}: {what}",
        started_at=deed.at,
        services=tuple(released(name, target, state) for name, target in sorted(journal.stable.items())),
        phase="ended",
        finished_at=deed.at,
        outcome="succeeded",
        reason=f"not as the manifest says: {differing}" if differing else "",
        guards=asked(state.desired),
    )


def _same(state: SealedState, report: AdoptionReport) -> bool:
    """Whether what was found is what this revision would have brought."""
    counts = {name: 0 for name in state.services}
    for each in report.adoptees:
        counts[each.instance.service] += 1
    alike = not (report.unlike or report.in_place or report.missing)
    return alike and all(counts[name] == target_of(sealed).replicas for name, sealed in state.services.items())


def released(name: str, target: Target, state: SealedState) -> ReleasedService:
    """A service in the ledger: what the manifest says of it, as far as it runs as that says."""
    sealed = state.services.get(name)
    if sealed is None or sealed.fingerprint != target.fingerprint:
        return ReleasedService(name, target.image, target.image, target.fingerprint, "", target.replicas)
    identity = sealed.image.digest or sealed.image.id
    return ReleasedService(
        name,
        target.image,
        identity,
        target.fingerprint,
        sealed.config_digest,
        target.replicas,
        schema=sealed.service.schema,
    )


def _told(adoptee: Adoptee, journal: Journal, deed: Deed) -> Event:
    instance, match = adoptee.instance, adoptee.match
    named = [change.path for change in (*match.changes, *match.in_place)]
    unlike = f", which differs from the manifest in {', '.join(named)}" if named else ", as the manifest wants it"
    message = f"{instance.name} adopted by {deed.by}{unlike}"
    return Event(deed.at, "InstanceAdopted", message, "info", journal.environment, instance.service, deed.number)

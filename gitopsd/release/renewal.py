"""A journal of another fingerprint version, in the words of this one: the same content, sealed anew, is the same.

A fingerprint is what one version made of a service. Another version may make another one of it, and nothing is to be
replaced for that: what was released is sealed again from its own revision, and its old names give way to the new ones.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from gitopsd.model.adoption import FOUND
from gitopsd.model.desired import SealedState
from gitopsd.model.release import Journal, Placed, Release, ReleasedService, Serving
from gitopsd.model.rollout import Rollout, Target


@dataclass(frozen=True, slots=True)
class Renewal:
    """A release as it was sealed, and the same inputs as they are sealed now."""

    release: Release
    state: SealedState


def outdated(journal: Journal, version: str) -> bool:
    """Whether something in the journal that counts bears a fingerprint of another version."""
    targets = [*journal.stable.values(), *(rollout.target for rollout in journal.rollouts.values())]
    return any(not is_of(target.fingerprint, version) for target in targets)


def unknown(journal: Journal, version: str) -> tuple[str, ...]:
    """Services of which it cannot be told any more whether what serves is what Git wants."""
    return tuple(sorted(name for name, stable in journal.stable.items() if not is_of(stable.fingerprint, version)))


def is_of(fingerprint: str, version: str) -> bool:
    """Whether a version made the fingerprint; of every one is that of a service that goes, or was found as it is."""
    return not fingerprint or fingerprint.startswith((f"{version}:", FOUND))


def renew(journal: Journal, renewals: tuple[Renewal, ...]) -> Journal:
    """The journal with the new names wherever an old one stands. Of several renewals the last one has the last word."""
    named = Names.of(journal, renewals).over(journal)
    serving, release = _serving(journal.serving, renewals), _release(journal.release, renewals)
    return replace(named, serving=serving, release=release)


def renewed_release(renewal: Renewal) -> Release:
    """The ledger's row, so that what serves is found in it by its new name."""
    state = renewal.state

    def service(each: ReleasedService) -> ReleasedService:
        now = state.services.get(each.name)
        if now is None:
            return each
        return replace(each, fingerprint=now.fingerprint, config_digest=now.config_digest)

    return replace(
        renewal.release,
        content_digest=state.content_digest,
        input_digest=state.input_digest,
        services=tuple(service(each) for each in renewal.release.services),
    )


@dataclass(frozen=True, slots=True)
class Names:
    """Old names and the new ones: fingerprints and limits by service, contents by themselves."""

    fingerprints: Mapping[tuple[str, str], str]
    limits: Mapping[tuple[str, str], str]
    contents: Mapping[str, str]

    @staticmethod
    def of(journal: Journal, renewals: tuple[Renewal, ...]) -> "Names":
        return Names(
            {
                (each.name, each.fingerprint): renewal.state.services[each.name].fingerprint
                for renewal in renewals
                for each in renewal.release.services
                if each.name in renewal.state.services
            },
            {name: new for renewal in renewals for name, new in _limits(journal, renewal)},
            {renewal.release.content_digest: renewal.state.content_digest for renewal in renewals},
        )

    def over(self, journal: Journal) -> Journal:
        """The journal with the new names, but for what its open release and the one that serves are called."""
        return replace(
            journal,
            stable=self.targets(journal.stable),
            before=self.targets(journal.before),
            rollouts={name: _rollout(rollout, self) for name, rollout in journal.rollouts.items()},
            inventory={id: self.placed(placed) for id, placed in journal.inventory.items()},
            completed={
                name: tuple(self.fingerprint(name, each) for each in done) for name, done in journal.completed.items()
            },
            rejected={
                self.content(digest): replace(rejection, content_digest=self.content(digest))
                for digest, rejection in journal.rejected.items()
            },
        )

    def fingerprint(self, service: str, old: str) -> str:
        return self.fingerprints.get((service, old), old)

    def content(self, old: str) -> str:
        return self.contents.get(old, old)

    def target(self, service: str, old: Target) -> Target:
        limits = self.limits.get((service, old.in_place), old.in_place)
        return replace(old, fingerprint=self.fingerprint(service, old.fingerprint), in_place=limits)

    def targets(self, old: Mapping[str, Target]) -> dict[str, Target]:
        return {name: self.target(name, target) for name, target in old.items()}

    def placed(self, old: Placed) -> Placed:
        limits = self.limits.get((old.service, old.in_place), old.in_place)
        return replace(old, fingerprint=self.fingerprint(old.service, old.fingerprint), in_place=limits)


def _limits(journal: Journal, renewal: Renewal) -> Iterator[tuple[tuple[str, str], str]]:
    """The ledger does not keep what the limits were called, but the journal's targets of that release do."""
    serves = journal.serving is not None and journal.serving.release == renewal.release.number
    targets = dict(journal.before or journal.stable) if serves else {}
    targets |= {
        name: rollout.target for name, rollout in journal.rollouts.items() if rollout.release == renewal.release.number
    }
    for each in renewal.release.services:
        target, now = targets.get(each.name), renewal.state.services.get(each.name)
        if target is not None and now is not None and target.in_place and target.fingerprint == each.fingerprint:
            yield (each.name, target.in_place), now.in_place


def _serving(serving: Serving | None, renewals: tuple[Renewal, ...]) -> Serving | None:
    for renewal in reversed(renewals):
        if serving is not None and serving.content_digest == renewal.release.content_digest:
            state = renewal.state
            return replace(serving, content_digest=state.content_digest, input_digest=state.input_digest)
    return serving


def _release(release: Release | None, renewals: tuple[Renewal, ...]) -> Release | None:
    if release is None:
        return None
    found = next((each for each in reversed(renewals) if each.release.number == release.number), None)
    return release if found is None else renewed_release(Renewal(release, found.state))


def _rollout(rollout: Rollout, names: Names) -> Rollout:
    stable = rollout.stable
    return replace(
        rollout,
        target=names.target(rollout.service, rollout.target),
        stable=None if stable is None else names.target(rollout.service, stable),
    )

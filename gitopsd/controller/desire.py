"""What Git says about one environment right now, as far as it can be said: loaded, with images, and why not further."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain

from gitopsd.controller.environments import Environment
from gitopsd.controller.execute import Specification
from gitopsd.controller.host import Host
from gitopsd.controller.masking import Secrecy
from gitopsd.controller.ports import Commit, EngineView, Inputs, Secrets, Store
from gitopsd.controller.registry import Registry
from gitopsd.controller.repositories import Repositories
from gitopsd.controller.states import Asking, Loaded, Named, States, Unsealed, find_images, unresolved
from gitopsd.manifest.seal import VERSION
from gitopsd.manifest.workload import POLICY, breaches
from gitopsd.model.desired import DesiredState, ImageMount, SealedState, Service
from gitopsd.model.errors import GitopsdError, HostFileError, ManifestError, SourceError
from gitopsd.model.release import Hold, Journal, Release

NEWEST = 20  # releases of an environment that the ledger keeps whatever their age
_KEPT_AS = "release-"
_RELEASE = re.compile(rf"{_KEPT_AS}(?P<number>[0-9]+)")


@dataclass(frozen=True, slots=True)
class Desire:
    """`state` is sealed with real images. While some are `missing` it only serves a plan: those that the engine lacks

    (`absent`) stand for themselves by their names, and of the others a registry is asked first what they stand for now.
    So it does while a variable has no value. `stale` says, in words, that the repository does not answer, and how old
    the knowledge is.
    """

    head: str = ""
    loaded: Loaded | None = None
    state: SealedState | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    holds: tuple[Hold, ...] = ()
    stale: str = ""

    @property
    def reason(self) -> str:
        """Why the desired state is not known; "" when it is."""
        return self.holds[0].reason if self.loaded is None and self.holds else self.stale

    @property
    def services(self) -> Mapping[str, Service]:
        """The services that Git wants; none while that is not known."""
        return self.loaded.desired.services if self.loaded is not None else {}

    @property
    def warned(self) -> tuple[str, ...]:
        """What the manifest has against the operator's policy, where that only warns."""
        warnings = self.loaded.desired.warnings if self.loaded is not None else ()
        return tuple(str(each) for each in warnings if each.message.startswith(POLICY))

    @property
    def images(self) -> frozenset[str]:
        """What Git names as images, of services and for their files."""
        mounts = (mount for service in self.services.values() for mount in service.mounts)
        files = {mount.source for mount in mounts if isinstance(mount, ImageMount)}
        return frozenset(service.image for service in self.services.values()) | files


class Desires:
    """The desired states of one environment, at its head and at the revisions that it came from.

    `version` is that of the fingerprints.
    """

    def __init__(
        self,
        repositories: Repositories,
        store: Store,
        registry: Registry,
        secrets: Secrets,
        version: str = VERSION,
    ) -> None:
        self._repositories, self._store, self._registry, self.version = repositories, store, registry, version
        self._secrets = secrets
        self._states = States(store, version)
        self._held: set[str] = set()

    @property
    def secrecy(self) -> Secrecy:
        """The secret values of every state that was made here."""
        return self._states.secrecy

    def load(self, environment: Environment) -> Desire:
        """The head's manifest, without images, and the environment's claims made known."""
        head = self._repositories.head(environment.repository)
        engine = environment.engine.url
        stale = self._repositories.stale(environment.repository)
        if head is None or not environment.path or not head.files.is_directory(environment.path):
            self._registry.want(engine, environment.name, None, gone=not self._repositories.unanswered())
            return self._absent(environment)
        try:
            loaded = self._states.load(environment, head.files.again(), Host(self._secrets, environment))
        except ManifestError as error:
            return Desire(head.commit, holds=(Hold("manifest", str(error)),), stale=stale)
        except HostFileError as error:
            return Desire(head.commit, holds=(Hold("vars_file", str(error)),), stale=stale)
        self._registry.want(engine, environment.name, loaded.desired)
        return Desire(head.commit, loaded, holds=self._claimed(environment, loaded), stale=stale)

    def hold(self, environment: Environment, journal: Journal) -> None:
        """Make known what the environment serves with, or is being brought to: nobody else may claim it."""
        revisions = {each.revision for each in (journal.serving, journal.release) if each is not None}
        if revisions != self._held:
            found = [self._claiming(environment, revision) for revision in sorted(revisions)]
            states = [desired for desired in found if desired is not None]
            self._registry.hold(environment.engine.url, environment.name, *states)
            self._held = revisions

    def of(self, environment: Environment, journal: Journal, engine: EngineView, asking: Asking) -> Desire:
        """The head's state with the images on record, or that the engine holds."""
        self.hold(environment, journal)
        desire = self.load(environment)
        loaded = desire.loaded
        if loaded is None:
            return desire
        if loaded.desired.unset:
            return replace(desire, state=unresolved(loaded, {}, self._store.key(), self.version))
        found = find_images(loaded, engine, self._store, journal, asking)
        match found:
            case Inputs():
                return replace(desire, state=self._states.seal(loaded, found))
            case Unsealed():
                return provisional(desire, loaded, found, self._store.key(), self.version)

    def commit(self, environment: Environment, revision: str) -> Commit:
        return self._repositories.source(environment.repository).commit(revision)

    def keep(self, environment: Environment, revision: str, release: int) -> None:
        """Hold the release's commit in the mirror, so that it can be returned to whatever happens to the branch."""
        self._repositories.source(environment.repository).keep(revision, f"{_KEPT_AS}{release}")

    def collect(self, environment: Environment) -> None:
        """Let go of commits whose releases the ledger has let go of; what fails is tried next time."""
        if not environment.repository:
            return
        with suppress(SourceError):
            source = self._repositories.source(environment.repository)
            if outlived := outlived_releases(environment.name, source.kept(), self._store.release_numbers()):
                source.let_go(outlived)

    def _claiming(self, environment: Environment, revision: str) -> DesiredState | None:
        """What a revision describes, without images."""
        try:
            files = self._repositories.source(environment.repository).files(revision)
            return self._states.load(environment.at(files), files, Host(self._secrets, environment)).desired
        except GitopsdError:
            return None

    def recorded(self, environment: Environment, named: Named) -> SealedState | None:
        """The state of what was released; None: it cannot be rebuilt."""
        if not named.revision:
            return None
        try:
            files = self._repositories.source(environment.repository).files(named.revision)
            place, host = environment.at(files), Host(self._secrets, environment)
            return self._states.recorded(place, files, host, named) if place.path else None
        except GitopsdError:
            return None

    def basis(self, environment: Environment, journal: Journal, state: SealedState | None) -> SealedState | None:
        """What the open release wants or, without one, what serves."""
        named = journal.release or journal.serving
        if named is None:
            return None
        if state is not None and state.content_digest == named.content_digest:
            return state
        return self.recorded(environment, named)

    def released(self, environment: Environment, release: Release) -> Desire | None:
        """What a release was, so that it can be released again with its own images; None: it cannot be rebuilt."""
        try:
            files = self._repositories.source(environment.repository).files(release.revision)
            place, host = environment.at(files), Host(self._secrets, environment)
            if not place.path:
                return None
            loaded = self._states.load(place, files, host)
            state = self._states.recorded(place, files, host, release)
        except GitopsdError:
            return None
        lacking = (*loaded.desired.unset[:1], *loaded.desired.missing)
        return Desire(release.revision, loaded, state, holds=tuple(Hold("variables", str(each)) for each in lacking))

    def again(self, environment: Environment, named: Named) -> tuple[SealedState, tuple[Inputs, ...]] | None:
        """What was released, as this version seals it; None when its inputs are lost."""
        try:
            files = self._repositories.source(environment.repository).files(named.revision)
            return self._states.again(environment.at(files), files, named, Host(self._secrets, environment))
        except GitopsdError:
            return None

    def specification(
        self, environment: Environment, states: Iterable[SealedState | None], named: tuple[str, str, str]
    ) -> Specification:
        """What service, fingerprint and `in_place` name, from the states at hand or else from the ledger's revisions.

        Where only the limits are unknown or forgotten, those that were last released with the fingerprint count.
        """
        service, fingerprint, in_place = named
        nearest: Specification | None = None
        for state in chain(states, self._released(environment, service, fingerprint)):
            found = _found(state, service, fingerprint)
            if found is not None and in_place in ("", found.sealed.in_place):
                return found
            nearest = nearest or found
        if nearest is not None:
            return nearest
        raise GitopsdError(
            f"the specification {fingerprint[:15]} of {service} is no longer at hand; "
            "its revision or its variables have changed: push a commit that replaces the service"
        )

    def _released(self, environment: Environment, service: str, fingerprint: str) -> Iterator[SealedState | None]:
        """The states of the ledger's releases that had the service with this fingerprint, newest first."""
        for release in self._store.releases(environment.name, limit=50):
            if any(each.name == service and each.fingerprint == fingerprint for each in release.services):
                yield self.recorded(environment, release)

    def _absent(self, environment: Environment) -> Desire:
        """It is gone only where every repository that might have it has told what it has."""
        known = environment.repository if self._repositories.head(environment.repository) is not None else ""
        unanswered = "" if known else self._repositories.unanswered()
        if unanswered:
            trouble = self._repositories.trouble(unanswered)
            return Desire(holds=(Hold("source", trouble or f"repository {unanswered} has not answered yet"),))
        heads = self._repositories.heads()
        head = heads[known].revision if known else next((files.revision for files in heads.values()), "")
        stale = self._repositories.stale(known) if known else ""
        where = f"in revision {head[:8]} any more" if head else "in any repository"
        reason = f"Orphaned: {environment.name} is not {where}; {orphan_mend(environment.name)}"
        return Desire(head, holds=(Hold("orphaned", reason),), stale=stale)

    def _claimed(self, environment: Environment, loaded: Loaded) -> tuple[Hold, ...]:
        """What the manifest leaves open, or claims against another environment."""
        holds = [Hold("manifest", str(environment.refused))] if environment.refused else []
        holds += [Hold("variables", str(problem)) for problem in loaded.desired.unset[:1]]
        holds += [Hold("secrets", str(problem)) for problem in loaded.desired.missing]
        holds += policy_holds(environment, loaded.desired)
        if wrong := self._repositories.distrust(environment.repository):
            holds.append(Hold("signature", wrong))
        disputes = self._registry.disputes(environment.engine.url, environment.name, loaded.desired)
        return (*holds, *_unroutable(environment, loaded), *(Hold("claim", dispute) for dispute in disputes))


def policy_holds(environment: Environment, desired: DesiredState) -> tuple[Hold, ...]:
    """What of the manifest the operator's policy does not let on this host."""
    workload = environment.policy.workload
    broken = breaches(desired, workload, environment.host_dir) if workload.enforce == "deny" else ()
    return tuple(Hold("policy", str(problem)) for problem in broken)


def outlived_releases(environment: str, kept: Iterable[str], ledger: Mapping[int, str]) -> frozenset[str]:
    """The names of commits that are kept for releases which the ledger has no more.

    One that another environment only just begins is not in the ledger yet; but then it is newer than those here.
    """
    newest = sorted((number for number, name in ledger.items() if name == environment), reverse=True)[:NEWEST]
    numbered = {name: int(found["number"]) for name in kept if (found := _RELEASE.fullmatch(name))}
    oldest = min(newest, default=0)
    return frozenset(name for name, number in numbered.items() if number < oldest and number not in ledger)


def provisional(desire: Desire, loaded: Loaded, found: Unsealed, key: bytes, version: str) -> Desire:
    """The desire with a state for a plan, as some images are not known yet."""
    absent = {service: image for service, image in found.missing.items() if service not in found.images}
    state = unresolved(loaded, {} if absent else found.images, key, version)
    return replace(desire, state=state, missing=found.missing, absent=absent)


def _unroutable(environment: Environment, loaded: Loaded) -> Iterator[Hold]:
    """What has traffic that no router here can serve, whatever state it is in."""
    routed = {name: each.traffic for name, each in sorted(loaded.desired.services.items()) if each.traffic is not None}
    if routed and environment.unroutable:
        mend = "change that in gitopsd.yaml, or take `traffic` out of the manifest"
        yield Hold("router", f"{', '.join(routed)} cannot be routed: {environment.unroutable}; {mend}")
        return
    by_reason: dict[str, list[str]] = {}
    for name, traffic in routed.items():
        by_reason.setdefault(environment.unroutable_of(traffic), []).append(name)
    for reason, names in by_reason.items():
        if reason:
            yield Hold("router", f"{', '.join(names)} cannot be routed: {reason}")


def _found(state: SealedState | None, service: str, fingerprint: str) -> Specification | None:
    sealed = state.services.get(service) if state is not None else None
    if state is None or sealed is None or sealed.fingerprint != fingerprint:
        return None
    return Specification(sealed, state.desired)


def orphan_mend(name: str) -> str:
    """What becomes of an environment that left Git, and what a person can do about it."""
    return (
        f"it keeps running; `gitopsd remove {name}` takes it down, and `x-gitopsd: {{moved_from: {name}}}` in another "
        "environment's Compose file says that it is this one under a new name"
    )

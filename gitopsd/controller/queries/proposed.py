"""What a proposal, such as a pull request, would change in each environment, from the files of two commits alone."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from gitopsd.controller.ground import Checkout, Ground
from gitopsd.controller.queries.everything import found_in
from gitopsd.controller.queries.look import Failure
from gitopsd.controller.queries.paths import OnDisk, loaded
from gitopsd.manifest import seal, waves, with_secrets
from gitopsd.manifest.loading import HOST_DATA
from gitopsd.manifest.workload import breaches
from gitopsd.model.desired import Image, ImageMount, SealedState
from gitopsd.model.errors import GitopsdError, ProblemsError
from gitopsd.model.live import LiveNetwork, LiveState, LiveVolume
from gitopsd.model.plan import Plan
from gitopsd.model.release import Journal
from gitopsd.plan.planning import Applied, plan
from gitopsd.release.opening import target_of

KEY = bytes(32)  # nothing that it hides is shown or kept; both sides hide by the same one


@dataclass(frozen=True, slots=True)
class Proposed:
    """From `base` to `head`, both commits. `added` are names of plans that are for new environments, `removed` names of
    those that the proposal takes out of Git. A failure without a name is of the set of them.
    """

    base: str
    head: str
    plans: tuple[Plan, ...]
    added: frozenset[str]
    removed: tuple[str, ...]
    failures: tuple[Failure, ...]

    @property
    def empty(self) -> bool:
        return not (self.added or self.removed) and all(each.empty for each in self.plans)

    @property
    def good(self) -> bool:
        return not (self.failures or any(each.problems for each in self.plans))


def proposed(ground: Ground, checkout: Checkout, base: str, head: str, name: str = "") -> Proposed:
    """The plan of one environment, or of all, as if what `base` says were running and all its images were at hand.

    What `base` has beyond the last commit that both have in common is not the proposal's doing. GitopsdError: there is
    no such commit or environment.
    """
    new = checkout.commit(head)
    old = checkout.commit(base)
    old = checkout.common(old, new) or old
    before, _ = _environments(ground, checkout, old)
    after, problems = _environments(ground, checkout, new)
    wanted = [each for each in after.values() if name in ("", each.name)]
    gone = _gone(before, after)
    if name and not wanted and name not in gone:
        raise GitopsdError(f"there is no environment {name} in {head}; there are {', '.join(sorted(after)) or 'none'}")
    plans: list[Plan] = []
    failures = [Failure("", problem) for problem in problems]
    for each in wanted:
        try:
            plans.append(_plan(each, _former(each, before, after)))
        except GitopsdError as error:
            failures.append(Failure(each.name, str(error)))
    return Proposed(
        old,
        new,
        tuple(plans),
        frozenset(each.name for each in wanted if _former(each, before, after) is None),
        tuple(each for each in gone if name in ("", each)),
        tuple(failures),
    )


def _environments(ground: Ground, checkout: Checkout, commit: str) -> tuple[Mapping[str, OnDisk], tuple[str, ...]]:
    found, problems = found_in(ground, Path(f"/{commit[:12]}"), checkout.files(commit))
    return {each.name: each for each in found}, problems


def _gone(before: Mapping[str, OnDisk], after: Mapping[str, OnDisk]) -> tuple[str, ...]:
    renamed = {each.first_name for each in after.values()}
    return tuple(sorted(name for name in before if name not in after and name not in renamed))


def _former(environment: OnDisk, before: Mapping[str, OnDisk], after: Mapping[str, OnDisk]) -> OnDisk | None:
    """What it was: by its name, or by the one that its own files say it had."""
    first = environment.first_name
    return before.get(environment.name) or (before.get(first) if first not in after else None)


def _plan(environment: OnDisk, former: OnDisk | None) -> Plan:
    if environment.refused is not None:
        raise ProblemsError([environment.refused])
    wanted, order = _state(environment)
    applied, warnings = None, list[str]()
    if former is not None:
        try:
            applied, _ = _state(former)
        except GitopsdError:
            warnings.append("what it was cannot be loaded, so all of it counts as new")
    journal, live = _as_if_running(environment.name, applied)
    targets = {name: target_of(each) for name, each in applied.services.items()} if applied is not None else {}
    made = plan(wanted, Applied(targets, applied), journal, live, order)
    workload, desired = environment.workload, wanted.desired
    broken = breaches(desired, workload, environment.host_dir or f"{HOST_DATA}/{environment.name}")
    denied, warned = (broken, ()) if workload.enforce == "deny" else ((), broken)
    unset = tuple(str(each) for each in (*warned, *desired.unset))
    return replace(made, problems=(*made.problems, *denied), warnings=(*warnings, *made.warnings, *unset))


def _state(found: OnDisk) -> tuple[SealedState, tuple[tuple[str, ...], ...]]:
    """The state, in which an image stands for itself by its name, and its waves."""
    described = loaded(found, for_config=False).desired
    reasons = {each.name: "" for each in described.external}
    desired = replace(with_secrets(described, {}, reasons), missing=())
    services = desired.services.values()
    names = {service.name: service.image for service in services}
    mounts = ((service.name, mount.source) for service in services for mount in service.mounts
              if isinstance(mount, ImageMount))  # fmt: skip
    names |= {f"{service}: {source}": source for service, source in mounts}
    images = {key: Image(name, f"not looked at: {name}") for key, name in names.items()}
    return seal(desired, images, KEY, found.files.revision, ""), waves(desired)


def _as_if_running(name: str, applied: SealedState | None) -> tuple[Journal, LiveState]:
    """What would be remembered and be there, had all of it been released."""
    if applied is None:
        return Journal(name), LiveState()
    desired, made = applied.desired, applied.resources
    jobs = {
        each.service.name: (each.fingerprint,) for each in applied.services.values() if each.service.job is not None
    }
    networks = tuple(
        LiveNetwork("", each.name, {}, made.get(f"network {key}", ""))
        for key, each in desired.networks.items()
        if not each.external
    )
    volumes = tuple(
        LiveVolume(each.name, {}, made.get(f"volume {key}", ""))
        for key, each in desired.volumes.items()
        if not each.external
    )
    names = frozenset(each.name for each in networks)
    return Journal(name, project=desired.project, completed=jobs, networks=names), LiveState((), networks, volumes)

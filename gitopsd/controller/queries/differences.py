"""How two releases or revisions of an environment differ: services, images, digests, fields; secrets stay hidden."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from gitopsd.controller.environments import Environment
from gitopsd.controller.queries.look import load_at
from gitopsd.controller.queries.view import View
from gitopsd.controller.states import recorded_images, unresolved
from gitopsd.model.desired import SealedState
from gitopsd.model.errors import GitopsdError
from gitopsd.model.plan import FieldChange
from gitopsd.model.release import Release, ReleasedService
from gitopsd.model.schema import Accepts
from gitopsd.plan.contents import TextDifference, text_differences
from gitopsd.plan.explain import changed_fields


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two. `state` is None when the revision cannot be loaded any more: then only the ledger speaks.

    `ledger` is what was written down of a release; `state` has the values that variables and secrets have today.
    """

    name: str
    revision: str
    release: int | None = None
    state: SealedState | None = None
    digests: Mapping[str, str] = field(default_factory=dict)
    ledger: Mapping[str, ReleasedService] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ServiceDifference:
    service: str
    change: Literal["added", "removed", "changed"]
    fields: tuple[FieldChange, ...] = ()
    contents: tuple[TextDifference, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """From `a` to `b`. `resources` are networks and volumes: `network default` was added, removed or changed."""

    environment: str
    a: Side
    b: Side
    services: tuple[ServiceDifference, ...]
    resources: tuple[tuple[str, str], ...]

    @property
    def empty(self) -> bool:
        return not (self.services or self.resources)


def difference(view: View, name: str, a: str, b: str) -> Difference:
    """Compare two releases or revisions. A number that is a release of the environment means that release."""
    (environment,) = view.select(name)
    first, second = _side(view, environment, a), _side(view, environment, b)
    services = tuple(_services(first, second))
    return Difference(name, first, second, services, tuple(_resources(first.state, second.state)))


def _side(view: View, environment: Environment, name: str) -> Side:
    release = _release(view, environment, name)
    revision = release.revision if release is not None else name
    try:
        loaded = load_at(view, environment, revision)
    except GitopsdError:
        if release is None:
            raise
        return _from_ledger(name, release)
    images = recorded_images(view.store, loaded, release) or {}
    state = unresolved(loaded, images, view.store.key(), view.fingerprints)
    digests = {service: image.identity for service, image in images.items()}
    if release is not None:
        digests |= {each.name: each.digest.rpartition("@")[2] for each in release.services}
    ledger = {each.name: each for each in release.services} if release is not None else {}
    return Side(name, loaded.revision, release.number if release is not None else None, state, digests, ledger)


def _release(view: View, environment: Environment, name: str) -> Release | None:
    if not (name.isascii() and name.isdigit() and len(name) < 10):
        return None
    found = view.store.release(int(name))
    return found if found is not None and found.environment == environment.name else None


def _from_ledger(name: str, release: Release) -> Side:
    services = {each.name: each for each in release.services}
    digests = {each.name: each.digest.rpartition("@")[2] for each in release.services}
    return Side(name, release.revision, release.number, None, digests, services)


def _names(side: Side) -> frozenset[str]:
    return frozenset(side.state.services if side.state is not None else side.ledger)


def _services(a: Side, b: Side) -> Iterator[ServiceDifference]:
    before, after = _names(a), _names(b)
    for name in sorted(before | after):
        if name not in before:
            yield ServiceDifference(name, "added")
        elif name not in after:
            yield ServiceDifference(name, "removed")
        elif fields := (*_fields(a, b, name), *_digest(a, b, name)):
            yield ServiceDifference(name, "changed", fields, _contents(a, b, name))


def _fields(a: Side, b: Side, name: str) -> tuple[FieldChange, ...]:
    if a.state is not None and b.state is not None:
        after = replace(b.state.services[name], secrets=_secrets(b, name))
        return (*changed_fields(a.state.services[name], after, _secrets(a, name)), *_schema(a.state, b.state, name))
    one, other = _facts(a, name), _facts(b, name)
    return tuple(FieldChange(key, one[key], other[key]) for key in one if one[key] != other[key])


def _schema(a: SealedState, b: SealedState, name: str) -> Iterator[FieldChange]:
    """What the service works with of its database: no container is another one for it, but a release is held by it."""
    before, after = (state.services[name].service.schema for state in (a, b))
    for key in ("database", "accepts"):
        one, other = (_of_schema(each, key) for each in (before, after))
        if one != other:
            yield FieldChange(f"x-gitopsd.schema.{key}", one, other)


def _of_schema(accepts: Accepts | None, key: str) -> str | None:
    if accepts is None:
        return None
    return accepts.words if key == "accepts" else accepts.database


def _contents(a: Side, b: Side, name: str) -> tuple[TextDifference, ...]:
    if a.state is None or b.state is None:
        return ()
    return text_differences(a.state.services[name], b.state.services[name])


def _secrets(side: Side, name: str) -> Mapping[str, str]:
    """A release's as they were then, a revision's as they are now."""
    if name in side.ledger:
        return side.ledger[name].secrets
    return side.state.services[name].secrets if side.state is not None else {}


def _facts(side: Side, name: str) -> dict[str, str | int]:
    """What is left of a service when its revision cannot be loaded: what the ledger keeps."""
    if side.state is not None:
        sealed = side.state.services[name]
        known = (sealed.service.image, sealed.config_digest, sealed.service.replicas)
    else:
        kept = side.ledger[name]
        known = (kept.image, kept.config_digest, kept.replicas)
    return dict(zip(("image", "configuration", "replicas"), known, strict=True))


def _digest(a: Side, b: Side, name: str) -> tuple[FieldChange, ...]:
    """The image's digest, where both are on record."""
    before, after = a.digests.get(name, ""), b.digests.get(name, "")
    return (FieldChange("digest", before, after),) if before and after and before != after else ()


def _resources(a: SealedState | None, b: SealedState | None) -> Iterator[tuple[str, str]]:
    if a is None or b is None:
        return
    kinds = (
        ("network", a.desired.networks, b.desired.networks),
        ("volume", a.desired.volumes, b.desired.volumes),
    )
    for kind, before, after in kinds:
        for key in sorted({*before, *after}):
            if key not in before:
                yield f"{kind} {key}", "added"
            elif key not in after:
                yield f"{kind} {key}", "removed"
            elif before[key] != after[key]:
                yield f"{kind} {key}", "changed"

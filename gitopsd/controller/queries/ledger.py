"""What happened: releases of an environment, and one release with its events."""

from collections.abc import Iterator
from dataclasses import dataclass

from gitopsd.controller.collecting import release_images
from gitopsd.controller.environments import Environment
from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError, SourceError
from gitopsd.model.event import Event
from gitopsd.model.release import Release

LOOKED_BACK = 2000  # events
_SHORT = len("sha256:") + 12


def history(view: View, environment: str, limit: int = 100) -> tuple[Release, ...]:
    """The releases of an environment, newest first. GitopsdError when nobody knows the environment."""
    found = view.store.releases(environment, limit)
    if not found:
        view.select(environment)
    return found


def show(view: View, number: int) -> tuple[Release, tuple[Event, ...]]:
    """One release and what happened from its begin to its end, oldest first."""
    release = view.store.release(number)
    if release is None:
        raise GitopsdError(f"there is no release {number}; `gitopsd history ENV` lists them")
    events = view.store.events(environment=release.environment, limit=LOOKED_BACK, newest=True)
    own = [event.number for event in events if event.release == number]
    return release, tuple(event for event in events if own and own[0] <= event.number <= own[-1])


@dataclass(frozen=True, slots=True)
class Offline:
    """Whether a release can be returned to with no Git remote and no registry, and what it lacks for that.

    `possible` None: it could not be told, and `lacks` says why.
    """

    possible: bool | None
    lacks: tuple[str, ...] = ()


def offline(view: View, release: Release) -> Offline:
    """Look for the release's commit in the mirror, and for its images on the engine."""
    try:
        (environment,) = view.select(release.environment)
        lacks = (*_lacking_commit(view, environment, release), *_lacking_images(view, environment, release))
    except GitopsdError as error:
        return Offline(None, (str(error),))
    return Offline(not lacks, lacks)


def _lacking_commit(view: View, environment: Environment, release: Release) -> Iterator[str]:
    try:
        view.repositories.source(environment.repository).files(release.revision)
    except SourceError:
        yield f"commit {release.revision[:8]} is not in the mirror"


def _lacking_images(view: View, environment: Environment, release: Release) -> Iterator[str]:
    held = frozenset().union(*(image.identities for image in view.engine(environment).held_images()))
    for identity, name in sorted(release_images(release, view.store).items(), key=lambda each: each[1]):
        if identity not in held:
            yield f"image {name} ({identity[:_SHORT]}) is not on the engine"

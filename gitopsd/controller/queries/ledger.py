"""What happened: releases of an environment, and one release with its events."""

from collections.abc import Iterator
from dataclasses import dataclass

from gitopsd.controller.environments import Environment
from gitopsd.controller.pinning import lacking_images
from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError, SourceError
from gitopsd.model.event import Event
from gitopsd.model.release import Release
from gitopsd.release.pinning import refusal

LOOKED_BACK = 2000  # events


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
        lacks = (
            *_lacking_commit(view, environment, release),
            *lacking_images(release, view.engine(environment), view.store),
        )
    except GitopsdError as error:
        return Offline(None, (str(error),))
    return Offline(not lacks, lacks)


def may_be_pinned(view: View, name: str, number: int) -> None:
    """GitopsdError: the environment cannot be pinned to this release, and why."""
    view.select(name)
    release = view.store.release(number)
    good = tuple(each.number for each in view.store.releases(name) if each.outcome == "succeeded")
    if reason := refusal(view.journal(name), release, number, good[:5]):
        raise GitopsdError(reason)
    way_back = offline(view, release) if release is not None else Offline(None)
    if way_back.possible is False:
        raise GitopsdError(f"release {number} is not kept whole any more: {'; '.join(way_back.lacks)}")


def _lacking_commit(view: View, environment: Environment, release: Release) -> Iterator[str]:
    try:
        view.repositories.source(environment.repository).files(release.revision)
    except SourceError:
        yield f"commit {release.revision[:8]} is not in the mirror"

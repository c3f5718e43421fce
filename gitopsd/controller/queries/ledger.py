"""What happened: releases of an environment, one release, events, and the chain of causes behind a service."""

from dataclasses import dataclass

from gitopsd.controller.queries.view import View
from gitopsd.model.errors import GitopsdError
from gitopsd.model.event import Event
from gitopsd.model.release import Release
from gitopsd.model.status import EnvironmentStatus, ServiceStatus

LOOKED_BACK = 2000  # events
ABOUT_ALL = ("Operation", "PassFailed")  # what concerns every service of an environment


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
class Explanation:
    """Why a service is as it is: how it stands, the release that brought it, and what happened since, oldest first."""

    environment: EnvironmentStatus
    service: ServiceStatus | None
    release: Release | None
    events: tuple[Event, ...]


def why(view: View, status: EnvironmentStatus, service: str = "") -> Explanation:
    """The chain of causes of a service, or of the whole environment. GitopsdError when nobody knows the service."""
    events = view.store.events(environment=status.name, limit=LOOKED_BACK, newest=True)
    stands = next((each for each in status.services if each.name == service), None)
    if service and stands is None and not any(event.service == service for event in events):
        known = ", ".join(each.name for each in status.services) or "none"
        raise GitopsdError(f"environment {status.name} has no service {service}; it has {known}")
    begun = _last_release(events, service)
    release = view.store.release(begun.release) if begun is not None and begun.release is not None else None
    start = begun.number if begun is not None else 0
    chain = tuple(event for event in events if event.number >= start and _concerns(event, service))
    return Explanation(status, stands, release, chain)


def _last_release(events: tuple[Event, ...], service: str) -> Event | None:
    """The begin of the last release that touched the service."""
    touched = {event.release for event in events if event.service == service or not service}
    begins = (event for event in reversed(events) if event.reason == "ReleaseStarted" and event.release in touched)
    return next(begins, None)


def _concerns(event: Event, service: str) -> bool:
    if not service or event.service == service:
        return True
    return not event.service and (event.release is not None or event.reason.startswith(ABOUT_ALL))

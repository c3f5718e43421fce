"""What happened: releases of an environment, and one release with its events."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from gitopsd.controller.environments import Environment
from gitopsd.controller.pinning import lacking_images
from gitopsd.controller.queries.view import View
from gitopsd.model.canonical import Json
from gitopsd.model.errors import GitopsdError, SourceError
from gitopsd.model.event import Event
from gitopsd.model.release import Release
from gitopsd.release.pinning import refusal
from gitopsd.release.schema import cannot_return

LOOKED_BACK = 2000  # events
EVERYTHING = 1_000_000
ROLLOUT = "Rollout"
MEASURED = ("step", "share", "metrics")


def history(view: View, environment: str, limit: int = 100) -> tuple[Release, ...]:
    """The releases of an environment, newest first. GitopsdError when nobody knows the environment."""
    found = view.store.releases(environment, limit)
    if not found:
        view.select(environment)
    return found


def same_content(view: View, releases: Iterable[Release]) -> Mapping[int, int]:
    """Which releases brought the very content of an earlier one that succeeded, and which one that was."""
    found: dict[int, int] = {}
    known: dict[str, tuple[Release, ...]] = {}
    for release in releases:
        name = release.environment
        known[name] = known[name] if name in known else view.store.releases(name, EVERYTHING)
        good = (each for each in known[name] if each.outcome == "succeeded" and each.number < release.number)
        twin = next((each for each in good if each.content_digest == release.content_digest), None)
        found |= {release.number: twin.number} if twin is not None else {}
    return found


def not_returnable(view: View, releases: Iterable[Release]) -> Mapping[int, str]:
    """Which releases cannot be returned to, whatever is kept of them, each with why."""
    found = {each.number: cannot_return(view.journal(each.environment), each) for each in releases}
    return {number: why for number, why in found.items() if why}


def show(view: View, number: int) -> tuple[Release, tuple[Event, ...]]:
    """One release and what happened from its begin to its end, oldest first."""
    release = view.store.release(number)
    if release is None:
        raise GitopsdError(f"there is no release {number}; `gitopsd history ENV` lists those that are kept")
    for limit in (LOOKED_BACK, EVERYTHING):
        events = view.store.events(environment=release.environment, limit=limit, newest=True)
        own = [event.number for event in events if event.release == number]
        begun = any(event.release == number and event.reason == "ReleaseStarted" for event in events)
        if begun or len(events) < limit:
            break
    return release, tuple(event for event in events if own and own[0] <= event.number <= own[-1])


@dataclass(frozen=True, slots=True)
class Part:
    """What a release came to for one service.

    Seconds by slot: `starts` until ready, `warms` from then until counted, `drains` from being told to leave the router
    until out of it, `stops` from being asked to until gone.

    `phase` is the last one of its rollout. `interruption` None: nothing was measured. `pre_warm` is how long caches
    were filled before the first share. `measures` are by step: its number, the share there, each metric's values;
    `trace` is what was measured over all of it, in some points.
    """

    service: str
    phase: str
    kind: str = ""
    seconds: float | None = None
    interruption: float | None = None
    starts: Mapping[str, float] = field(default_factory=dict)
    warms: Mapping[str, float] = field(default_factory=dict)
    drains: Mapping[str, float] = field(default_factory=dict)
    stops: Mapping[str, float] = field(default_factory=dict)
    evidence: str = ""
    pre_warm: float | None = None
    measures: tuple[Mapping[str, Json], ...] = ()
    trace: tuple[Mapping[str, Json], ...] = ()

    @property
    def figures(self) -> tuple[Mapping[str, Json], ...]:
        """What each metric came to where it was looked at last."""
        return _mappings(self.measures[-1]["metrics"]) if self.measures else ()


def parts(release: Release, events: Iterable[Event]) -> tuple[Part, ...]:
    """The services that a release did something for, by name; `events` are those of `show`."""
    own = [event for event in events if event.release == release.number and event.service]
    return tuple(_part(name, [event for event in own if event.service == name]) for name in _services_of(own))


def _services_of(events: Iterable[Event]) -> list[str]:
    return sorted({event.service for event in events if event.reason.startswith(ROLLOUT)})


def _part(service: str, events: list[Event]) -> Part:
    steps = [event for event in events if event.reason.startswith(ROLLOUT)]
    data = next((event.data for event in reversed(steps) if "seconds" in event.data), {})
    stops = {
        str(event.data.get("slot")): _number(event.data.get("seconds")) or 0.0
        for event in events
        if event.data.get("action") == "Stop"
    }
    bad = next((event for event in steps if event.severity != "info"), None)
    return Part(
        service,
        steps[-1].reason.removeprefix(ROLLOUT),
        str(data.get("kind") or ""),
        _number(data.get("seconds")),
        _number(data.get("interruption_s")),
        _by_slot(data.get("starts_s")),
        _by_slot(data.get("warms_s")),
        _by_slot(data.get("drains_s")),
        stops,
        bad.message.removeprefix(f"{service}: ") if bad is not None else "",
        next((_number(event.data["pre_warm_s"]) for event in events if "pre_warm_s" in event.data), None),
        tuple({key: event.data[key] for key in MEASURED} for event in events if "metrics" in event.data),
        next((_mappings(event.data["trace"]) for event in reversed(steps) if "trace" in event.data), ()),
    )


def _mappings(found: Json) -> tuple[Mapping[str, Json], ...]:
    return tuple(each for each in found if isinstance(each, Mapping)) if isinstance(found, list | tuple) else ()


def _by_slot(measured: Json) -> dict[str, float]:
    return {slot: _number(each) or 0.0 for slot, each in measured.items()} if isinstance(measured, Mapping) else {}


def _number(value: Json) -> float | None:
    return float(value) if isinstance(value, int | float) else None


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
        gone = cannot_return(view.journal(environment.name), release)
        lacks = (
            *((gone,) if gone else ()),
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

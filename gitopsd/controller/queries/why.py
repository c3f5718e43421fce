"""Why a service is as it is: the last decisions about it, each as a chain of causes from commit or event to outcome."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from gitopsd.controller.queries.ledger import LOOKED_BACK
from gitopsd.controller.queries.view import View
from gitopsd.engine_json.fields import mapping, strings
from gitopsd.model.canonical import Json
from gitopsd.model.drift import DriftItem
from gitopsd.model.errors import GitopsdError
from gitopsd.model.event import Event
from gitopsd.model.release import Release
from gitopsd.model.status import EnvironmentStatus, ServiceStatus

DecisionKind = Literal["release", "drift", "repair", "operation", "event"]
LinkKind = Literal["commit", "operation", "event", "drift", "release", "plan", "rollout", "action", "look", "outcome"]
ABOUT_ALL = ("Operation", "PassFailed")  # what concerns every service of an environment
_ENDED = ("Succeeded", "RolledBack", "Failed", "Superseded", "Cancelled")


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a chain. `seconds`: how long it took, where that is known. `logs`: what an instance wrote last."""

    at: datetime
    what: LinkKind
    words: str
    seconds: float | None = None
    failed: bool = False
    logs: str = ""


@dataclass(slots=True)
class Decision:
    """What was decided, and all that led to it and came of it, oldest first. `outcome` "": it is under way."""

    kind: DecisionKind
    subject: str
    release: int | None = None
    links: list[Link] = field(default_factory=list)
    ended_at: datetime | None = None
    outcome: str = ""

    @property
    def began_at(self) -> datetime:
        return self.links[0].at


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a service stands, the release that brought it, what happened since, and the last decisions about it.

    `service` None: it is about the whole environment. All lists are oldest first.
    """

    environment: EnvironmentStatus
    service: ServiceStatus | None
    release: Release | None
    events: tuple[Event, ...]
    decisions: tuple[Decision, ...]


def why(view: View, status: EnvironmentStatus, service: str = "", limit: int = 5) -> Explanation:
    """The last `limit` decisions about a service, or the whole environment. GitopsdError: nobody knows the service."""
    events = view.store.events(environment=status.name, limit=LOOKED_BACK, newest=True)
    stands = next((each for each in status.services if each.name == service), None)
    if service and stands is None and not any(event.service == service for event in events):
        known = ", ".join(each.name for each in status.services) or "none"
        raise GitopsdError(f"environment {status.name} has no service {service}; it has {known}")
    begun = _last_release(events, service)
    release = view.store.release(begun.release) if begun is not None and begun.release is not None else None
    start = begun.number if begun is not None else 0
    since = tuple(event for event in events if event.number >= start and _concerns(event, service))
    told = decisions(events, service, view.store.release, view.store.drift(status.name).items)
    return Explanation(status, stands, release, since, told[-limit:])


def _last_release(events: tuple[Event, ...], service: str) -> Event | None:
    """The begin of the last release that touched the service."""
    touched = {event.release for event in events if event.service == service or not service}
    begins = (event for event in reversed(events) if event.reason == "ReleaseStarted" and event.release in touched)
    return next(begins, None)


def _concerns(event: Event, service: str) -> bool:
    if not service or event.service == service:
        return True
    return not event.service and (event.release is not None or event.reason.startswith(ABOUT_ALL))


def decisions(
    events: Iterable[Event],
    service: str,
    release: Callable[[int], Release | None],
    drifting: Iterable[DriftItem] = (),
) -> tuple[Decision, ...]:
    """The events of an environment, strung into chains. `drifting` is what drifts now, with what is known by now."""
    telling = _Telling(service, release, _stories(events := tuple(events), drifting))
    for event in events:
        telling.hear(event)
    return tuple(each for each in telling.decisions if each.links)


def _stories(events: Iterable[Event], drifting: Iterable[DriftItem]) -> Mapping[object, str]:
    """What the engine's events said of each drift: that may have come after it was found, so the last word counts."""
    said = {_drift_key(each.data): str(each.data.get("story") or "") for each in events if "instance" in each.data}
    open_ones = {
        (each.name, each.instance, each.kind, tuple(change.path for change in each.changes)): each.story
        for each in drifting
    }
    return {**said, **{key: story for key, story in open_ones.items() if story}}


def _drift_key(data: Mapping[str, Json]) -> object:
    return (data.get("name"), data.get("instance"), data.get("kind"), tuple(strings(data.get("fields"))))


class _Telling:
    """Strings events together: which release or repair a rollout belongs to, which rollout an action."""

    def __init__(self, service: str, release: Callable[[int], Release | None], stories: Mapping[object, str]) -> None:
        self._service, self._release, self._stories = service, release, stories
        self.decisions: list[Decision] = []
        self._releases: dict[int | None, Decision] = {}
        self._rolling: dict[str, Decision] = {}
        self._since: dict[str, datetime] = {}
        self._drifting: dict[str, tuple[Decision, set[object]]] = {}

    def hear(self, event: Event) -> None:
        reason = event.reason
        if event.service not in ("", self._service) and self._service:
            return
        match reason:
            case "ReleaseStarted" | "ReleaseRejected":
                self._begun(event)
            case "ReleaseEnded" | "ReleaseSuperseded":
                self._ended(event)
            case "ActionDone" | "ActionFailed":
                self._acted(event)
            case "DriftFound" | "HealLoop":
                self._drifted(event)
            case "DriftEnded":
                self._drift_over(event)
            case _ if reason.startswith("Rollout"):
                self._rolled(event)
            case _ if reason.startswith(ABOUT_ALL) or event.service or not self._service:
                self._happened(event)

    def _opened(self, kind: DecisionKind, subject: str, release: int | None = None) -> Decision:
        self.decisions.append(made := Decision(kind, subject, release))
        return made

    def _begun(self, event: Event) -> None:
        release = self._release(event.release) if event.release is not None else None
        names = {each.name for each in release.services} if release is not None else set()
        changes = mapping(event.data.get("changes"))
        if self._service and self._service not in (changes or names):
            return
        decision = self._opened("release", f"release {event.release}", event.release)
        self._releases[event.release] = decision
        decision.links += _origin(event, release)
        decision.links += [
            Link(event.at, "plan", _planned(name, mapping(change), self._service))
            for name, change in changes.items()
            if self._service in ("", name)
        ]
        if event.reason == "ReleaseRejected":
            decision.links.append(Link(event.at, "outcome", event.message, failed=True))
            decision.outcome, decision.ended_at = "rejected", event.at

    def _ended(self, event: Event) -> None:
        decision = self._releases.get(event.release)
        if decision is not None:
            failed = event.severity == "error"
            decision.links.append(Link(event.at, "outcome", event.message, failed=failed))
            superseded = event.reason == "ReleaseSuperseded"
            decision.outcome = "superseded" if superseded else event.message.removeprefix(f"{decision.subject} ")
            decision.ended_at = event.at

    def _rolled(self, event: Event) -> None:
        phase = event.reason.removeprefix("Rollout")
        before = self._rolling.get(event.service)
        decision = self._home(event, before)
        self._rolling[event.service] = decision
        began = self._since.setdefault(event.service, event.at) if before is decision else event.at
        self._since[event.service] = began
        over = phase in _ENDED
        decision.links.append(
            Link(
                event.at,
                "rollout",
                f"{_spaced(phase)}: {self._said(event)}",
                (event.at - began).total_seconds() if over else None,
                event.severity == "error",
                str(event.data.get("logs") or ""),
            )
        )
        if over:
            del self._rolling[event.service]
            if decision.kind == "repair":
                decision.outcome, decision.ended_at = _spaced(phase), event.at

    def _home(self, event: Event, before: Decision | None) -> Decision:
        """The decision that a rollout belongs to: its release, or the drift that it mends."""
        if event.data.get("kind") == "repair" or (": repair: " in event.message and "kind" not in event.data):
            if before is not None and before.kind != "release":
                return before
            found = self._drifting.get(event.service)
            return found[0] if found else self._opened("repair", f"repair of {event.service}", event.release)
        known = self._releases.get(event.release)
        if known is None:
            known = self._releases[event.release] = self._opened("release", f"release {event.release}", event.release)
        return known

    def _acted(self, event: Event) -> None:
        decision = self._rolling.get(event.service) or self._latest(event)
        seconds = event.data.get("seconds")
        took = float(seconds) if isinstance(seconds, int | float) else None
        decision.links.append(Link(event.at, "action", event.message, took, event.reason == "ActionFailed"))

    def _latest(self, event: Event) -> Decision:
        """Of an action that no rollout makes: a heal in place, or what the environment needs as a whole."""
        if event.service in self._drifting:
            return self._drifting[event.service][0]
        under_way = (each for each in reversed(self.decisions) if each.kind == "release" and each.ended_at is None)
        found = None if event.service else next(under_way, None)
        return found or self._opened("repair", str(event.data.get("cause") or "an action"))

    def _drifted(self, event: Event) -> None:
        if event.service not in self._drifting:
            self._drifting[event.service] = (self._opened("drift", f"drift of {_named(event)}"), set())
        decision, there = self._drifting[event.service]
        there.add(_drift_key(event.data))
        if story := self._stories.get(_drift_key(event.data)):
            decision.links.append(Link(event.at, "event", story))
        decision.links.append(Link(event.at, "drift", event.message, failed=event.reason == "HealLoop"))

    def _drift_over(self, event: Event) -> None:
        if event.service not in self._drifting:
            return
        decision, there = self._drifting[event.service]
        there.discard(_drift_key(event.data))
        decision.links.append(Link(event.at, "look", event.message))
        if not there:
            decision.outcome = event.message.partition(": ")[2] or "over"
            decision.ended_at = event.at
            del self._drifting[event.service]

    def _happened(self, event: Event) -> None:
        asked = event.reason.startswith("Operation")
        if asked and self._service and event.data.get("service") not in (None, "", self._service):
            return
        decision = self._opened("operation" if asked else "event", _spaced(event.reason))
        failed = event.severity == "error"
        decision.links.append(Link(event.at, "operation" if asked else "event", event.message, failed=failed))
        decision.outcome, decision.ended_at = "told", event.at

    def _said(self, event: Event) -> str:
        """Of the service that one asks about its name need not be said again."""
        return event.message.removeprefix(f"{event.service}: ") if self._service else event.message


def _origin(event: Event, release: Release | None) -> Iterator[Link]:
    """The commit that a release brings, and why it began."""
    if release is None:
        yield Link(event.at, "release", event.message)
        return
    yield Link(event.at, "commit", f"{release.revision[:8]} by {release.author}: {release.subject}")
    yield Link(event.at, "release", f"release {release.number} began: {release.cause}")


def _planned(name: str, change: Mapping[str, Json], service: str) -> str:
    """`replace: image web:1 -> web:2; stop-first, about 7 s without service`."""
    said = f"{change.get('change')}: {change.get('cause')}"
    if change.get("change") == "replace":
        gap = change.get("interruption_s")
        cost = f"about {gap:g} s without service" if isinstance(gap, int | float) and gap else "no interruption"
        said += f"; {change.get('order')}, {cost}"
    return said if service else f"{name}: {said}"


def _named(event: Event) -> str:
    resource, name = event.data.get("resource"), event.data.get("name") or event.message.partition(" ")[0]
    return f"{name}" if resource == "container" else f"{resource} {name}"


def _spaced(word: str) -> str:
    """`RollingBack` as `rolling back`."""
    return "".join(f" {each.lower()}" if each.isupper() else each for each in word).strip()

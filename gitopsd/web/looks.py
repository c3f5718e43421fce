"""What pages show, made from what queries and the store say; no HTML in it."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from gitopsd.controller.ports import Commit
from gitopsd.controller.queries.ledger import Part
from gitopsd.model.drift import DriftItem, PastDrift
from gitopsd.model.event import Event, Severity
from gitopsd.model.operation import Verb
from gitopsd.model.release import Hold, Journal, Release, ReleasedService
from gitopsd.model.rollout import Progressing, Rollout
from gitopsd.model.status import WORST_FIRST, EnvironmentStatus, Health
from gitopsd.model.strategy import Approve
from gitopsd.release.progress import ServiceProgress
from gitopsd.release.waiting import Stop, stops
from gitopsd.rollout.shifting import gradual, steps_of, words
from gitopsd.web.charts import Chart, charts

CommitOf = Callable[[str, str], Commit | None]


@dataclass(frozen=True, slots=True)
class Cure:
    """What settles a hold: the command to type and, where a page can ask for it, the operation behind a button."""

    command: str
    label: str = ""
    verb: Verb | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Banner:
    hold: Hold
    cure: Cure | None


@dataclass(frozen=True, slots=True)
class Card:
    """An environment at a glance. `serving` and `wanted` are commits, None where the mirror has them no more.

    `serving` is the one that was released: the status's revision moves on with commits that concern nothing here.
    `doing` is where open rollouts stand. `todo` is what to type where no banner says it, None where there is nothing
    to do.
    """

    status: EnvironmentStatus
    serving: Commit | None
    wanted: Commit | None
    banners: tuple[Banner, ...]
    drifts: tuple[DriftItem, ...]
    doing: tuple[str, ...]
    todo: Cure | None

    @property
    def news(self) -> tuple[Banner, ...]:
        """The banners that say more than the status's reason does."""
        return tuple(each for each in self.banners if each.hold.reason != self.status.reason)

    @property
    def state(self) -> str:
        """One word for its colour: its health, and `unsettled` where it works and all the same wants somebody."""
        settled = self.status.sync == "Synced" and not (self.drifts or self.banners)
        return self.status.health.lower() if settled or self.status.health != "Healthy" else "unsettled"

    @property
    def behind(self) -> bool:
        return self.status.desired_revision not in ("", self.status.revision)


def card(status: EnvironmentStatus, commit: CommitOf, drifts: tuple[DriftItem, ...], journal: Journal | None) -> Card:
    """`journal` is wanted where something is under way."""
    made = Card(
        status,
        commit(status.name, status.serving_revision or status.revision),
        commit(status.name, status.desired_revision),
        tuple(Banner(hold, cure(status.name, hold)) for hold in status.holds),
        drifts,
        tuple(f"{name}: {_doing(each)}" for name, each in sorted(journal.rollouts.items())) if journal else (),
        None,
    )
    return replace(made, todo=_todo(made, next(stops(journal), None) if journal else None))


def _doing(rollout: Rollout) -> str:
    """Where a rollout stands: at which step, if it goes by steps."""
    if gradual(rollout) and isinstance(rollout.phase, Progressing):
        return words(rollout)
    return f"{rollout.stage}, {rollout.cause}"


def _todo(card: Card, stop: Stop | None) -> Cure | None:
    """What to type: to find out why it is broken, to let it go on, to mend what was changed by hand, to follow it."""
    status, name = card.status, card.status.name
    broken = next((each.name for each in status.services if each.health in ("Degraded", "Missing")), "")
    if broken:
        return Cure(f"gitopsd why {name}/{broken}")
    if stop is not None:
        service = {"service": stop.service} if stop.verb == "promote" else {}
        return Cure(stop.command, stop.verb.capitalize(), stop.verb, service)
    if card.drifts:
        return Cure(f"gitopsd heal {name}", "Heal", "heal")
    if settles := [each.cure for each in card.banners if each not in card.news and each.cure]:
        return settles[0]
    if status.health == "Progressing":
        return Cure(f"gitopsd rollout show {name}")
    if any(each.cure for each in card.banners) or (status.sync, status.health) == ("Synced", "Healthy"):
        return None
    if "Unknown" in (status.sync, status.health):
        return Cure("gitopsd doctor")  # Git or the engine does not answer
    return Cure(f"gitopsd plan {name}" if status.health == "Healthy" else f"gitopsd status {name}")


@dataclass(frozen=True, slots=True)
class Summary:
    """All environments in one line: how many are of which health, drift, or are held. Worst first."""

    healths: tuple[tuple[Health, int], ...]
    drifted: int
    held: int


def summary(cards: Sequence[Card]) -> Summary:
    healths = Counter(each.status.health for each in cards)
    ordered = tuple((health, healths[health]) for health in WORST_FIRST if healths[health])
    return Summary(ordered, sum(bool(each.drifts) for each in cards), sum(bool(each.banners) for each in cards))


def worst_first(cards: Iterable[Card]) -> tuple[Card, ...]:
    """What needs a person comes first."""
    return tuple(
        sorted(
            cards,
            key=lambda each: (
                WORST_FIRST.index(each.status.health),
                each.state != "unsettled",
                not each.banners,
                each.status.name,
            ),
        )
    )


def cure(name: str, hold: Hold) -> Cure | None:
    match hold.guard:
        case "suspended":
            return Cure(f"gitopsd resume {name}", "Resume", "resume")
        case "pin":
            return Cure(f"gitopsd unpin {name}", "Unpin", "unpin")
        case "rejected":
            return Cure(f"gitopsd rollout retry {name}", "Try again", "retry")
        case "manual":
            return Cure(f"gitopsd sync {name}", "Sync", "sync")
        case "paused":
            return Cure(f"gitopsd rollout resume {name}", "Go on", "resume", {"rollout": "yes"})
        case "approval" | "deletion":
            return Cure(f"gitopsd approve {name}", "Approve", "approve")
        case "circuit-breaker":
            return Cure(f"gitopsd rollout retry {name}", "Try again", "retry")
        case "orphaned":
            return Cure(f"gitopsd remove {name}")
        case "owner" | "foreign":
            return Cure("gitopsd adopt PROJECT")
        case _:
            return None


Kind = Literal["release", "commit", "drift", "event"]


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on the one axis of time; `ended_at` of what lasted."""

    at: datetime
    kind: Kind
    title: str
    text: str
    severity: Severity = "info"
    link: str = ""
    ended_at: datetime | None = None
    word: str = ""

    @property
    def day(self) -> str:
        return f"{self.at.astimezone(UTC):%Y-%m-%d}"


TOLD_ELSEWHERE = ("ReleaseStarted", "ReleaseEnded", "DriftFound", "DriftEnded", "ActionDone")
OF_A_RELEASE = ("Rollout", "NewInstancesReached")  # its own page tells them
OUTCOMES: Mapping[str, Severity] = {"succeeded": "info", "superseded": "info", "cancelled": "warning"}


def timeline(
    releases: Iterable[Release],
    events: Iterable[Event],
    drifts: Iterable[DriftItem],
    past: Iterable[PastDrift],
    commit: CommitOf,
) -> tuple[Entry, ...]:
    """Newest first: commits, releases, drifts and their ends, and whatever else was told."""
    found = [
        *(each for release in releases for each in _of_release(release, commit)),
        *(_of_drift(item, None) for item in drifts),
        *(_of_drift(each.item, each) for each in past),
        *(_of_event(event) for event in events if not _told_elsewhere(event)),
    ]
    return tuple(sorted(found, key=lambda entry: entry.at, reverse=True))


def _told_elsewhere(event: Event) -> bool:
    return event.reason in TOLD_ELSEWHERE or (event.release is not None and event.reason.startswith(OF_A_RELEASE))


def _of_release(release: Release, commit: CommitOf) -> Iterator[Entry]:
    severity = OUTCOMES.get(release.outcome, "error") if release.outcome is not None else "info"
    title = f"Release {release.number}: {release.outcome or 'under way'}"
    text = release.reason or release.cause
    word = release.outcome or "progressing"
    link = f"/releases/{release.number}"
    yield Entry(release.started_at, "release", title, text, severity, link, release.finished_at, word)
    made = commit(release.environment, release.revision)
    if made is not None:
        yield Entry(made.at, "commit", f"{made.subject}", f"{made.author}, {made.id[:8]}", link=link, word="commit")


def _of_drift(item: DriftItem, past: PastDrift | None) -> Entry:
    name = f"{item.resource} {item.name}"
    if past is None:
        return Entry(item.first_seen, "drift", f"{name}: {item.kind}", item.cause, "warning", word="drift")
    text = f"{item.cause}; {past.by}" if past.by else item.cause
    title = f"{name}: {item.kind}, {past.end}"
    return Entry(item.first_seen, "drift", title, text, "info", ended_at=past.ended_at, word=past.end)


def _of_event(event: Event) -> Entry:
    title = spaced(event.reason) + (f": {event.service}" if event.service else "")
    link = f"/releases/{event.release}" if event.release is not None else ""
    text = event.message.removeprefix(f"{event.service}: ")
    return Entry(event.at, "event", title, text, event.severity, link, word=event.severity)


def spaced(reason: str) -> str:
    """`Step over` for StepOver."""
    return re.sub(r"(?<=[a-z])[A-Z]", lambda found: f" {found[0].lower()}", reason)


@dataclass(frozen=True, slots=True)
class ServiceChange:
    """A service of a release beside the release before: what of it moved, in words, and what it came to."""

    name: str
    before: ReleasedService | None
    after: ReleasedService | None
    part: Part | None

    @property
    def moved(self) -> tuple[str, ...]:
        if self.before is None or self.after is None:
            return ("new",) if self.before is None else ("removed",)
        pairs = (
            ("image", self.before.image, self.after.image),
            ("digest", self.before.digest, self.after.digest),
            ("configuration", self.before.config_digest, self.after.config_digest),
            ("replicas", self.before.replicas, self.after.replicas),
        )
        return tuple(what for what, old, new in pairs if old != new)


def service_changes(release: Release, before: Release | None, done: Iterable[Part]) -> tuple[ServiceChange, ...]:
    parts = {part.service: part for part in done}
    old = {each.name: each for each in before.services} if before is not None else {}
    new = {each.name: each for each in release.services}
    return tuple(
        ServiceChange(name, old.get(name), new.get(name), parts.get(name)) for name in sorted({*old, *new, *parts})
    )


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of a release as its page tells it: what was done or came to be, and why, where that is not said yet."""

    event: Event
    said: str
    why: str

    @property
    def action(self) -> bool:
        return self.event.reason == "ActionDone"


def happenings(release: Release, events: Iterable[Event]) -> Iterator[Happening]:
    """In their order. What speaks against the release is told once in full: every action of the return has it, too."""
    against = release.reason.partition(": ")[2] or release.reason
    known, last = False, ""
    for event in events:
        said, _, why = event.message.partition(" # ") if event.reason == "ActionDone" else ("", "", event.message)
        why = why.removeprefix(f"{event.service}: ")
        if known and against:
            why = why.replace(against, "").rstrip(": ")
        known = known or bool(against and against in why)
        yield Happening(event, said or spaced(event.reason), "" if why in (last, event.service) else why)
        last = why


def charts_of(part: Part) -> tuple[Chart, ...]:
    """What was measured of a service in a release that is over, beside what it was held to in the end."""
    return charts(part.trace, part.figures)


@dataclass(frozen=True, slots=True)
class Moving:
    """A service that is rolled out right now. `asks`: it stands where somebody has to say yes."""

    seen: ServiceProgress
    charts: tuple[Chart, ...]
    asks: bool


def moving(seen: ServiceProgress) -> Moving:
    rollout = seen.rollout
    steps, at = steps_of(rollout.policy), rollout.shift.step
    measured = charts([point.plain() for point in rollout.trace.points], [each.plain() for each in seen.figures])
    return Moving(seen, measured, isinstance(steps[at], Approve) if at < len(steps) and seen.step else False)

"""Which transitions people are told of, and how they read: releases by their events, troubles once they last.

A trouble is told when it has lasted for a while, and its end when that has, so that nothing flaps. What a release that
is under way does to an environment is that release's own story.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from gitopsd.model.drift import DriftItem
from gitopsd.model.event import Event
from gitopsd.model.notice import Kind, Notice, Standing, Told, Trouble
from gitopsd.model.release import Outcome, Release
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus, worst

LASTS = timedelta(seconds=60)  # what heals itself meanwhile was none
ANSWERS = timedelta(seconds=120)  # a remote or an engine may be away for so long
MOST_ITEMS = 5
MOST_TEXT = 1_000
BAD: tuple[Outcome, ...] = ("failed", "rolled-back")
RELEASE, HEALTH, LOOK, DRIFT, WAIT = "release", "health", "look", "drift", "wait"


@dataclass(frozen=True, slots=True)
class Seen:
    """One look. `events` are new; `releases` are those that they name, by number.

    `waits` says by environment what waits for a person's word, and `repository_of` whose each environment is.
    """

    events: tuple[Event, ...] = ()
    releases: Mapping[int, Release] = field(default_factory=dict)
    statuses: tuple[EnvironmentStatus, ...] = ()
    repositories: tuple[RepositoryStatus, ...] = ()
    drifts: Mapping[str, tuple[DriftItem, ...]] = field(default_factory=dict)
    waits: Mapping[str, str] = field(default_factory=dict)
    repository_of: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Symptom:
    """What is not well now, and how that is told once it has lasted for so long."""

    kind: Kind
    title: str
    text: str
    page: str
    lasts: timedelta


def noticed(told: Told, seen: Seen, now: datetime) -> tuple[Told, tuple[Notice, ...]]:
    """What is known to have been told after this look, and what is to be told. What is gone is forgotten."""
    news: list[Notice] = []
    environments = dict(told.environments)
    for event in seen.events:
        environments[event.environment] = _happened(environments, event, seen, news)
    known = {status.name: environments.get(status.name, Standing()) for status in seen.statuses}
    for status in seen.statuses:
        known[status.name] = _stands(known[status.name], status, seen, now, news)
    repositories = {each.name: _answers(told, each, seen, now, news) for each in seen.repositories}
    return (
        Told(
            max((event.number for event in seen.events), default=told.after),
            known,
            {name: trouble for name, trouble in repositories.items() if trouble is not None},
        ),
        tuple(news),
    )


def _happened(environments: Mapping[str, Standing], event: Event, seen: Seen, news: list[Notice]) -> Standing:
    """What an event of a release says; it may end a trouble that an earlier one began."""
    before = environments.get(event.environment, Standing())
    release = seen.releases.get(event.release or 0)
    if release is None:
        return before
    match event.reason:
        case "ReleaseStarted":
            news.append(_of_release("started", release, event, "begins", release.cause))
            return replace(before, release=release.number)
        case "ReleaseEnded" | "ReleaseRejected" | "ReleaseCancelled" | "ReleaseSuperseded" if release.outcome:
            return _ended(before, release, release.outcome, event, news)
    return before


def _ended(before: Standing, release: Release, outcome: Outcome, event: Event, news: list[Notice]) -> Standing:
    standing = replace(before, release=None if before.release == release.number else before.release)
    others = {key: each for key, each in standing.troubles.items() if key != RELEASE}
    notice = _of_release(outcome, release, event, _ENDS[outcome], release.reason)
    if outcome in BAD:
        news.append(replace(notice, text=_text(notice.text, f"`gitopsd show {release.number}` has the evidence")))
        return replace(standing, troubles={**others, RELEASE: Trouble(outcome, event.at, told=True)})
    trouble = standing.troubles.get(RELEASE)
    if outcome != "succeeded" or trouble is None:
        news.append(notice)
        return standing
    title = f"{release.environment} recovered: release {release.number} succeeded"
    news.append(replace(notice, kind="recovered", trouble=trouble.kind, title=title))
    return replace(standing, troubles=others)


_ENDS: Mapping[Outcome, str] = {
    "succeeded": "succeeded",
    "rolled-back": "was rolled back",
    "failed": "failed",
    "superseded": "was superseded",
    "cancelled": "was cancelled",
}


def _of_release(kind: Kind, release: Release, event: Event, what: str, why: str) -> Notice:
    commit = f"{release.revision[:12]} {release.subject}".strip()
    return Notice(
        kind,
        event.at,
        f"{release.environment}: release {release.number} {what}",
        _text(why, f"{commit}, by {release.author}" if release.author else commit),
        release.environment,
        release=release.number,
        revision=release.revision,
        page=f"/releases/{release.number}",
        concerns=(release.environment,),
    )


def _stands(before: Standing, status: EnvironmentStatus, seen: Seen, now: datetime, news: list[Notice]) -> Standing:
    """The troubles of an environment after a look at it; those of which nothing is known now stay as they are."""
    troubles = {RELEASE: before.troubles[RELEASE]} if RELEASE in before.troubles else {}
    for key, symptom in _symptoms(before, status, seen):
        trouble = before.troubles.get(key)
        if not isinstance(symptom, _Frozen):
            trouble = _followed(trouble, symptom, status, now, news)
        if trouble is not None:
            troubles[key] = trouble
    return replace(before, troubles=troubles)


class _Frozen:
    """Nothing can be said of it now."""


_FROZEN = _Frozen()


def _symptoms(
    before: Standing, status: EnvironmentStatus, seen: Seen
) -> Iterator[tuple[str, _Symptom | _Frozen | None]]:
    blind, busy = status.health == "Unknown", before.release is not None
    yield LOOK, _out_of_sight(status, seen)
    yield HEALTH, _FROZEN if blind or busy else _sick(before, status)
    yield DRIFT, _FROZEN if blind or busy else _drifts(status, seen.drifts.get(status.name, ()))
    yield WAIT, _waits(status, seen.waits.get(status.name, ""))


def _out_of_sight(status: EnvironmentStatus, seen: Seen) -> _Symptom | None:
    """A repository that does not answer is told for itself, and not once more for each environment."""
    away = {each.name for each in seen.repositories if each.error}
    if "Unknown" not in (status.sync, status.health) or seen.repository_of.get(status.name) in away:
        return None
    return _Symptom("unknown", f"{status.name} cannot be judged", status.reason, _page(status), ANSWERS)


def _sick(before: Standing, status: EnvironmentStatus) -> _Symptom | None:
    """What a failed release left behind is known already."""
    sick = [each for each in status.services if each.health in ("Degraded", "Missing")]
    failed = RELEASE in before.troubles and before.troubles[RELEASE].kind == "failed"
    if not sick or failed or status.serving_release is None or status.health == "Suspended":
        return None
    word = worst(tuple(each.health for each in sick)).lower()
    title = f"{status.name} is {word}: {', '.join(each.name for each in sick[:MOST_ITEMS])}"
    reasons = "\n".join(f"{each.name}: {each.reason}" for each in sick[:MOST_ITEMS] if each.reason)
    return _Symptom("degraded", title, reasons or status.reason, _page(status), LASTS)


def _drifts(status: EnvironmentStatus, items: tuple[DriftItem, ...]) -> _Symptom | None:
    if not items:
        return None
    fields = sum(max(1, len(item.changes)) for item in items)
    title = f"{status.name} drifts: {fields} {'field' if fields == 1 else 'fields'} of {len(items)}"
    lines = [f"{each.resource} {each.name}: {_drifted(each)}" for each in items[:MOST_ITEMS]]
    more = [f"and {len(items) - MOST_ITEMS} more"] if len(items) > MOST_ITEMS else []
    mend = f"`gitopsd drift {status.name}` shows it, `gitopsd heal {status.name}` mends it"
    return _Symptom("drifted", title, "\n".join((*lines, *more, mend)), f"{_page(status)}/drift", LASTS)


def _drifted(item: DriftItem) -> str:
    """By its fields: what was in them, and is, is shown to those who may look."""
    return ", ".join(each.path for each in item.changes[:MOST_ITEMS]) or item.kind


def _waits(status: EnvironmentStatus, why: str) -> _Symptom | None:
    if not why:
        return None
    return _Symptom("waiting", f"{status.name} waits for a person", why, _page(status), timedelta(0))


def _page(status: EnvironmentStatus) -> str:
    return f"/environments/{status.name}"


def _followed(
    before: Trouble | None, symptom: _Symptom | None, status: EnvironmentStatus, now: datetime, news: list[Notice]
) -> Trouble | None:
    """A trouble after another look: it lasts long enough to be told, or is over for long enough."""
    after, turned = _turned(before, symptom, now)
    if turned and symptom is not None:
        news.append(_notice(symptom, now, status))
    elif turned and before is not None and before.kind in _ENDED:
        over = _Symptom("recovered", f"{status.name} {_ENDED[before.kind]}", "", _page(status), timedelta(0))
        news.append(replace(_notice(over, now, status), revision="", trouble=before.kind))
    return after


_ENDED: Mapping[Kind, str] = {
    "degraded": "is healthy again",
    "drifted": "drifts no more",
    "unknown": "can be judged again",
}


def _notice(symptom: _Symptom, now: datetime, status: EnvironmentStatus) -> Notice:
    return Notice(
        symptom.kind,
        now,
        symptom.title,
        _text(symptom.text),
        status.name,
        revision=status.revision,
        page=symptom.page,
        concerns=(status.name,),
    )


def _turned(before: Trouble | None, symptom: _Symptom | None, now: datetime) -> tuple[Trouble | None, bool]:
    """The trouble from now on, and whether that is news."""
    if symptom is None:
        if before is None:
            return None, False
        since = before.well_since or now
        over = before.kind not in _ENDED or now - since >= LASTS
        return (None, before.told) if over else (replace(before, well_since=since), False)
    trouble = replace(before, well_since=None) if before is not None else Trouble(symptom.kind, now)
    if trouble.told or now - trouble.since < symptom.lasts:
        return trouble, False
    return replace(trouble, told=True), True


def _answers(told: Told, status: RepositoryStatus, seen: Seen, now: datetime, news: list[Notice]) -> Trouble | None:
    """A repository that cannot be read, or whose newest commit is not trusted."""
    title = f"repository {status.name} cannot be followed"
    symptom = _Symptom("unknown", title, status.error, "/", ANSWERS) if status.error else None
    before = told.repositories.get(status.name)
    after, turned = _turned(before, symptom, now)
    if turned:
        names = tuple(sorted(name for name, whose in seen.repository_of.items() if whose == status.name))
        notice = Notice("unknown", now, title, _text(status.error), repository=status.name, concerns=names)
        if symptom is None:
            title = f"repository {status.name} can be followed again"
            notice = replace(notice, kind="recovered", title=title, trouble="unknown")
        news.append(notice)
    return after


def _text(*lines: str) -> str:
    """Lines for people. What a commit or a container wrote steers nobody's terminal."""
    return "\n".join(_inert(line) for line in lines if line)[:MOST_TEXT]


def _inert(text: str) -> str:
    return "".join(each if each.isprintable() or each == "\n" else " " for each in text)

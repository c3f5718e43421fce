"""What guards hold: one release an environment, the newest; what people say of it; and how it is let go."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.model.event import Event
from gitopsd.model.guards import ApprovalRule, Ruling
from gitopsd.model.release import Hold, Journal, Outcome, Queued, Release
from gitopsd.model.units import span_text
from gitopsd.release.guarding import APPROVAL, DELETION

MOST_REVISIONS = 50
MOST_RULINGS = 20
ASKING = (APPROVAL, DELETION)  # the guards that want a person's word


@dataclass(frozen=True, slots=True)
class Waiting:
    """The journal with what waits, what is told of it, releases that will never begin, and the holds as they are."""

    journal: Journal
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()
    holds: tuple[Hold, ...] = ()


def enqueue(
    journal: Journal, release: Release, holds: tuple[Hold, ...], rule: ApprovalRule | None, now: datetime
) -> Waiting:
    """Let a release wait for what holds it. Newer content takes the place of older, which is superseded unrun.

    `release` is as it would begin; where its content waits already, that one stays, with its number.
    """
    rule = rule or ApprovalRule()
    queued, journal = journal.queued, _without_lapsed(journal, now)
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()
    if queued is None or queued.release.content_digest != release.content_digest:
        left = let_go(journal, f"superseded by release {release.number}", now)
        journal, ended, events = left.journal, left.ended, left.events
        queued = Queued(replace(release, phase="waiting"), (release.revision,))
        why = "; ".join(each.reason for each in holds)
        message = f"release {release.number} of {release.revision[:8]} waits: {why}"
        events = (*events, _told(queued.release, "ReleaseWaits", message, now))
    elif release.revision not in queued.revisions:
        queued = replace(queued, revisions=(*queued.revisions, release.revision)[-MOST_REVISIONS:])
    queued = _asking(queued, tuple(each.guard for each in holds if each.guard in ASKING), rule, now)
    if queued.until is not None and now >= queued.until:
        return _expired(replace(journal, queued=queued), queued, rule, (events, ended), now)
    journal = replace(journal, queued=queued)
    return Waiting(journal, events, ended, tuple(_numbered(each, queued) for each in holds))


def ruled_out(journal: Journal, content: str, holds: tuple[Hold, ...], now: datetime) -> Waiting | None:
    """What becomes of the queue when the newest content was denied, or nobody said yes to it; None: neither is so."""
    ruling = journal.rulings.get(content)
    if ruling is None or ruling.said == "approved":
        return None
    return replace(let_go(journal, f"newer content was {ruling.said}", now), holds=holds)


def let_go(journal: Journal, why: str, now: datetime, outcome: Outcome = "superseded") -> Waiting:
    """Nothing waits any more: what did is in the ledger, and never ran."""
    if journal.queued is None:
        return Waiting(journal)
    release = journal.queued.release
    ended = replace(release, phase="ended", outcome=outcome, finished_at=now, reason=why)
    reason = "ReleaseSuperseded" if outcome == "superseded" else "ReleaseCancelled"
    event = _told(release, reason, f"release {release.number} of {release.revision[:8]} never began: {why}", now)
    return Waiting(replace(journal, queued=None), (event,), (ended,))


def approve(journal: Journal, what: str, ruling: Ruling) -> tuple[Journal, str]:
    """Let what waits begin; `what` is its number or a commit that says it, "" for whatever waits."""
    queued = journal.queued
    if (answer := _no(queued, what)) or queued is None:
        return journal, answer
    release = queued.release
    said = replace(ruling, until=ruling.at + _length(queued), release=release.number, guards=queued.asks)
    rulings = _with(journal, release.content_digest, said)
    left = replace(queued, asks=(), asked_at=None, until=None)
    return replace(journal, rulings=rulings, queued=left), f"release {release.number} of {what_of(release)} is approved"


def deny(journal: Journal, what: str, ruling: Ruling) -> tuple[Waiting, str]:
    """What waits shall not begin. Everything stays as it is."""
    queued = journal.queued
    if (answer := _no(queued, what)) or queued is None:
        return Waiting(journal), answer
    release = queued.release
    said = replace(ruling, until=ruling.at, release=release.number, guards=queued.asks)
    ruled = replace(journal, rulings=_with(journal, release.content_digest, said))
    return let_go(ruled, said.words, ruling.at, "cancelled"), f"release {release.number} is denied; all stays as it is"


def asked_again(journal: Journal) -> Journal:
    """A person wants what was denied, ran out or failed to be looked at anew."""
    rulings = {content: each for content, each in journal.rulings.items() if each.said == "approved"}
    return replace(journal, rulings=rulings, failures=0)


def what_of(release: Release) -> str:
    return f"{release.revision[:8]} ({release.subject[:60]})" if release.subject else release.revision[:8]


def _no(queued: Queued | None, what: str) -> str:
    """Why nothing can be said of it; "" where that can be."""
    if queued is None or not queued.asks:
        return "refused: nothing waits for a person's word here"
    release = queued.release
    short = what.isascii() and len(what) >= 7 and any(each.startswith(what) for each in queued.revisions)
    if what in ("", str(release.number)) or short:
        return ""
    return f"refused: {what[:40]} does not wait here; release {release.number} of {what_of(release)} does"


def _length(queued: Queued) -> timedelta:
    asked, until = queued.asked_at, queued.until
    return until - asked if asked is not None and until is not None else ApprovalRule().timeout


def _asking(queued: Queued, asks: tuple[str, ...], rule: ApprovalRule, now: datetime) -> Queued:
    """The time to answer begins when there is something to answer, and anew when there is more."""
    if not asks:
        return replace(queued, asks=(), asked_at=None, until=None)
    if set(asks) <= set(queued.asks) and queued.asked_at is not None:
        return replace(queued, asks=asks, until=queued.asked_at + rule.timeout)
    return replace(queued, asks=asks, asked_at=now, until=now + rule.timeout)


def _expired(
    journal: Journal,
    queued: Queued,
    rule: ApprovalRule,
    told: tuple[tuple[Event, ...], tuple[Release, ...]],
    now: datetime,
) -> Waiting:
    release = queued.release
    reason = f"nobody said yes within {span_text(rule.timeout)}"
    ruling = Ruling("expired", "", reason, now, now, release.number, queued.asks)
    ruled = replace(journal, rulings=_with(journal, release.content_digest, ruling))
    left = let_go(ruled, reason, now, "cancelled")
    holds = tuple(Hold(guard, f"release {release.number} {ruling.words}", release.number) for guard in queued.asks)
    return Waiting(left.journal, (*told[0], *left.events), (*told[1], *left.ended), holds)


def _numbered(hold: Hold, queued: Queued) -> Hold:
    until = queued.until if hold.guard in queued.asks else hold.until
    return replace(hold, release=hold.release or queued.release.number, until=until)


def _without_lapsed(journal: Journal, now: datetime) -> Journal:
    """Without approvals whose time is over."""
    kept = {key: each for key, each in journal.rulings.items() if each.said != "approved" or now < each.until}
    return journal if len(kept) == len(journal.rulings) else replace(journal, rulings=kept)


def _with(journal: Journal, content: str, ruling: Ruling) -> dict[str, Ruling]:
    others = {key: each for key, each in journal.rulings.items() if key != content}
    return {**dict(list(others.items())[1 - MOST_RULINGS :]), content: ruling}


def _told(release: Release, reason: str, message: str, now: datetime) -> Event:
    return Event(now, reason, message, environment=release.environment, release=release.number)

"""Pins: an environment is kept on an earlier release, and what it was pinned away from comes back on no account but

a person's word, or when Git says something else.
"""

from dataclasses import replace
from datetime import datetime

from gitopsd.model.desired import SealedState
from gitopsd.model.event import Event
from gitopsd.model.release import Hold, Journal, Pin, Release
from gitopsd.release.schema import cannot_return


def pin_to(journal: Journal, pin: Pin, release: Release, git: SealedState | None) -> Journal:
    """The journal with a pin. Its content may be tried, whatever became of it before. `git` is what Git says now."""
    current = [each for each in (journal.release, journal.serving, git) if each is not None]
    away = {digest for each in current for digest in (each.content_digest, each.input_digest)}
    away |= journal.pin.away if journal.pin is not None else set()
    away -= {pin.content_digest, release.content_digest, release.input_digest}
    rejected = {each: why for each, why in journal.rejected.items() if each != pin.content_digest}
    return replace(journal, pin=replace(pin, away=frozenset(away)), rejected=rejected)


def unpin(journal: Journal, by: str) -> tuple[Journal, str]:
    """End a pin by hand; and what comes of it, in words."""
    pin = journal.pin
    if pin is None or pin.ended:
        return journal, "was not pinned"
    ended = replace(journal, pin=replace(pin, ended=f"taken away by {by}"))
    return ended, "unpinned; what it was pinned away from stays out until Git says something else, or you say `sync`"


def over(journal: Journal, now: datetime) -> Journal:
    """The journal without a pin whose time is over."""
    pin = journal.pin
    if pin is None or pin.ended or now < pin.until:
        return journal
    return replace(journal, pin=replace(pin, ended="its time is over"))


def given_up(journal: Journal) -> Journal:
    """The journal without a pin whose own release failed, or was aborted: what served before serves again."""
    pin = journal.pin
    return replace(journal, pin=None) if pin is not None and pin.content_digest in journal.rejected else journal


def forgotten(journal: Journal, git: SealedState | None, *, asked: bool) -> Journal:
    """The journal without a pin that has ended, once Git says something else or a person `asked` for what it says."""
    pin = journal.pin
    if pin is None or not pin.ended or git is None:
        return journal
    kept_out = git.content_digest in pin.away or git.input_digest in pin.away
    return journal if kept_out and not asked else replace(journal, pin=None)


def pinned(journal: Journal) -> Pin | None:
    """The pin that is in force."""
    return journal.pin if journal.pin is not None and not journal.pin.ended else None


def pin_hold(journal: Journal, git: SealedState | None) -> tuple[Hold, ...]:
    """What keeps Git's content out: the pin, or that it was pinned away from; and the revert that is owed."""
    pin = journal.pin
    if pin is None:
        return ()
    revision = git.revision[:8] if git is not None else ""
    if pin.ended:
        mend = f"push a revert of {revision}, or `gitopsd sync {journal.environment}` brings it all the same"
        reason = f"{revision} was pinned away from ({pin.by}: {pin.reason}), and the pin has ended: {pin.ended}; {mend}"
        return (Hold("pin", reason, pin.release, by=pin.by),)
    owed = f"Git says {revision} still, so a revert is owed" if revision else "what Git says is not known"
    agrees = git is not None and git.content_digest == pin.content_digest
    reason = f"{pin.words}; {'Git says the same' if agrees else owed}"
    return (Hold("pin", reason, pin.release, pin.until, pin.by),)


def told(before: Journal, after: Journal, now: datetime) -> tuple[Event, ...]:
    """That a pin has ended by itself, was given up, or keeps nothing out any more."""
    was, name = before.pin, before.environment
    if was is None:
        return ()
    if after.pin is None and not was.ended and was.content_digest in after.rejected:
        why = after.rejected[was.content_digest].reason
        return (Event(now, "PinGivenUp", f"{was.words}: given up: {why}", "error", name, release=was.release),)
    if after.pin is None:
        return (Event(now, "PinForgotten", f"{was.words}: it keeps nothing out any more", environment=name),)
    ended = after.pin.ended if not was.ended and after.pin.at == was.at else ""
    return (Event(now, "PinEnded", f"{was.words}: {ended}", "warning", name, release=was.release),) if ended else ()


def refusal(journal: Journal, release: Release | None, number: int, good: tuple[int, ...]) -> str:
    """Why an environment cannot be pinned to a release by what the ledger says; "" where it can."""
    name = journal.environment
    if release is None:
        return f"there is no release {number}; `gitopsd history {name}` lists those that are kept"
    if release.environment not in journal.names:
        return f"release {number} is one of {release.environment}, not of {name}"
    if release.outcome != "succeeded":
        known = ", ".join(map(str, good)) or "none yet"
        return f"release {number} {release.outcome or 'has not ended'}; those of {name} that succeeded are {known}"
    if gone := cannot_return(journal, release):
        return f"release {number} cannot be returned to: {gone}"
    return ""

"""What a person asks, applied to an environment's journal; each with a result in words."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from gitopsd.model.canonical import Json
from gitopsd.model.event import Event
from gitopsd.model.guards import Ruling
from gitopsd.model.operation import Operation
from gitopsd.model.release import Abort, Journal, Release, Suspension
from gitopsd.model.rollout import Paused, Rollout
from gitopsd.release.pinning import over, unpin
from gitopsd.release.queue import approve, asked_again, deny
from gitopsd.release.steering import (
    abort,
    overdue,
    pause,
    promote,
    resume,
    ruled_on_step,
    stands_at_approval,
    tripped,
    unanswered,
)

HEALED_FOR = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Applied:
    """The journal after an operation; `result` "" means that it is not done yet and waits for the pass.

    `whole`: it concerns the environment as a whole, and a pass does nothing else.
    """

    journal: Journal
    result: str
    sync: bool = False
    pull: bool = False
    whole: bool = False
    pin: bool = False
    events: tuple[Event, ...] = ()
    ended: tuple[Release, ...] = ()


def apply(operation: Operation, journal: Journal, now: datetime) -> Applied:
    """What only the journal must know is done at once; everything else is the pass's to carry out."""
    service = str(operation.arguments.get("service") or "")
    match operation.verb:
        case "pause" | "promote" | "abort":
            return Applied(*_steered(operation, journal, service, now))
        case "resume" if operation.arguments.get("rollout") is True:
            return Applied(*_steered(operation, journal, service, now))
        case "suspend":
            return Applied(replace(journal, suspension=_suspension(operation, now)), "suspended")
        case "resume":
            was = "resumed" if journal.suspension is not None else "was not suspended"
            return Applied(replace(journal, suspension=None), was)
        case "retry":
            return _retry(journal)
        case "heal":
            return _heal(journal, service, now)
        case "approve" | "deny":
            return _ruled(operation, journal, now)
        case "unpin":
            return Applied(*unpin(journal, operation.by))
        case _:
            return _for_the_pass(operation, journal)


def _for_the_pass(operation: Operation, journal: Journal) -> Applied:
    verb = operation.verb
    pull = operation.arguments.get("pull") is True
    whole = verb in ("adopt", "eject", "remove")
    return Applied(journal, "", sync=verb == "sync", pull=verb == "sync" and pull, whole=whole, pin=verb == "pin")


def _steered(operation: Operation, journal: Journal, service: str, now: datetime) -> tuple[Journal, str]:
    """The release under way after a person's word to it."""
    match operation.verb:
        case "pause":
            return pause(journal, service, Paused(operation.by, now, _reason(operation)))
        case "promote":
            return promote(journal, service, now)
        case "abort":
            return abort(journal, service, Abort(operation.by, now, _reason(operation)))
        case _:
            return resume(journal, service, now)


def _ruled(operation: Operation, journal: Journal, now: datetime) -> Applied:
    """A person's word on what waits for one: a release that has not begun, else a step of the one under way."""
    what = str(operation.arguments.get("what") or "")
    said: Literal["approved", "denied"] = "approved" if operation.verb == "approve" else "denied"
    ruling = Ruling(said, operation.by, _reason(operation), now, now, 0)
    if stands_at_approval(journal, what):
        return Applied(*ruled_on_step(journal, ruling))
    if said == "approved":
        return Applied(*approve(journal, what, ruling))
    waiting, result = deny(journal, what, ruling)
    return Applied(waiting.journal, result, events=waiting.events, ended=waiting.ended)


def _reason(operation: Operation) -> str:
    return str(operation.arguments.get("reason") or "")


def _retry(journal: Journal) -> Applied:
    count = len(journal.rejected) + len(journal.rulings) - len(asked_again(journal).rulings)
    journal = asked_again(journal)
    if journal.pin is not None and journal.pin.ended:
        again = replace(journal, rejected={}, repairs={}, pin=None)
        return Applied(again, "what it was pinned away from may be tried again")
    if not count:
        return Applied(journal, "nothing was rejected")
    return Applied(replace(journal, rejected={}, repairs={}), f"{count} rejected content(s) may be tried again")


def _heal(journal: Journal, service: str, now: datetime) -> Applied:
    """Everything counts as not tried yet, and is mended for a while whatever the policy says."""
    known = sorted({*journal.stable, *(placed.service for placed in journal.inventory.values())})
    if service and service not in known:
        return Applied(journal, f"there is no service {service} here; there are {', '.join(known) or 'none'}")
    asked = [service] if service else known
    repairs = {name: repair for name, repair in journal.repairs.items() if name not in asked}
    heals = {**journal.asked_heals, **dict.fromkeys(asked, now + HEALED_FOR)}
    said = f"what drifted of {', '.join(asked)}, or does within {HEALED_FOR.total_seconds() / 60:g} minutes, is mended"
    return Applied(replace(journal, repairs=repairs, asked_heals=heals), said)


def _suspension(operation: Operation, now: datetime) -> Suspension:
    seconds = operation.arguments.get("for_s")
    until = now + timedelta(seconds=float(seconds)) if isinstance(seconds, int | float) else None
    return Suspension(operation.by, _reason(operation), now, until)


def lapse(journal: Journal, now: datetime) -> Journal:
    """The journal without what a person asked for a time that is over: a suspension, heals, or a pin; and without what
    waited too long for a person.
    """
    journal = tripped(overdue(unanswered(over(journal, now), now), now), now)
    suspension = journal.suspension
    ended = suspension is not None and suspension.until is not None and now >= suspension.until
    heals = {name: until for name, until in journal.asked_heals.items() if now < until}
    if not ended and heals == journal.asked_heals:
        return journal
    return replace(journal, suspension=None if ended else suspension, asked_heals=heals)


def told(
    operation: Operation, result: str, now: datetime, moved: tuple[Journal, Journal], release: int | None = None
) -> Event:
    """An operation in the ledger: who asked what, and what came of it. `moved`: the journals before and after it."""
    arguments: Mapping[str, Json] = operation.arguments
    why = f" ({arguments['reason']})" if arguments.get("reason") else ""
    return Event(
        now,
        f"Operation{operation.verb.capitalize()}",
        f"{operation.by} asked to {operation.verb}{why}: {result}",
        environment=operation.environment,
        release=release,
        data={**arguments, **_turned(*moved)},
    )


def _turned(before: Journal, after: Journal) -> Mapping[str, Json]:
    """What an operation made of what it can turn; nothing where it is as it was."""
    was, by_now = _standing(before), _standing(after)
    keys = [key for key in {**was, **by_now} if was.get(key) != by_now.get(key)]
    sides = (("before", was), ("after", by_now))
    return {name: {key: side.get(key) for key in keys} for name, side in sides} if keys else {}


def _standing(journal: Journal) -> dict[str, Json]:
    suspension, pin, release, serving = journal.suspension, journal.pin, journal.release, journal.serving
    return {
        "project": journal.project or None,
        "serving": serving.release if serving is not None else None,
        "containers": len(journal.inventory),
        "suspended": (suspension.reason or f"by {suspension.by}") if suspension is not None else None,
        "pinned": pin.release if pin is not None and not pin.ended else None,
        "release": release.number if release is not None else None,
        "rejected": ", ".join(sorted(digest[:12] for digest in journal.rejected)) or None,
        "said": ", ".join(sorted(f"{ruling.said} {digest[:12]}" for digest, ruling in journal.rulings.items())) or None,
        **{f"rollout of {name}": _stage(each) for name, each in journal.rollouts.items()},
    }


def _stage(rollout: Rollout) -> str:
    step = f", step {rollout.shift.step}" if rollout.shift.step else ""
    return f"{rollout.stage}{step}"

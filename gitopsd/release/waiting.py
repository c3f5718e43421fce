"""What of an environment waits for a person's word, with the command that gives it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from gitopsd.model.release import Journal
from gitopsd.model.rollout import Rollout
from gitopsd.model.strategy import Approve, Pause
from gitopsd.release.queue import what_of
from gitopsd.rollout.shifting import steps_of, waits, words


def waits_for_word(journal: Journal) -> str:
    """In words; "" for nothing."""
    queued, name = journal.queued, journal.environment
    if queued is not None and queued.asks:
        what = f"release {queued.release.number} of {what_of(queued.release)}"
        until = f" until {queued.until:%Y-%m-%d %H:%M} UTC" if queued.until is not None else ""
        return f"{what} waits for {' and '.join(queued.asks)}{until}; `gitopsd approve {name}` lets it begin"
    for stop in stops(journal):
        return f"{stop.service}: {stop.words}; `{stop.command}` lets it go on"
    return ""


@dataclass(frozen=True, slots=True)
class Stop:
    """A service whose rollout stands until somebody says a word: the `verb`, and the command that says it."""

    service: str
    words: str
    verb: Literal["approve", "promote"]
    command: str


def stops(journal: Journal) -> Iterator[Stop]:
    name = journal.environment
    for service, rollout in sorted(journal.rollouts.items()):
        match _verb(rollout):
            case "approve":
                yield Stop(service, words(rollout), "approve", f"gitopsd approve {name}")
            case "promote":
                yield Stop(service, words(rollout), "promote", f"gitopsd rollout promote {name}/{service}")


def _verb(rollout: Rollout) -> Literal["approve", "promote", ""]:
    """What lets a rollout past the stop at which it stands; "" where time does, or the judge."""
    if not waits(rollout) or rollout.shift.promoted:
        return ""
    match steps_of(rollout.policy)[rollout.shift.step]:
        case Approve():
            return "approve"
        case Pause(duration=None):
            return "promote"
    return ""

"""What of an environment waits for a person's word, with the command that gives it."""

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
    for service, rollout in sorted(journal.rollouts.items()):
        if verb := _verb(rollout):
            command = f"`gitopsd {verb}`".replace("ENV", f"{name}/{service}").replace("NAME", name)
            return f"{service}: {words(rollout)}; {command} lets it go on"
    return ""


def _verb(rollout: Rollout) -> str:
    """What lets a rollout past the stop at which it stands; "" where time does, or the judge."""
    if not waits(rollout) or rollout.shift.promoted:
        return ""
    match steps_of(rollout.policy)[rollout.shift.step]:
        case Approve():
            return "approve NAME"
        case Pause(duration=None):
            return "rollout promote ENV"
    return ""

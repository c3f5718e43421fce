"""What an instance that is no good wrote last, and how it ended, put beside the event that tells of it."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from gitopsd.controller.ports import EngineView
from gitopsd.model.canonical import Json
from gitopsd.model.errors import EngineError
from gitopsd.model.event import Event
from gitopsd.model.live import Instance, LiveState
from gitopsd.model.release import Journal
from gitopsd.release.inventory import members_of
from gitopsd.rollout import Member
from gitopsd.rollout.member import out_of_memory, ready_now

LINES = 20
FAILURES = ("RolloutRollingBack", "RolloutFailed", "RolloutPassedOver", "CrashLoop", "RestartStorm")
ENDED = ("exited", "dead", "restarting")


def with_evidence(
    events: tuple[Event, ...],
    journal: Journal,
    live: LiveState,
    engine: EngineView,
    masked: Callable[[str], str],
) -> tuple[Event, ...]:
    """The events; failures, repairs that begin and jobs that ended, with the last log lines of whom they tell of.

    What was no good is about to be cleared away, and its log with it. All of it is `masked`.
    """
    if not any(_tells_of_trouble(event, journal) for event in events):
        return events
    members = members_of(journal, live)
    return tuple(
        _with_logs(event, _concerned(journal, event, members.get(event.service, ())), engine, masked)
        if _tells_of_trouble(event, journal)
        else event
        for event in events
    )


def printed_by(journal: Journal, live: LiveState, engine: EngineView) -> dict[str, str]:
    """The last line of each job that reads something and has ended well."""
    probes = [each for each in journal.rollouts.values() if each.terms.phase == "probe" and each.open]
    found: dict[str, str] = {}
    for member in (each for probe in probes for each in members_of(journal, live).get(probe.service, ())):
        rollout, instance = journal.rollouts[member.placed.service], member.instance
        if member.placed.release == rollout.release and instance.state == "exited" and instance.exit_code == 0:
            with contextlib.suppress(EngineError):
                lines = engine.logs(instance.id, LINES).strip().splitlines()
                found[rollout.service] = lines[-1] if lines else ""
    return found


def _tells_of_trouble(event: Event, journal: Journal) -> bool:
    rollout = journal.rollouts.get(event.service)
    mends = event.reason == "RolloutProgressing" and rollout is not None and rollout.kind == "repair"
    return event.reason in FAILURES or mends or ("job" in event.data and event.reason == "RolloutSucceeded")


def _concerned(journal: Journal, event: Event, members: tuple[Member, ...]) -> list[Instance]:
    """Whom the event names, though it may be good again by now; then who is not good of those that the rollout leads
    to or, where all of them are, of those beside them.
    """
    named = [member for member in members if f" {member.instance.name} " in f" {event.message} "]
    rollout = journal.rollouts.get(event.service)
    bad = [member for member in members if not ready_now(member)]
    new = [each for each in bad if rollout is not None and each.placed.fingerprint == rollout.target.fingerprint]
    return [each.instance for each in named] + [each.instance for each in new or bad if each not in named]


def _with_logs(event: Event, instances: list[Instance], engine: EngineView, masked: Callable[[str], str]) -> Event:
    for instance in instances:
        try:
            logs = engine.logs(instance.id, LINES)
        except EngineError:
            continue
        if logs.strip():
            return replace(event, data={**event.data, "logs": masked(logs), **_end(instance)})
    ended = next((_end(instance) for instance in instances if instance.state in ENDED or instance.exit_code), {})
    return replace(event, data={**event.data, **ended})


def _end(instance: Instance) -> dict[str, Json]:
    """How it ended, if it did."""
    if instance.state not in ENDED and not instance.exit_code:
        return {"instance": instance.name}
    ended: dict[str, Json] = {"instance": instance.name, "exit_code": instance.exit_code}
    return {**ended, "out_of_memory": True} if out_of_memory(instance) else ended

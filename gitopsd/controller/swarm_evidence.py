"""What a task that is no good wrote last, and how it ended, put beside the event that tells of its service."""

import contextlib
from collections.abc import Callable
from dataclasses import replace

from gitopsd.controller.evidence import FAILURES, LINES
from gitopsd.controller.swarm_port import SwarmView
from gitopsd.model.canonical import Json
from gitopsd.model.errors import EngineError
from gitopsd.model.event import Event
from gitopsd.model.release import Journal
from gitopsd.model.swarm import SwarmState, SwarmTask

_ENDED = ("failed", "rejected")


def with_task_evidence(
    events: tuple[Event, ...], journal: Journal, state: SwarmState, swarm: SwarmView, masked: Callable[[str], str]
) -> tuple[Event, ...]:
    """The events; failures, and jobs that ended, with the last log lines of the task that they tell of, `masked`."""
    return tuple(_told(event, journal, state, swarm, masked) if _tells(event) else event for event in events)


def printed_by_tasks(journal: Journal, state: SwarmState, swarm: SwarmView) -> dict[str, str]:
    """The last line of each job that reads something and has ended well."""
    found: dict[str, str] = {}
    for name, rollout in journal.rollouts.items():
        if rollout.terms.phase != "probe" or not rollout.open:
            continue
        task = next((each for each in _newest_first(journal, state, name) if each.state == "complete"), None)
        if task is not None:
            with contextlib.suppress(EngineError):
                lines = swarm.logs(task.id, LINES).strip().splitlines()
                found[name] = lines[-1] if lines else ""
    return found


def _tells(event: Event) -> bool:
    return event.reason in FAILURES or ("job" in event.data and event.reason == "RolloutSucceeded")


def _told(event: Event, journal: Journal, state: SwarmState, swarm: SwarmView, masked: Callable[[str], str]) -> Event:
    wanted = ("complete",) if event.reason == "RolloutSucceeded" else _ENDED
    task = next((each for each in _newest_first(journal, state, event.service) if each.state in wanted), None)
    if task is None:
        return event
    logs = ""
    with contextlib.suppress(EngineError):
        logs = swarm.logs(task.id, LINES)
    data: dict[str, Json] = {**event.data, "task": task.id, **_end(task)}
    return replace(event, data={**data, "logs": masked(logs)} if logs.strip() else data)


def _end(task: SwarmTask) -> dict[str, Json]:
    """How it ended, if its container ever began."""
    return {"exit_code": task.exit_code} if task.exit_code or task.state == "complete" else {}


def _newest_first(journal: Journal, state: SwarmState, name: str) -> tuple[SwarmTask, ...]:
    """The tasks of a service; of a job, those of its newest run."""
    service = state.services.get(f"{journal.project}_{name}")
    tasks = service.tasks if service is not None else ()
    return tuple(each for each in reversed(tasks) if service is not None and each.iteration == service.iteration)

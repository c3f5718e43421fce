"""What a failed instance wrote last, put beside the event that tells of the failure, before it is cleared away."""

from collections.abc import Callable
from dataclasses import replace

from gitopsd.controller.ports import EngineView
from gitopsd.model.errors import EngineError
from gitopsd.model.event import Event
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.release.inventory import members_of
from gitopsd.rollout.member import ready_now

LINES = 20
FAILURES = ("RolloutRollingBack", "RolloutFailed")


def with_evidence(
    events: tuple[Event, ...],
    journal: Journal,
    live: LiveState,
    engine: EngineView,
    masked: Callable[[str], str],
) -> tuple[Event, ...]:
    """The events, failures with the last log lines of the instances that were not good, `masked`."""
    if not any(event.reason in FAILURES for event in events):
        return events
    members = members_of(journal, live)
    return tuple(
        _with_logs(event, [m.id for m in members.get(event.service, ()) if not ready_now(m)], engine, masked)
        if event.reason in FAILURES
        else event
        for event in events
    )


def _with_logs(event: Event, containers: list[str], engine: EngineView, masked: Callable[[str], str]) -> Event:
    for container in containers:
        try:
            logs = engine.logs(container, LINES)
        except EngineError:
            continue
        if logs.strip():
            return replace(event, data={**event.data, "logs": masked(logs)})
    return event

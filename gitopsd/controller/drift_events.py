"""What is told of drift, whatever engine it is found on: that it began, and how it ended."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from gitopsd.drift import end_words
from gitopsd.model.canonical import Json
from gitopsd.model.drift import Drifted, DriftItem, PastDrift
from gitopsd.model.event import Event


@dataclass(frozen=True, slots=True)
class Noted:
    """What drifts by now, None where that is as it was; what did and is over; and what is told of both."""

    drifted: Drifted | None
    over: tuple[PastDrift, ...]
    events: tuple[Event, ...]


def noted(
    environment: str,
    known: tuple[DriftItem, ...],
    found: Iterable[DriftItem],
    current: tuple[DriftItem, ...],
    over: tuple[PastDrift, ...],
) -> Noted:
    """What is kept and told. `found` is what this look saw; `current` also has what is not over yet."""
    before = {each.identity for each in known}
    changed = bool(over) or _words(current) != _words(known)
    events = (*_began(environment, found, before), *(_ended(environment, each) for each in over))
    return Noted(Drifted(environment, current) if changed else None, over, events)


def _words(items: Iterable[DriftItem]) -> set[tuple[tuple[str, ...], str]]:
    """What is worth keeping: not the moment of the last look."""
    return {(each.identity, each.cause) for each in items}


def _began(environment: str, items: Iterable[DriftItem], before: Collection[object]) -> tuple[Event, ...]:
    new = (each for each in items if each.identity not in before)
    reasons = {"heal-loop": "HealLoop"}
    return tuple(
        _event(
            environment,
            *(each, reasons.get(each.state, "DriftFound"), f"{each.name} {each.kind}: {each.cause}", each.last_seen),
        )
        for each in new
    )


def _ended(environment: str, past: PastDrift) -> Event:
    words = end_words(past) + (f" ({past.by})" if past.by else "")
    message = f"{past.item.name} is no longer {past.item.kind}: {words}"
    return _event(environment, past.item, "DriftEnded", message, past.ended_at, {"end": past.end})


def _event(
    environment: str,
    item: DriftItem,
    reason: str,
    message: str,
    at: datetime,
    more: Mapping[str, Json] = MappingProxyType({}),
) -> Event:
    return Event(
        at,
        reason,
        message,
        "info" if reason == "DriftEnded" else "warning",
        environment=environment,
        service=item.service,
        data={
            "resource": item.resource,
            "name": item.name,
            "instance": item.instance,
            "kind": item.kind,
            "state": item.state,
            "cause": item.cause,
            "story": item.story,
            "fields": [each.path for each in item.changes],
            **more,
        },
    )

"""What earlier releases took, as the ledger's events tell it."""

from collections.abc import Callable, Iterable, Mapping

from gitopsd.controller.ports import Store
from gitopsd.model.event import Event

LAST = 5
LOOKED_BACK = 400  # events of one service


def interruptions(store: Store, environment: str, services: Iterable[str]) -> Mapping[str, tuple[float, ...]]:
    """The seconds without an instance in the last replacements that were stop-first, by service, newest first."""
    found = {service: _lately(store, environment, service, "interruption_s", _stop_first) for service in services}
    return {service: measured for service, measured in found.items() if measured}


def request_rates(store: Store, environment: str, services: Iterable[str]) -> Mapping[str, tuple[float, ...]]:
    """How many requests in a second a service had in its last rollouts, by service, newest first."""
    found = {service: _lately(store, environment, service, "requests_s", _changed) for service in services}
    return {service: measured for service, measured in found.items() if measured}


def _lately(store: Store, environment: str, service: str, key: str, fits: Callable[[Event], bool]) -> tuple[float, ...]:
    events = store.events(environment=environment, service=service, limit=LOOKED_BACK, newest=True)
    found = [
        float(measured)
        for event in reversed(events)
        if event.reason == "RolloutSucceeded" and fits(event)
        if isinstance(measured := event.data.get(key), int | float) and measured
    ]
    return tuple(found[:LAST])


def _stop_first(event: Event) -> bool:
    return _changed(event) and event.data.get("order") == "stop-first"


def _changed(event: Event) -> bool:
    return event.data.get("kind") == "change"

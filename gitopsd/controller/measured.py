"""What earlier releases took, as the ledger's events tell it."""

from collections.abc import Iterable, Mapping

from gitopsd.controller.ports import Store

LAST = 5
LOOKED_BACK = 400  # events of one service


def interruptions(store: Store, environment: str, services: Iterable[str]) -> Mapping[str, tuple[float, ...]]:
    """The seconds without an instance in the last replacements that were stop-first, by service, newest first."""
    return {service: found for service in services if (found := _interruptions(store, environment, service))}


def _interruptions(store: Store, environment: str, service: str) -> tuple[float, ...]:
    events = store.events(environment=environment, service=service, limit=LOOKED_BACK, newest=True)
    found = [
        float(seconds)
        for event in reversed(events)
        if event.reason == "RolloutSucceeded"
        and (event.data.get("kind"), event.data.get("order")) == ("change", "stop-first")
        and isinstance(seconds := event.data.get("interruption_s"), int | float)
        and seconds
    ]
    return tuple(found[:LAST])

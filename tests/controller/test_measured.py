"""What earlier rollouts took is read from the ledger, as it is on disk, for the next plan."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gitopsd.adapters.store.sqlite import open_store
from gitopsd.controller.measured import LAST, LOOKED_BACK, interruptions, request_rates
from gitopsd.controller.ports import Store
from gitopsd.model.canonical import Json
from gitopsd.model.event import Event

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = open_store(tmp_path / "state")
    yield made
    made.close()


def over(minute: int, service: str = "web", kind: str = "change", **data: Json) -> Event:
    """A rollout that went well."""
    at = NOON + timedelta(minutes=minute)
    return Event(at, "RolloutSucceeded", "done", environment="shop", service=service, data={"kind": kind, **data})


def test_the_rates_of_the_last_changes_are_known_newest_first(store: Store) -> None:
    store.append([over(minute, requests_s=minute + 0.5) for minute in range(LAST + 2)])
    assert request_rates(store, "shop", ["web"]) == {"web": (6.5, 5.5, 4.5, 3.5, 2.5)}


def test_what_was_no_change_or_had_no_requests_tells_no_rate(store: Store) -> None:
    store.append([over(1, requests_s=7), over(2, kind="repair", requests_s=1), over(3), over(4, requests_s=0)])
    store.append([over(5, service="api", requests_s=3), Event(NOON, "StepOver", "one", data={"requests_s": 9})])
    assert request_rates(store, "shop", ["web", "db"]) == {"web": (7.0,)}
    assert request_rates(store, "blog", ["web"]) == {}


def test_rates_from_before_very_many_events_of_a_service_are_not_looked_for(store: Store) -> None:
    told = [Event(NOON, "ActionDone", "Stop", environment="shop", service="web") for _ in range(LOOKED_BACK)]
    store.append([over(1, requests_s=7), *told])
    assert request_rates(store, "shop", ["web"]) == {}


def test_only_what_went_stop_first_interrupted_anybody(store: Store) -> None:
    store.append([over(1, order="stop-first", interruption_s=1.5), over(2, order="start-first", interruption_s=0.5)])
    assert interruptions(store, "shop", ["web"]) == {"web": (1.5,)}

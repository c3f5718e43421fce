"""The four measures of how well releases go."""

from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.controller.queries.delivery import Delivery, delivery
from gitopsd.model.release import Outcome, Release
from tests.fakes.clock import NOON

HOUR = timedelta(hours=1)


def release(number: int, outcome: Outcome, started: datetime, hours: float = 1) -> Release:
    made = Release(number, "shop", f"c{number}", "i", "d", "Ada", "Change", "newer content in Git", started)
    return replace(made, outcome=outcome, finished_at=started + hours * HOUR)


def test_four_measures() -> None:
    week = [
        release(1, "succeeded", NOON - 100 * HOUR),
        release(2, "rolled-back", NOON - 50 * HOUR),
        release(3, "superseded", NOON - 49 * HOUR),
        release(4, "succeeded", NOON - 48 * HOUR, hours=2),
    ]
    made = {"c1": NOON - 102 * HOUR, "c4": NOON - 49 * HOUR}

    found = delivery(week, made.get, NOON)

    assert found == Delivery(2 / 30, 1 / 3, 3 * 3600, 4 * 3600)


def test_of_nothing_nothing_is_told() -> None:
    old = release(1, "succeeded", NOON - 31 * 24 * HOUR)
    assert delivery([old], {}.get, NOON) == Delivery(0, None, None, None)


def test_what_is_not_restored_yet_and_commits_that_are_gone_are_left_out() -> None:
    found = delivery([release(1, "succeeded", NOON - HOUR), release(2, "failed", NOON)], {}.get, NOON)
    assert (found.lead_time_s, found.restore_s, found.failure_rate) == (None, None, 0.5)

"""A jump of the wall clock neither ends nor prolongs what is under way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from gitopsd.model.desired import Policy
from gitopsd.model.health import Readiness
from gitopsd.model.release import Journal, Repair, Suspension
from gitopsd.model.rollout import Progressing, Rollout, Sighting, Target
from gitopsd.release.jump import after_jump, jump_between
from tests.builders import NOON

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
ROLLOUT = Rollout(
    service="web",
    release=7,
    target=Target("v1:2", 1),
    stable=Target("v1:1", 1),
    order="start-first",
    policy=Policy(),
    cause="image web:1 -> web:2",
    phase=Progressing(),
    started_at=NOON,
    deadline=NOON + 10 * MINUTE,
    seen={"abc": Sighting(NOON, NOON, NOON + MINUTE, restarts=1, crashes=(NOON + MINUTE / 2,))},
)
JOURNAL = Journal(
    "shop",
    rollouts={"web": ROLLOUT},
    repairs={"db": Repair(2, NOON + MINUTE, NOON, cured=NOON)},
    readiness={"abc": Readiness(NOON, "starting", NOON, NOON + 5 * MINUTE)},
    suspension=Suspension("ada", "", NOON, NOON + DAY),
)


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_deadlines_and_waits_move_with_the_clock(jump: timedelta) -> None:
    moved = after_jump(JOURNAL, jump)

    rollout = moved.rollouts["web"]
    assert rollout.deadline - (NOON + jump) == 10 * MINUTE
    assert rollout.seen["abc"].ready_since == NOON + MINUTE + jump
    assert moved.repairs["db"].not_before == NOON + MINUTE + jump


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_crashes_cures_and_the_time_that_a_start_may_take_move_with_the_clock(jump: timedelta) -> None:
    moved = after_jump(JOURNAL, jump)

    assert moved.rollouts["web"].seen["abc"].crashes == (NOON + MINUTE / 2 + jump,)
    assert moved.repairs["db"].cured == NOON + jump
    assert moved.readiness["abc"].until == NOON + 5 * MINUTE + jump
    assert moved.readiness["abc"].since == NOON + jump


def test_what_a_person_said_for_a_time_of_day_stays() -> None:
    assert after_jump(JOURNAL, DAY).suspension == JOURNAL.suspension


def test_no_jump_changes_nothing() -> None:
    assert after_jump(JOURNAL, timedelta(0)) is JOURNAL
    unready = replace(ROLLOUT, seen={"abc": Sighting(NOON, None, None)})
    assert after_jump(replace(JOURNAL, rollouts={"web": unready}), DAY).rollouts["web"].seen["abc"].ready_since is None


def test_time_that_passed_is_no_jump_and_what_went_beyond_it_is() -> None:
    assert jump_between((NOON, 100.0), (NOON + MINUTE, 160.0), 5 * timedelta(seconds=1)) == timedelta(0)
    assert jump_between((NOON, 100.0), (NOON + DAY, 160.0), timedelta(seconds=5)) == DAY - MINUTE
    assert jump_between((NOON, 100.0), (NOON - DAY, 160.0), timedelta(seconds=5)) == -DAY - MINUTE

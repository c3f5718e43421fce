"""Timers on the real scheduler: nothing is dropped for being late, and a jump of the clock strands nothing."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gitopsd.adapters.timer import SchedulerTimer
from tests.fakes.clock import FakeClock
from tests.waiting import eventually

TOMORROW = timedelta(days=1)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def timer(clock: FakeClock) -> Iterator[SchedulerTimer]:
    made = SchedulerTimer(clock)
    made.start()
    yield made
    made.stop()


def soon() -> datetime:
    return datetime.now(UTC)


def test_what_is_asked_for_now_or_earlier_is_called_at_once(timer: SchedulerTimer) -> None:
    called = threading.Event()
    timer.at("late", soon() - TOMORROW, called.set)
    assert called.wait(45)


def test_an_interval_calls_at_once_and_again_until_it_is_cancelled(timer: SchedulerTimer) -> None:
    calls: list[int] = []
    timer.every("poll", timedelta(milliseconds=50), lambda: calls.append(1))
    eventually(lambda: len(calls) >= 3)

    timer.cancel("poll")
    timer.cancel("never heard of")
    after = threading.Event()
    timer.at("after", soon() + timedelta(milliseconds=200), after.set)
    assert after.wait(45)
    seen = len(calls)
    again = threading.Event()
    timer.at("again", soon() + timedelta(milliseconds=200), again.set)
    assert again.wait(45)
    assert len(calls) == seen


def test_a_newer_time_for_a_name_replaces_the_older(timer: SchedulerTimer) -> None:
    called: list[str] = []
    timer.at("look", soon() + TOMORROW, lambda: called.append("tomorrow"))
    timer.at("look", soon(), lambda: called.append("now"))
    eventually(lambda: called == ["now"])


def test_a_call_that_is_set_anew_while_it_is_still_under_way_is_made_again(timer: SchedulerTimer) -> None:
    begun, go, called = threading.Event(), threading.Event(), []

    def call() -> None:
        called.append(1)
        begun.set()
        go.wait(45)

    timer.at("poll", soon(), call)
    assert begun.wait(45)
    timer.at("poll", soon(), call)
    eventually(lambda: len(called) == 2)
    go.set()


def test_many_calls_at_one_moment_are_all_made_though_some_are_late(timer: SchedulerTimer) -> None:
    release, called = threading.Event(), []
    for number in range(100):
        timer.at(f"call {number}", soon(), lambda number=number: (release.wait(45), called.append(number)))
    release.set()
    eventually(lambda: len(called) == 100)


@pytest.mark.parametrize("seconds", [86400.0, -86400.0])
def test_a_jump_of_the_clock_brings_every_call_forward(timer: SchedulerTimer, clock: FakeClock, seconds: float) -> None:
    called = threading.Event()
    timer.at("deadline", soon() + TOMORROW, called.set)
    timer.every("first", timedelta(hours=1), lambda: None)

    def jumped() -> bool:
        clock.jump(seconds)
        return called.wait(1.2)

    eventually(jumped)


def test_a_call_that_sets_a_timer_while_it_stops_ends_like_any_other(timer: SchedulerTimer) -> None:
    begun, go = threading.Event(), threading.Event()

    def call() -> None:
        begun.set()
        go.wait(45)
        timer.at("next", soon(), lambda: None)
        timer.cancel("next")

    timer.at("now", soon(), call)
    assert begun.wait(45)
    stopping = threading.Thread(target=timer.stop, daemon=True)
    stopping.start()
    eventually(lambda: not timer.running())
    go.set()
    stopping.join(45)
    assert not stopping.is_alive()

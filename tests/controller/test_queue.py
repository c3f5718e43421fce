"""The work queue: one pass over a key at a time, wakes taken together, a failing key left alone ever longer."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from gitopsd.controller.queue import WorkQueue
from gitopsd.model.errors import EngineUnavailable, StoreError
from tests.fakes.clock import FakeClock
from tests.fakes.timer import FakeTimer
from tests.waiting import eventually


class Work:
    """What passes do here: they are counted, and held up at a gate until the test opens it."""

    def __init__(self) -> None:
        self.passes: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most_at_once: Counter[str] = Counter()
        self.shut: set[str] = set()
        self.errors: dict[str, Exception] = {}
        self.wake_at: datetime | None = None
        self.told: list[tuple[str, float]] = []
        self.deaf = False
        self._opened = threading.Condition()

    def __call__(self, key: str) -> datetime | None:
        with self._opened:
            self.passes[key] += 1
            self.at_once[key] += 1
            self.most_at_once[key] = max(self.most_at_once[key], self.at_once[key])
            self._opened.wait_for(lambda: key not in self.shut)
            self.at_once[key] -= 1
        if key in self.errors:
            raise self.errors[key]
        return self.wake_at

    def open(self, key: str) -> None:
        with self._opened:
            self.shut.discard(key)
            self._opened.notify_all()

    def failed(self, key: str, error: Exception, wait: float) -> None:
        self.told.append((key, wait))
        if self.deaf:
            raise StoreError("the disk is full")


class Bench:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.timer = FakeTimer(self.clock)
        self.timer.start()
        self.work = Work()
        self.queue = WorkQueue(self.work, self.work.failed, self.clock, self.timer, name="test")
        self.queue.start()

    def passes(self, key: str, number: int) -> None:
        """Wait until a key has had that many passes, and its last one is over; time goes on meanwhile."""

        def over() -> bool:
            self.clock.advance(0.05)
            return self.work.passes[key] == number and self.queue.idle()

        eventually(over)


@pytest.fixture
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    for key in list(made.work.shut):
        made.work.open(key)
    made.queue.stop()


def test_a_wake_brings_a_pass(bench: Bench) -> None:
    bench.queue.wake("shop")
    bench.passes("shop", 1)


def test_wakes_during_a_pass_are_taken_together_and_none_runs_beside_it(bench: Bench) -> None:
    bench.work.shut.add("shop")
    bench.queue.wake("shop")
    eventually(lambda: bench.work.passes["shop"] == 1)
    for _ in range(5):
        bench.queue.wake("shop")
    bench.work.open("shop")
    bench.passes("shop", 2)
    assert bench.work.most_at_once["shop"] == 1


def test_a_wake_that_says_not_to_wait_is_followed_by_a_pass_though_no_time_has_gone_by(bench: Bench) -> None:
    bench.queue.wake("shop")
    eventually(lambda: bench.work.passes["shop"] == 1 and bench.queue.idle())
    bench.queue.wake("shop")
    bench.queue.wake("shop", at_once=True)
    eventually(lambda: bench.work.passes["shop"] == 2 and bench.queue.idle())


def test_a_key_that_hangs_holds_up_no_other(bench: Bench) -> None:
    bench.work.shut.add("slow")
    bench.queue.wake("slow")
    eventually(lambda: bench.work.passes["slow"] == 1)
    bench.queue.wake("shop")
    eventually(lambda: bench.work.passes["shop"] == 1)


def test_a_failing_key_is_tried_again_later_and_later_alone(bench: Bench) -> None:
    bench.work.errors["broken"] = EngineUnavailable("no answer")
    for attempt in range(4):
        bench.queue.wake("broken") if attempt == 0 else bench.timer.tick(10)
        bench.passes("broken", attempt + 1)
    waits = [wait for _, wait in bench.work.told]
    assert [round(wait, -1) for wait in waits] == [0, 0, 0, 10]
    assert all(2**n * 0.8 <= wait <= 2**n * 1.2 for n, wait in enumerate(waits))
    bench.queue.wake("shop")
    bench.passes("shop", 1)


def test_a_key_that_works_again_begins_with_the_shortest_wait(bench: Bench) -> None:
    bench.work.errors["shop"] = EngineUnavailable("no answer")
    bench.queue.wake("shop")
    bench.passes("shop", 1)
    bench.timer.tick(5)
    bench.passes("shop", 2)
    del bench.work.errors["shop"]
    bench.timer.tick(5)
    bench.passes("shop", 3)
    bench.work.errors["shop"] = EngineUnavailable("no answer")
    bench.queue.wake("shop")
    bench.passes("shop", 4)
    assert bench.work.told[-1][1] <= 1.2


def test_a_failure_that_cannot_be_noted_does_not_end_the_looking(bench: Bench) -> None:
    bench.work.errors["shop"] = ValueError("a mistake of ours")
    bench.work.deaf = True
    for number in range(1, 4):
        bench.queue.wake("shop")
        bench.passes("shop", number)


def test_a_pass_that_asks_for_a_time_is_followed_by_one_then(bench: Bench) -> None:
    bench.work.wake_at = bench.clock.now() + timedelta(seconds=30)
    bench.queue.wake("shop")
    bench.passes("shop", 1)
    bench.work.wake_at = None
    bench.timer.tick(20)
    assert bench.queue.idle()
    bench.timer.tick(10)
    bench.passes("shop", 2)
    assert not bench.timer.jobs

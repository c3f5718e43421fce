"""What a pass costs for each service does not grow with their number."""

import gc
import time
from collections.abc import Callable

from gitopsd.release import advance, recognise
from tests.crowd import crowd, served

FEW, MANY = 50, 400
FLAT = 3  # what grows with the number of services would be eight times as much, and processors' caches are small


def test_a_crowd_of_services_is_as_a_daemon_leaves_it() -> None:
    daemon = served(crowd(3, "shop:1"))
    daemon.look()
    assert (daemon.pending, daemon.events, daemon.ended) == ({}, [], [])
    daemon.commit(crowd(3, "shop:2")).settle()
    assert daemon.outcome() == "succeeded"
    assert {line.split()[1] for line in daemon.world.running()} == {"shop:2"}


def test_the_time_that_a_pass_takes_per_service_does_not_grow_with_their_number() -> None:
    few, many = _seconds(FEW) / FEW, _seconds(MANY) / MANY
    assert many / few < FLAT


def _seconds(services: int) -> float:
    """The least time of this process that a plan and the first passes of its release take."""
    daemon = served(crowd(services, "shop:1"))
    state = crowd(services, "shop:2")
    daemon.commit(state)
    planning = min(_taken(daemon.plan) for _ in range(3))
    daemon.look()
    live = daemon.world.look()
    passing = min(_taken(lambda: advance(recognise(daemon.journal, live), state, live, daemon.now)) for _ in range(3))
    return planning + passing


def _taken(work: Callable[[], object]) -> float:
    gc.collect()
    gc.disable()  # it counts for the heap of all that ran before
    try:
        begun = time.process_time()
        work()
        return time.process_time() - begun
    finally:
        gc.enable()

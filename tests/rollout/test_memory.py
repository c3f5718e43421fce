"""New instances that take far too much memory: several looks in a row tell, and turn their release back."""

from typing import Any

import pytest

from gitopsd.model.desired import MemorySpike
from gitopsd.rollout.memory import MIB, Weighed, Weight, weigh
from tests.builders import NOON, a_service, a_state, seconds
from tests.daemon import Daemon

SPIKE = MemorySpike(90, 1.5, seconds(10))


def looked(*looks: dict[str, int], limits: dict[str, int] | None = None, spike: MemorySpike = SPIKE) -> Weight:
    """What looks 5 s apart say of `n1` and `n2` beside `s1` and `s2`; in MiB."""
    bytes_of = {id: size * MIB for id, size in (limits or {}).items()}
    subject = Weighed("web", 2, {"n1": "web-1", "n2": "web-2"}, {"s1": "web-3", "s2": "web-4"}, bytes_of, spike)
    weight = Weight()
    for number, used in enumerate(looks):
        sizes = {id: size * MIB for id, size in used.items()}
        weight = weigh(weight, subject, sizes, NOON + seconds(5 * number))
    return weight


def test_three_looks_at_what_is_nearly_at_its_limit_tell_who_and_how_much() -> None:
    weight = looked(*[{"n1": 20, "n2": 60}] * 3, limits={"n1": 64, "n2": 64})
    assert weight.words == "web-2 uses 60 MiB of the 64 MiB that it may, 94 % (memory_spike, for 10 s)"


def test_two_looks_say_nothing_yet() -> None:
    assert looked(*[{"n1": 60}] * 2, limits={"n1": 64}).words == ""


def test_a_look_that_finds_nothing_begins_anew() -> None:
    high, low = {"n1": 60}, {"n1": 20}
    assert looked(high, high, low, high, high, limits={"n1": 64}).words == ""


def test_a_look_that_saw_nobody_says_nothing() -> None:
    high: dict[str, int] = {"n1": 60}
    assert looked(high, high, {}, high, limits={"n1": 64}).words != ""
    assert looked(high, {}, {}, {}, limits={"n1": 64}).words == ""


def test_looks_that_come_fast_must_last_for_as_long_all_the_same() -> None:
    spike = MemorySpike(90, 1.5, seconds(60))
    assert looked(*[{"n1": 60}] * 12, limits={"n1": 64}, spike=spike).words == ""
    assert looked(*[{"n1": 60}] * 13, limits={"n1": 64}, spike=spike).words != ""


def test_one_that_works_near_its_limit_as_what_served_before_is_no_spike() -> None:
    limits = {"n1": 64, "s1": 64}
    weight = looked({"s1": 62}, *[{"n1": 63, "s1": 62}] * 5, *[{"n1": 63}] * 5, limits=limits)
    assert weight.words == ""


def test_new_instances_that_take_twice_as_much_as_what_served_are_a_spike() -> None:
    weight = looked(*[{"n1": 300, "n2": 200, "s1": 100, "s2": 120}] * 3)
    said = "new instances such as web-1 use 250 MiB, 2.3 times the 110 MiB of those that served before"
    assert weight.words == f"{said} (memory_spike, for 10 s)"


@pytest.mark.parametrize(
    "used",
    [
        {"n1": 60, "s1": 10},
        {"n1": 149, "s1": 100},
        {"n1": 4000},
        {"n1": 100, "n2": 4000, "s1": 2000, "s2": 2100},
    ],
    ids=["little in all", "not so many times", "nothing to compare with", "one of two, beside as much as before"],
)
def test_what_is_no_spike(used: dict[str, int]) -> None:
    assert looked(*[used] * 5).words == ""


def test_bounds_of_0_are_none() -> None:
    free = MemorySpike(0, 0, seconds(10))
    assert looked(*[{"n1": 64, "s1": 1}] * 5, limits={"n1": 64}, spike=free).words == ""


def rolling(**how: Any) -> Daemon:
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    return daemon.commit(a_state(a_service(image="web:2", **how))).run()


def test_a_spike_turns_the_release_back() -> None:
    daemon = rolling(min_ready=60)
    daemon.spikes = {"web": "new instances use too much"}
    daemon.settle()
    assert (daemon.outcome(), daemon.reason()) == ("rolled-back", "web: new instances use too much")
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_a_spike_of_what_is_watched_turns_it_back_too() -> None:
    daemon = rolling(min_ready=0, monitor=60)
    daemon.wait(1).run()
    assert daemon.world.running() == ["shop-web-1 web:2"]
    daemon.spikes = {"web": "new instances use too much"}
    daemon.run()
    daemon.spikes = {}
    daemon.settle()
    assert (daemon.outcome(), daemon.world.running()) == ("rolled-back", ["shop-web-1 web:1"])


def test_where_a_rollout_goes_on_whatever_fails_a_spike_does_not_stop_it() -> None:
    daemon = rolling(min_ready=5, on_failure="continue")
    daemon.spikes = {"web": "new instances use too much"}
    assert daemon.settle().outcome() == "succeeded"
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_where_a_rollout_goes_on_whatever_fails_a_spike_is_told_once_and_is_the_reason_of_its_release() -> None:
    daemon = rolling(min_ready=5, on_failure="continue")
    daemon.spikes = {"web": "new instances use too much"}
    daemon.settle()
    told = [event.message for event in daemon.events if event.reason == "RolloutPassedOver"]
    assert told == ["web: new instances use too much; the rollout goes on (failure_action: continue)"]
    assert daemon.reason() == "web: new instances use too much"

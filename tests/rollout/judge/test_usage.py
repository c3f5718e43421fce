"""The judge's verdicts on CPU, memory and restarts of instances."""

import pytest

from gitopsd.model.analysis import Fail, Inconclusive, Interval, Metric, Pass, Usage
from tests.rollout.judge.seen import last, seen, shown

MIB = 1 << 20
MEMORY = Metric("memory", "engine", max=0.9, max_ratio=1.5)
CPU = Metric("cpu", "engine", max_ratio=2.0)
RESTARTS = Metric("restarts", "engine", max=0.0)
USUAL = Usage(cpu=0.5, memory=200.0 * MIB, memory_limit=512.0 * MIB, restarts=0)


def used(*memory: float, stable: float = 200) -> list[Interval]:
    """MiB of memory that the one instance of the canary takes, look by look."""
    before = Usage(memory=stable * MIB, memory_limit=512.0 * MIB)
    return [
        seen(number, canary_instances=Usage(memory=each * MIB, memory_limit=512.0 * MIB), stable_instances=before)
        for number, each in enumerate(memory, 1)
    ]


def test_three_readings_in_a_row_are_a_verdict_and_one_is_none() -> None:
    assert [type(each) for each in shown(used(200, 210, 220), (MEMORY,))[1]] == [Inconclusive, Inconclusive, Pass]
    assert [type(each) for each in shown(used(400, 410, 420), (MEMORY,))[1]] == [Inconclusive, Inconclusive, Fail]


def test_a_leak_fails_with_its_numbers() -> None:
    leak = [200 + 12 * look for look in range(20)]

    _, verdicts = shown(used(*leak), (MEMORY,))

    failing = next(index for index, each in enumerate(verdicts) if isinstance(each, Fail))
    assert leak[failing] == 332
    assert verdicts[-1] == Fail(
        "memory",
        "332 MiB for an instance of the canary, 200 MiB for one of stable: more than 1.5 times, 3 times in a row",
    )


def test_a_spike_that_comes_and_goes_neither_fails_nor_passes() -> None:
    spikes = [900 if look % 3 else 200 for look in range(30)]

    _, verdicts = shown(used(*spikes, stable=200), (Metric("memory", "engine", max_ratio=1.5),))

    assert {type(each) for each in verdicts} == {Inconclusive}


def test_seven_of_ten_values_a_hundred_times_higher_are_no_pass() -> None:
    """spinnaker#6278: a rank test passed them."""
    for high in ((0, 1, 2, 3, 4, 5, 6), (0, 1, 3, 4, 6, 7, 9), (3, 4, 5, 6, 7, 8, 9)):
        values = [20_000 if look in high else 200 for look in range(10)]
        _, verdicts = shown(used(*values), (Metric("memory", "engine", max_ratio=1.5),))
        assert not any(isinstance(each, Pass) for each in verdicts[min(high) :])


def test_a_ratio_of_next_to_nothing_is_no_difference() -> None:
    assert isinstance(last(used(12, 12, 12, stable=3), MEMORY), Pass)
    idle, busy = Usage(cpu=0.001), Usage(cpu=0.01)
    looks = [seen(number, canary_instances=busy, stable_instances=idle) for number in range(1, 4)]
    assert isinstance(last(looks, CPU), Pass)


def test_the_median_instance_is_compared_and_the_fullest_one_with_its_limit() -> None:
    full = Usage(memory=490.0 * MIB, memory_limit=512.0 * MIB)
    looks = [
        seen(number, canary_instances=(USUAL, USUAL, full), stable_instances=(USUAL, USUAL)) for number in range(1, 4)
    ]

    assert isinstance(last(looks, Metric("memory", "engine", max_ratio=1.5)), Pass)
    assert "at 95.7 % of its limit, 90 % is allowed" in getattr(last(looks, MEMORY), "reason", "")
    assert isinstance(last(looks, MEMORY), Fail)


def test_a_stable_that_is_as_full_blocks_no_cure() -> None:
    assert isinstance(last(used(480, 480, 480, stable=500), MEMORY), Pass)


def test_without_stable_its_limit_is_all_that_counts() -> None:
    alone = [seen(number, canary_instances=USUAL, stable_instances=()) for number in range(1, 4)]

    assert isinstance(last(alone, MEMORY), Pass)
    assert isinstance(last(alone, CPU), Inconclusive)


@pytest.mark.parametrize(
    "nothing", [(), Usage(), Usage(memory=float("nan"), cpu=float("nan")), Usage(cpu=-1, memory=-1)]
)
@pytest.mark.parametrize("metric", [MEMORY, CPU, RESTARTS])
def test_no_reading_is_no_pass(nothing: Usage, metric: Metric) -> None:
    looks = [seen(number, canary_instances=nothing, stable_instances=USUAL) for number in range(1, 9)]

    assert isinstance(last(looks, metric), Inconclusive)


def test_a_look_without_readings_leaves_the_last_verdict() -> None:
    _, verdicts = shown([*used(200, 200, 200), seen(4)], (MEMORY,))

    assert verdicts[3] == verdicts[2]
    assert isinstance(last([seen(1)], MEMORY), Inconclusive)


def test_good_readings_of_one_step_do_not_pass_the_next() -> None:
    later = seen(4, step=1, canary_instances=USUAL, stable_instances=USUAL)

    _, verdicts = shown([*used(200, 200, 200), later], (MEMORY,))

    assert [type(each) for each in verdicts[2:]] == [Pass, Inconclusive]


def test_one_restart_fails_where_none_is_allowed() -> None:
    looks = [seen(1, canary_instances=(USUAL, Usage(restarts=1)))]

    assert last(looks, RESTARTS) == Fail("restarts", "1 restart of the canary's instances, 0 are allowed")
    assert isinstance(last(looks, Metric("restarts", "engine", max=1.0)), Pass)

"""How many slots a rollout may double, and how many it may leave without a good instance."""

import pytest

from gitopsd.model.desired import Amount, Order, Policy
from gitopsd.rollout import Fence, fence
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

QUARTER = Amount(25, percent=True)


@pytest.mark.parametrize(
    ("replicas", "room"),
    [(1, (1, 0)), (2, (1, 0)), (3, (1, 0)), (4, (1, 1)), (5, (2, 1)), (7, (2, 1)), (8, (2, 2)), (10, (3, 2))],
)
def test_shares_of_surge_round_up_and_of_unavailability_down(replicas: int, room: tuple[int, int]) -> None:
    policy = Policy(max_surge=QUARTER, max_unavailable=QUARTER)

    assert fence(policy, "start-first", replicas) == Fence(*room)


@pytest.mark.parametrize(
    ("policy", "order", "room"),
    [
        (Policy(), "start-first", (1, 0)),
        (Policy(), "stop-first", (0, 1)),
        (Policy(parallelism=2), "start-first", (2, 0)),
        (Policy(parallelism=2), "stop-first", (0, 2)),
        (Policy(parallelism=0), "start-first", (3, 0)),
        (Policy(max_surge=Amount(2), max_unavailable=Amount(5)), "start-first", (2, 3)),
        (Policy(max_surge=Amount(2), max_unavailable=Amount(2)), "stop-first", (0, 2)),
        (Policy(max_unavailable=Amount(0)), "stop-first", (0, 1)),
        (Policy(max_surge=Amount(0), max_unavailable=QUARTER), "start-first", (0, 1)),
    ],
)
def test_what_compose_says_is_the_default_and_something_always_moves(
    policy: Policy, order: Order, room: tuple[int, int]
) -> None:
    assert fence(policy, order, 3) == Fence(*room)


def test_a_share_is_exact_where_floating_point_numbers_are_not() -> None:
    assert Amount(7, percent=True).of(100, up=True) == 7
    assert Amount(29, percent=True).of(100, up=False) == 29


def rolled(surge: int, unavailable: int, replicas: int = 4) -> tuple[int, int, Daemon]:
    """The most that ran, and the fewest that were good, on the way of `web` to another version."""
    how = {"max_surge": Amount(surge), "max_unavailable": Amount(unavailable), "replicas": replicas}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.done.clear()
    daemon.commit(a_state(a_service(image="web:2", **how)), web=Behaviour(check=True, healthy_after=5))
    most, fewest = 0, replicas
    for _ in range(80):
        daemon.look()
        while daemon.pending:
            daemon.step()
            running = [box for box in daemon.world.boxes.values() if box.up]
            most = max(most, len(running))
            fewest = min(fewest, sum(daemon.world.good(box) for box in running))
        daemon.wait()
    return most, fewest, daemon


@pytest.mark.parametrize(("surge", "unavailable"), [(1, 0), (2, 0), (1, 1), (2, 1), (0, 2), (0, 4), (4, 4)])
def test_a_rollout_uses_its_room_and_keeps_within_it(surge: int, unavailable: int) -> None:
    most, fewest, daemon = rolled(surge, unavailable)

    assert daemon.world.running() == [f"shop-web-{slot} web:2" for slot in range(1, 5)]
    assert fewest >= 4 - unavailable
    assert most <= 4 + surge
    assert (most, fewest) == (4 + surge, 4 - unavailable if surge < 4 else 4)
    assert daemon.plan().empty


def test_one_replica_without_surge_goes_stop_first() -> None:
    _, _, daemon = rolled(0, 1, replicas=1)

    assert daemon.moves()[:4] == [
        "Create shop-web-1.gitopsd-2",
        "Keep shop-web-1",
        "Stop shop-web-1",
        "Start shop-web-1.gitopsd-2",
    ]


def test_a_broken_version_comes_back_from_both_kinds_of_room() -> None:
    how = {"max_surge": Amount(1), "max_unavailable": Amount(1), "replicas": 4}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()

    daemon.commit(a_state(a_service(image="web:2", **how)), web=Behaviour(check=True, healthy_after=None)).settle()
    daemon.wait(1_000).settle()

    assert daemon.world.running() == [f"shop-web-{slot} web:1" for slot in range(1, 5)]


def test_what_a_scaling_that_came_to_nothing_left_takes_room_and_goes_first() -> None:
    daemon = Daemon().commit(a_state(a_service(replicas=2))).settle()
    daemon.commit(a_state(a_service(replicas=3)), web=Behaviour())
    daemon.look()
    daemon.act()
    daemon.done.clear()

    daemon.commit(a_state(a_service(image="web:2", replicas=2)))
    most = 0
    for _ in range(40):
        daemon.look()
        while daemon.pending:
            daemon.step()
            most = max(most, sum(box.up for box in daemon.world.boxes.values()))
        daemon.wait()

    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2"]
    assert most == 2 + 1
    assert daemon.moves()[:2] == ["Stop shop-web-3", "Remove shop-web-3"]

"""`rollback_config`: in which order, how many at once and with which rests a service goes back to what served."""

from typing import Any

import pytest

from gitopsd.model.desired import WayBack
from gitopsd.model.rollout import RollingBack
from gitopsd.release.progress import Expected, progress
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

OLD = ["shop-web-1 web:1", "shop-web-2 web:1", "shop-web-3 web:1"]


def promoted(back: WayBack, **how: Any) -> Daemon:
    """All slots run `web:2`, and it is watched: what brings it back is a new rollout (`return`)."""
    return _upgraded(back, monitor=60, **how)


def half_way(back: WayBack, **how: Any) -> Daemon:
    """All slots but one run `web:2`, and it rests: the same rollout brings them back (`RollingBack`)."""
    daemon = _upgraded(back, delay=100, **how)
    daemon.wait(100).run()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2", "shop-web-3 web:1"]
    return daemon


def _upgraded(back: WayBack, **how: Any) -> Daemon:
    how = {"replicas": 3, "min_ready": 0, "back": back, **how}
    daemon = Daemon().commit(a_state(a_service(image="web:1", **how))).settle()
    return daemon.commit(a_state(a_service(image="web:2", **how))).run()


def aborted(daemon: Daemon) -> tuple[int, int]:
    """How many instances ran at once at most, and at least, until a person's abort came to its end."""
    counts = [len(daemon.world.running())]
    daemon.ask("abort")
    while daemon.open():
        daemon.look()
        while daemon.pending:  # all chains move at once, as the executor's threads do
            for key in tuple(daemon.pending):
                daemon.step(key)
                counts.append(len(daemon.world.running()))
        daemon.wait()
    assert daemon.outcome() == "cancelled"
    assert all(" web:1" in line for line in daemon.world.running())
    return max(counts), min(counts)


@pytest.mark.parametrize(
    ("back", "whole", "part"),
    [
        (WayBack(), (4, 3), (4, 3)),
        (WayBack(parallelism=2), (5, 3), (5, 3)),
        (WayBack(parallelism=0), (6, 3), (5, 3)),
        (WayBack("stop-first"), (3, 2), (3, 2)),
        (WayBack("stop-first", 2), (3, 1), (3, 1)),
        (WayBack("stop-first", 0), (3, 0), (3, 1)),
    ],
)
def test_the_way_back_has_the_order_and_the_room_that_rollback_config_says(
    back: WayBack, whole: tuple[int, int], part: tuple[int, int]
) -> None:
    assert (aborted(promoted(back)), aborted(half_way(back))) == (whole, part)


def test_what_cannot_stand_twice_goes_back_stop_first_whatever_rollback_config_says() -> None:
    assert aborted(promoted(WayBack("start-first"), ports=[80], replicas=1)) == (1, 0)


def test_what_writes_to_a_volume_may_stand_twice_on_its_way_back_where_that_is_said() -> None:
    assert aborted(promoted(WayBack("start-first"), volumes=["data:/data"])) == (4, 3)


@pytest.mark.parametrize("upgraded", [promoted, half_way])
def test_a_slot_that_went_back_rests_as_long_as_rollback_config_says(upgraded: Any) -> None:
    daemon = upgraded(WayBack(delay=seconds(30)))
    daemon.ask("abort")
    daemon.run()
    assert daemon.world.running()[0] == "shop-web-1 web:1"
    daemon.wait(29).run()
    assert daemon.world.running()[1] == "shop-web-2 web:2"
    daemon.wait(1).run()
    assert daemon.world.running()[1] == "shop-web-2 web:1"


def test_without_rollback_config_the_way_back_never_rests() -> None:
    daemon = half_way(WayBack())
    daemon.ask("abort")
    assert daemon.run().world.running() == OLD


def test_what_is_no_good_does_not_rest_on_its_way_back() -> None:
    how: dict[str, Any] = {"replicas": 3, "min_ready": 5, "order": "stop-first", "parallelism": 0}
    daemon = Daemon().commit(a_state(a_service(image="web:1", **how))).settle()
    bad = a_service(image="web:2", back=WayBack(delay=seconds(300)), **how)
    daemon.commit(a_state(bad), web=Behaviour(exits_after=1, exit_code=1, restart="no")).run()
    daemon.wait(2).run()
    assert daemon.world.running() == OLD


def test_it_is_told_until_when_the_way_back_rests() -> None:
    daemon = half_way(WayBack(delay=seconds(30)))
    daemon.ask("abort")
    daemon.run()
    [web] = progress(daemon.journal, daemon.world.look(), daemon.now)
    assert isinstance(web.rollout.phase, RollingBack)
    assert web.next[0] == Expected(
        "the next instance may be replaced (rollback_config.delay)", daemon.now + seconds(30)
    )


def test_a_rest_on_the_way_back_outlives_the_daemon() -> None:
    daemon = half_way(WayBack(delay=seconds(30)))
    daemon.ask("abort")
    daemon.run().die()
    daemon.wait(10).run()
    assert daemon.world.running()[1] == "shop-web-2 web:2"
    daemon.settle()
    assert daemon.world.running() == OLD

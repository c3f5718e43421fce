"""Recreate: for what must never run in two versions at once; everything old is stopped before anything new starts."""

from typing import Any

import pytest

from gitopsd.model.desired import Amount
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

RECREATE = {"strategy": "recreate", "order": "stop-first"}
BROKEN = Behaviour(exits_after=1, exit_code=1, restart="no")


def serving(replicas: int) -> Daemon:
    daemon = Daemon().commit(a_state(a_service(replicas=replicas, **RECREATE))).settle()
    daemon.done.clear()
    return daemon


def versions_met(daemon: Daemon, image: str, replicas: int, behaviour: Behaviour | None = None) -> set[str]:
    """Commits another version and brings it about, action by action: which versions ran side by side."""
    state = a_state(a_service(image=image, replicas=replicas, **RECREATE))
    daemon.commit(state, **({"web": behaviour} if behaviour else {}))
    met: set[str] = set()
    for _ in range(60):
        daemon.look()
        while daemon.pending:
            daemon.step()
            running = {box.fingerprint for box in daemon.world.boxes.values() if box.up}
            met |= running if len(running) > 1 else set()
        daemon.wait()
    return met


def test_all_old_ones_are_stopped_before_a_new_one_starts() -> None:
    daemon = serving(3)

    assert versions_met(daemon, "web:2", 3) == set()
    moves = daemon.moves()
    begun = next(index for index, move in enumerate(moves) if move.startswith("Start"))
    assert {f"Stop shop-web-{slot}" for slot in (1, 2, 3)} <= set(moves[:begun])
    assert daemon.world.running() == [f"shop-web-{slot} web:2" for slot in (1, 2, 3)]


def test_fewer_replicas_leave_no_old_one_beside_the_new() -> None:
    daemon = serving(3)

    assert versions_met(daemon, "web:2", 1) == set()
    assert daemon.world.running() == ["shop-web-1 web:2"]
    assert len(daemon.world.boxes) == 1


@pytest.mark.parametrize("room", [{"parallelism": 2}, {"max_unavailable": Amount(1)}])
def test_room_for_fewer_than_all_does_not_stall_it(room: dict[str, Any]) -> None:
    how = {**RECREATE, "replicas": 3, **room}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()

    daemon.commit(a_state(a_service(image="web:2", **how))).settle()

    assert daemon.world.running() == [f"shop-web-{slot} web:2" for slot in (1, 2, 3)]
    assert [release.outcome for release in daemon.ended] == ["succeeded", "succeeded"]


def test_while_too_much_restarts_on_the_engine_nothing_old_is_stopped() -> None:
    daemon = serving(3)
    daemon.commit(a_state(a_service(image="web:2", replicas=1, **RECREATE)))
    daemon.look()
    daemon.pending = {}
    daemon.storm = True

    daemon.run()

    assert daemon.world.running() == [f"shop-web-{slot} web:1" for slot in (1, 2, 3)]
    daemon.storm = False
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:2"]


def test_a_broken_version_is_stopped_before_the_old_one_comes_back() -> None:
    daemon = serving(2)

    assert versions_met(daemon, "web:2", 2, BROKEN) == set()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]


def test_one_that_is_gone_comes_back_though_its_like_run() -> None:
    daemon = serving(2)
    daemon.world.vanish("shop-web-1")

    daemon.settle()

    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]


def test_a_daemon_that_dies_half_way_goes_on() -> None:
    for deaths in range(12):
        daemon = serving(2)
        daemon.commit(a_state(a_service(image="web:2", replicas=2, **RECREATE)))
        daemon.look()
        for _ in range(deaths):
            if not daemon.pending:
                daemon.look()
            if daemon.pending:
                daemon.step()
        daemon.die()

        daemon.settle()

        assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2"], deaths

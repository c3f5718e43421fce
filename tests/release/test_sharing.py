"""Services that live in another one's containers: they follow it, wait for it, and never stay in one that is gone."""

from typing import Any

from gitopsd.model.desired import SealedState
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
ENDS_WELL = Behaviour(exits_after=4, restart="no")


def shop(
    vpn: str = "vpn:1", ports: tuple[int, ...] = (), policy: dict[str, Any] | None = None, **app: Any
) -> SealedState:
    return a_state(a_service("vpn", vpn, ports=ports), a_service("app", lives_in="vpn", **app), **(policy or {}))


def serving(state: SealedState, **behaviours: Behaviour) -> Daemon:
    daemon = Daemon().commit(state, **behaviours).settle()
    daemon.done.clear()
    return daemon


def homes(daemon: Daemon) -> dict[str, str]:
    """By name, the name of the container that one lives in; whether it is really there is checked on the way."""
    boxes = daemon.world.boxes
    assert all(daemon.world.connected(box) for box in boxes.values() if box.up)
    return {box.name: boxes[box.joined[0]].name for box in boxes.values() if box.up and box.joined}


def test_all_slots_live_in_the_first_container_of_the_other() -> None:
    daemon = serving(a_state(a_service("vpn", replicas=2), a_service("app", lives_in="vpn", replicas=2)))

    assert homes(daemon) == {"shop-app-1": "shop-vpn-1", "shop-app-2": "shop-vpn-1"}


def test_a_home_that_is_lived_in_stays_until_all_have_moved() -> None:
    daemon = serving(shop(order="start-first", replicas=2))
    old = daemon.world.named("shop-vpn-1").id

    daemon.commit(shop("vpn:2", order="start-first", replicas=2)).settle()

    moves = daemon.moves()
    assert moves.index("Stop shop-vpn-1") > max(moves.index(f"Stop shop-app-{slot}") for slot in (1, 2))
    assert old not in daemon.world.boxes
    assert daemon.outcome() == "succeeded"
    assert set(homes(daemon).values()) == {"shop-vpn-1"}


def test_what_needs_a_good_home_waits_for_it() -> None:
    state = shop("vpn:2", depends_on={"vpn": "service_healthy"})
    daemon = serving(shop(depends_on={"vpn": "service_healthy"}))

    daemon.commit(state, vpn=SICK).settle()

    assert not [move for move in daemon.moves() if "app" in move]
    assert daemon.outcome() == "rolled-back"


def test_a_failed_home_is_left_also_where_nothing_is_healed() -> None:
    report: dict[str, Any] = {"heal": "report"}
    daemon = serving(shop(ports=(80,), policy=report))

    daemon.commit(shop("vpn:2", (80,), policy=report), vpn=Behaviour(check=True, healthy_after=None, unhealthy_after=9))
    daemon.settle()

    assert daemon.outcome() == "rolled-back"
    assert homes(daemon) == {"shop-app-1": "shop-vpn-1"}


def test_nothing_is_mended_where_nothing_is_to_be_healed() -> None:
    daemon = serving(shop(policy={"heal": "report"}))
    daemon.world.crash("shop-vpn-1")

    assert daemon.settle().moves() == []


def test_what_lives_in_a_home_that_does_not_run_is_left_alone_until_it_does() -> None:
    daemon = serving(shop())
    daemon.world.kill("shop-app-1")
    daemon.world.kill("shop-vpn-1")
    daemon.world.unfit["Start    shop-vpn-1"] = "no space left on device"
    daemon.settle(within=60)

    assert not [move for move in daemon.moves() if "app" in move]

    del daemon.world.unfit["Start    shop-vpn-1"]
    daemon.settle()
    assert homes(daemon) == {"shop-app-1": "shop-vpn-1"}


def test_whatever_restarts_with_the_engine_lives_together_again() -> None:
    daemon = serving(shop())
    app = daemon.world.boxes.pop(daemon.world.named("shop-app-1").id)
    daemon.world.boxes = {app.id: app, **daemon.world.boxes}  # the engine may start it before its home

    daemon.world.restart_engine()
    daemon.settle()

    assert homes(daemon) == {"shop-app-1": "shop-vpn-1"}


def test_a_one_shot_runs_in_the_network_of_another() -> None:
    state = a_state(a_service("vpn"), a_service("seed", lives_in="vpn", job=True))
    daemon = Daemon().commit(state, seed=ENDS_WELL).settle()

    assert daemon.outcome() == "succeeded"
    daemon.done.clear()
    daemon.world.vanish("shop-vpn-1")
    assert [move for move in daemon.settle().moves() if "seed" in move] == []


def test_a_daemon_that_lost_its_journal_knows_who_lives_where() -> None:
    daemon = serving(shop())
    daemon.lose_journal()
    daemon.settle()
    assert {move.partition(" ")[0] for move in daemon.moves()} == {"Update"}

    daemon.world.vanish("shop-vpn-1")
    daemon.settle()

    assert homes(daemon) == {"shop-app-1": "shop-vpn-1"}


def test_who_leaves_a_network_and_who_enters_one_may_change_places() -> None:
    daemon = serving(a_state(a_service("a", lives_in="b"), a_service("b")))

    daemon.commit(a_state(a_service("a"), a_service("b", lives_in="a"))).settle()

    assert daemon.outcome() == "succeeded"
    assert homes(daemon) == {"shop-b-1": "shop-a-1"}


def test_newer_content_for_the_home_moves_everybody_once_more() -> None:
    daemon = serving(shop())
    daemon.commit(shop("vpn:2")).run()
    daemon.wait(3)

    daemon.commit(shop("vpn:3")).settle()

    assert daemon.outcome() == "succeeded"
    assert daemon.world.named("shop-vpn-1").fingerprint == "vpn:3"
    assert homes(daemon) == {"shop-app-1": "shop-vpn-1"}

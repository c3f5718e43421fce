"""Upgrades behind the router: who gets requests when, and that nobody is stopped who may still get one."""

from typing import Any

import pytest

from gitopsd.model.route import OnPurpose
from gitopsd.model.strategy import Approve, HeaderRoute, Pause, SetCanaryScale, SetWeight
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

STEPS = (SetWeight(2_000), Pause(seconds(60)), SetWeight(5_000), Pause())


def serving(replicas: int = 1, **how: Any) -> Daemon:
    daemon = Daemon().commit(a_state(a_service(replicas=replicas, traffic="80:8080", **how))).settle()
    daemon.done.clear()
    return daemon


def wants(daemon: Daemon, image: str, behaviour: Behaviour | None = None, **how: Any) -> Daemon:
    state = a_state(a_service(image=image, traffic="80:8080", **how))
    return daemon.commit(state, **({"web": behaviour} if behaviour else {}))


def traffic(daemon: Daemon) -> dict[str, float]:
    return daemon.world.streets.traffic("web", daemon.world)


def running(daemon: Daemon) -> list[str]:
    """Names of what is up, with the image that each runs."""
    return [line.partition("/")[0] for line in daemon.world.running()]


def shares(daemon: Daemon, times: int = 300) -> list[dict[str, float]]:
    """What each fingerprint gets, look after look, until nothing is open; each once."""
    found: list[dict[str, float]] = []
    for _ in range(times):
        if not daemon.look() and not daemon.pending and not daemon.open():
            break
        now = traffic(daemon)
        found += [now] if not found or found[-1] != now else []
        if daemon.pending:
            daemon.act()
        else:
            daemon.wait()
    return found


def test_a_first_release_is_let_in_once_it_is_ready() -> None:
    daemon = serving(2)
    assert daemon.outcome() == "succeeded"
    assert traffic(daemon) == {"web:1": 100}


def test_in_a_rolling_upgrade_the_share_follows_the_instances() -> None:
    daemon = wants(serving(4), "web:2", replicas=4)
    assert shares(daemon) == [
        {"web:1": 100},
        {"web:1": 75, "web:2": 25},
        {"web:1": 50, "web:2": 50},
        {"web:1": 25, "web:2": 75},
        {"web:2": 100},
    ]
    assert daemon.outcome() == "succeeded"
    assert daemon.world.streets.stopped == []


def test_a_canary_takes_its_steps_and_then_all() -> None:
    how: dict[str, Any] = {"strategy": "canary", "steps": STEPS, "scale_down_delay": 10}
    daemon = wants(serving(4, **how), "web:2", replicas=4, **how).run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    assert len(running(daemon)) == 5
    daemon.wait(59).run()
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    daemon.wait(1).run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 50, "web:2": 50}
    assert len(running(daemon)) == 6
    daemon.wait(7200).run()
    assert traffic(daemon) == {"web:1": 50, "web:2": 50}
    assert daemon.ask("promote") == "goes on without waiting: web"
    daemon.run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:2": 100}
    assert len(running(daemon)) == 8
    daemon.wait(9).run()
    assert len(running(daemon)) == 8
    daemon.wait(1).run()
    assert running(daemon) == [f"shop-web-{slot} web:2" for slot in (1, 2, 3, 4)]
    assert daemon.world.streets.stopped == []
    assert daemon.outcome() == "succeeded"


HOW: dict[str, Any] = {"strategy": "canary", "steps": STEPS, "scale_down_delay": 10}
BLUE_GREEN: dict[str, Any] = {"strategy": "blue-green", "scale_down_delay": 10}


def canary_at_20(replicas: int = 4) -> Daemon:
    daemon = wants(serving(replicas, **HOW), "web:2", replicas=replicas, **HOW).run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    return daemon


def test_an_abort_first_takes_the_traffic_back() -> None:
    daemon = canary_at_20()
    daemon.ask("abort")
    daemon.look()
    daemon.look()
    assert traffic(daemon) == {"web:1": 100}
    assert len(running(daemon)) == 5
    daemon.run()
    assert running(daemon) == [f"shop-web-{slot} web:1" for slot in (1, 2, 3, 4)]
    assert daemon.world.streets.stopped == []
    assert daemon.outcome() == "cancelled"


def test_a_canary_that_crashes_fails_the_step() -> None:
    daemon = canary_at_20()
    daemon.world.vanish("shop-web-1.gitopsd-2")
    fingerprint = daemon.journal.rollouts["web"].target.fingerprint
    daemon.world.behaviours[fingerprint] = Behaviour(exits_after=1, exit_code=3)
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert traffic(daemon) == {"web:1": 100}
    assert running(daemon) == [f"shop-web-{slot} web:1" for slot in (1, 2, 3, 4)]


def test_newer_content_waits_until_the_canary_before_it_has_gone() -> None:
    daemon = canary_at_20()
    wants(daemon, "web:3", replicas=4, **HOW)
    seen = shares(daemon, 60)
    assert seen == [{"web:1": 100}, {"web:1": 80, "web:3": 20}]
    assert daemon.world.streets.stopped == []


def test_a_revert_in_the_middle_of_a_canary_takes_no_steps() -> None:
    daemon = canary_at_20()
    wants(daemon, "web:1", replicas=4, **HOW).run()
    assert traffic(daemon) == {"web:1": 100}
    assert running(daemon) == [f"shop-web-{slot} web:1" for slot in (1, 2, 3, 4)]
    assert daemon.world.streets.stopped == []


def test_blue_green_switches_once_all_are_there() -> None:
    daemon = wants(serving(3, **BLUE_GREEN), "web:2", replicas=3, **BLUE_GREEN)
    assert shares(daemon) == [{"web:1": 100}, {"web:2": 100}]
    assert running(daemon) == [f"shop-web-{slot} web:2" for slot in (1, 2, 3)]
    assert daemon.world.streets.stopped == []


def test_blue_green_waits_where_a_pause_is_written() -> None:
    how = BLUE_GREEN | {"steps": (Pause(),)}
    daemon = wants(serving(3, **how), "web:2", replicas=3, **how).run()
    daemon.wait(5).run()
    daemon.wait(3600).run()
    assert traffic(daemon) == {"web:1": 100}
    assert len(running(daemon)) == 6
    daemon.ask("promote")
    daemon.run()
    assert traffic(daemon) == {"web:2": 100}


def test_a_revert_right_after_the_switch_goes_back_at_once_to_what_is_still_there() -> None:
    daemon = wants(serving(3, **BLUE_GREEN), "web:2", replicas=3, **BLUE_GREEN).run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:2": 100}
    daemon.done.clear()
    wants(daemon, "web:1", replicas=3, **BLUE_GREEN).run()
    assert traffic(daemon) == {"web:1": 100}
    daemon.settle()
    assert running(daemon) == [f"shop-web-{slot} web:1" for slot in (1, 2, 3)]
    assert not [line for line in daemon.moves() if line.startswith(("Create", "Start"))]
    assert daemon.world.streets.stopped == []


def test_a_slow_request_is_waited_for() -> None:
    daemon = wants(serving(1, drain_timeout=30), "web:2", drain_timeout=30).run()
    daemon.world.streets.slow.add(daemon.world.named("shop-web-1").id)
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:2": 100}
    assert "shop-web-1 web:1" in running(daemon)
    daemon.wait(20).run()
    daemon.world.streets.slow.clear()
    daemon.run()
    assert running(daemon) == ["shop-web-1 web:2"]
    assert daemon.world.streets.stopped == []


def test_but_not_for_longer_than_the_drain_timeout() -> None:
    daemon = wants(serving(1, drain_timeout=30), "web:2", drain_timeout=30).run()
    daemon.world.streets.slow.add(daemon.world.named("shop-web-1").id)
    daemon.wait(5).run()
    daemon.wait(31).run()
    assert running(daemon) == ["shop-web-1 web:2"]


def test_without_its_router_nothing_is_stopped_and_nothing_fails() -> None:
    daemon = wants(serving(2), "web:2", replicas=2).run()
    daemon.world.streets.away = True
    daemon.wait(7200).run()
    assert {"shop-web-1 web:1", "shop-web-2 web:1"} <= set(running(daemon))
    assert daemon.journal.release is not None
    daemon.world.streets.away = False
    daemon.settle()
    assert daemon.outcome() == "succeeded"


def test_a_repair_comes_back_into_the_slot_of_its_like() -> None:
    daemon = serving(3)
    daemon.world.vanish("shop-web-2")
    daemon.settle()
    assert traffic(daemon) == {"web:1": 100}
    assert {place.slot for place in daemon.journal.routes["web"].places.values()} == {"a"}


def test_a_daemon_that_dies_at_any_moment_loses_no_request() -> None:
    for steps in range(1, 60, 5):
        daemon = wants(serving(2, **HOW), "web:2", replicas=2, **HOW)
        for _ in range(steps):
            daemon.look()
            if daemon.pending:
                daemon.step()
            else:
                daemon.wait(30)
                daemon.ask("promote")
        daemon.die()
        for _ in range(8):
            daemon.settle(within=70)
            daemon.ask("promote")
        assert daemon.outcome() == "succeeded", steps
        assert running(daemon) == ["shop-web-1 web:2", "shop-web-2 web:2"], steps
        assert daemon.world.streets.stopped == [], steps


@pytest.mark.parametrize("looks", [1, 2])
def test_whoever_is_stopped_does_not_come_in_again_meanwhile(looks: int) -> None:
    daemon = wants(serving(3), "web:1", replicas=2)
    daemon.look()
    daemon.look()
    daemon.wait(5)
    for _ in range(looks):
        daemon.look()
    daemon.act()
    assert running(daemon) == ["shop-web-1 web:1", "shop-web-2 web:1"]
    assert daemon.world.streets.stopped == []


def test_what_serves_beside_a_canary_is_let_in_again_when_it_was_lost() -> None:
    daemon = canary_at_20()
    daemon.world.vanish("shop-web-3")
    for _ in range(3):
        daemon.run()
        daemon.wait(5)
    assert set(daemon.world.streets.routes["web"].places) == set(daemon.world.boxes)
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}


def test_what_a_repair_left_twice_is_not_started_again_beside_a_canary() -> None:
    daemon = serving(1, **HOW)
    daemon.world.behaviours[daemon.journal.stable["web"].fingerprint] = Behaviour(check=True, unhealthy_after=9)
    while len(daemon.world.boxes) < 2:
        daemon.wait(1).run()
    daemon.world.behaviours.clear()
    wants(daemon, "web:2", **HOW).run()
    for _ in range(10):
        daemon.wait(5).run()
    assert sorted(name.split()[1] for name in running(daemon)) == ["web:1", "web:2"]


def test_newer_content_keeps_what_has_the_requests_not_what_was_about_to_be_stopped() -> None:
    daemon = wants(serving(1, drain_timeout=0), "web:2", drain_timeout=0).run()
    daemon.wait(5)
    while traffic(daemon) != {"web:2": 100} or len(daemon.world.streets.routes["web"].places) > 1:
        daemon.look()
    wants(daemon, "web:3", drain_timeout=0)
    assert shares(daemon, 40) == [{"web:2": 100}, {"web:3": 100}]
    assert daemon.world.streets.stopped == []


@pytest.mark.parametrize("looks", [9, 33])
def test_a_canary_in_the_middle_of_a_rolling_upgrade_begins_beside_all_of_what_served(looks: int) -> None:
    daemon = wants(serving(4), "web:2", replicas=4)
    for _ in range(looks):
        daemon.look()
        if daemon.pending:
            daemon.act()
        else:
            daemon.wait()
    wants(daemon, "web:3", replicas=4, **HOW)
    assert shares(daemon, 70)[-2:] == [{"web:1": 100}, {"web:1": 80, "web:3": 20}]
    assert [name for name in running(daemon) if "web:1" in name] == [f"shop-web-{slot} web:1" for slot in (1, 2, 3, 4)]
    assert daemon.world.streets.stopped == []


def test_other_steps_for_the_same_content_are_taken_from_the_first_one() -> None:
    daemon = canary_at_20()
    before = set(daemon.world.boxes)
    wants(daemon, "web:2", replicas=4, **HOW | {"steps": (SetWeight(1_000), Pause(seconds(30)))}).run()
    assert traffic(daemon) == {"web:1": 90, "web:2": 10}
    assert set(daemon.world.boxes) == before
    daemon.wait(30).run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:2": 100}


def test_what_is_all_there_already_is_let_in_by_no_other_steps() -> None:
    daemon = wants(serving(2, **BLUE_GREEN), "web:2", replicas=2, **BLUE_GREEN).run()
    daemon.wait(5).run()
    wants(daemon, "web:2", replicas=2, **HOW).run()
    assert traffic(daemon) == {"web:2": 100}
    daemon.settle()
    assert traffic(daemon) == {"web:2": 100}
    assert daemon.world.streets.stopped == []


def test_a_canary_also_begins_after_a_rolling_upgrade_to_more_slots() -> None:
    daemon = wants(serving(1), "web:2", replicas=3).run()
    daemon.wait(5).run()
    wants(daemon, "web:3", replicas=3, **HOW)
    assert shares(daemon, 70)[-2:] == [{"web:1": 100}, {"web:1": 80, "web:3": 20}]
    assert daemon.world.streets.stopped == []


@pytest.mark.parametrize("how", ["kill", "vanish"])
def test_what_served_comes_back_for_a_canary_also_in_slots_that_it_does_not_want(how: str) -> None:
    daemon = serving(4)
    getattr(daemon.world, how)("shop-web-3")
    wants(daemon, "web:2", replicas=4)
    while "web:2" not in traffic(daemon):
        daemon.wait(1).run()
    wants(daemon, "web:3", replicas=2, **HOW)
    assert shares(daemon, 70)[-2:] == [{"web:1": 100}, {"web:1": 80, "web:3": 20}]
    assert [name for name in running(daemon) if "web:1" in name] == [f"shop-web-{slot} web:1" for slot in (1, 2, 3, 4)]
    assert daemon.world.streets.stopped == []


def test_a_service_that_goes_leaves_the_router_first() -> None:
    daemon = serving(2)
    other = a_service("other")
    daemon.commit(a_state(other)).settle()
    assert daemon.world.streets.stopped == []
    assert daemon.journal.routes == {}
    assert running(daemon) == ["shop-other-1 other:1"]


def test_a_published_port_is_taken_over_once_it_is_free() -> None:
    direct = a_state(a_service(ports=["80"]))
    daemon = Daemon().commit(direct).settle()
    wants(daemon, "web:2", order="stop-first").settle()
    assert traffic(daemon) == {"web:2": 100}


def test_a_port_is_given_back_before_it_is_published_again() -> None:
    daemon = serving(1)
    daemon.commit(a_state(a_service(image="web:2", ports=["80"]))).settle()
    assert daemon.outcome() == "succeeded"
    assert daemon.journal.routes == {}
    assert daemon.world.streets.stopped == []


def test_while_it_warms_up_its_share_grows_and_the_old_one_stays() -> None:
    daemon = wants(serving(1), "web:2", warm_up=100, min_ready=5)
    seen = shares(daemon)
    growing = [each.get("web:2", 0) for each in seen]
    assert growing == sorted(growing)
    assert len([share for share in growing if 0 < share < 60]) >= 8
    assert growing[-1] == 100
    assert daemon.outcome() == "succeeded"
    assert daemon.world.streets.stopped == []


def test_who_wants_the_canary_gets_it_as_long_as_it_is_one() -> None:
    steps = (SetCanaryScale(1), HeaderRoute("x-canary", "yes"), Pause(), SetWeight(5_000), Pause())
    how: dict[str, Any] = {"strategy": "canary", "steps": steps, "scale_down_delay": 10}
    daemon = wants(serving(2, **how), "web:2", replicas=2, **how).run()
    assert daemon.journal.routes["web"].on_purpose == ()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 100}
    assert daemon.journal.routes["web"].on_purpose == (OnPurpose("header", "x-canary", "yes", "b"),)
    daemon.ask("abort")
    daemon.run()
    assert daemon.journal.routes["web"].on_purpose == ()


def test_an_approval_waits_for_a_person() -> None:
    how: dict[str, Any] = {"strategy": "canary", "steps": (SetWeight(2_000), Approve()), "scale_down_delay": 10}
    daemon = wants(serving(2, **how), "web:2", replicas=2, **how).run()
    daemon.wait(5).run()
    daemon.wait(7200).run()
    assert daemon.ask("promote") == "waits for an approval: web; `gitopsd approve production` gives it"
    daemon.run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    daemon.ask("approve")
    daemon.run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:2": 100}

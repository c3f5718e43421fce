"""What went wrong with traffic in other deployment engines, by name, and that it does not happen behind this router.

A: stuck for ever. B: abort and rollback. C: newer content in the middle. D: traffic and order. E: metrics. F: what was
lost on the way.

These are shown elsewhere:

    flagger#1581                 a metric of an unknown name is refused with its line: tests/manifest/test_analysis.py
    flagger#1763                 no sample is incomplete: answers count when they have ended, and the evidence holds
                                 whenever it is looked at: tests/rollout/judge/test_regression.py
    flagger#1451                 a plan says beforehand how long the port goes over to the router, this once:
                                 tests/scenarios/port-goes-to-the-router.yaml
    kayenta#426, #780, #799,     sparse errors, errors that stable never had, and more variance are found:
    spinnaker#6278               tests/rollout/judge/test_simulation.py, where a rank test passes them
"""

from typing import Any

import pytest

from gitopsd.model.analysis import Analysis, Metric
from gitopsd.model.strategy import Analyse, Approve, HeaderRoute, Pause, SetWeight
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon
from tests.world import Behaviour

STEPS = (SetWeight(2_000), Pause(seconds(60)), SetWeight(5_000), Pause())
CANARY: dict[str, Any] = {"strategy": "canary", "steps": STEPS, "scale_down_delay": 10}
GREEN_WAITS: dict[str, Any] = {"strategy": "blue-green", "steps": (Pause(),), "scale_down_delay": 10}
JUDGED: dict[str, Any] = CANARY | {
    "steps": (SetWeight(2_000), Analyse(seconds(30))),
    "analysis": Analysis((Metric("error-rate", "router", max=0.01),)),
}


def served(replicas: int = 4, **how: Any) -> Daemon:
    """web:1 serves behind the router, all of it."""
    return Daemon().commit(a_state(a_service(replicas=replicas, traffic="80:8080", **how))).settle()


def wants(daemon: Daemon, image: str = "web:2", replicas: int = 4, **how: Any) -> Daemon:
    behaviour = how.pop("behaviour", Behaviour())
    state = a_state(a_service(image=image, replicas=replicas, traffic="80:8080", **how))
    return daemon.commit(state, web=behaviour).run()


def ticks(daemon: Daemon, count: int) -> Daemon:
    for _ in range(count):
        daemon.wait(1).run()
    return daemon


def traffic(daemon: Daemon) -> dict[str, float]:
    return daemon.world.streets.traffic("web", daemon.world)


def up(daemon: Daemon, image: str) -> int:
    return sum(line.partition("/")[0].endswith(f" {image}") for line in daemon.world.running())


def judged(rate: float, errors: float) -> Daemon:
    daemon = served(**JUDGED)
    daemon.world.streets.rate, daemon.world.streets.errors = rate, {"web:2": errors}
    return wants(daemon, **JUDGED)


# A: what kept others waiting for ever.


def test_an_abort_after_a_promotion_turns_back_all_the_same() -> None:
    """argo#4461: a promotion in full made a later abort be ignored."""
    daemon = ticks(wants(served(4, **CANARY), **CANARY), 10)
    daemon.ask("promote")
    ticks(daemon, 10)
    assert traffic(daemon) == {"web:1": 50, "web:2": 50}
    daemon.ask("abort")
    daemon.settle()
    assert daemon.outcome() == "cancelled"
    assert traffic(daemon) == {"web:1": 100}


def test_a_step_that_saw_too_little_goes_on_when_a_person_says_so() -> None:
    """argo#3015: a step whose analysis was inconclusive never went on again."""
    daemon = ticks(judged(0, 0.0), 400)
    daemon.world.streets.rate = 200
    daemon.ask("resume", rollout=True)
    ticks(daemon, 120)
    assert daemon.outcome() == "succeeded"
    assert traffic(daemon) == {"web:2": 100}


@pytest.mark.parametrize("asks", [Pause(), Approve()])
def test_what_fails_while_a_person_is_asked_turns_back(asks: Pause | Approve) -> None:
    """flagger#1801: failures did not count while a gate before more traffic was closed."""
    how = CANARY | {"steps": (SetWeight(2_000), asks)}
    ill = Behaviour(check=True, healthy_after=0, unhealthy_after=40)
    daemon = ticks(wants(served(4, **how), behaviour=ill, **how), 20)
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    ticks(daemon, 60)
    assert daemon.outcome() == "rolled-back"
    assert traffic(daemon) == {"web:1": 100}


# B: ways back that made it worse.


def test_a_way_back_sends_nobody_to_what_does_not_answer() -> None:
    """flagger#1898, flagger#1931, flagger#1932: a rollback sent all of the traffic to the one that was broken."""
    daemon = ticks(wants(served(4, **CANARY), **CANARY), 70)
    assert traffic(daemon) == {"web:1": 50, "web:2": 50}
    daemon.world.sick |= {f"shop-web-{slot}" for slot in (1, 2, 3, 4)}
    daemon.ask("abort")
    for _ in range(40):
        ticks(daemon, 1)
        assert traffic(daemon) == {"web:2": 100}
    daemon.world.sick.clear()
    daemon.settle()
    assert traffic(daemon) == {"web:1": 100}


# C: a push in the middle of a rollout.


def test_what_serves_has_all_its_instances_when_newer_content_takes_a_share_away() -> None:
    """argo#3372, argo#3020, argo#4390: it was too small for all of the traffic, or had none of it yet."""
    daemon = ticks(wants(served(4, **CANARY), **CANARY), 70)
    assert traffic(daemon) == {"web:1": 50, "web:2": 50}
    wants(daemon, "web:3", **CANARY)
    for _ in range(20):
        ticks(daemon, 1)
        assert up(daemon, "web:1") == 4
    assert traffic(daemon) == {"web:1": 80, "web:3": 20}
    assert daemon.world.streets.stopped == []


def test_what_came_between_has_its_time_to_end_what_it_answers() -> None:
    """argo#4534: the delay before the intermediate one was scaled down was left out."""
    how = CANARY | {"drain_timeout": 30}
    daemon = ticks(wants(served(4, **how), **how), 70)
    daemon.world.streets.slow = {box.id for box in daemon.world.boxes.values() if box.fingerprint.startswith("web:2")}
    ticks(wants(daemon, "web:3", **how), 20)
    assert up(daemon, "web:2") == 2
    daemon.world.streets.slow.clear()
    ticks(daemon, 20)
    assert up(daemon, "web:2") == 0
    assert daemon.world.streets.stopped == []


# D: traffic and order.


def test_old_instances_serve_until_the_router_was_read_back_without_them() -> None:
    """argo#587, argo#478, argo#2235: weights were not there yet when the old ones were scaled down."""
    daemon = wants(served(2), replicas=2)
    daemon.world.streets.late = True
    ticks(daemon, 30)
    assert up(daemon, "web:1") == 2
    daemon.world.streets.late = False
    daemon.settle()
    assert daemon.world.streets.stopped == []
    assert traffic(daemon) == {"web:2": 100}


def test_what_serves_keeps_all_its_slots_until_the_canary_has_everything() -> None:
    """argo#2050: stable was scaled from 110 to 0 while the canary was not complete."""
    daemon = ticks(wants(served(4, **CANARY), replicas=1, **CANARY), 20)
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    assert up(daemon, "web:1") == 4


def test_a_canary_that_is_to_have_more_slots_than_what_serves_gets_them() -> None:
    """nomad#7058, argo#3501: a changed number in the middle of a canary leaves it without instances, or stuck."""
    how = CANARY | {"steps": (SetWeight(2_000), Pause(seconds(5)))}
    daemon = ticks(wants(served(1, **how), replicas=3, **how), 120)
    assert daemon.outcome() == "succeeded"
    assert traffic(daemon) == {"web:2": 100}
    assert up(daemon, "web:2") == 3


def test_traffic_is_not_switched_at_the_first_ready_replica() -> None:
    """argo#3941: the way back to a recent revision sent all of the traffic to its first instance."""
    daemon = wants(served(4), behaviour=Behaviour(check=True, healthy_after=5))
    ticks(daemon, 12)
    assert traffic(daemon)["web:2"] <= 25


def test_green_that_waits_gets_nothing_when_newer_content_comes() -> None:
    """argo#1665, argo#4728: what was superseded got traffic that nobody had promoted it for."""
    daemon = ticks(wants(served(3, **GREEN_WAITS), replicas=3, **GREEN_WAITS), 10)
    daemon.ask("promote")
    ticks(daemon, 30)
    assert traffic(daemon) == {"web:2": 100}  # it serves in the second slot now
    ticks(wants(daemon, "web:3", replicas=3, **GREEN_WAITS), 10)
    assert up(daemon, "web:3") == 3
    wants(daemon, "web:4", replicas=4, **GREEN_WAITS)
    for _ in range(20):
        assert traffic(daemon) == {"web:2": 100}
        ticks(daemon, 1)


def test_green_that_waits_gets_nothing_when_git_goes_back() -> None:
    daemon = ticks(wants(served(3, **GREEN_WAITS), replicas=3, **GREEN_WAITS), 10)
    wanted = a_state(a_service(image="web:1", replicas=3, traffic="80:8080", **GREEN_WAITS))
    daemon.commit(wanted)
    for _ in range(8):
        daemon.look()
        assert traffic(daemon) == {"web:1": 100}
        daemon.act()
    assert daemon.world.streets.stopped == []


def test_on_the_way_back_a_lost_old_instance_gives_nothing_to_the_canary() -> None:
    """flagger#1851, flagger#1898: the share of a canary grew, or was begun anew, while it was taken away."""
    daemon = ticks(wants(served(4, **CANARY), **CANARY), 10)
    daemon.world.sick.add("shop-web-4")
    daemon.ask("abort")
    daemon.look()
    assert traffic(daemon)["web:1"] >= 80
    daemon.look()
    assert traffic(daemon)["web:1"] >= 80


@pytest.mark.parametrize("way", [CANARY, GREEN_WAITS])
def test_a_bad_stable_does_not_block_what_mends_it(way: dict[str, Any]) -> None:
    """argo#1774, argo#995: a canary waited for, or was blamed for, instances that were broken before it came."""
    daemon = served(2, **way)
    broken = daemon.journal.stable["web"].fingerprint
    daemon.world.behaviours[broken] = Behaviour(check=True, healthy_after=None, unhealthy_after=0)
    ticks(daemon, 5)
    wants(daemon, replicas=2, **way)
    for _ in range(4):
        daemon.settle(within=70)
        daemon.ask("promote")
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert traffic(daemon) == {"web:2": 100}


def test_old_instances_stay_where_new_ones_never_run() -> None:
    """swarmkit#2308: start-first removed the old one even if the new one never ran."""
    daemon = wants(served(2), replicas=2, behaviour=Behaviour(unstartable="exec: no such file")).settle()
    assert daemon.outcome() == "rolled-back"
    assert traffic(daemon) == {"web:1": 100}


def test_nobody_is_stopped_who_still_answers() -> None:
    """moby#30321, moby#44815: requests came to tasks that were shutting down."""
    daemon = wants(served(1, drain_timeout=30), replicas=1, drain_timeout=30)
    daemon.world.streets.slow = set(daemon.world.boxes)
    ticks(daemon, 20)
    assert up(daemon, "web:1") == 1
    daemon.world.streets.slow.clear()
    daemon.settle()
    assert daemon.world.streets.stopped == []


# E: metrics.


def test_a_failed_analysis_ends_the_rollout() -> None:
    """argo#1411: a failed analysis did not stop the rollout."""
    daemon = ticks(judged(200, 0.2), 30)
    assert daemon.outcome() == "rolled-back"
    assert traffic(daemon) == {"web:1": 100}


def test_nothing_but_errors_is_no_success() -> None:
    """argo#4479: a run in which every measurement was an error was successful."""
    daemon = ticks(judged(200, 1.0), 30)
    assert daemon.outcome() == "rolled-back"


def test_what_cannot_be_judged_is_not_promoted() -> None:
    """argo#3850: an inconclusive background run was promoted all the same."""
    daemon = ticks(judged(0.2, 0.0), 300)  # a canary that is asked once in 25 seconds
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}


def test_no_traffic_is_no_failure_and_a_person_is_asked() -> None:
    """flagger#1035, argo#1466, argo#1905: an empty answer failed the rollout, or the controller itself."""
    daemon = ticks(judged(0, 0.0), 400)
    rollout = daemon.journal.rollouts["web"]
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    assert rollout.paused is not None
    assert rollout.paused.by == "the judge"


# F: what was lost on the way.


def test_who_wants_the_canary_still_gets_it_after_the_daemon_and_its_router_began_anew() -> None:
    """argo#4716: a route by a header was gone after a restart of the controller."""
    how = CANARY | {"steps": (SetWeight(2_000), HeaderRoute("x-canary"), Pause())}
    daemon = ticks(wants(served(4, **how), **how), 20)
    [way] = daemon.world.streets.routes["web"].on_purpose
    daemon.die()
    daemon.world.streets.routes = {}
    ticks(daemon, 5)
    assert daemon.world.streets.routes["web"].on_purpose == (way,)
    assert way.name == "x-canary"

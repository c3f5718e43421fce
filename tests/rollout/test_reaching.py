"""Newer content gets no share before it has answered through the router, and is warm where that is wanted."""

from typing import Any

from gitopsd.model.health import Checks, HttpCheck
from gitopsd.model.strategy import Pause, SetWeight
from gitopsd.model.visits import NOT_VISITED, PreWarm, Visits, Warmed
from gitopsd.rollout.warming import Warmth, ended, warmer
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon

STEPS = (SetWeight(2_000), Pause(seconds(60)))
CANARY: dict[str, Any] = {"strategy": "canary", "steps": STEPS, "replicas": 4}
REACHED = Visits(reached=True)
SILENT = Visits(failures=3, said="answered 503, wanted 200-499")
WARM = Warmed(200, 10.0, True, "pre-warmed with 200 requests in 10.0 s: 200 were wanted")


def upgrading(**how: Any) -> Daemon:
    """An upgrade whose new instances run, and that nobody has asked yet."""
    how = {**CANARY, **how}
    daemon = Daemon().commit(a_state(a_service(traffic="80:8080", **how))).settle()
    daemon.visits = {}
    daemon.commit(a_state(a_service(image="web:2", traffic="80:8080", **how))).run()
    return daemon.wait(20).run()


def traffic(daemon: Daemon) -> dict[str, float]:
    return daemon.world.streets.traffic("web", daemon.world)


def told(daemon: Daemon, reason: str) -> list[str]:
    return [event.message for event in daemon.events if event.reason == reason]


def test_a_canary_gets_its_share_once_it_has_answered_through_the_router() -> None:
    daemon = upgrading()
    assert traffic(daemon) == {"web:1": 100}

    daemon.visits = {"web": REACHED}
    daemon.run()

    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    assert told(daemon, "NewInstancesReached")[-1] == "web: its new instances answer through the router"


def test_in_a_rolling_upgrade_no_old_one_goes_before_a_new_one_has_answered() -> None:
    daemon = upgrading(strategy="rolling", steps=())
    assert traffic(daemon) == {"web:1": 100}
    assert sum("web:1" in line for line in daemon.world.running()) == 4

    daemon.visits = {"web": REACHED}

    assert daemon.settle().outcome() == "succeeded"
    assert traffic(daemon) == {"web:2": 100}


def test_blue_green_does_not_switch_to_what_does_not_answer() -> None:
    daemon = upgrading(strategy="blue-green", steps=())
    daemon.wait(30).run()
    assert traffic(daemon) == {"web:1": 100}

    daemon.visits = {"web": REACHED}
    daemon.run()

    assert traffic(daemon) == {"web:2": 100}


def test_one_that_does_not_answer_through_the_router_fails_its_step_with_the_evidence() -> None:
    daemon = upgrading()
    daemon.visits = {"web": SILENT}

    assert daemon.settle().outcome() == "rolled-back"

    [reason] = told(daemon, "RolloutRollingBack")
    assert "does not answer through the router: answered 503, wanted 200-499, 3 times in a row" in reason
    assert traffic(daemon) == {"web:1": 100}


def test_as_many_failures_as_its_health_check_bears_are_no_evidence() -> None:
    patient = Checks(HttpCheck(8080), failure_threshold=5)
    daemon = upgrading(health=patient)
    daemon.visits = {"web": SILENT}

    daemon.wait(30).run()

    assert daemon.journal.rollouts["web"].stage == "Progressing"


def test_a_first_release_is_good_once_it_has_answered() -> None:
    daemon = Daemon(visits={}).commit(a_state(a_service(traffic="80:8080", replicas=2))).run()
    daemon.wait(60).run()
    assert daemon.journal.rollouts["web"].stage == "Progressing"

    daemon.visits = {"web": REACHED}

    assert daemon.settle().outcome() == "succeeded"


def test_what_served_before_need_not_show_it_again() -> None:
    daemon = upgrading()
    daemon.visits = {"web": REACHED}
    daemon.run()
    daemon.visits = {"web": NOT_VISITED}

    daemon.commit(a_state(a_service(traffic="80:8080", **CANARY))).run()

    assert traffic(daemon) == {"web:1": 100}
    assert not daemon.settle().open()


def test_pre_warming_is_waited_for_and_its_time_is_in_the_ledger() -> None:
    daemon = upgrading(pre_warm=PreWarm(requests=200))
    daemon.visits = {"web": REACHED}
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 100}

    daemon.visits = {"web": Visits(reached=True, warmed=WARM)}
    daemon.run()

    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    event = [event for event in daemon.events if event.reason == "NewInstancesReached"][-1]
    assert event.message.endswith("; pre-warmed with 200 requests in 10.0 s: 200 were wanted")
    assert (event.data["pre_warm_s"], event.data["pre_warm_requests"]) == (10.0, 200)


def warmed(wanted: PreWarm, answers: int, took: float, now: float, bad: int = 0) -> Warmed | None:
    warmth = Warmth(0.0)
    for number in range(answers):
        warmth = warmer(warmth, took, good=number >= bad)
    return ended(wanted, warmth, now)


def test_pre_warming_ends_with_the_number_the_time_or_the_latency_that_is_wanted() -> None:
    most = seconds(60)
    by_number, by_time = PreWarm(requests=30, most=most), PreWarm(duration=seconds(10), most=most)
    by_latency = PreWarm(latency_p95=seconds(0.2), most=most)

    assert warmed(by_number, 29, 0.1, 9.9) is None
    assert warmed(by_number, 30, 0.1, 1.5) == Warmed(
        30, 1.5, True, "pre-warmed with 30 requests in 1.5 s: 30 were wanted"
    )
    assert warmed(by_time, 5, 0.1, 9.9) is None
    assert warmed(by_time, 5, 0.1, 10.0) == Warmed(
        5, 10.0, True, "pre-warmed with 5 requests in 10.0 s: 10 s were wanted"
    )
    assert warmed(by_latency, 19, 0.1, 5.0) is None
    assert warmed(by_latency, 50, 0.3, 5.0) is None
    assert warmed(by_latency, 50, 0.1, 5.0) == Warmed(
        50, 5.0, True, "pre-warmed with 50 requests in 5.0 s: 95 % of the latest within 200 ms"
    )


def test_pre_warming_that_never_gets_there_ends_all_the_same_and_says_so() -> None:
    slow = PreWarm(latency_p95=seconds(0.2), most=seconds(60))

    found = warmed(slow, 100, 0.5, 60.0, bad=3)

    words = "pre-warmed with 100 requests, 3 of them failed in 60.0 s: its time is up before that"
    assert found == Warmed(100, 60.0, False, words)

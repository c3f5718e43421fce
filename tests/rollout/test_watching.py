"""What is measured decides: a canary that answers badly goes back at once, and one that nobody asks waits."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from gitopsd.model.analysis import (
    Analysis,
    Answer,
    Answered,
    Measures,
    Metric,
    NoData,
    Number,
    Reading,
    Trouble,
    Usage,
)
from gitopsd.model.routing import Placing
from gitopsd.model.strategy import Analyse, SetWeight
from gitopsd.release.inventory import members_of
from gitopsd.release.progress import ServiceProgress, progress
from gitopsd.rollout.slots import Said
from gitopsd.rollout.traffic import InRouter
from gitopsd.rollout.watching import against, watched
from tests.builders import a_service, a_state, seconds
from tests.daemon import Daemon

STEPS = (SetWeight(2_000), Analyse(seconds(60)), SetWeight(5_000), Analyse(seconds(60)))
JUDGED: dict[str, Any] = {
    "strategy": "canary",
    "steps": STEPS,
    "scale_down_delay": 10,
    "analysis": Analysis((Metric("error-rate", "router", max=0.01),)),
}


def canary(rate: float, errors: float, stable_errors: float = 0.0, **how: Any) -> Daemon:
    """A canary at 20 %, which answers a part of its requests with errors."""
    how = {**JUDGED, **how}
    daemon = Daemon().commit(a_state(a_service(replicas=4, traffic="80:8080", **how))).settle()
    daemon.world.streets.rate = rate
    daemon.world.streets.errors = {"web:1": stable_errors, "web:2": errors}
    daemon.commit(a_state(a_service(image="web:2", replicas=4, traffic="80:8080", **how))).run()
    daemon.wait(5).run()
    return daemon


def ticks(daemon: Daemon, count: int) -> Daemon:
    for _ in range(count):
        daemon.wait(1).run()
    return daemon


def share(daemon: Daemon) -> float:
    return daemon.world.streets.traffic("web", daemon.world).get("web:2", 0.0)


def test_a_good_canary_passes_its_steps() -> None:
    daemon = canary(rate=50, errors=0.001)
    assert share(daemon) == 20
    ticks(daemon, 70)
    assert share(daemon) == 50
    ticks(daemon, 85)
    assert share(daemon) == 100
    assert daemon.outcome() == "succeeded"


def test_one_with_ten_percent_of_errors_is_off_the_traffic_within_five_seconds() -> None:
    daemon = ticks(canary(rate=200, errors=0.1), 5)
    assert share(daemon) == 0
    assert daemon.outcome() == "rolled-back"
    assert "error-rate" in daemon.reason()


def test_without_requests_nothing_passes_and_a_person_is_asked() -> None:
    daemon = ticks(canary(rate=0, errors=0), 400)
    assert share(daemon) == 20
    rollout = daemon.journal.rollouts["web"]
    assert rollout.paused is not None
    assert rollout.paused.by == "the judge"
    daemon.ask("promote")
    ticks(daemon, 10)
    assert share(daemon) == 50


def test_a_stable_that_is_bad_itself_does_not_hold_the_mend() -> None:
    daemon = ticks(canary(rate=100, errors=0.0, stable_errors=0.3), 200)
    assert daemon.outcome() == "succeeded"


def test_the_unasked_guard_ends_a_rolling_upgrade_that_breaks() -> None:
    how: dict[str, Any] = {"strategy": "rolling", "steps": (), "analysis": Analysis(), "monitor": 60}
    daemon = ticks(canary(rate=200, errors=0.3, **how), 20)
    assert daemon.outcome() == "rolled-back"
    assert share(daemon) == 0


def test_where_the_guard_is_off_only_what_was_asked_for_counts() -> None:
    how: dict[str, Any] = {"strategy": "rolling", "steps": (), "analysis": Analysis(), "guard": False}
    daemon = ticks(canary(rate=200, errors=0.3, **how), 60)
    assert daemon.outcome() == "succeeded"


@pytest.mark.parametrize("at", [1, 7, 30, 61])
def test_a_router_or_a_daemon_that_begins_anew_neither_passes_nor_fails_anything(at: int) -> None:
    daemon = ticks(canary(rate=50, errors=0.001), at)
    daemon.world.streets.restart()
    daemon.die()
    ticks(daemon, 200)
    assert daemon.outcome() == "succeeded"


def seen(daemon: Daemon) -> ServiceProgress:
    [found] = progress(daemon.journal, daemon.world.look(), daemon.now)
    return found


def test_the_verdict_is_told_in_one_sentence_with_its_numbers() -> None:
    found = seen(ticks(canary(rate=50, errors=0.001), 30))
    assert found.verdict.startswith("pass: error-rate: ")
    assert " of " in found.verdict
    assert found.next[0].what.startswith("the analysis ends, if the judge passes it (or now: ")
    assert found.warning == ""


def test_too_little_traffic_for_a_step_is_told_while_there_is_time() -> None:
    found = seen(ticks(canary(rate=2, errors=0), 20))
    assert found.warning.startswith("step 2 of 4 will see too little traffic to be judged: 20 % of ")
    assert "error-rate needs 50: make the step at least " in found.warning


MEMORY = Analysis((Metric("memory", "engine", max_ratio=2.0, interval=seconds(1)),))
CHECKOUT = Analysis((Metric("checkout", "prometheus", "ok", min=0.98, interval=seconds(1), inconclusive_limit=10),))


def takes(new: float, old: float) -> Callable[[Daemon], Mapping[str, Measures]]:
    """Every instance is weighed each time that somebody asks: so many MiB for the new ones, and for the old ones."""

    def measure(daemon: Daemon) -> Mapping[str, Measures]:
        rollout, placed = daemon.journal.rollouts.get("web"), daemon.journal.inventory.items()
        newer = rollout.target.fingerprint if rollout is not None else ""
        taken = {id: Usage(memory=(new if each.fingerprint == newer else old) * (1 << 20)) for id, each in placed}
        return {"web": Measures(daemon.now, taken)}

    return measure


def gives(reading: Reading) -> Callable[[Daemon], Mapping[str, Measures]]:
    return lambda daemon: {"web": Measures(answers={"checkout": Answered(daemon.now, Answer(reading))})}


def measured(measure: Callable[[Daemon], Mapping[str, Measures]], analysis: Analysis, **how: Any) -> Daemon:
    daemon = canary(rate=50, errors=0, analysis=analysis, guard=False, **how)
    daemon.measure = measure
    return daemon


def test_a_canary_that_takes_three_times_the_memory_goes_back() -> None:
    daemon = ticks(measured(takes(300, 100), MEMORY), 10)
    assert daemon.outcome() == "rolled-back"
    assert "memory: 300 MiB for an instance of the canary, 100 MiB for one of stable" in daemon.reason()


def test_one_that_takes_as_much_as_stable_passes() -> None:
    daemon = ticks(measured(takes(110, 100), MEMORY), 200)
    assert daemon.outcome() == "succeeded"


def test_a_query_that_is_out_of_bounds_turns_it_back() -> None:
    daemon = ticks(measured(gives(Number(0.5)), CHECKOUT), 10)
    assert daemon.outcome() == "rolled-back"
    assert "checkout: 0.5: below 0.98" in daemon.reason()


def test_a_query_within_its_bounds_passes() -> None:
    daemon = ticks(measured(gives(Number(0.99)), CHECKOUT), 200)
    assert daemon.outcome() == "succeeded"


@pytest.mark.parametrize("reading", [NoData("an empty vector"), Trouble("it did not answer")])
def test_what_gives_nothing_never_passes_and_a_person_is_asked(reading: Reading) -> None:
    daemon = ticks(measured(gives(reading), CHECKOUT), 90)
    assert share(daemon) == 20
    paused = daemon.journal.rollouts["web"].paused
    assert paused is not None
    assert paused.by == "the judge"


def test_an_answer_counts_once_however_often_it_is_looked_at() -> None:
    daemon = canary(rate=50, errors=0, analysis=CHECKOUT, guard=False)
    once = Answered(daemon.now + seconds(3), Answer(Number(0.5)))
    daemon.measure = lambda daemon: {"web": Measures(answers={"checkout": once})}
    ticks(daemon, 30)
    assert share(daemon) == 20
    assert daemon.journal.rollouts["web"].judged.tracks["checkout"].streak == -1


def test_blue_green_is_judged_before_anybody_is_sent_to_it() -> None:
    how: dict[str, Any] = {"strategy": "blue-green", "steps": (Analyse(seconds(10)),)}
    daemon = ticks(measured(gives(Number(0.5)), CHECKOUT, **how), 10)
    assert daemon.outcome() == "rolled-back"


def test_blue_green_switches_once_its_analysis_passes() -> None:
    how: dict[str, Any] = {"strategy": "blue-green", "steps": (Analyse(seconds(10)),)}
    daemon = measured(gives(Number(1)), CHECKOUT, **how)
    ticks(daemon, 4)
    assert share(daemon) == 0
    ticks(daemon, 40)
    assert daemon.outcome() == "succeeded"


def test_blue_green_that_breaks_after_the_switch_goes_back_to_what_is_still_there() -> None:
    daemon = canary(rate=200, errors=0.1, strategy="blue-green", steps=(), scale_down_delay=60)
    assert share(daemon) == 100
    daemon.done.clear()
    ticks(daemon, 5)
    assert share(daemon) == 0
    assert not [line for line in daemon.moves() if line.startswith(("Create", "Start"))]
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert "while it was watched" in daemon.reason()


def test_what_was_measured_at_each_step_is_kept_in_the_ledger() -> None:
    daemon = canary(rate=50, errors=0.001, stable_errors=0.002)
    ticks(daemon, 160)
    assert daemon.outcome() == "succeeded"

    steps = [event for event in daemon.events if event.reason == "StepOver"]

    assert [(event.data["step"], event.data["share"]) for event in steps] == [(2, 20), (4, 50)]
    [found] = steps[0].data["metrics"]  # type: ignore[misc]
    assert (found["name"], found["source"], found["unit"], found["verdict"]) == (
        "error-rate", "router", "share of requests", "pass",
    )  # fmt: skip
    assert found["new"] == pytest.approx(0.001, abs=0.002)
    assert "requests on the canary failed" in found["reason"]


def test_the_step_that_failed_is_kept_with_its_numbers_too() -> None:
    daemon = canary(rate=200, errors=0.1)
    ticks(daemon, 10)

    [back] = [event for event in daemon.events if event.reason == "RolloutRollingBack"]

    assert (back.data["step"], back.data["share"]) == (2, 20)
    [found] = back.data["metrics"]  # type: ignore[misc]
    assert found["verdict"] == "fail"
    assert found["new"] == pytest.approx(0.1, abs=0.03)


def test_how_it_looked_over_its_time_is_kept_when_it_is_over_with_what_it_was_held_to() -> None:
    daemon = canary(rate=200, errors=0.1)
    ticks(daemon, 60)

    [over] = [event for event in daemon.events if event.reason == "RolloutRolledBack"]
    [back] = [event for event in daemon.events if event.reason == "RolloutRollingBack"]

    trace, [found] = over.data["trace"], back.data["metrics"]  # type: ignore[misc]
    assert max(point["share"] for point in trace) == 20  # type: ignore[union-attr]
    assert any(point["new"]["bad"] for point in trace)  # type: ignore[union-attr]
    assert found["allowed"] == f"max {found['max'] * 100:g} %"


def test_how_many_requests_there_were_is_told_for_the_next_plan() -> None:
    daemon = canary(rate=50, errors=0.0)
    ticks(daemon, 160)

    done = [event for event in daemon.events if event.reason == "RolloutSucceeded"][-1]

    assert done.data["requests_s"] == pytest.approx(50, abs=10)


@pytest.mark.parametrize(("beside", "held_against"), [("", True), ("what came between", False)])
def test_what_others_answer_in_its_place_is_not_held_against_newer_content(beside: str, held_against: bool) -> None:
    daemon = ticks(canary(rate=200, errors=0.0), 3)
    rollout, routed = daemon.journal.rollouts["web"], daemon.journal.routes["web"]
    members, now = members_of(daemon.journal, daemon.world.look())["web"], daemon.now + seconds(2)
    seen = daemon.world.streets.sight(daemon.journal.routes, daemon.world)["web"]
    bad = replace(seen.counts["b"], requests=seen.counts["b"].requests + 300, errors=seen.counts["b"].errors + 300)
    seen = replace(seen, counts={**seen.counts, "b": bad})
    others = {beside: Placing("b", "10.0.0.99", now)} if beside else {}
    router = InRouter(replace(routed, places={**routed.places, **others}), seen)

    once = watched(rollout, members, Said(router=router), now)
    again = watched(once, members, Said(router=InRouter(routed, seen)), now + seconds(2))

    assert bool(against(once)) == held_against
    assert bool(against(again)) == held_against

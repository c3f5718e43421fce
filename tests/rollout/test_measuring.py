"""What a rollout took is seen while it goes on: starts, the time in all, and for how long nothing served."""

from dataclasses import replace
from typing import Any

from gitopsd.model.live import Instance
from gitopsd.model.release import Placed
from gitopsd.model.rollout import Target
from gitopsd.rollout.measuring import measure
from gitopsd.rollout.member import Member, sightings
from tests.builders import NOON, a_service, a_state, seconds
from tests.daemon import Daemon
from tests.release.test_jump import ROLLOUT
from tests.world import Behaviour

SLOW = Behaviour(check=True, healthy_after=7)
SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
DATA: dict[str, Any] = {"volumes": ["data:/data"]}


def released(behaviour: Behaviour = SLOW, **how: Any) -> Daemon:
    """web:1 serves, and web:2 came after it."""
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.events.clear()
    return daemon.commit(a_state(a_service(image="web:2", **how)), web=behaviour).settle()


def taken(daemon: Daemon, reason: str) -> Any:
    return next(event.data for event in daemon.events if event.reason == reason)


def test_a_replacement_beside_the_old_one_interrupts_nothing_and_its_start_is_measured() -> None:
    data = taken(released(), "RolloutSucceeded")
    assert data["starts_s"] == {"1": 7.0}
    assert data["warms_s"] == {"1": 5.0}  # its min_ready
    assert data["interruption_s"] == 0.0
    assert data["seconds"] == 12.0


def test_what_was_ready_when_the_rollout_turned_back_keeps_the_time_of_its_start() -> None:
    how: dict[str, Any] = {"traffic": "80:8080", "strategy": "canary"}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.events.clear()
    daemon.commit(a_state(a_service(image="web:2", **how)), web=SLOW).run()
    for _ in range(20):
        daemon.wait(1).run()
    daemon.ask("abort")
    daemon.settle()
    assert taken(daemon, "RolloutRolledBack")["starts_s"] == {"1": 7.0}


def test_how_long_an_old_one_takes_to_leave_the_router_is_measured() -> None:
    how: dict[str, Any] = {"traffic": "80:8080", "drain_timeout": 30}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.events.clear()
    daemon.commit(a_state(a_service(image="web:2", **how))).run()
    daemon.world.streets.slow.add(daemon.world.named("shop-web-1").id)
    for _ in range(20):
        daemon.wait(1).run()
    daemon.world.streets.slow.clear()
    daemon.settle()
    [drain] = taken(daemon, "RolloutSucceeded")["drains_s"].values()
    assert 14 <= drain <= 16  # of the 20 seconds 5 are its replacement's min_ready


def test_a_replacement_after_the_old_one_interrupts_until_the_new_one_is_ready() -> None:
    data = taken(released(**DATA), "RolloutSucceeded")
    assert (data["order"], data["interruption_s"]) == ("stop-first", 7.0)


def test_the_way_back_counts_too() -> None:
    data = taken(released(SICK, **DATA), "RolloutRolledBack")
    assert data["interruption_s"] == 3.0
    assert data["starts_s"] == {}


def test_a_new_service_interrupts_nothing() -> None:
    daemon = Daemon().commit(a_state(a_service()), web=SLOW).settle()
    assert taken(daemon, "RolloutSucceeded")["interruption_s"] == 0.0


def member(state: str, started: float, finished: float | None = None, image: str = "v1:2") -> Member:
    instance = Instance(
        id=f"{image} {started}",
        name="web",
        service="web",
        slot=1,
        state=state,  # type: ignore[arg-type]
        created_at=NOON,
        started_at=NOON + seconds(started),
        finished_at=NOON + seconds(finished) if finished is not None else None,
    )
    return Member(instance, Placed("web", 1, image, "", 7, "web"))


def test_a_gap_that_no_look_saw_is_read_from_the_engines_own_times() -> None:
    rollout = replace(ROLLOUT, stable=Target("v1:1", 1))
    members = (member("exited", -60, 3, "v1:1"), member("running", 4.5))
    now = NOON + seconds(10)
    seen = sightings(members, {}, now, 7, returned=False)
    begun = measure(rollout, (), {}, NOON)
    assert begun is not None
    found = measure(replace(rollout, measured=replace(begun, down_since=None)), members, seen, now)
    assert found is not None
    assert found.interruption(now) == 1.5

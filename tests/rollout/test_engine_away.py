"""An engine that restarts, or nobody who looks, in the middle of a rollout: what stopped meanwhile is no evidence."""

import pytest

from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

PLAIN = Behaviour(restart="no")
BAD = Behaviour(restart="no", exits_after=4, exit_code=3)


def half_way(behaviour: Behaviour = PLAIN, **how: object) -> Daemon:
    """`web:2` has been started and is not good yet; nothing has a restart policy."""
    daemon = Daemon().commit(a_state(a_service(**how)), web=PLAIN).settle()
    daemon.commit(a_state(a_service(image="web:2", **how)), web=behaviour).run()
    daemon.done.clear()
    return daemon


def restart_engine(daemon: Daemon) -> None:
    daemon.world.restart_engine()
    daemon.returned = True


@pytest.mark.parametrize("how", [{}, {"volumes": ["data:/data"]}], ids=["start-first", "stop-first"])
def test_what_the_engine_s_restart_stopped_is_started_again(how: dict[str, object]) -> None:
    daemon = half_way(**how)
    restart_engine(daemon)
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert [box.name for box in daemon.world.boxes.values() if box.up] == ["shop-web-1"]


def test_what_served_beside_it_is_started_again_too() -> None:
    daemon = half_way()
    restart_engine(daemon)
    daemon.run()
    assert daemon.moves() == ["Start shop-web-1", "Start shop-web-1.gitopsd-2"]


def test_what_falls_over_again_by_itself_is_evidence() -> None:
    daemon = half_way(BAD)
    restart_engine(daemon)
    daemon.settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.reason() == "web: shop-web-1.gitopsd-2 exited with code 3"
    assert daemon.world.running() == ["shop-web-1 web:1"]


def test_what_stopped_while_no_daemon_ran_is_started_once_more() -> None:
    daemon = half_way()
    daemon.world.kill("shop-web-1.gitopsd-2")
    daemon.die()
    assert daemon.settle().outcome() == "succeeded"


def test_what_is_stopped_from_outside_is_started_again_while_the_engine_still_answers() -> None:
    """As an engine does that is about to go."""
    daemon = half_way()
    daemon.world.restart_engine()
    for box in daemon.world.boxes.values():
        box.exit_code = 137
    assert daemon.settle().outcome() == "succeeded"


@pytest.mark.parametrize("code", [0, 137, 143])
def test_what_ends_again_and_again_as_if_it_were_asked_to_is_evidence_in_the_end(code: int) -> None:
    daemon = half_way(Behaviour(restart="no", exits_after=2, exit_code=code))
    daemon.settle()
    assert daemon.moves().count("Start shop-web-1.gitopsd-2") == 2
    assert daemon.reason() == f"web: shop-web-1.gitopsd-2 exited with code {code}"


def test_a_one_shot_that_the_engine_s_restart_cut_off_runs_again() -> None:
    long = Behaviour(exits_after=30, restart="no")
    daemon = Daemon().commit(a_state(a_service("job", job=True)), job=long).run()
    restart_engine(daemon)
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert [move for move in daemon.moves() if "Start" in move] == ["Start shop-job-1"] * 2


@pytest.mark.parametrize("how", [{}, {"volumes": ["data:/data"]}, {"job": True}], ids=["start", "stop", "job"])
def test_what_the_engine_had_begun_to_start_is_made_anew(how: dict[str, object]) -> None:
    """Docker's containerd keeps the remains of such a start, and refuses every further one of that container."""
    daemon = Daemon().commit(a_state(a_service(image="web:1", **how)), web=Behaviour(restart="no", exits_after=1))
    while not daemon.world.boxes:
        daemon.look()
        daemon.step()
    poisoned = next(iter(daemon.world.boxes))
    daemon.pending, daemon.returned = {}, True
    daemon.run()
    assert poisoned not in daemon.world.boxes
    assert [box.name for box in daemon.world.boxes.values() if box.up] == ["shop-web-1"]


def test_an_engine_that_was_away_for_longer_than_the_deadline_costs_no_release() -> None:
    daemon = half_way(Behaviour(check=True, healthy_after=1000, restart="no"), healthy_deadline=2000)
    daemon.wait(900)
    daemon.returned = True
    assert daemon.settle().outcome() == "succeeded"

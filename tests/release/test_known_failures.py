"""What went wrong in other deployment engines, by name: how each failed its users, and that it does not happen here.

A: stuck for ever. B: abort and rollback. C: newer content in the middle. F: flapping, restarts, orphans.

What needs a router to go wrong is in test_known_traffic_failures.py: argo#4461, argo#3015, argo#3372, argo#3020,
argo#4716, flagger#1801, flagger#1898, flagger#1931 and flagger#1932. These are shown elsewhere:

    METR/hawk#1429               what is raging already keeps no way back away: tests/controller/test_storm.py
    medplum#10256                no version is returned to that a database's schema has left behind:
                                 tests/release/test_schema.py

These cannot happen here:

    argo#1107                    no runs of an analysis are made, so none is made again and again
    aws/containers-roadmap#1488  what finds a failure and what turns back is one transition
    kamal-proxy#71               an answer is judged where it was heard, and what it was is told
"""

from datetime import timedelta
from typing import Any

import pytest

from gitopsd.model.desired import Amount, SealedState
from gitopsd.model.image import HeldImage, PulledImage
from gitopsd.model.rollout import Progressing
from gitopsd.release.superseded import superseded
from tests.builders import NOON, a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

WORKS = Behaviour()
NEVER = Behaviour(check=True, healthy_after=None)
SICK = Behaviour(check=True, healthy_after=None, unhealthy_after=2)
EXITS = Behaviour(exits_after=1, exit_code=1, restart="no")
SLOW = Behaviour(check=True, healthy_after=20)
OLD, NEW = ["shop-web-1 web:1"], ["shop-web-1 web:2"]


def shop(web: str = "web:1", **how: Any) -> SealedState:
    return a_state(a_service("web", web, **how))


def served(replicas: int = 1, **how: Any) -> Daemon:
    """web:1 serves; what was done for that is forgotten."""
    daemon = Daemon().commit(shop(replicas=replicas, **how)).settle()
    daemon.done.clear()
    return daemon


def breaks(daemon: Daemon, behaviour: Behaviour = SICK) -> Daemon:
    """What serves is no good any more, all of it."""
    daemon.world.behaviours["web:1"] = behaviour
    return daemon.wait(5)


def half_way(daemon: Daemon, web: str = "web:2", behaviour: Behaviour = SLOW, **how: Any) -> Daemon:
    """The first slot of something newer starts."""
    return daemon.commit(shop(web, **how), web=behaviour).run()


# A: what kept others waiting for ever.


@pytest.mark.parametrize("replicas", [1, 3])
def test_a_bad_stable_does_not_block_a_good_release(replicas: int) -> None:
    """argo#1774, argo#995, argo#3110"""
    daemon = breaks(served(replicas)).commit(shop("web:2", replicas=replicas), web=WORKS).settle()
    assert daemon.outcome() == "succeeded"
    assert daemon.world.running() == [f"shop-web-{slot} web:2" for slot in range(1, replicas + 1)]


def test_broken_old_instances_go_first() -> None:
    """k/k#18435, k/k#16737"""
    daemon = served(2)
    daemon.world.kill("shop-web-2")
    daemon.repair = False
    daemon.commit(shop("web:2", replicas=2)).run()
    assert daemon.moves()[0] == "Create shop-web-2.gitopsd-2"


def test_an_image_that_is_refused_fails_the_release() -> None:
    """argo#4128"""
    daemon = served()
    daemon.world.refuse = {"Create   shop-web": "no such image: web:2"}
    daemon.commit(shop("web:2")).settle()
    assert daemon.outcome() == "rolled-back"
    assert "no such image" in daemon.reason()


def test_what_an_older_release_left_unready_does_not_keep_the_next_progressing() -> None:
    """argo#1677"""
    daemon = half_way(served(), behaviour=NEVER).commit(shop("web:3"), web=WORKS).settle()
    assert daemon.outcome() == "succeeded"
    assert daemon.world.running() == ["shop-web-1 web:3"]


def test_what_never_gets_ready_fails_at_its_deadline() -> None:
    """nomad#10465, nomad#20295"""
    daemon = served()
    begun = daemon.world.now
    half_way(daemon, behaviour=NEVER, healthy_deadline=900, progress_deadline=300).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.ended[-1].finished_at == begun + timedelta(seconds=300)


def test_the_deadline_of_one_wave_is_not_that_of_the_next() -> None:
    """nomad#7058"""
    api = a_service("api", "api:2", progress_deadline=60, healthy_deadline=50)
    web = a_service("web", "web:2", depends_on={"api": "service_healthy"}, progress_deadline=60)
    old = a_state(a_service("api"), a_service("web", depends_on={"api": "service_healthy"}))
    late = Behaviour(check=True, healthy_after=45)
    daemon = Daemon().commit(old).settle().commit(a_state(api, web), api=late, web=late).settle()
    assert daemon.outcome() == "succeeded"


def test_an_update_does_not_stop_midway() -> None:
    """moby#37493"""
    daemon = half_way(served(3), replicas=3)
    daemon.world.once = {"Start": "silent"}
    daemon.settle()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2", "shop-web-3 web:2"]
    assert not daemon.open()


def test_clearing_up_after_the_promotion_never_keeps_a_release_open() -> None:
    """flagger#1588, flagger#1591"""
    daemon = served()
    daemon.world.refuse = {"Remove": "device or resource busy"}
    daemon.commit(shop("web:2")).settle()
    assert daemon.outcome() == "succeeded"
    assert daemon.journal.release is None


# B: ways back that made it worse.


def test_a_rollback_never_stops_what_is_good_before_its_replacement_is() -> None:
    """moby#37972"""
    daemon = half_way(served(2), behaviour=SICK, replicas=2)
    daemon.settle()
    assert not any(move in ("Stop shop-web-1", "Stop shop-web-2") for move in daemon.moves())
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]


def test_a_failure_during_the_pause_between_slots_turns_back() -> None:
    """swarmkit#3003, swarmkit#3014"""
    later = Behaviour(check=True, healthy_after=0, unhealthy_after=30)
    daemon = half_way(served(2, delay=120), behaviour=later, replicas=2, delay=120).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1"]


def test_a_rollback_leaves_healthy_old_instances_alone() -> None:
    """moby#43081"""
    daemon = served(3)
    before = {box.id for box in daemon.world.boxes.values()}
    half_way(daemon, behaviour=SICK, replicas=3).settle()
    assert {box.id for box in daemon.world.boxes.values()} == before


def test_a_revert_takes_no_steps_and_leaves_nothing_bad() -> None:
    """nomad#10882"""
    daemon = half_way(served(), behaviour=NEVER).commit(shop("web:1")).settle()
    assert daemon.outcome() == "succeeded"
    assert [box.name for box in daemon.world.boxes.values()] == ["shop-web-1"]


def test_replicas_that_a_failed_release_took_away_come_back() -> None:
    """nomad#19643"""
    daemon = half_way(served(3), behaviour=SICK, replicas=1).settle()
    assert daemon.world.running() == [f"shop-web-{slot} web:1" for slot in (1, 2, 3)]


def test_an_abort_with_nothing_under_way_changes_nothing() -> None:
    """argo#1292"""
    daemon = served(2)
    before = daemon.journal
    assert "nothing to abort" in daemon.ask("abort")
    daemon.settle()
    assert daemon.journal == before
    assert daemon.done == []


def test_the_release_after_an_abort_is_not_scaled_down() -> None:
    """argo#2048"""
    daemon = half_way(served(2), replicas=2)
    daemon.ask("abort")
    daemon.commit(shop("web:3", replicas=2), web=WORKS).settle()
    daemon.wait(700).settle()
    assert daemon.world.running() == ["shop-web-1 web:3", "shop-web-2 web:3"]


def test_a_retry_is_not_aborted_by_what_failed_before() -> None:
    """argo#2824"""
    daemon = half_way(served(), behaviour=SICK).settle()
    daemon.world.behaviours["web:2"] = WORKS
    daemon.ask("retry")
    daemon.settle()
    assert daemon.outcome() == "succeeded"
    assert daemon.world.running() == NEW


def test_instances_that_start_and_then_exit_count_as_failures() -> None:
    """aws/containers-roadmap#1206"""
    daemon = half_way(served(), behaviour=Behaviour(exits_after=3, exit_code=1)).settle()
    assert daemon.outcome() == "rolled-back"
    assert "restarted 3 times" in daemon.reason()


def test_unless_a_pause_is_written_a_failed_update_leaves_nothing_beside_what_serves() -> None:
    """Dokploy#3810"""
    daemon = half_way(served(3), behaviour=EXITS, replicas=3).settle()
    assert [box.fingerprint for box in daemon.world.boxes.values()] == ["web:1"] * 3


# C: a push in the middle of a rollout.


def test_a_push_in_the_middle_ends_as_if_it_had_come_alone() -> None:
    """argo#1372"""
    daemon = half_way(served(3), replicas=3).wait(40).run()
    daemon.commit(shop("web:3", replicas=3), web=WORKS).settle()
    assert daemon.world.running() == [f"shop-web-{slot} web:3" for slot in (1, 2, 3)]
    assert [each.outcome for each in daemon.ended] == ["succeeded", "superseded", "succeeded"]


def test_what_came_between_is_stopped_only_when_something_else_serves_in_its_slot() -> None:
    """argo#4390, argo#4534: as far as slots go"""
    daemon = half_way(served(2), behaviour=WORKS, replicas=2).wait(6).run()
    daemon.commit(shop("web:3", replicas=2), web=SLOW)
    fewest = 2
    for _ in range(120):
        daemon.look()
        while daemon.pending:
            daemon.step()
            fewest = min(fewest, len({box.slot for box in daemon.world.boxes.values() if daemon.world.good(box)}))
        daemon.wait()
    assert fewest == 2
    assert daemon.world.running() == ["shop-web-1 web:3", "shop-web-2 web:3"]


def test_newer_content_is_judged_by_its_own_evidence() -> None:
    """argo#4728, flagger#30"""
    daemon = half_way(served(min_ready=30), behaviour=WORKS, min_ready=30).wait(29).run()
    daemon.commit(shop("web:3", min_ready=30), web=SICK).settle()
    assert daemon.outcome() == "rolled-back"
    assert daemon.world.running() == OLD


def test_what_is_promoted_is_what_was_watched() -> None:
    """flagger, Promote() reads its target again: a commit right before the promotion is another release"""
    daemon = half_way(served(), behaviour=WORKS).wait(5)
    daemon.commit(shop("web:3"), web=NEVER).run()
    assert daemon.journal.stable["web"].fingerprint == "web:1"
    assert isinstance(daemon.journal.rollouts["web"].phase, Progressing)


# F: what came and went for no reason, or stayed.


def test_equal_content_in_another_order_makes_no_release() -> None:
    """flagger#1713"""
    services = (a_service("web"), a_service("api"))
    daemon = Daemon().commit(a_state(*services)).settle()
    daemon.commit(a_state(*reversed(services), revision="another")).settle()
    assert [each.number for each in daemon.ended] == [1]


def test_an_interrupted_release_leaves_no_stale_container() -> None:
    """kamal#450"""
    daemon = served().commit(shop("web:2"))
    daemon.look()
    daemon.step()
    daemon.die()
    daemon.commit(shop("web:3")).settle()
    assert [box.name for box in daemon.world.boxes.values()] == ["shop-web-1"]


def test_a_container_that_was_created_and_never_started_squats_no_name() -> None:
    """CodesWhat/drydock#503"""
    daemon = served(ports=[80]).commit(shop("web:2", ports=[80]))
    daemon.world.once = {"Start": "lost"}
    daemon.run().die()
    assert [box.state for box in daemon.world.boxes.values()] == ["exited", "created"]
    daemon.commit(shop(ports=[80])).settle()
    assert [(box.name, box.up) for box in daemon.world.boxes.values()] == [("shop-web-1", True)]


def test_clearing_up_leaves_what_another_environment_may_return_to() -> None:
    """kamal#1922"""
    image = HeldImage("sha256:1", ("shop/web:1",))
    pulled = PulledImage("engine", "sha256:1", frozenset({"shop/web:1"}), "production", NOON)
    kept_for_staging = frozenset({"sha256:1"})
    assert superseded({image.id: image}, [pulled], kept_for_staging, frozenset()) == ()


def test_a_migrated_instance_is_what_serves_and_not_what_failed() -> None:
    """nomad#5619"""
    daemon = half_way(served(), behaviour=SICK).settle()
    daemon.world.vanish("shop-web-1")
    daemon.settle()
    assert daemon.world.running() == OLD


@pytest.mark.parametrize("room", [{}, {"max_unavailable": Amount(1)}, {"max_surge": Amount(2)}])
def test_a_rollout_that_is_rolled_over_keeps_within_its_room(room: dict[str, Any]) -> None:
    """k/k#22719"""
    daemon = half_way(served(3, **room), behaviour=WORKS, replicas=3, **room)
    most, fewest = 0, 3
    for tag in range(3, 8):
        daemon.commit(shop(f"web:{tag}", replicas=3, **room), web=WORKS)
        for _ in range(7):
            daemon.look()
            while daemon.pending:
                daemon.step()
                up = [box for box in daemon.world.boxes.values() if box.up]
                most, fewest = max(most, len(up)), min(fewest, len({box.slot for box in up}))
            daemon.wait()
    surge = 2 if "max_surge" in room else 1
    assert most <= 3 + surge
    assert fewest >= 3 - ("max_unavailable" in room)

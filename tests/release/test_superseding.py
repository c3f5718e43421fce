"""Newer content while a release is under way: it takes over at once, from what serves, and keeps what fits."""

from dataclasses import replace
from typing import Any

from gitopsd.model.desired import SealedState
from gitopsd.release import verdict
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

SLOW = Behaviour(check=True, healthy_after=30)


def state(web: str, api: str = "api:1", **how: Any) -> SealedState:
    return a_state(a_service("web", web, **how), a_service("api", api))


def served() -> Daemon:
    daemon = Daemon().commit(state("web:1")).settle()
    daemon.done.clear()
    return daemon


def test_a_service_whose_target_did_not_change_keeps_its_rollout() -> None:
    daemon = served().commit(state("web:2", "api:2"), web=SLOW, api=SLOW).run()
    before = daemon.journal.rollouts["web"]
    daemon.wait(10).commit(state("web:2", "api:3")).run()
    assert replace(daemon.journal.rollouts["web"], seen={}) == replace(before, seen={})
    daemon.settle()
    assert daemon.moves().count("Create shop-web-1.gitopsd-2") == 1
    assert daemon.world.running() == ["shop-api-1 api:3", "shop-web-1 web:2"]


def test_the_superseded_release_ends_as_such() -> None:
    daemon = served().commit(state("web:2"), web=SLOW).run()
    daemon.commit(state("web:3")).settle()
    assert [(each.number, each.outcome) for each in daemon.ended] == [
        (1, "succeeded"),
        (2, "superseded"),
        (3, "succeeded"),
    ]
    assert daemon.ended[1].reason == "superseded by release 3"


def test_going_back_to_what_serves_in_the_middle_takes_the_new_one_away_without_waiting() -> None:
    daemon = served().commit(state("web:2"), web=SLOW).run()
    daemon.done.clear()
    daemon.commit(state("web:1")).settle()
    assert daemon.moves() == ["Stop shop-web-1.gitopsd-2", "Remove shop-web-1.gitopsd-2"]
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_going_back_to_what_serves_does_not_rest_between_slots() -> None:
    how = {"replicas": 3, "delay": 100, "min_ready": 0}
    daemon = Daemon().commit(a_state(a_service("web", "web:1", **how))).settle()
    daemon.commit(a_state(a_service("web", "web:2", **how))).run()
    daemon.wait(100).run()
    assert daemon.world.running() == ["shop-web-1 web:2", "shop-web-2 web:2", "shop-web-3 web:1"]
    daemon.commit(a_state(a_service("web", "web:1", **how))).run()
    assert daemon.world.running() == ["shop-web-1 web:1", "shop-web-2 web:1", "shop-web-3 web:1"]


def test_the_end_is_as_if_the_last_commit_had_come_directly() -> None:
    direct = served().commit(state("web:4", replicas=2)).settle()
    daemon = served().commit(state("web:2", replicas=3), web=SLOW).run()
    daemon.wait(7).commit(state("web:3"), web=SLOW).run()
    daemon.wait(3).commit(state("web:4", replicas=2)).settle()
    assert daemon.world.running() == direct.world.running()


def test_a_service_that_came_and_went_in_between_leaves_nothing() -> None:
    daemon = served()
    daemon.commit(a_state(a_service("web"), a_service("api"), a_service("cache")))
    daemon.look()
    daemon.commit(state("web:1"))
    daemon.look()
    assert daemon.journal.release is None
    daemon.act()  # what was under way lands after all
    daemon.settle()
    daemon.run().settle()
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:1"]


def test_equal_content_is_the_same_release_whatever_the_commit() -> None:
    daemon = served().commit(state("web:2"), web=SLOW).run()
    again = replace(state("web:2"), revision="rebased", input_digest="other")
    assert verdict(daemon.journal, again) == "same"
    daemon.commit(again).settle()
    assert len(daemon.ended) == 2
    assert daemon.journal.serving is not None
    assert daemon.journal.serving.revision == "rebased"


def test_what_newer_content_does_not_depend_on_any_more_keeps_nobody_waiting() -> None:
    daemon = served()
    waits = a_service("web", "web:2", depends_on={"job": "service_completed_successfully"})
    daemon.commit(a_state(waits, a_service("api"), a_service("job", job=True)), job=SLOW).run()
    daemon.commit(a_state(a_service("web", "web:2"), a_service("api"))).settle()
    assert daemon.outcome() == "succeeded"
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:2"]


def test_newer_content_does_not_answer_for_what_was_refused_of_the_one_before_it() -> None:
    daemon = served().commit(state("web:2"))
    daemon.look()
    daemon.world.refuse["Create   shop-web"] = "no such command in web:2"
    daemon.act()
    daemon.world.refuse.clear()
    daemon.commit(state("web:3")).settle()
    assert [(each.number, each.outcome) for each in daemon.ended][1:] == [(2, "superseded"), (3, "succeeded")]
    assert daemon.world.running() == ["shop-api-1 api:1", "shop-web-1 web:3"]

"""How a release fails: everything goes back to the last good one, and its content is rejected."""

from dataclasses import replace
from typing import Any

from gitopsd.model.desired import SealedState
from gitopsd.release import verdict
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

BAD = Behaviour(check=True, healthy_after=None, unhealthy_after=3)
SLOW = Behaviour(check=True, healthy_after=30)


def chain(web: str = "web:1", api: str = "api:1", db: str = "db:1", **policy: Any) -> SealedState:
    """web needs api, which needs db."""
    return a_state(
        a_service("web", web, depends_on={"api": "service_healthy"}),
        a_service("api", api, depends_on={"db": "service_healthy"}),
        a_service("db", db, volumes=["data:/data"]),
        **policy,
    )


def images(daemon: Daemon) -> list[str]:
    return [each.split("/")[0].split(" ")[1] for each in daemon.world.running()]


def served() -> Daemon:
    daemon = Daemon().commit(chain()).settle()
    daemon.done.clear()
    return daemon


def test_services_that_were_promoted_return_too_dependents_first() -> None:
    daemon = served().commit(chain("web:2", "api:2", "db:2"), web=BAD).settle()
    assert daemon.outcome() == "rolled-back"
    assert images(daemon) == ["api:1", "db:1", "web:1"]
    back = [move for move in daemon.moves() if move.startswith(("Start", "Stop"))][-7:]
    assert back.index("Stop shop-web-1.gitopsd-2") < back.index("Start shop-api-1.gitopsd-2")
    assert back.index("Stop shop-api-1") < back.index("Stop shop-db-1")


def test_what_had_not_begun_is_never_touched() -> None:
    daemon = served().commit(chain("web:2", "api:2", "db:2"), db=BAD).settle()
    assert not [move for move in daemon.moves() if "web" in move or "api" in move]


def test_the_content_is_rejected_and_not_tried_again() -> None:
    daemon = served().commit(chain("web:2"), web=BAD).settle()
    daemon.wait(4000).settle()
    assert [each.outcome for each in daemon.ended] == ["succeeded", "rolled-back"]
    assert verdict(daemon.journal, chain("web:2")) == "rejected"


def test_the_same_content_at_another_commit_is_rejected_too() -> None:
    daemon = served().commit(chain("web:2"), web=BAD).settle()
    daemon.commit(replace(chain("web:2"), revision="another", input_digest="other")).settle()
    assert len(daemon.ended) == 2


def test_rejected_content_does_not_begin_while_another_release_is_open() -> None:
    daemon = served().commit(chain("web:2"), web=BAD).settle()
    daemon.commit(chain("web:3"), web=SLOW).run()
    daemon.commit(chain("web:2")).settle()
    assert images(daemon) == ["api:1", "db:1", "web:3"]


def test_going_back_in_git_to_what_serves_is_the_same_release() -> None:
    daemon = served().commit(chain("web:2"), web=BAD).settle()
    daemon.done.clear()
    daemon.commit(replace(chain(), revision="a revert")).settle()
    assert daemon.moves() == []
    assert daemon.journal.serving is not None
    assert daemon.journal.serving.revision == "a revert"
    assert len(daemon.ended) == 2


def test_newer_content_waits_until_everything_is_back() -> None:
    daemon = served().commit(chain("web:2", "api:2"), web=BAD)
    while daemon.journal.release is None or daemon.journal.release.phase != "returning":
        daemon.run().wait()
    assert verdict(daemon.journal, chain("web:3")) == "wait"
    daemon.commit(chain("web:3")).settle()
    assert [each.outcome for each in daemon.ended] == ["succeeded", "rolled-back", "succeeded"]


def test_a_first_release_that_fails_leaves_its_instances_for_diagnosis() -> None:
    daemon = Daemon().commit(chain(), web=BAD).settle()
    assert daemon.outcome() == "failed"
    assert images(daemon) == ["api:1", "db:1", "web:1"]
    daemon.wait(600).run()
    assert images(daemon) == ["api:1", "db:1", "web:1"]


def test_after_a_failed_first_release_better_content_takes_over_what_is_there() -> None:
    daemon = Daemon().commit(chain(), web=BAD).settle()
    daemon.done.clear()
    daemon.commit(chain("web:2")).settle()
    assert daemon.outcome() == "succeeded"
    assert images(daemon) == ["api:1", "db:1", "web:2"]
    assert not [move for move in daemon.moves() if "db" in move]


def test_a_new_service_of_a_failed_release_goes() -> None:
    daemon = Daemon().commit(a_state(a_service())).settle()
    daemon.commit(a_state(a_service(), a_service("cache"), a_service("api")), api=BAD).settle()
    assert daemon.world.running() == ["shop-web-1 web:1"]
    assert len(daemon.world.boxes) == 1


def test_with_on_failure_pause_nothing_turns_back_and_nothing_is_tidied_away() -> None:
    daemon = served().commit(chain("web:2", "api:2", on_failure="pause"), web=BAD).settle()
    assert daemon.outcome() == "failed"
    assert images(daemon) == ["api:2", "db:1", "web:1", "web:2"]
    daemon.wait(700).settle()
    assert images(daemon) == ["api:2", "db:1", "web:1", "web:2"]


def test_newer_content_after_a_pause_puts_everything_in_order() -> None:
    daemon = served().commit(chain("web:2", "api:2", on_failure="pause"), web=BAD).settle()
    daemon.commit(chain("web:3", "api:2")).settle()
    assert images(daemon) == ["api:2", "db:1", "web:3"]


def test_going_back_in_git_after_a_pause_puts_everything_in_order_too() -> None:
    daemon = served().commit(chain("web:2", "api:2", on_failure="pause"), web=BAD).settle()
    daemon.commit(replace(chain(), revision="a revert")).settle()
    daemon.wait(60).settle()
    assert images(daemon) == ["api:1", "db:1", "web:1"]
    assert [each.outcome for each in daemon.ended] == ["succeeded", "failed", "succeeded"]


def test_what_stays_of_a_release_that_was_left_as_it_failed_is_mended_again_later() -> None:
    daemon = served().commit(chain("web:2", "api:2", on_failure="pause"), web=BAD).settle()
    daemon.commit(chain("web:3", "api:2")).settle()
    daemon.world.vanish("shop-api-1")
    daemon.wait(60).settle()
    assert "api:2" in images(daemon)


def test_limits_that_were_changed_in_place_return_too() -> None:
    daemon = Daemon().commit(a_state(a_service(limits="1g"), a_service("api"))).settle()
    daemon.commit(a_state(a_service(limits="2g"), a_service("api", "api:2")), api=BAD).settle()
    assert daemon.world.named("shop-web-1").limits == "limits 1g"


def test_a_service_that_a_superseded_release_promoted_returns_to_the_last_good_one() -> None:
    daemon = served().commit(chain("web:2", "api:2"), web=SLOW)
    daemon.run().wait(6).run()
    assert "api:2" in images(daemon)
    daemon.commit(chain("web:3", "api:2"), web=BAD).settle()
    assert [each.outcome for each in daemon.ended] == ["succeeded", "superseded", "rolled-back"]
    assert images(daemon) == ["api:1", "db:1", "web:1"]


def test_a_return_that_fails_makes_the_release_failed_and_repairs_go_on() -> None:
    daemon = served().commit(chain("web:2", "api:2"), web=BAD).run()
    daemon.world.behaviours["api:1"] = Behaviour(unstartable="no such device")
    daemon.settle()
    assert daemon.outcome() == "failed"
    assert "api did not return" in daemon.reason()
    daemon.world.behaviours["api:1"] = Behaviour()
    daemon.wait(600).settle()
    assert images(daemon) == ["api:1", "db:1", "web:1"]

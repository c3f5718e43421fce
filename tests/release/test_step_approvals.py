"""A step that wants an approval: a yes lets the rollout go on, a no or no answer brings everything back."""

from datetime import timedelta
from typing import Any

import pytest

from gitopsd.controller.operations import lapse
from gitopsd.model.guards import ApprovalRule, Guards
from gitopsd.model.strategy import Approve, SetWeight
from tests.builders import a_service, a_state
from tests.daemon import Daemon

HOW: dict[str, Any] = {"strategy": "canary", "steps": (SetWeight(2_000), Approve()), "scale_down_delay": 10}


def state(image: str, guards: Guards = Guards()) -> Any:  # noqa: B008  a value
    return a_state(a_service(image=image, traffic="80:8080", replicas=2, **HOW), guards=guards)


@pytest.fixture
def waiting() -> Daemon:
    """A canary with a fifth of the traffic, at its approval."""
    daemon = Daemon().commit(state("web:1")).settle()
    daemon.commit(state("web:2", Guards(approval=ApprovalRule(timedelta(hours=1))))).run()
    daemon.wait(5).run()
    daemon.wait(5).run()
    assert traffic(daemon) == {"web:1": 80, "web:2": 20}
    return daemon


def traffic(daemon: Daemon) -> dict[str, float]:
    return daemon.world.streets.traffic("web", daemon.world)


@pytest.mark.parametrize("named", ["nothing", "number"])
def test_an_approval_lets_it_go_on(waiting: Daemon, named: str) -> None:
    assert waiting.journal.release is not None
    what = {"what": str(waiting.journal.release.number)} if named == "number" else {}
    assert waiting.ask("approve", **what) == "approved: web goes on"
    waiting.run()
    waiting.wait(5).run()
    assert traffic(waiting) == {"web:2": 100}


def test_a_denial_brings_everything_back(waiting: Daemon) -> None:
    waiting.ask("deny", reason="too slow")
    waiting.settle()
    assert traffic(waiting) == {"web:1": 100}
    assert waiting.ended[-1].outcome == "cancelled"
    assert "too slow" in waiting.ended[-1].reason


def test_no_answer_in_time_brings_everything_back(waiting: Daemon) -> None:
    waiting.wait(3500)
    assert lapse(waiting.journal, waiting.now) == waiting.journal
    waiting.wait(200)
    waiting.journal = lapse(waiting.journal, waiting.now)
    waiting.settle()
    assert traffic(waiting) == {"web:1": 100}
    assert "nobody approved of its step" in waiting.ended[-1].reason


def test_an_approval_of_another_release_is_refused(waiting: Daemon) -> None:
    assert waiting.ask("approve", what="99").startswith("refused")


def test_newer_content_stands_at_the_step_anew(waiting: Daemon) -> None:
    waiting.ask("approve")
    waiting.commit(state("web:3")).run()
    for _ in range(6):
        waiting.wait(5).run()
    assert traffic(waiting).get("web:3") == 20

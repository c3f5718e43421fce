"""A release that takes longer than it may goes back; time in which a person was asked does not count against it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from gitopsd.controller.operations import lapse
from gitopsd.model.strategy import Approve, Pause, SetWeight, Step
from tests.builders import a_service, a_state
from tests.daemon import Daemon


def at(step: Step) -> Daemon:
    """A canary that stands at a step, of a release that may take an hour."""
    how: dict[str, Any] = {"strategy": "canary", "steps": (SetWeight(2_000), step), "scale_down_delay": 10}
    daemon = Daemon().commit(a_state(a_service(traffic="80:8080", replicas=2, **how))).settle()
    daemon.commit(a_state(a_service(image="web:2", traffic="80:8080", replicas=2, **how))).run()
    daemon.wait(5).run()
    daemon.wait(5).run()
    assert daemon.journal.release is not None
    limited = replace(daemon.journal.release, timeout=timedelta(hours=1))
    daemon.journal = replace(daemon.journal, release=limited)
    return daemon


def test_a_release_that_takes_too_long_goes_back() -> None:
    daemon = at(Pause(timedelta(hours=2)))
    daemon.wait(3500)
    assert lapse(daemon.journal, daemon.now) == daemon.journal

    daemon.wait(200)
    daemon.journal = lapse(daemon.journal, daemon.now)
    daemon.settle()

    assert daemon.world.streets.traffic("web", daemon.world) == {"web:1": 100}
    assert daemon.ended[-1].outcome == "cancelled"
    assert "it did not end within 1h, the release_timeout" in daemon.ended[-1].reason


def test_a_release_that_waits_for_a_person_is_not_too_late() -> None:
    for step in (Approve(), Pause(None)):
        daemon = at(step)
        daemon.wait(3700)

        assert lapse(daemon.journal, daemon.now) == daemon.journal

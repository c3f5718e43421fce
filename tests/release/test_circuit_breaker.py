"""Launches that failed within one release: so many that its services let pass, and then the whole of it goes back."""

from dataclasses import replace
from typing import Any

import pytest

from gitopsd.controller.operations import lapse
from tests.builders import a_service, a_state
from tests.daemon import Daemon
from tests.world import Behaviour

BAD = Behaviour(check=True, healthy_after=None, unhealthy_after=3)


def failing(launches: int) -> Daemon:
    """Four instances that all fail, of a service that goes on past them, with a breaker at so many launches."""
    how: dict[str, Any] = {"replicas": 4, "on_failure": "continue", "min_ready": 0}
    daemon = Daemon().commit(a_state(a_service(**how))).settle()
    daemon.commit(a_state(a_service(image="web:2", **how)), web=BAD).look()
    assert daemon.journal.release is not None
    daemon.journal = replace(daemon.journal, release=replace(daemon.journal.release, launches=launches))
    daemon.repair = False
    for _ in range(40):
        daemon.wait(1)
        daemon.journal = lapse(daemon.journal, daemon.now)
        daemon.run()
    return daemon


def test_a_release_whose_launches_fail_too_often_goes_back() -> None:
    daemon = failing(2)

    assert daemon.world.running() == [f"shop-web-{slot} web:1" for slot in (1, 2, 3, 4)]
    assert "2 launches failed (web/1, web/2), which opens the circuit breaker" in daemon.ended[-1].reason


@pytest.mark.parametrize("launches", [0, 5])
def test_fewer_failed_launches_than_that_are_what_the_service_says_of_them(launches: int) -> None:
    assert failing(launches).ended[-1].outcome == "succeeded"

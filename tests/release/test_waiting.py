"""What waits for a person's word is told with the command that gives it; what time ends is not."""

from datetime import timedelta
from typing import Any

import pytest

from gitopsd.model.strategy import Approve, Pause, SetWeight
from gitopsd.release.waiting import waits_for_word
from tests.builders import a_service, a_state
from tests.daemon import Daemon


def at_a_stop(step: Any) -> Daemon:
    """A canary with a fifth of the traffic, at this step."""
    how: dict[str, Any] = {"strategy": "canary", "steps": (SetWeight(2_000), step), "scale_down_delay": 10}

    def state(image: str) -> Any:
        return a_state(a_service(image=image, traffic="80:8080", replicas=2, **how))

    daemon = Daemon().commit(state("web:1")).settle()
    daemon.commit(state("web:2")).run()
    daemon.wait(5).run()
    return daemon.wait(5).run()


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (Approve(), "web: step 2 of 2: approval, until approved; `gitopsd approve production` lets it go on"),
        (
            Pause(),
            "web: step 2 of 2: pause until promoted; `gitopsd rollout promote production/web` lets it go on",
        ),
        (Pause(timedelta(minutes=5)), ""),
    ],
)
def test_a_stop_is_told_with_its_command(step: Any, said: str) -> None:
    assert waits_for_word(at_a_stop(step).journal) == said


def test_once_the_word_is_given_nothing_waits() -> None:
    daemon = at_a_stop(Approve())
    daemon.ask("approve")
    assert waits_for_word(daemon.journal) == ""

"""Images that are pulled beside the loop: each once, ever later after trouble, never again once they are missing."""

from collections.abc import Iterator

import pytest

from gitopsd.controller.execute import Executor
from gitopsd.controller.images import Pulls
from gitopsd.controller.shelf import Shelf
from gitopsd.model.errors import ImageMissing, ImageUnavailable
from gitopsd.model.settings import ImageKeeping
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine
from tests.fakes.store import FakeStore
from tests.waiting import eventually

WEB = "shop/web:1"


class Registry:
    """Pulls of one environment from a registry in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.executor = Executor(self.clock)
        self.pulls = Pulls(Shelf("shop", self.engine, FakeStore(), self.clock), self.executor)
        self.wakes = 0
        self.platforms: dict[str, str] = {}

    def ask(self, *references: str) -> int:
        """Ask for images and wait until nothing is under way; how many pulls that took."""
        before = len(self.engine.writes)
        self.pulls.ask(references or (WEB,), self._woken, self.platforms, ImageKeeping())
        eventually(self.pulls.idle)
        return len(self.engine.writes) - before

    def _woken(self) -> None:
        self.wakes += 1


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.executor.stop()


def test_an_image_is_pulled_once_for_all_services_that_name_it_and_the_loop_is_woken(registry: Registry) -> None:
    registry.engine.publish(WEB)
    assert registry.ask(WEB, WEB) == 1
    assert registry.engine.image(WEB) is not None
    assert registry.wakes == 1


def test_an_image_is_pulled_for_the_platform_that_a_service_asks_for(registry: Registry) -> None:
    registry.platforms[WEB] = "linux/arm64"
    registry.engine.publish(WEB)
    registry.ask(WEB)
    assert registry.engine.writes == [f"pull {WEB} linux/arm64"]


def test_an_image_that_does_not_exist_is_asked_for_once_until_a_person_says_so(registry: Registry) -> None:
    registry.engine.refuse_pull(WEB, ImageMissing("manifest unknown"))
    registry.ask()
    registry.clock.advance(3600)
    assert registry.ask() == 0
    assert registry.pulls.missing([WEB]) == "manifest unknown"
    registry.pulls.forget()
    assert registry.ask() == 1


def test_a_registry_that_does_not_answer_is_asked_later_and_later(registry: Registry) -> None:
    registry.engine.refuse_pull(WEB)
    registry.ask()
    assert registry.ask() == 0
    waits = []
    for _ in range(9):
        at = registry.pulls.retry_at([WEB], registry.clock.now())
        assert at is not None
        waits.append((at - registry.clock.now()).total_seconds())
        registry.clock.advance(waits[-1])
        assert registry.ask() == 1
    assert waits == [2, 4, 8, 16, 32, 64, 128, 256, 300]
    assert registry.pulls.missing([WEB]) == ""


def test_a_hold_says_what_is_wrong_and_until_when(registry: Registry) -> None:
    registry.engine.refuse_pull(WEB, ImageUnavailable("the registry does not answer"))
    registry.ask()
    (hold,) = registry.pulls.holds([WEB])
    again = registry.pulls.retry_at([WEB], registry.clock.now())
    assert (hold.guard, hold.reason, hold.until) == ("image", f"{WEB}: the registry does not answer", again)


def test_an_image_that_came_in_the_end_is_no_trouble_any_more(registry: Registry) -> None:
    registry.engine.refuse_pull(WEB)
    registry.ask()
    registry.engine.publish(WEB)
    registry.clock.advance(2)
    registry.ask()
    assert registry.pulls.retry_at([WEB], registry.clock.now()) is None
    assert registry.pulls.holds([WEB]) == ()

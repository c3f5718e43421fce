"""A chain counts as under way until a look at the engine that began after its end."""

import threading
from collections.abc import Iterator

import pytest

from gitopsd.controller.chains import Chains
from gitopsd.controller.execute import Executor, Making, Specification
from gitopsd.model.action import Chain, Start
from gitopsd.model.release import Journal
from tests.builders import a_service, a_state
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.engine import FakeEngine
from tests.waiting import eventually

JOURNAL = Journal("production")
STATE = a_state(a_service())
MAKING = Making(lambda *_: Specification(STATE.services["web"], STATE.desired), STATE.desired, b"key")
START = Chain("web/1", (Start("web", 1, "a container", "new service"),))


class SlowEngine(FakeEngine):
    """Starts a container when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.goes_on = threading.Event()

    def start(self, container: str) -> None:
        self.goes_on.wait()


@pytest.fixture
def engine() -> Iterator[SlowEngine]:
    made = SlowEngine()
    yield made
    made.goes_on.set()


@pytest.fixture
def executor(engine: SlowEngine) -> Iterator[Executor]:
    made = Executor(FakeClock())
    yield made
    engine.goes_on.set()
    made.stop()


def test_a_chain_that_ends_during_a_look_is_not_begun_again_from_that_look(
    engine: SlowEngine, executor: Executor
) -> None:
    chains = under_way(engine, executor)
    chains.take_in(JOURNAL, NOON)

    end(engine, executor)

    assert chains.signals(NOON).busy == {"web/1"}


def test_a_chain_that_ended_before_a_look_is_done(engine: SlowEngine, executor: Executor) -> None:
    chains = under_way(engine, executor)
    end(engine, executor)

    chains.take_in(JOURNAL, NOON)

    assert chains.signals(NOON).busy == frozenset()


def under_way(engine: SlowEngine, executor: Executor) -> Chains:
    chains = Chains("production", engine, executor, FakeClock())
    chains.submit(START, MAKING, lambda: None)
    return chains


def end(engine: SlowEngine, executor: Executor) -> None:
    engine.goes_on.set()
    eventually(lambda: not executor.busy("production"))

"""Carrying actions out: in order, one chain of a key at a time, many keys at once, and every end is told."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from gitopsd.controller.execute import Executor, Making, Outcome, Specification
from gitopsd.model.action import Chain, Create, Remove, Start, Stop
from gitopsd.model.errors import EngineUnavailable
from tests.builders import a_service, a_state
from tests.fakes.clock import FakeClock
from tests.fakes.containers import STEADY, Held
from tests.fakes.engine import FakeEngine
from tests.waiting import eventually

STATE = a_state(a_service())
WEB = Specification(STATE.services["web"], STATE.desired)
MAKING = Making(lambda *_: WEB, STATE.desired, b"key", lambda reference, platform: None, str)

APP = a_service("app", lives_in="vpn")
LIVING = replace(MAKING, specification=lambda *_: Specification(APP, STATE.desired))


@pytest.fixture
def executor() -> Iterator[Executor]:
    made = Executor(FakeClock(), workers=4)
    yield made
    made.stop()


class Ends:
    """Collects outcomes as they come."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def wait(self, number: int = 1) -> list[Outcome]:
        eventually(lambda: len(self.outcomes) == number)
        return self.outcomes


def test_a_chain_is_carried_out_in_its_order(executor: Executor) -> None:
    engine = FakeEngine()
    engine.run_by_hand("shop-web-1")
    chain = Chain(
        "web/1",
        (
            Stop("web", 1, "shop-web-1", "goes"),
            Start("web", 1, "shop-web-1", "comes"),
            Stop("web", 1, "shop-web-1", ""),
        ),
    )
    outcome = executor.chain(chain, engine, MAKING)
    assert engine.writes == ["stop shop-web-1", "start shop-web-1", "stop shop-web-1"]
    assert [done.action for done in outcome.performed] == list(chain.actions)
    assert outcome.error is None


def test_a_chain_ends_at_the_first_action_that_fails_and_says_which(executor: Executor) -> None:
    engine = FakeEngine()
    engine.run_by_hand("shop-web-1")
    engine.fail("stop shop-web-1", EngineUnavailable("no answer"))
    chain = Chain("web/1", (Stop("web", 1, "shop-web-1", "goes"), Remove("web", 1, "shop-web-1", "goes")))
    outcome = executor.chain(chain, engine, MAKING)
    assert outcome.performed == ()
    assert outcome.failed == chain.actions[0]
    assert str(outcome.error) == "no answer"
    assert engine.names() == ["shop-web-1"]


def test_a_container_is_made_in_the_one_that_its_action_names(executor: Executor) -> None:
    engine = FakeEngine()
    engine.images[APP.image.id] = engine.images.setdefault("app:1", Held(APP.image, STEADY))
    home = engine.run_by_hand("shop-vpn-1")
    create = Create("app", 1, "shop-app-1", APP.fingerprint, 1, "new", joins={"vpn": home})

    outcome = executor.chain(Chain("app/1", (create, Start("app", 1, "shop-app-1", "new"))), engine, LIVING)

    assert outcome.error is None
    assert engine.container("shop-app-1").joined() == (home,)


def test_a_key_that_is_under_way_is_not_begun_a_second_time(executor: Executor) -> None:
    goes_on, begun = threading.Event(), []

    def work() -> Outcome:
        begun.append(1)
        goes_on.wait()
        return Outcome("web/1", ())

    ends = Ends()
    executor.submit("shop", "web/1", work, ends)
    executor.submit("shop", "web/1", work, ends)
    executor.submit("blog", "web/1", work, ends)
    eventually(lambda: len(begun) == 2)
    assert executor.busy("shop") == {"web/1"}
    goes_on.set()
    ends.wait(2)
    assert executor.busy("shop") == frozenset()


def test_it_is_known_which_containers_are_acted_on_until_the_end_is_told(executor: Executor) -> None:
    goes_on, ends = threading.Event(), Ends()

    def work() -> Outcome:
        goes_on.wait()
        return Outcome("web/1", ())

    executor.submit("shop", "web/1", work, ends, containers=frozenset({"0a93", "shop-web-1"}))
    assert executor.acts_on(["shop-web-1", "17bc"])
    assert not executor.acts_on(["17bc"])
    goes_on.set()
    ends.wait()
    assert not executor.acts_on(["shop-web-1"])


def test_a_mistake_of_ours_is_told_as_an_outcome_that_is_no_evidence(executor: Executor) -> None:
    ends = Ends()
    executor.submit("shop", "web/1", lambda: Outcome({}["web"], ()), ends)  # type: ignore[index]
    (outcome,) = ends.wait()
    assert isinstance(outcome.error, EngineUnavailable)
    assert "unexpected KeyError" in str(outcome.error)
    assert executor.busy("shop") == frozenset()


def test_the_end_waits_for_what_is_under_way(executor: Executor) -> None:
    goes_on, ends = threading.Event(), Ends()

    def work() -> Outcome:
        goes_on.wait()
        return Outcome("web/1", ())

    executor.submit("shop", "web/1", work, ends)
    stopping = threading.Thread(target=executor.stop)
    stopping.start()
    goes_on.set()
    stopping.join()
    assert [outcome.key for outcome in ends.outcomes] == ["web/1"]

"""When a chain counts as under way, and what its failure means: evidence against the content, or engine trouble."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from gitopsd.controller.chains import Chains
from gitopsd.controller.execute import Executor, Making, Specification
from gitopsd.model.action import Chain, Start
from gitopsd.model.errors import (
    Conflict,
    EngineError,
    EngineRefused,
    EngineUnavailable,
    HostTrouble,
    ImageUnavailable,
    NotFound,
)
from gitopsd.model.release import Hold, Journal, Release
from gitopsd.release import Signals
from tests.builders import a_service, a_state
from tests.fakes.clock import NOON, FakeClock
from tests.fakes.engine import FakeEngine
from tests.waiting import eventually

JOURNAL = Journal("production")
STATE = a_state(a_service())
RELEASE = Release(7, "production", "a" * 40, "inputs", "content", "ada", "Change", "newer content in Git", NOON)
WEB = Specification(STATE.services["web"], STATE.desired)
MAKING = Making(lambda *_: WEB, STATE.desired, b"key", lambda reference, platform: None, str)
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

    assert chains.signals(JOURNAL, NOON).busy == {"web/1"}


def test_a_chain_that_ended_before_a_look_is_done(engine: SlowEngine, executor: Executor) -> None:
    chains = under_way(engine, executor)
    end(engine, executor)

    chains.take_in(JOURNAL, NOON)

    assert chains.signals(JOURNAL, NOON).busy == frozenset()


def under_way(engine: SlowEngine, executor: Executor) -> Chains:
    chains = Chains("production", engine, executor, FakeClock())
    chains.submit(START, JOURNAL, MAKING, lambda: None)
    return chains


def end(engine: SlowEngine, executor: Executor) -> None:
    engine.goes_on.set()
    eventually(lambda: not executor.busy("production"))


REFUSALS_THAT_ARE_EVIDENCE = [
    EngineRefused("invalid mount config", 400),
    EngineRefused('exec: "nothing": executable file not found in $PATH', 500),
    Conflict("the container name is already in use", 409),
    NotFound("network shop_back not found", 404),
    EngineRefused("Address already in use", 403),
]
TROUBLE_OF_THE_ENGINE = [
    EngineUnavailable("no answer"),
    ImageUnavailable("the registry answers 429"),
    EngineRefused("a fault of the moment", 500),
    EngineRefused("Forbidden: the proxy does not let POST /containers/create pass", 403),
]


PORT_TAKEN = HostTrouble("start a container: Bind for 0.0.0.0:80 failed: port is already allocated", 500)


@pytest.mark.parametrize("error", REFUSALS_THAT_ARE_EVIDENCE, ids=str)
def test_what_speaks_against_the_content_reaches_its_rollout_once(error: EngineError) -> None:
    chains = FailingChains()
    chains.fail(error)
    assert chains.signals() == Signals(frozenset(), {"web/1": str(error)})
    assert chains.signals() == Signals()
    assert chains.trouble() == ""


@pytest.mark.parametrize("error", TROUBLE_OF_THE_ENGINE, ids=str)
def test_what_speaks_only_of_the_engine_waits_and_is_no_evidence(error: EngineError) -> None:
    chains = FailingChains()
    chains.fail(error)
    assert chains.signals() == Signals(frozenset({"web/1"}), {})
    assert chains.trouble() == str(error)
    chains.clock.advance(1)
    assert chains.signals() == Signals()


def test_what_the_host_cannot_have_now_is_held_and_told_with_the_next_attempt() -> None:
    chains = FailingChains()
    chains.fail(PORT_TAKEN)
    assert chains.signals() == Signals(held=frozenset({"web/1"}))
    assert chains.holds() == (Hold("host", str(PORT_TAKEN), 7, NOON + timedelta(seconds=1)),)
    assert chains.trouble() == ""
    chains.clock.advance(1)
    assert chains.signals() == Signals()


def test_what_the_host_cannot_have_never_becomes_evidence_and_is_tried_ever_more_seldom() -> None:
    chains = FailingChains()
    waits = []
    for _ in range(11):
        waits.append(chains.fail(PORT_TAKEN))
        assert chains.signals().refused == {}
        chains.clock.advance(300)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


def test_what_serves_meanwhile_does_not_end_the_waiting_for_the_host() -> None:
    chains = FailingChains()
    chains.fail(PORT_TAKEN)
    chains.succeed()
    assert chains.signals().held == {"web/1"}
    chains.clock.advance(1)
    assert chains.fail(PORT_TAKEN) == 2


def test_another_wish_is_not_held_by_what_the_host_could_not_have() -> None:
    chains = FailingChains()
    chains.fail(PORT_TAKEN)
    assert chains.forget_holds()
    assert chains.signals() == Signals()


def test_an_engine_that_fails_in_the_same_way_again_and_again_has_spoken(executor: Executor) -> None:
    chains = FailingChains()
    for _ in range(3):
        chains.fail(EngineRefused("OCI runtime create failed", 500))
        chains.clock.advance(60)
    assert chains.signals().refused == {"web/1": "OCI runtime create failed"}


def test_newer_content_hears_nothing_of_what_was_refused_before_it() -> None:
    chains = FailingChains()
    chains.fail(EngineRefused("no such command", 400))
    chains.journal = replace(JOURNAL, release=RELEASE)
    assert chains.signals() == Signals()


def test_faults_are_counted_anew_for_newer_content() -> None:
    chains = FailingChains()
    for number in range(3):
        chains.journal = replace(JOURNAL, release=RELEASE if number else None)
        chains.fail(EngineRefused("OCI runtime create failed", 500))
        chains.clock.advance(60)
    assert chains.signals().refused == {}


@pytest.mark.parametrize("error", [TROUBLE_OF_THE_ENGINE[0], TROUBLE_OF_THE_ENGINE[3]], ids=str)
def test_a_silent_engine_or_a_strict_proxy_never_becomes_evidence(error: EngineError) -> None:
    chains = FailingChains()
    for _ in range(10):
        chains.fail(error)
        assert chains.signals().refused == {}
        chains.clock.advance(60)


def test_waits_grow_and_end_with_the_first_success() -> None:
    chains = FailingChains()
    assert [chains.fail(EngineUnavailable("no answer")) for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    chains.succeed()
    assert chains.trouble() == ""
    assert chains.fail(EngineUnavailable("no answer")) == 1


def test_a_chain_that_is_refused_again_and_again_pauses() -> None:
    chains = FailingChains()
    assert chains.fail(Conflict("taken", 409)) == 0
    chains.fail(Conflict("taken", 409))
    assert not chains.begins()
    assert chains.retry_at() == NOON + timedelta(seconds=1)
    chains.clock.advance(1)
    assert chains.begins()


def test_a_clock_that_was_put_back_prolongs_no_pause() -> None:
    chains = FailingChains()
    chains.fail(Conflict("taken", 409))
    chains.fail(Conflict("taken", 409))
    chains.clock.jump(-86_400)
    chains.forget_waits()
    assert chains.begins()


class FailingChains:
    """Chains of an environment whose one chain ends as the test says. `journal` is what they are begun for."""

    def __init__(self) -> None:
        self.journal = JOURNAL
        self.clock = FakeClock()
        self.engine = FakeEngine(self.clock)
        self.engine.run_by_hand("a container")
        self._executor = Executor(self.clock)
        self._chains = Chains("production", self.engine, self._executor, self.clock)

    def fail(self, error: EngineError) -> float:
        """Let the chain end with an error; how many seconds it is not tried again."""
        self.engine.fail("start a container", error)
        self._run()
        at = self._chains.retry_at(self.clock.now())
        return (at - self.clock.now()).total_seconds() if at is not None else 0.0

    def succeed(self) -> None:
        self._run()

    def begins(self) -> bool:
        """Whether the chain is begun when it is submitted now."""
        before = len(self.engine.writes)
        self._run()
        return len(self.engine.writes) > before

    def forget_waits(self) -> None:
        self._chains.forget_waits()

    def signals(self) -> Signals:
        return self._chains.signals(self.journal, self.clock.now())

    def holds(self) -> tuple[Hold, ...]:
        return self._chains.holds(self.clock.now(), RELEASE)

    def forget_holds(self) -> bool:
        return self._chains.forget_holds()

    def trouble(self) -> str:
        return self._chains.trouble(self.clock.now())

    def retry_at(self) -> datetime | None:
        return self._chains.retry_at(self.clock.now())

    def _run(self) -> None:
        self._chains.submit(START, self.journal, MAKING, lambda: None)
        eventually(lambda: not self._executor.busy("production"))
        self._chains.take_in(JOURNAL, self.clock.now())

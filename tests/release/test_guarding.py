"""Approvals on the way are guards: a commit that takes such a step out waits for the approval before it begins."""

from datetime import timedelta
from typing import Any

import pytest

from gitopsd.model.desired import SealedState
from gitopsd.model.guards import ApprovalRule, Gate, Guards, strictest
from gitopsd.model.release import Hold
from gitopsd.model.strategy import Approve, Pause, SetWeight
from gitopsd.release.guarding import Case, looser, standing
from tests.builders import a_service, a_state
from tests.daemon import Daemon

TENTH, HALF, GATE, REST = SetWeight(1_000), SetWeight(5_000), Approve(), Pause(timedelta(minutes=1))


def state(image: str, *steps: Any, **how: Any) -> SealedState:
    how = {"traffic": "80:8080", "strategy": "canary", "scale_down_delay": 1, "steps": steps, **how}
    return a_state(a_service(image=image, **how))


@pytest.fixture
def gated() -> Daemon:
    """What serves asks for an approval at a tenth of the traffic."""
    return Daemon().commit(state("web:1", TENTH, GATE, HALF)).settle()


def held(daemon: Daemon, wanted: SealedState) -> tuple[Hold, ...]:
    return standing(daemon.journal, Case(wanted, daemon.commit(wanted).plan(), Guards()), daemon.now)


@pytest.mark.parametrize(
    "after",
    [
        state("web:2", TENTH, HALF),
        state("web:2", TENTH, REST),
        state("web:2", TENTH, HALF, GATE),
        state("web:2", strategy="rolling"),
        state("web:2", traffic=""),
        state("web:1", TENTH, HALF),
        a_state(a_service("other", "web:2")),
    ],
    ids=["taken out", "a pause instead", "later", "no steps", "not routed", "nothing else", "another service"],
)
def test_a_commit_that_takes_out_an_approval_step_waits_for_that_approval(gated: Daemon, after: SealedState) -> None:
    hold = held(gated, after)[0]
    assert hold.guard == "approval"
    assert "it has no approval step of web at 10 %, as release 1, the last good one, has" in hold.reason
    assert looser(gated.journal, after) == ("approval step of web",)


@pytest.mark.parametrize("steps", [(TENTH, GATE, HALF), (SetWeight(500), GATE, HALF, GATE)], ids=["same", "more"])
def test_a_commit_with_as_many_approval_steps_as_early_is_not_held(gated: Daemon, steps: tuple[Any, ...]) -> None:
    after = state("web:2", *steps)
    assert (held(gated, after), looser(gated.journal, after)) == ((), ())


def test_what_a_release_took_out_holds_nothing_after_it(gated: Daemon) -> None:
    gated.commit(state("web:1", TENTH, HALF)).settle()  # as somebody approved of it
    assert held(gated, state("web:2", TENTH, HALF)) == ()


def test_an_approval_of_the_environment_is_asked_for_once_and_covers_the_step(gated: Daemon) -> None:
    wanted = state("web:2", TENTH, HALF)
    case = Case(wanted, gated.commit(wanted).plan(), Guards(approval=ApprovalRule()))
    assert [each.guard for each in standing(gated.journal, case, gated.now)] == ["approval"]


def test_the_strictest_of_two_has_as_many_approvals_as_either_and_each_as_early() -> None:
    one, other = Guards(gates=(Gate("web", (1_000, 5_000)),)), Guards(gates=(Gate("api", (0,)), Gate("web", (2_000,))))
    assert strictest(one, other).gates == (Gate("api", (0,)), Gate("web", (1_000, 5_000)))

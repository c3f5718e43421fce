"""What people ask: taken from the store, answered in words, none of it lost or done twice."""

from dataclasses import replace

import pytest

from gitopsd.controller.requests import Requests
from gitopsd.model.errors import StoreError
from gitopsd.model.operation import Operation, Verb
from gitopsd.model.release import Hold, Journal, Rejection, Serving
from tests.builders import a_service, a_state
from tests.fakes.clock import NOON
from tests.fakes.store import FakeStore

STATE = a_state(a_service())
SERVING = Serving(1, "r", "r", "inputs", STATE.content_digest)
JOURNAL = Journal("shop")


class Desk:
    """Where requests of one environment arrive."""

    def __init__(self) -> None:
        self.store = FakeStore()
        self.requests = Requests("shop", self.store)

    def ask(self, verb: Verb, environment: str = "shop", **arguments: object) -> int:
        return self.store.submit(Operation(verb, environment, "ada", NOON, arguments))  # type: ignore[arg-type]

    def result(self, number: int) -> str:
        operation = self.store.operation(number)
        assert operation is not None
        return operation.result


def test_a_suspension_is_noted_and_answered_at_once() -> None:
    desk = Desk()
    number = desk.ask("suspend", reason="inventory", for_s=60)
    journal = desk.requests.apply(JOURNAL, NOON)
    assert journal.suspension is not None
    assert (journal.suspension.by, journal.suspension.reason) == ("ada", "inventory")
    assert desk.result(number) == "suspended"
    assert [event.reason for event in desk.store.events()] == ["OperationSuspend"]


def test_what_was_asked_is_kept_with_its_answer_or_not_at_all() -> None:
    desk = Desk()
    number = desk.ask("suspend")
    desk.store.broken = "disk full"
    with pytest.raises(StoreError):
        desk.requests.apply(JOURNAL, NOON)
    assert desk.result(number) == ""
    desk.store.broken = ""
    desk.requests.apply(JOURNAL, NOON)
    assert desk.store.journal("shop").suspension is not None
    assert desk.result(number) == "suspended"


def test_what_makes_no_sense_is_refused_and_keeps_nothing_that_was_asked_after_it_waiting() -> None:
    desk = Desk()
    wrong, right = desk.ask("suspend", for_s=float("nan")), desk.ask("suspend")
    journal = desk.requests.apply(JOURNAL, NOON)
    assert desk.result(wrong).startswith("refused: for_s has to be a number of seconds")
    assert (desk.result(right), journal.suspension is not None) == ("suspended", True)
    assert next(dict(each.data) for each in desk.store.events()) == {}


def test_another_environment_s_requests_are_left_alone() -> None:
    desk = Desk()
    number = desk.ask("suspend", "blog")
    journal = desk.requests.apply(JOURNAL, NOON)
    assert journal.suspension is None
    assert desk.result(number) == ""


def test_a_retry_forgets_what_was_rejected() -> None:
    desk = Desk()
    number = desk.ask("retry")
    rejected = replace(JOURNAL, rejected={"digest": Rejection("digest", 1, "r", "broken", NOON)})
    journal = desk.requests.apply(rejected, NOON)
    assert journal.rejected == {}
    assert desk.result(number) == "1 rejected content(s) may be tried again"


def test_a_sync_waits_for_the_pass_and_is_taken_up_once() -> None:
    desk = Desk()
    number = desk.ask("sync")
    noticed = []
    for _ in range(2):
        desk.requests.apply(JOURNAL, NOON)
        noticed.append(desk.requests.new)
    assert noticed == [True, False]
    assert desk.requests.sync is not None
    assert desk.result(number) == ""


@pytest.mark.parametrize(
    ("journal", "holds", "said"),
    [
        (replace(JOURNAL, serving=SERVING), (), "nothing to do: this content serves already"),
        (
            replace(JOURNAL, rejected={STATE.content_digest: Rejection(STATE.content_digest, 1, "r", "broken", NOON)}),
            (),
            "rejected: broken; `retry` tries it again",
        ),
        (JOURNAL, (Hold("claim", "port 80 is claimed by blog too"),), "held: port 80 is claimed by blog too"),
        (JOURNAL, (Hold("manual", "mode is manual"),), ""),
        (JOURNAL, (Hold("image", "pulling web:1"),), ""),
    ],
)
def test_a_sync_is_answered_when_it_is_clear_what_comes_of_it(
    journal: Journal, holds: tuple[Hold, ...], said: str
) -> None:
    desk = Desk()
    number = desk.ask("sync")
    desk.requests.apply(journal, NOON)
    answer = desk.requests.answer(journal, STATE, holds, NOON)
    assert [(each.number, each.result) for each in answer.done] == ([(number, said)] if said else [])


def test_a_sync_of_something_unknown_says_so() -> None:
    desk = Desk()
    number = desk.ask("sync")
    desk.requests.apply(JOURNAL, NOON)
    answer = desk.requests.answer(JOURNAL, None, (Hold("manifest", "compose.yaml:1:1: broken"),), NOON)
    assert [(each.number, each.result) for each in answer.done] == [(number, "held: compose.yaml:1:1: broken")]

"""The daemon's log is the ledger, line by line, with nothing in it that steers a terminal."""

import logging
from collections.abc import Iterator

import pytest

from gitopsd.cli.log import log_to_stderr, telling
from gitopsd.model.event import Event
from gitopsd.model.release import Journal
from tests.fakes.clock import NOON
from tests.fakes.store import FakeStore


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_every_event_is_logged_once_as_it_is_kept_and_kept_as_it_is(capfd: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    inner = FakeStore()
    store = telling(inner)
    store.append([Event(NOON, "Started", "gitopsd on host1")])
    evil = Event(NOON, "RolloutFailed", "web: \x1b[31mno", "error", "shop", "web", data={"logs": "one\ntwo\x07\n"})
    store.save(Journal("shop", project="shop"), [evil])
    lines = [line.partition("Z ")[2] for line in capfd.readouterr().err.splitlines()]
    assert lines == [
        "INFO    Started gitopsd on host1",
        "ERROR   RolloutFailed shop/web: \\x1b[31mno",
        "ERROR     | one",
        "ERROR     | two\\x07",
    ]
    assert [event.reason for event in inner.events()] == ["Started", "RolloutFailed"]
    assert store.journal("shop").project == "shop"


def test_a_store_that_refuses_is_not_contradicted_by_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    log_to_stderr()
    inner = FakeStore()
    inner.broken = "disk full"
    with pytest.raises(Exception, match="disk full"):
        telling(inner).append([Event(NOON, "Started", "gitopsd on host1")])
    assert capfd.readouterr().err == ""

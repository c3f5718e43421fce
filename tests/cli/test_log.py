"""The daemon's log is the ledger, line by line, with nothing in it that steers a terminal."""

import json
import logging
from collections.abc import Iterator, Mapping

import pytest

from gitopsd.cli.log import log_to_stderr, telling
from gitopsd.model.canonical import Json
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


def test_a_structured_line_has_environment_release_and_cause_in_fields_of_their_own(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log_to_stderr("json")
    data: Mapping[str, Json] = {"cause": "image web:1 -> web:2", "logs": "one\ntwo\x07\n"}
    event = Event(NOON, "RolloutFailed", "web: \x1b[31mno", "error", "shop", "web", 7, data)

    telling(FakeStore()).append([event])

    [line] = capfd.readouterr().err.splitlines()
    assert "\x1b" not in line
    assert json.loads(line) == {
        "time": "2026-03-01T12:00:00Z",
        "level": "error",
        "event": "RolloutFailed",
        "message": "web: \x1b[31mno",
        "environment": "shop",
        "service": "web",
        "release": 7,
        "cause": "image web:1 -> web:2",
        "data": {"logs": "one\ntwo\x07\n"},
        "logger": "gitopsd",
    }


def test_what_is_no_event_is_structured_too_and_an_error_keeps_its_traceback(capfd: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json")
    try:
        raise ValueError("no number")
    except ValueError:
        logging.getLogger("urllib3").exception("it failed\nbadly")

    [line] = capfd.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["event"], found["environment"]) == ("error", None, None)
    assert (found["message"], found["logger"]) == ("it failed\nbadly", "urllib3")
    assert "ValueError: no number" in found["exception"]

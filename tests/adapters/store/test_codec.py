"""The codec: what is dumped loads equal, and a row outlives a version."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.adapters.store.codec import dump, load
from gitopsd.controller.ports import Inputs
from gitopsd.model.desired import Policy
from gitopsd.model.event import Event
from gitopsd.model.operation import Operation
from gitopsd.model.release import Journal, Release
from gitopsd.model.rollout import Pending, Phase, Rollout, Target
from gitopsd.model.status import EnvironmentStatus, RepositoryStatus

TIMES = st.datetimes(min_value=datetime(2000, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC))
DURATIONS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1000))
st.register_type_strategy(datetime, TIMES)
st.register_type_strategy(timedelta, DURATIONS)


@given(st.builds(Journal))
def test_any_journal_comes_back_equal(journal: Journal) -> None:
    assert load(Journal, dump(journal)) == journal


@given(st.one_of(st.builds(Release), st.builds(EnvironmentStatus), st.builds(RepositoryStatus), st.builds(Inputs)))
def test_any_other_value_of_the_store_comes_back_equal(value: object) -> None:
    assert load(type(value), dump(value)) == value


@given(st.builds(Journal))
def test_equal_journals_are_equal_texts(journal: Journal) -> None:
    assert dump(load(Journal, dump(journal))) == dump(journal)


@given(st.from_type(Phase))  # type: ignore[arg-type]
def test_a_phase_keeps_its_kind(phase: Phase) -> None:
    journal = Journal("shop", rollouts={"web": a_rollout(phase)})
    assert type(load(Journal, dump(journal)).rollouts["web"].phase) is type(phase)


def test_a_time_of_another_zone_is_the_same_moment_in_utc() -> None:
    noon_in_berlin = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=1)))
    text = dump(Event(noon_in_berlin, "A", "b"))
    assert json.loads(text)["at"] == "2026-03-01T11:00:00+00:00"
    assert load(Event, text).at == noon_in_berlin


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        dump(Event(datetime(2026, 3, 1), "A", "b"))


def test_bytes_of_a_path_that_is_no_utf8_come_back() -> None:
    inputs = Inputs("d", frozenset({b"caf\xe9".decode(errors="surrogateescape")}), {})
    assert load(Inputs, dump(inputs)) == inputs


@dataclass(frozen=True)
class Older:
    name: str
    dropped: int = 1


@dataclass(frozen=True)
class Newer:
    name: str
    added: tuple[str, ...] = ("default",)
    others: frozenset[int] = field(default_factory=frozenset)


def test_a_row_of_an_older_version_loads_with_defaults() -> None:
    assert load(Newer, dump(Older("web"))) == Newer("web")


def test_a_row_of_a_newer_version_loads_without_what_is_unknown() -> None:
    assert load(Older, dump(Newer("web"))) == Older("web")


@pytest.mark.parametrize(
    "text",
    ["", "null", "[]", "{}", '{"at": 1}', '{"at": "x", "reason": "", "message": ""}', '{"severity": "loud"}'],
)
def test_what_is_no_event_is_told_as_such(text: str) -> None:
    with pytest.raises(ValueError, match="not a Event"):
        load(Event, text)


def test_an_unknown_word_is_refused() -> None:
    text = dump(Operation("sync", "shop", "ada", datetime(2026, 3, 1, tzinfo=UTC)))
    with pytest.raises(ValueError, match="'dance' is none of"):
        load(Operation, text.replace('"sync"', '"dance"'))


def test_an_unknown_phase_is_refused() -> None:
    journal = dump(Journal("shop", rollouts={"web": a_rollout(Pending())}))
    with pytest.raises(ValueError, match="Dancing"):
        load(Journal, journal.replace('"Pending"', '"Dancing"'))


def a_rollout(phase: Phase) -> Rollout:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    target = Target("v1:a", 1)
    return Rollout("web", 1, target, None, "start-first", Policy(), "commit", phase, now, now + timedelta(minutes=5))

"""Windows in time: what cron, time zones and changes of the clock come to."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitopsd.manifest.cron import cron
from gitopsd.model.guards import Window
from gitopsd.release.windows import closed_by, is_open, next_chance, next_change

BERLIN = "Europe/Berlin"


def window(opens: str, hours: float, zone: str = BERLIN, *, allow: bool = True) -> Window:
    return Window(opens, timedelta(hours=hours), zone, allow)


def berlin(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN), fold=fold).astimezone(UTC)


OFFICE = window("0 8 * * mon-fri", 10)


@pytest.mark.parametrize(
    ("at", "open_now"),
    [
        ("2026-11-25T07:59:59", False),
        ("2026-11-25T08:00:00", True),
        ("2026-11-25T17:59:59", True),
        ("2026-11-25T18:00:00", False),
        ("2026-11-28T12:00:00", False),
        ("2026-07-01T08:00:00", True),
    ],
)
def test_a_window_is_open_from_its_time_on_the_wall_for_its_duration(at: str, open_now: bool) -> None:
    assert is_open(OFFICE, berlin(at)) is open_now


def test_a_window_that_denies_goes_before_one_that_allows() -> None:
    calendar = (OFFICE, window("0 12 24 12 *", 48, allow=False))
    assert closed_by(calendar, berlin("2026-12-24T13:00")).startswith("deny 0 12 24 12 *")
    assert closed_by(calendar, berlin("2026-12-24T11:00")) == ""
    assert closed_by(calendar, berlin("2026-12-26T13:00")).startswith("only allow")


def test_windows_that_only_deny_leave_the_rest_open() -> None:
    assert closed_by((window("0 0 * * fri", 72, allow=False),), berlin("2026-11-25T12:00")) == ""


def test_a_time_that_the_clock_skips_in_spring_counts_at_the_moment_after_the_gap() -> None:
    night = window("30 2 * * *", 1)
    assert not is_open(night, berlin("2026-03-29T01:59:59"))
    assert is_open(night, berlin("2026-03-29T03:00:00"))
    assert not is_open(night, berlin("2026-03-29T04:00:00"))


def test_a_time_that_the_clock_shows_twice_in_autumn_counts_both_times() -> None:
    night = window("0 2 * * *", 0.5)
    moments = [berlin("2026-10-25T02:15"), berlin("2026-10-25T02:45"), berlin("2026-10-25T02:15", fold=1)]
    assert [is_open(night, at) for at in moments] == [True, False, True]


def test_the_next_chance_is_the_first_moment_at_which_every_calendar_lets_a_release_begin() -> None:
    freeze = window("0 0 26 11 *", 48, allow=False)
    assert next_chance(((OFFICE,), (freeze,)), berlin("2026-11-25T19:00")) == berlin("2026-11-30T08:00")


def test_calendars_that_never_meet_have_no_next_chance() -> None:
    day, night = window("0 8 * * *", 1), window("0 20 * * *", 1)
    assert next_chance(((day,), (night,)), berlin("2026-11-25T19:00")) is None


def test_windows_that_overlap_close_when_the_last_one_does() -> None:
    assert next_change(window("0 8,9,10 * * *", 1.5), berlin("2026-11-25T08:10")) == berlin("2026-11-25T11:30")


def test_one_that_is_always_open_never_changes() -> None:
    assert next_change(window("* * * * *", 1), berlin("2026-11-25T08:10")) is None


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("0 0 13 * fri", ["2026-11-13", "2026-11-20"]),
        ("0 0 * * 0", ["2026-11-15"]),
        ("0 0 * * 7", ["2026-11-15"]),
        ("0 0 */7 11 *", ["2026-11-15"]),
        ("0 0 * * fri-sun", ["2026-11-13", "2026-11-14", "2026-11-15", "2026-11-20"]),
    ],
)
def test_days_match_as_cron_matches_them(text: str, days: list[str]) -> None:
    every = [datetime(2026, 11, number, tzinfo=UTC).date() for number in range(13, 21)]
    assert [str(day) for day in every if cron(text).on(day)] == days


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* 5-3 * * *", "*/0 * * * *", "0 0 31 2 *", "x * * * *"])
def test_what_is_no_cron_expression_is_told_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="0 8 \\* \\* mon-fri"):
        cron(text)


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)),
    st.integers(0, 59),
    st.integers(0, 23),
    st.integers(1, 60 * 50),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_between_two_changes_a_window_stays_as_it_is(
    at: datetime, minute: int, hour: int, minutes: int, zone: str
) -> None:
    some = Window(f"{minute} {hour} * * *", timedelta(minutes=minutes), zone)
    change = next_change(some, at)
    if change is None:
        assert is_open(some, at)
        return
    almost = change - timedelta(microseconds=1)
    halfway = at + (change - at) / 2
    states = [is_open(some, moment) for moment in (at, min(halfway, almost), max(at, almost), change)]
    assert states[:3] == [states[0]] * 3
    assert states[3] is not states[0]

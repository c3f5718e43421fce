"""Windows in time: whether a release may begin at a moment, and when it may next.

A window opens when the clock on the wall of its time zone shows what the cron expression says, and lasts for so long as
time passes. A time that the clock skips in spring counts at the moment after the gap; one that it shows twice in autumn
counts both times.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from gitopsd.manifest.cron import cron
from gitopsd.model.guards import Calendar, Window

HORIZON = timedelta(days=366 * 8)  # the longest between two 29ths of February
MOST_CHANGES = 2_000
_DAY = timedelta(days=1)


def closed_by(calendar: Calendar, at: datetime) -> str:
    """Why no release may begin, by the windows of one voice; "" where one may. A window that denies goes before."""
    denying = next((each for each in calendar if not each.allow and is_open(each, at)), None)
    if denying is not None:
        return denying.words
    allowing = [each for each in calendar if each.allow]
    if not allowing or any(is_open(each, at) for each in allowing):
        return ""
    return f"only {', '.join(each.words for each in allowing)}"


def next_chance(calendars: tuple[Calendar, ...], at: datetime) -> datetime | None:
    """The next moment at which all calendars let a release begin; None: there is none in sight."""
    moment: datetime | None = at
    for _ in range(MOST_CHANGES):
        if moment is None or not any(closed_by(calendar, moment) for calendar in calendars):
            return moment
        changes = (next_change(window, moment) for calendar in calendars for window in calendar)
        moment = min((each for each in changes if each is not None), default=None)
    return None


def is_open(window: Window, at: datetime) -> bool:
    opened = _last_opening(window, at)
    return opened is not None and at < opened + window.duration


def next_change(window: Window, at: datetime) -> datetime | None:
    """When it next opens or closes; None: not within the horizon."""
    opened = _last_opening(window, at)
    if opened is None or at >= opened + window.duration:
        return next(_openings(window, at, at + HORIZON), None)
    end = opened + window.duration
    for _ in range(MOST_CHANGES):
        again = _last_opening(window, end)
        if again is None or again + window.duration <= end:
            return end
        end = again + window.duration
    return None


@lru_cache(maxsize=1024)
def _last_opening(window: Window, at: datetime) -> datetime | None:
    """The latest opening up to this moment, of those that could still last."""
    zone = ZoneInfo(window.timezone)
    day, first = at.astimezone(zone).date() + _DAY, (at - window.duration).astimezone(zone).date() - _DAY
    while day >= first:
        openings = _on(window, day)
        if count := bisect_right(openings, at):
            return openings[count - 1]
        day -= _DAY
    return None


def _openings(window: Window, after: datetime, until: datetime) -> Iterator[datetime]:
    """Every opening after one moment and up to another, in order."""
    zone = ZoneInfo(window.timezone)
    day, last = after.astimezone(zone).date() - _DAY, until.astimezone(zone).date() + _DAY
    while day <= last:
        yield from (each for each in _on(window, day) if after < each <= until)
        day += _DAY


@lru_cache(maxsize=4096)
def _on(window: Window, day: date) -> tuple[datetime, ...]:
    """The openings of one day, in UTC."""
    zone, matching = ZoneInfo(window.timezone), cron(window.opens)
    found: set[datetime] = set()
    for hour in matching.hours if matching.on(day) else ():
        for minute in matching.minutes:
            shown = datetime(day.year, day.month, day.day, hour, minute)  # as the wall shows it
            found.update(_moments(shown, zone))
    return tuple(sorted(found))


def _moments(shown: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """When a clock on the wall shows this: once, twice, or, where it is skipped, just after the gap."""
    first, second = (shown.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first > second:  # in a gap the earlier offset gives the later moment
        yield _gap_end(second, first, zone)
    else:
        yield first
        yield second


def _gap_end(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """The moment between the two at which the clock is put forward, to the minute."""
    offset = after.astimezone(zone).utcoffset()
    minute = timedelta(minutes=1)
    while before + minute < after:
        middle = before + (after - before) // 2 // minute * minute
        if middle == before:
            break
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after

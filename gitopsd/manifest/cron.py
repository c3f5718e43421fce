"""Cron expressions: the five fields that everybody knows, read into the minutes, hours and days that they match."""

from dataclasses import dataclass
from datetime import date
from functools import lru_cache

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: tuple[tuple[str, int, int, dict[str, int]], ...] = (
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    ("day of the week", 0, 7, {name: number for number, name in enumerate(_DAYS)}),
)
_MEND = 'write minute, hour, day of the month, month and day of the week, such as "0 8 * * mon-fri"'


@dataclass(frozen=True, slots=True)
class Cron:
    """What an expression matches. A day is one of the month or, as cron has it, of the week where both are said."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 is Sunday
    by_day: bool  # the day of the month is said
    by_weekday: bool

    def on(self, day: date) -> bool:
        """Whether it matches at some time of this day."""
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % 7 in self.weekdays
        return in_month or in_week if self.by_day and self.by_weekday else in_month and in_week


@lru_cache(maxsize=256)
def cron(text: str) -> Cron:
    """What an expression of five fields stands for. ValueError says what is wrong and how to mend it."""
    parts = text.lower().split()
    if len(parts) != len(_FIELDS):
        raise ValueError(f"{text!r} has {len(parts)} fields and not 5; {_MEND}")
    minutes, hours, days, months, weekdays = (_field(part, *field) for part, field in zip(parts, _FIELDS, strict=True))
    found = Cron(
        tuple(sorted(minutes)),
        tuple(sorted(hours)),
        days,
        months,
        frozenset(each % 7 for each in weekdays),
        by_day=not parts[2].startswith("*"),
        by_weekday=not parts[4].startswith("*"),
    )
    exists = any(day <= _LONGEST[month - 1] for month in months for day in days)
    if not exists and not (found.by_day and found.by_weekday):
        raise ValueError(f"{text!r} is no day of any year; {_MEND}")
    return found


_LONGEST = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def _field(text: str, name: str, lowest: int, highest: int, names: dict[str, int]) -> frozenset[int]:
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dash, last = span.partition("-")
        try:
            start = lowest if span == "*" else _number(first, names)
            end = _number(last, names) if dash else (highest if span == "*" or slash else start)
            every = _number(step, {}) if slash else 1
        except ValueError:
            raise ValueError(f"{part!r} is no {name}; {_MEND}") from None
        if name == "day of the week" and end == 0 and start > 0:
            end = 7  # Sunday ends a week, too: fri-sun
        if not (lowest <= start <= end <= highest) or every < 1:
            raise ValueError(f"{part!r} is no {name}, which goes from {lowest} to {highest}; {_MEND}")
        found.update(range(start, end + 1, every))
    return frozenset(found)


def _number(text: str, names: dict[str, int]) -> int:
    if text in names:
        return names[text]
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        raise ValueError(text)
    return int(text)

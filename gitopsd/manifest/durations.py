"""Reads and writes durations (`1m30s`) and sizes in bytes (`64m`, `1.5gb`) as Compose does.

The grammars are those of Go's `time.ParseDuration` with days and weeks added, and of docker/go-units' `RAMInBytes`.
What no setting can mean is refused besides: a negative duration, one finer than a microsecond, a size that overflows.
"""

import re
from datetime import timedelta

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
    "w": 604_800_000_000_000,
}
_PART = re.compile(r"(?P<whole>[0-9]{0,19})(?:\.(?P<fraction>[0-9]{0,19}))?(?P<unit>[^0-9.]+)")
_LONGEST = 2**63 - 1  # nanoseconds in a Go duration, bytes in a size
_SIZE = re.compile(r"\+?((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?) ?(b|([kmgtp])(?:i?b)?)?", re.IGNORECASE)
_MEND = 'write a number with a unit (ns us ms s m h d w), such as "90s" or "1m30s"'
_SIZE_MEND = "write a number with a unit (b k m g t p), such as 64m or 1.5gb"


def duration(text: str) -> timedelta:
    """The time that `1m30s` stands for. ValueError says what is wrong and how to mend it."""
    if text.startswith("-") and text != "-":
        raise ValueError(f"the duration {text!r} is negative; write one of 0s or more")
    rest = text.removeprefix("+")
    if rest == "0":
        return timedelta()
    if not rest:
        raise ValueError(f"{text!r} is not a duration; {_MEND}")
    total = 0
    while rest:
        part = _PART.match(rest)
        if part is None or not (part["whole"] or part["fraction"]):
            missing = "has no unit" if re.fullmatch(r"[0-9.]+", rest) else "is not a duration"
            raise ValueError(f"{text!r} {missing}; {_MEND}")
        total += _nanoseconds(text, part)
        rest = rest[part.end() :]
    return _whole_microseconds(text, total)


def duration_text(value: timedelta) -> str:
    """As `docker compose config` prints it: `1h0m0s`, `1m30s`, `1.5s`, `500ms`, `1µs`, `0s`."""
    microseconds = value // timedelta(microseconds=1)
    if microseconds < 0:
        return f"-{duration_text(-value)}"
    if microseconds == 0:
        return "0s"
    if microseconds < 1_000:
        return f"{microseconds}µs"
    if microseconds < 1_000_000:
        return f"{_decimal(microseconds, 3)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    seconds = f"{_decimal(rest, 6)}s"
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def size(text: str) -> int:
    """The bytes that `1.5gb` stands for; units count in 1024s. ValueError says what is wrong and how to mend it."""
    found = _SIZE.fullmatch(text)
    if found is None:
        kind = "is negative" if re.fullmatch(r"-[0-9.]+ ?[A-Za-z]*", text) else "is not a size in bytes"
        raise ValueError(f"{text!r} {kind}; {_SIZE_MEND}")
    factor = 1 << 10 * (" kmgtp".index(found[3].lower()) if found[3] else 0)
    number = float(found[1]) * factor
    if number >= _LONGEST:
        raise ValueError(f"{text!r} is more than any machine has; {_SIZE_MEND}")
    return int(number)


def _nanoseconds(text: str, part: re.Match[str]) -> int:
    unit = _NANOSECONDS.get(part["unit"])
    if unit is None:
        raise ValueError(f"unknown unit {part['unit']!r} in the duration {text!r}; {_MEND}")
    fraction = part["fraction"] or ""
    return int(part["whole"] or "0") * unit + int(fraction or "0") * unit // int(f"1{'0' * len(fraction)}")


def _whole_microseconds(text: str, nanoseconds: int) -> timedelta:
    if nanoseconds > _LONGEST:
        raise ValueError(f"the duration {text!r} is too long (more than 292 years); write a shorter one")
    if nanoseconds % 1_000:
        raise ValueError(f"the duration {text!r} is finer than a microsecond; write whole microseconds")
    return timedelta(microseconds=nanoseconds // 1_000)


def _decimal(value: int, places: int) -> str:
    whole, fraction = divmod(value, 10**places)
    digits = f"{fraction:0{places}d}".rstrip("0")
    return f"{whole}.{digits}" if digits else str(whole)

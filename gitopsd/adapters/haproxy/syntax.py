"""How things are written in HAProxy's configuration."""

import re
from collections.abc import Iterable
from datetime import timedelta

_PLAIN_WORD = re.compile(r"[A-Za-z0-9_./:=*,-]+")


def text(words: str) -> str:
    return f'content-type text/plain string "{words}"'


def word(text: str) -> str:
    """One word of the configuration, whatever is in it."""
    return text if _PLAIN_WORD.fullmatch(text) else "'" + text.replace("'", "'\\''") + "'"


def milliseconds(duration: timedelta) -> str:
    return f"{max(1, round(duration.total_seconds() * 1000))}ms"


def lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)

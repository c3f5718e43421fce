"""How long a server asks to be left alone, by the headers of an answer of its own."""

import email.utils
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.message import Message
from typing import Final

LONGEST: Final = timedelta(hours=1)  # of the patience that somebody may ask for


def patience(headers: Message, now: datetime) -> timedelta | None:
    """Retry-After in seconds or as a date, or when a forge counts anew."""
    said = headers.get("Retry-After", "")
    if said.isascii() and said.isdigit():
        return min(timedelta(seconds=min(int(said[:9]), 10**6)), LONGEST)
    moment: datetime | None = None
    with suppress(ValueError, TypeError):
        moment = email.utils.parsedate_to_datetime(said)
    reset = headers.get("X-RateLimit-Reset", "") or headers.get("RateLimit-Reset", "")
    spent = headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining", "")) == "0"
    if moment is None and spent and reset.isascii() and reset.isdigit() and len(reset) <= 11:
        moment = datetime.fromtimestamp(int(reset), UTC)
    if moment is None:
        return None
    moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return min(max(moment - now, timedelta(0)), LONGEST)

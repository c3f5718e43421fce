"""What goes from the ledger as it grows: by number, and by age."""

from datetime import UTC, datetime

from gitopsd.adapters.store.statements import Statements
from gitopsd.model.release import Journal
from gitopsd.model.settings import LedgerKeeping

NEWEST = 20  # releases of an environment that stay whatever their age


def drop_events(connection: Statements, number: int, now: datetime, keeping: LedgerKeeping) -> None:
    """Those before the newest `keep_events` up to `number`, and those from longer ago than `keep_for`."""
    connection.execute("DELETE FROM event WHERE number <= ?", (number - keeping.keep_events,))
    then = _text(now, keeping)
    connection.execute("DELETE FROM event WHERE json_extract(body, '$.at') < ?", (then,))


def drop_releases(connection: Statements, journal: Journal, now: datetime, keeping: LedgerKeeping) -> None:
    """The same of one environment's releases, but not what it is on, or is pinned to."""
    named = {each.release for each in (journal.serving, journal.pin) if each is not None}
    order = "SELECT number FROM release WHERE environment = ? ORDER BY number DESC"
    numbers = [int(number) for (number,) in connection.execute(order, (journal.environment,))]
    too_many = [number for number in numbers[keeping.keep_releases :] if number not in named]
    old = [number for number in numbers[NEWEST : keeping.keep_releases] if number not in named]
    connection.executemany("DELETE FROM release WHERE number = ?", [(number,) for number in too_many])
    too_old = "DELETE FROM release WHERE number = ? AND json_extract(body, '$.finished_at') < ?"
    then = _text(now, keeping)
    connection.executemany(too_old, [(number, then) for number in old])


def _text(now: datetime, keeping: LedgerKeeping) -> str:
    """The moment that is too long ago, as the codec writes times: they sort as they follow each other."""
    return (now - keeping.keep_for).astimezone(UTC).isoformat()

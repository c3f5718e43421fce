"""How well releases go: the four measures of DORA's "State of DevOps" reports, over 30 days of the ledger."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from gitopsd.model.release import Release

WINDOW = timedelta(days=30)
BAD = ("failed", "rolled-back")


@dataclass(frozen=True, slots=True)
class Delivery:
    """`frequency` is good releases a day. `lead_time_s` is from the commit to all of it serving, `restore_s` from the
    begin of a bad release to the end of the next good one, both as medians. None: nothing to tell it by.

    `failure_rate` is the share of bad ones among those that came to an end by themselves.
    """

    frequency: float
    failure_rate: float | None
    lead_time_s: float | None
    restore_s: float | None


def delivery(releases: Iterable[Release], made_at: Callable[[str], datetime | None], now: datetime) -> Delivery:
    """`made_at`: when a commit was made, where that is known. In any order."""
    recent = sorted((each for each in releases if each.started_at > now - WINDOW), key=lambda each: each.number)
    good = [each for each in recent if each.outcome == "succeeded"]
    bad = [each for each in recent if each.outcome in BAD]
    ended = len(good) + len(bad)
    return Delivery(
        frequency=len(good) / WINDOW.days,
        failure_rate=len(bad) / ended if ended else None,
        lead_time_s=_median(_lead_time(each, made_at) for each in good),
        restore_s=_median(_restored(each, good) for each in bad),
    )


def _lead_time(release: Release, made_at: Callable[[str], datetime | None]) -> float | None:
    made = made_at(release.revision)
    if made is None or release.finished_at is None:
        return None
    return max(0.0, (release.finished_at - made).total_seconds())


def _restored(bad: Release, good: Iterable[Release]) -> float | None:
    after = next((each for each in good if each.number > bad.number and each.finished_at is not None), None)
    if after is None or after.finished_at is None:
        return None
    return (after.finished_at - bad.started_at).total_seconds()


def _median(found: Iterable[float | None]) -> float | None:
    known = [each for each in found if each is not None]
    return median(known) if known else None

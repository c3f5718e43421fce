"""Database schemas: which versions a service can live with, and what a database is known to be at."""

import re
from dataclasses import dataclass
from datetime import datetime

_RANGE = re.compile(r"(\d{1,18})(?:-(\d{1,18}))?")


@dataclass(frozen=True, slots=True)
class Accepts:
    """The versions of a database's schema that a service works with, both ends included."""

    database: str
    low: int
    high: int

    @property
    def words(self) -> str:
        return str(self.low) if self.low == self.high else f"{self.low}-{self.high}"


@dataclass(frozen=True, slots=True)
class Schema:
    """What a database is at: any version from `low` to `high`. The two differ while a job moves it, or if that failed.

    `by` says in words who brought or read it.
    """

    low: int
    high: int
    by: str

    @property
    def words(self) -> str:
        return str(self.low) if self.low == self.high else f"somewhere from {self.low} to {self.high}"

    def suits(self, accepts: Accepts) -> bool:
        """Whether a service works with it, whatever of it turns out to be so."""
        return accepts.low <= self.low and self.high <= accepts.high


@dataclass(frozen=True, slots=True)
class Unneeded:
    """Since when nothing needs what a contract job drops, and which run of it that is: its fingerprint.

    `due`: that is long enough, and it is to run.
    """

    fingerprint: str
    since: datetime
    due: bool = False


def accepts_of(database: str, written: str) -> Accepts:
    """What `14-16` or `15` stands for. ValueError: it is no such range."""
    found = _RANGE.fullmatch(written.strip())
    if found is None:
        raise ValueError("it is neither a version nor a range of two")
    low = int(found[1])
    high = int(found[2]) if found[2] else low
    if high < low:
        raise ValueError("its end comes before its begin")
    return Accepts(database, low, high)

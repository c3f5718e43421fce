"""Whether new instances take far more memory than they may, or than those that serve: pure, look by look.

One look says little: a start, a full cache or a large answer may last for a moment. So several looks in a row must say
the same, for as long as the policy wants; a look that saw nobody says nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from gitopsd.model.desired import MemorySpike

LOOKS = 3  # in a row
FLOOR = 64 << 20  # of bytes more than what serves: below that a multiple means nothing
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Weighed:
    """A service whose instances are weighed: the `new` and those that served before (`stable`), their names by id.

    `limits` are in bytes, of those that have one. `release` tells one rollout of the service from the next.
    """

    service: str
    release: int
    new: Mapping[str, str]
    stable: Mapping[str, str]
    limits: Mapping[str, int]
    spike: MemorySpike

    @property
    def interval(self) -> timedelta:
        """Between two looks."""
        return self.spike.lasting / (LOOKS - 1)


@dataclass(frozen=True, slots=True)
class Weight:
    """What the looks said up to now. `since`, `looks`: of those in a row that said the same; `words`: that it lasted.

    `full`: what served before was as near to its limit, so that this is how the service works.
    """

    since: datetime | None = None
    looks: int = 0
    words: str = ""
    full: bool = False


def weigh(before: Weight, subject: Weighed, used: Mapping[str, int], now: datetime) -> Weight:
    """One look more. `used` are the bytes of each instance that could be weighed."""
    full = before.full or _full(subject, used)
    if not any(id in used for id in subject.new):
        return replace(before, full=full)
    complaint = ("" if full else _against_limit(subject, used)) or _against_stable(subject, used)
    if not complaint:
        return Weight(full=full)
    since, looks = before.since or now, before.looks + 1
    lasts = looks >= LOOKS and now - since >= subject.spike.lasting
    words = f"{complaint} (memory_spike, for {(now - since).total_seconds():.0f} s)" if lasts else ""
    return Weight(since, looks, words, full)


def _full(subject: Weighed, used: Mapping[str, int]) -> bool:
    shares = list(_shares(subject, subject.stable, used).values())
    return bool(shares) and median(shares) >= subject.spike.percent_of_limit


def _shares(subject: Weighed, ids: Iterable[str], used: Mapping[str, int]) -> dict[str, float]:
    """In percent of their limits, of those that have one."""
    return {id: 100 * used[id] / subject.limits[id] for id in ids if id in used and subject.limits.get(id)}


def _against_limit(subject: Weighed, used: Mapping[str, int]) -> str:
    shares, allowed = _shares(subject, subject.new, used), subject.spike.percent_of_limit
    worst = max(shares, key=lambda id: shares[id], default="")
    if not worst or not allowed or shares[worst] < allowed:
        return ""
    limit = _mib(subject.limits[worst])
    return f"{subject.new[worst]} uses {_mib(used[worst])} of the {limit} that it may, {shares[worst]:.0f} %"


def _against_stable(subject: Weighed, used: Mapping[str, int]) -> str:
    new, stable = ([used[id] for id in ids if id in used] for ids in (subject.new, subject.stable))
    if not new or not stable or not subject.spike.ratio_to_stable:
        return ""
    now, before = median(new), median(stable)
    if now <= subject.spike.ratio_to_stable * before or now - before <= FLOOR:
        return ""
    heaviest = subject.new[max((id for id in subject.new if id in used), key=lambda id: used[id])]
    times = f"{now / before:.1f} times the" if before else "against the"
    return f"new instances such as {heaviest} use {_mib(now)}, {times} {_mib(before)} of those that served before"


def _mib(size: float) -> str:
    return f"{size / MIB:.0f} MiB"

"""Guards: what may hold a release back besides its own health, as the operator and each commit say it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from gitopsd.model.units import span_text

DELETION_SHARE = 50  # percent of the slots


@dataclass(frozen=True, slots=True)
class Window:
    """A time that begins whenever the cron expression `opens` matches in `timezone`, and lasts for `duration`.

    `allow`: releases begin in it; else none begins in it.
    """

    opens: str
    duration: timedelta
    timezone: str = "UTC"
    allow: bool = True

    @property
    def words(self) -> str:
        return f"{'allow' if self.allow else 'deny'} {self.opens} for {span_text(self.duration)} in {self.timezone}"


Calendar = tuple[Window, ...]


@dataclass(frozen=True, slots=True)
class ApprovalRule:
    """A person has to approve of exactly what would be released, within `timeout`. `signed`: a tag that does so counts

    only with a signature that the repository's `verify` knows.
    """

    timeout: timedelta = timedelta(hours=24)
    signed: bool = False


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most so many releases begin within an hour (0: as many as there are), and so far apart."""

    releases_per_hour: int = 0
    distance: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Requirement:
    """Another environment that has served, healthy, for so long. `same`: with the very images that are to come."""

    environment: str
    healthy_for: timedelta = timedelta(0)
    same: Literal["digests", ""] = "digests"


@dataclass(frozen=True, slots=True)
class Gate:
    """The approvals among a service's steps, each as the share of the traffic that waits for it, in basis points."""

    service: str
    shares: tuple[int, ...]  # which only grow

    @property
    def words(self) -> str:
        return f"{self.service} at {' and '.join(f'{share / 100:g} %' for share in self.shares)}"


@dataclass(frozen=True, slots=True)
class Guards:
    """All the guards that one voice asks for. Every one of the `calendars` must let a release begin.

    `deletion_share` is the percentage of an environment's slots that may be deleted without a word; None: not said.
    `failures` of releases in a row open the circuit breaker, and so many `launches` that failed within one release turn
    it back, whatever its services would let pass; 0: none do. `timeout` is how long one may take; 0: as it likes.
    `gates` are its approvals on the way.
    """

    calendars: tuple[Calendar, ...] = ()
    approval: ApprovalRule | None = None
    rate_limit: RateLimit = RateLimit()
    deletion_share: int | None = None
    requires: tuple[Requirement, ...] = ()
    failures: int = 0
    launches: int = 0
    timeout: timedelta = timedelta(0)
    gates: tuple[Gate, ...] = ()


NO_GUARDS = Guards()


@dataclass(frozen=True, slots=True)
class Workload:
    """What no container of a manifest may have, by the names of rules; and what is meant where a rule needs to know.

    `enforce`: whether a breach is only told, or keeps the release from beginning. `paths` of the host and `registries`
    are those that are allowed.
    """

    enforce: Literal["warn", "deny"] = "warn"
    rules: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    registries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OperatorPolicy:
    """What the operator of a host asks of every commit. `rollouts`: so many at once on an engine; 0: any number.

    `servers_file` names the other machines that may have to go first; None: nobody but this one is asked.
    """

    guards: Guards = NO_GUARDS
    workload: Workload = Workload()
    rollouts: int = 0
    servers_file: Path | None = None


NO_POLICY = OperatorPolicy()


@dataclass(frozen=True, slots=True)
class Ruling:
    """What was said of one content that waited for a person, and until when that counts.

    `guards` are those that waited then: it opens no other.
    """

    said: Literal["approved", "denied", "expired"]
    by: str
    reason: str
    at: datetime
    until: datetime
    release: int
    guards: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        who = f"{self.said} by {self.by}" if self.by else self.said
        return who + (f": {self.reason}" if self.reason else "")


def outspoken(guards: Guards) -> Guards:
    """What a commit says that is silent of deletions: it means the usual share."""
    return replace(guards, deletion_share=deletable(guards))


def strictest(one: Guards, other: Guards) -> Guards:
    """What holds whenever one of the two would."""
    return Guards(
        calendars=tuple(dict.fromkeys((*one.calendars, *other.calendars))),
        approval=_strictest_approval(one.approval, other.approval),
        rate_limit=RateLimit(
            _least(one.rate_limit.releases_per_hour, other.rate_limit.releases_per_hour),
            max(one.rate_limit.distance, other.rate_limit.distance),
        ),
        deletion_share=_lowest(one.deletion_share, other.deletion_share),
        requires=tuple(dict.fromkeys((*one.requires, *other.requires))),
        failures=_least(one.failures, other.failures),
        launches=_least(one.launches, other.launches),
        timeout=min((each for each in (one.timeout, other.timeout) if each), default=timedelta(0)),
        gates=_strictest_gates(one.gates, other.gates),
    )


def loosened(before: Guards, after: Guards) -> tuple[str, ...]:
    """The guards of which `after` asks for less than `before` did, by the keys that people write."""
    both = strictest(before, after)
    weaker = {
        "windows": set(both.calendars) != set(after.calendars),
        "approval": both.approval != after.approval,
        "rate_limit": both.rate_limit != after.rate_limit,
        "deletion_cap": deletable(before) < deletable(after),
        "requires": set(both.requires) != set(after.requires),
        "circuit_breaker": (both.failures, both.launches) != (after.failures, after.launches),
        "release_timeout": both.timeout != after.timeout,
    }
    steps = (f"approval step of {gate.service}" for gate in both.gates if gate not in after.gates)
    return (*(key for key, less in weaker.items() if less), *steps)


def deletable(guards: Guards) -> int:
    """The percentage of the slots that may be deleted without a word by what a commit says."""
    return DELETION_SHARE if guards.deletion_share is None else guards.deletion_share


def _strictest_approval(one: ApprovalRule | None, other: ApprovalRule | None) -> ApprovalRule | None:
    if one is None or other is None:
        return one or other
    return ApprovalRule(min(one.timeout, other.timeout), one.signed or other.signed)


def _strictest_gates(one: tuple[Gate, ...], other: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """As many approvals as either has, each as early as in either."""
    first, second = ({gate.service: gate.shares for gate in gates} for gates in (one, other))
    both = {
        name: tuple(
            min(share for share in pair if share is not None)
            for pair in zip_longest(first.get(name, ()), second.get(name, ()))
        )
        for name in sorted({*first, *second})
    }
    return tuple(Gate(name, shares) for name, shares in both.items())


def _least(one: int, other: int) -> int:
    """The lower of two limits, of which 0 is none."""
    return min((each for each in (one, other) if each), default=0)


def _lowest(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)

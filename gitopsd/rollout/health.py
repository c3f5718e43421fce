"""From answers to readiness: a start, being ready and failing told apart, and one bad answer from a verdict. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from gitopsd.model.health import Answer, Asked, Checks, Fail, Heard, Readiness, Unknown


def heard(before: Heard | None, asked: Asked, answers: Sequence[Answer], now: datetime) -> Heard:
    """One round more. It failed if any check did; where one could not be asked, the round says nothing."""
    known = before if before is not None and before.started_at == asked.started_at else Heard(asked.started_at)
    failures = [answer.reason for answer in answers if isinstance(answer, Fail)]
    unknown = [answer.reason for answer in answers if isinstance(answer, Unknown)]
    if failures:
        counts = now >= asked.counts_from
        return replace(known, passes=0, failures=known.failures + counts, said="; ".join(failures), trouble=False)
    if unknown or not answers:
        return replace(known, said="; ".join(unknown), trouble=True)
    return Heard(asked.started_at, passes=known.passes + 1)


def telling(before: Heard | None, after: Heard, checks: Checks) -> bool:
    """Whether a round may change how its instance stands."""
    return before is None or _signs(before, checks) != _signs(after, checks)


def _signs(found: Heard, checks: Checks) -> tuple[object, ...]:
    ready, failed = found.passes >= checks.success_threshold, found.failures >= checks.failure_threshold
    return (found.started_at, found.passes > 0, ready, failed, found.trouble)


def readiness_of(
    known: Readiness | None, found: Heard | None, started_at: datetime | None, checks: Checks, now: datetime
) -> Readiness:
    """How an instance stands now. An answer that is missing changes nothing: it is never a good one."""
    if known is None or known.started_at != started_at:
        known = Readiness(started_at, "starting", now, now + checks.deadline)
    if found is None or found.started_at != started_at:
        return replace(known, sure=False)
    known = replace(known, said=found.said, trouble=found.trouble)
    failed = found.failures >= checks.failure_threshold
    if found.passes >= checks.success_threshold:
        return _entered(replace(known, proven=True, sure=True), "ready", now)
    if failed and (known.proven or checks.start_period):
        return _entered(replace(known, sure=True), "unhealthy", now)
    if known.state == "starting" and not found.trouble and known.until is not None and now >= known.until:
        return _entered(replace(known, sure=True), "unhealthy", now)
    borne_out = {"ready": found.passes > 0, "unhealthy": found.failures > 0}.get(known.state, False)
    return replace(known, sure=borne_out and not found.trouble)


def _entered(known: Readiness, state: Literal["ready", "unhealthy"], now: datetime) -> Readiness:
    if known.state == state:
        return known
    return replace(known, state=state, since=now)

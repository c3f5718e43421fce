"""What a look at all environments means to a script: exit codes 1, 3, 2, 0, in this precedence."""

from collections.abc import Iterable

from gitopsd.model.status import EnvironmentStatus

FINE, ERROR, WAITS, DEGRADED = 0, 1, 2, 3
BROKEN = frozenset(["manifest", "source", "claim", "project", "owner"])
NEEDS_A_PERSON = frozenset(
    [
        *("host", "manual", "suspended", "variables", "secrets", "approval", "window", "foreign", "disk"),
        *("pull_policy", "paused", "pin", "restart-storm", "router", "deletion", "circuit-breaker", "rate-limit"),
        *("requires", "concurrency", "policy", "signature"),
    ]
)


def exit_code(statuses: Iterable[EnvironmentStatus], names: Iterable[str], *, failed: bool = False) -> int:
    """1: something could not be loaded or reached. 3: degraded, rejected or rolled back. 2: a person is needed."""
    known = set(names)
    codes = {_code(status) for status in statuses if status.name in known}
    if failed or ERROR in codes:
        return ERROR
    return next((code for code in (DEGRADED, WAITS) if code in codes), FINE)


def _code(status: EnvironmentStatus) -> int:
    guards = {hold.guard for hold in status.holds}
    if guards & BROKEN or (status.sync == "Unknown" and "orphaned" not in guards):
        return ERROR
    never_begun = status.health == "Missing" and status.serving_release is None and guards & NEEDS_A_PERSON
    if (status.health in ("Degraded", "Missing") and not never_begun) or "rejected" in guards:
        return DEGRADED
    return WAITS if guards & NEEDS_A_PERSON and status.sync != "Synced" else FINE

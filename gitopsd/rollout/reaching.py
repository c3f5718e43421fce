"""Whether newer content answers through the router, before any of the traffic goes to it, and has its caches filled.

What served before need not show that again: on a way back nothing is waited for.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from gitopsd.model.health import Checks
from gitopsd.model.rollout import Progressing, Rollout
from gitopsd.model.visits import Visits
from gitopsd.rollout.member import Member
from gitopsd.rollout.traffic import InRouter

UNASKED_TIMEOUT = timedelta(seconds=5)  # where no health check says how long an answer may take


def is_asked(rollout: Rollout) -> bool:
    """Whether its new instances have to answer through the router before they count."""
    stable, target = rollout.stable, rollout.target
    if rollout.kind != "change" or not target.routed or not target.replicas:
        return False
    return isinstance(rollout.phase, Progressing) and (stable is None or stable.fingerprint != target.fingerprint)


def reached(rollout: Rollout) -> bool:
    """Whether a share may go to its new instances."""
    return not is_asked(rollout) or rollout.shift.reached is not None


def noted(rollout: Rollout, router: InRouter, visits: Visits, now: datetime) -> Rollout:
    """The rollout once its new instances are known to answer through the router, and are warm."""
    if reached(rollout) or router.routed is None or not visits.reached:
        return rollout
    if rollout.policy.pre_warm is not None and visits.warmed is None:
        return rollout
    warmed = visits.warmed if rollout.policy.pre_warm is not None else None
    return replace(rollout, shift=replace(rollout.shift, reached=now, warmed=warmed))


def unreached(rollout: Rollout, visits: Visits) -> str:
    """What speaks against new instances that do not answer through the router, in words; "" for nothing."""
    checks = rollout.policy.health
    if reached(rollout) or visits.reached or visits.failures < checks.failure_threshold:
        return ""
    mend = "" if checks.http else "; write health: {http: {path: ...}} if another page tells better whether it works"
    return f"it does not answer through the router: {visits.said}, {visits.failures} times in a row{mend}"


def admitted(rollout: Rollout, members: tuple[Member, ...], router: InRouter) -> Mapping[str, datetime]:
    """Who answers through the router and takes its full part; of new ones nobody, before one has shown that."""
    if reached(rollout):
        return router.admitted()
    new = {each.id for each in members if each.placed.fingerprint == rollout.target.fingerprint}
    return {id: since for id, since in router.admitted().items() if id not in new}


def patience(checks: Checks) -> timedelta:
    """How long an answer through the router may take."""
    return checks.timeout if checks.http else max(checks.timeout, UNASKED_TIMEOUT)

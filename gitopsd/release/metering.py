"""What is measured of rollouts beside the passes: what instances take, and what queries give for the two sides."""

from collections.abc import Mapping
from dataclasses import dataclass

from gitopsd.model.analysis import Metric, Source
from gitopsd.model.live import LiveState
from gitopsd.model.release import Journal
from gitopsd.model.rollout import Rollout, Target
from gitopsd.release.inventory import members_of
from gitopsd.rollout import Member
from gitopsd.rollout.shifting import gradual
from gitopsd.rollout.traffic import InRouter
from gitopsd.rollout.watching import watches


@dataclass(frozen=True, slots=True)
class Metered:
    """A service that is measured. `metrics` are those whose sources are asked beside the passes.

    `instances` are the ids of both sides that run, `beside` is a new one, beside which jobs run ("": none runs).
    `canary` and `stable` are what the variables of a query stand for on each side. `release` tells one rollout of the
    service from the next.
    """

    service: str
    release: int
    metrics: tuple[Metric, ...]
    instances: tuple[str, ...]
    canary: Mapping[str, str]
    stable: Mapping[str, str]
    beside: str = ""


def to_measure(journal: Journal, live: LiveState) -> Mapping[str, Metered]:
    """By service. Nobody is measured before the new instances are in the router."""
    return _measured(journal, members_of(journal, live), frozenset(("engine", "prometheus", "http", "job")))


def to_ask(journal: Journal, members: Mapping[str, tuple[Member, ...]]) -> Mapping[str, Metered]:
    """The same where instances are out of reach: only queries are asked."""
    return _measured(journal, members, frozenset(("prometheus", "http")))


def _measured(
    journal: Journal, members: Mapping[str, tuple[Member, ...]], sources: frozenset[Source]
) -> Mapping[str, Metered]:
    found = (_metered(journal, each, members.get(each.service, ()), sources) for each in journal.rollouts.values())
    return {each.service: each for each in found if each is not None}


def _metered(
    journal: Journal, rollout: Rollout, members: tuple[Member, ...], sources: frozenset[Source]
) -> Metered | None:
    metrics = tuple(each for each in rollout.policy.analysis.metrics if each.source in sources)
    if not metrics or rollout.stable is None or not gradual(rollout) or not watches(rollout):
        return None
    router = InRouter(journal.routes.get(rollout.service))
    new, old = (_of(goal, members) for goal in (rollout.target, rollout.stable))
    slot = router.slot_of(new)
    if slot is None:
        return None
    running = tuple(each.id for each in (*new, *old) if each.instance.state == "running")
    common = {"environment": journal.environment, "service": rollout.service}
    canary = {**common, "fingerprint": rollout.target.fingerprint, "slot": slot}
    stable = {**common, "fingerprint": rollout.stable.fingerprint, "slot": "a" if slot == "b" else "b"}
    beside = next((each.id for each in new if each.instance.state == "running"), "")
    return Metered(rollout.service, rollout.release, metrics, running, canary, stable, beside)


def _of(goal: Target, members: tuple[Member, ...]) -> tuple[Member, ...]:
    return tuple(each for each in members if each.placed.fingerprint == goal.fingerprint)

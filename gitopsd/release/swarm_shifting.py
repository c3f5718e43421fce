"""A canary on a swarm: the same steps and the same judge as on one engine, and services that are told as the only acts.

    let in          the canary's service gets as many tasks, and its share, as the steps say
    everything      all of the requests go to it, for `scale_down_delay`; what served before is untouched
    home            the serving service is told the same content; Swarm updates it, and everything comes back to it

The way home is read off the services, so it is no state of its own; a way back begins and ends with it.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from gitopsd.drift.swarm_ends import failures
from gitopsd.engine_json.swarm_spec import SPEC
from gitopsd.model.analysis import Measures, Usage
from gitopsd.model.rollout import Paused, Rollout, Target
from gitopsd.model.swarm import SendService, SwarmService, SwarmSpec, SwarmTask
from gitopsd.release.swarm_routing import Pair
from gitopsd.rollout.reaching import noted, unreached
from gitopsd.rollout.shifting import has_all, let_in, steps_of
from gitopsd.rollout.slots import Said
from gitopsd.rollout.watching import against, doubt, watched


class Make(Protocol):
    """What a service is told to come to a target. GitopsdError: its specification is no longer at hand."""

    def __call__(self, service: str, target: Target, *, canary: bool = False) -> SwarmSpec: ...


@dataclass(frozen=True, slots=True)
class Shifted:
    """The next rollout, what a service is told now, and what speaks against the target, in words."""

    rollout: Rollout
    told: SendService | None = None
    against: str = ""


def shifted(rollout: Rollout, pair: Pair, make: Make, now: datetime) -> Shifted:
    """One turn while the canary is let in. What serves is told again if it is gone: most requests are still its."""
    if pair.serving is None and rollout.stable is not None and rollout.stable.fingerprint:
        lost = _told(rollout, rollout.stable, None, make)
        if lost is not None:
            lost = replace(lost, cause=f"told again: {lost.spec.name} is gone", occasion="again")
        return Shifted(rollout, lost)
    rollout = patient(_noted(rollout, pair, now), pair, now)
    said = Said(router=pair.router, measures=_measured(rollout, pair, now), visits=pair.visits)
    rollout = watched(rollout, pair.members, said, now)
    if bad := against(rollout) or _failing(rollout, pair) or unreached(rollout, pair.visits):
        return Shifted(rollout, against=bad)
    if rollout.paused is not None:
        return Shifted(rollout)
    rollout, _ = let_in(rollout, pair.members, pair.router, now)
    if asks := doubt(rollout):
        return Shifted(replace(rollout, paused=Paused("the judge", now, asks)))
    if _has_everything(rollout, pair):
        return _promoted(rollout, pair, make, now)
    late = f"no progress for {rollout.policy.progress_deadline.total_seconds():g} s{_pending(pair.canary)}"
    return Shifted(rollout, _sent(rollout, pair.canary, make), late if now >= rollout.deadline else "")


def settled(rollout: Rollout, pair: Pair, make: Make, now: datetime) -> Shifted:
    """One turn while the canary is still that of an earlier rollout: first what serves has everything again."""
    rollout = patient(rollout, pair, now)
    late = f"no progress for {rollout.policy.progress_deadline.total_seconds():g} s"
    told = _told(rollout, rollout.stable, pair.serving, make) if rollout.stable is not None else None
    return Shifted(rollout, told, late if now >= rollout.deadline else "")


def awaited(rollout: Rollout, goal: Target | None, pair: Pair) -> str:
    """What an end still waits for, in words, when the serving service has come to its goal; "" for nothing."""
    if pair.canary is not None:
        return f"{pair.canary.name} has not drained"
    if goal is None or not goal.routed or not goal.replicas or goal == rollout.stable:
        return ""
    unready = [each.instance.name for each in pair.members if not pair.router.seen.ready(each.id)]
    return f"{', '.join(unready)} does not answer in every router" if unready else ""


def patient(rollout: Rollout, pair: Pair, now: datetime) -> Rollout:
    """That a router does not answer, or not yet as it is told, is no fault of what it is to lead to."""
    waits = pair.router.routed is not None and not pair.router.seen.agreed
    return replace(rollout, deadline=now + rollout.policy.progress_deadline) if waits else rollout


def _noted(rollout: Rollout, pair: Pair, now: datetime) -> Rollout:
    """A share may go to its tasks once they answer in every router, and to gitopsd's own requests."""
    return noted(rollout, pair.router, pair.visits, now) if pair.ready("b") else rollout


def _measured(rollout: Rollout, pair: Pair, now: datetime) -> Measures:
    """What queries gave, and how often tasks of the canary failed: what follows one in its slot is another task. Those
    of a slot where none runs now are told with another's, as they count together.
    """
    own = [each for each in pair.members if each.placed.fingerprint == rollout.target.fingerprint]
    failed = Counter(each.slot for each in _failed(rollout, pair))
    counted = {each.id: failed.pop(each.placed.slot, 0) for each in own}
    if own:
        counted[own[0].id] += failed.total()
    return replace(pair.measures, looked_at=now, used={id: Usage(restarts=each) for id, each in counted.items()})


def _failed(rollout: Rollout, pair: Pair) -> list[SwarmTask]:
    """The canary's tasks that failed since the rollout began, as far back as managers remember."""
    tasks = pair.canary.tasks if pair.canary is not None else ()
    own = [each for each in tasks if each.fingerprint == rollout.target.fingerprint]
    return [each for each in failures(own, pair.nodes) if each.at >= rollout.started_at]


def _failing(rollout: Rollout, pair: Pair) -> str:
    lately = _failed(rollout, pair)
    if len(lately) < rollout.policy.crash_loop.restarts:
        return ""
    return f"{len(lately)} of its tasks failed: {lately[-1].why or lately[-1].state}"


def _has_everything(rollout: Rollout, pair: Pair) -> bool:
    done = rollout.shift.step >= len(steps_of(rollout.policy))
    there = pair.ready("b") >= rollout.target.replicas
    return done and there and has_all(rollout, pair.members, pair.router)


def _promoted(rollout: Rollout, pair: Pair, make: Make, now: datetime) -> Shifted:
    """Once it has had everything for long enough, the serving service is told the same content."""
    rollout = replace(rollout, deadline=now + rollout.policy.progress_deadline)
    if rollout.shift.since is not None and now < rollout.shift.since + rollout.policy.scale_down_delay:
        return Shifted(rollout)
    return Shifted(rollout, _told(rollout, rollout.target, pair.serving, make))


def _sent(rollout: Rollout, canary: SwarmService | None, make: Make) -> SendService | None:
    """What the canary's service is told, where it is not so already."""
    scale = rollout.shift.scale
    if not scale:
        return None
    return _told(rollout, replace(rollout.target, replicas=scale), canary, make, canary=True)


def _told(
    rollout: Rollout, goal: Target, service: SwarmService | None, make: Make, *, canary: bool = False
) -> SendService | None:
    """What a service is told, where it is not so already."""
    spec = make(rollout.service, goal, canary=canary)
    if service is not None and service.labels.get(SPEC) == spec.digest:
        return None
    id, version = (service.id, service.version) if service is not None else ("", 0)
    return SendService(rollout.service, goal, spec, rollout.cause, id, version)


def _pending(canary: SwarmService | None) -> str:
    why = next((each.why for each in reversed(canary.tasks) if each.why), "") if canary is not None else ""
    return f": {why}" if why else ""

"""How newer content is let in step by step: what share it is to have, how many instances, and when the next step comes.

Blue-green is the same walk: all instances at no share, its stops, then everything. A service that is new, that returns
or that goes back to what serves takes no steps.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from gitopsd.model.analysis import Pass
from gitopsd.model.desired import Policy
from gitopsd.model.rollout import Finalising, Progressing, Rollout, Shift
from gitopsd.model.route import ALL
from gitopsd.model.strategy import Analyse, Approve, HeaderRoute, Pause, SetCanaryScale, SetWeight, Step, default_steps
from gitopsd.rollout.member import Member
from gitopsd.rollout.reaching import admitted
from gitopsd.rollout.traffic import InRouter


@dataclass(frozen=True, slots=True)
class Shifted:
    """Where the walk stands. `wake_at`: when the passing of time alone ends the present step."""

    shift: Shift
    wake_at: datetime | None = None


def gradual(rollout: Rollout) -> bool:
    """Whether newer content stands beside all of what serves until the last step is done."""
    stable, target = rollout.stable, rollout.target
    if stable is None or rollout.kind != "change" or not (target.routed and stable.routed):
        return False
    return rollout.policy.strategy in ("canary", "blue-green") and stable.fingerprint != target.fingerprint


def steps_of(policy: Policy) -> tuple[Step, ...]:
    """The steps before all the traffic goes to newer content."""
    if policy.strategy == "blue-green":
        return (SetCanaryScale(percent=100), *policy.steps)
    return policy.steps or default_steps(analysed=bool(policy.analysis.metrics))


def shifted(rollout: Rollout, new: tuple[Member, ...], router: InRouter, now: datetime) -> Shifted:
    """Past every step whose conditions are met. `new` are the target's instances that answer through the router."""
    shift, steps, replicas = rollout.shift, steps_of(rollout.policy), rollout.target.replicas
    while shift.step < len(steps):
        step = steps[shift.step]
        shift = _entered(shift, step, replicas, now)
        ends = _ends(step, shift, len(new), _share(new, router), replicas, _passed(rollout, shift))
        if ends is None or now < ends:
            return Shifted(shift, ends)
        shift = replace(shift, step=shift.step + 1, since=None, promoted=False)
    return Shifted(replace(shift, share=ALL, scale=replicas, since=shift.since or now))


def let_in(
    rollout: Rollout, members: tuple[Member, ...], router: InRouter, now: datetime
) -> tuple[Rollout, datetime | None]:
    """The rollout past the steps that are done, and when time ends the present one. A step done is progress."""
    if not gradual(rollout):
        return rollout, None
    in_use = admitted(rollout, members, router)
    new = tuple(each for each in _of_target(rollout, members) if each.id in in_use)
    after = shifted(rollout, new, router, now)
    moved = replace(rollout, shift=after.shift)
    if after.shift.step == rollout.shift.step and not waits(moved):
        return moved, after.wake_at
    return replace(moved, deadline=now + rollout.policy.progress_deadline), after.wake_at


def has_all(rollout: Rollout, members: tuple[Member, ...], router: InRouter) -> bool:
    """All of the traffic goes to the target, where a router decides about that."""
    return not rollout.target.routed or not rollout.target.replicas or router.full(_of_target(rollout, members))


def _of_target(rollout: Rollout, members: tuple[Member, ...]) -> tuple[Member, ...]:
    return tuple(each for each in members if each.placed.fingerprint == rollout.target.fingerprint)


def _entered(shift: Shift, step: Step, replicas: int, now: datetime) -> Shift:
    """The step's own wishes. What is there already stays: nothing is let in and turned away again on the way."""
    shift = replace(shift, since=shift.since or now)
    match step:
        case SetWeight(share=share):
            return replace(shift, share=share, scale=max(shift.scale, _instances(share, replicas)))
        case SetCanaryScale():
            return replace(shift, scale=max(shift.scale, _scale(step, shift, replicas)))
        case HeaderRoute():
            return replace(shift, header=step if step.name else None)
        case _:
            return shift


def _scale(step: SetCanaryScale, shift: Shift, replicas: int) -> int:
    if step.replicas is not None:
        return min(step.replicas, replicas)
    share = step.percent * 100 if step.percent is not None else shift.share
    return _instances(share, replicas)


def _instances(share: int, replicas: int) -> int:
    """So many are needed for a share, as stable ones would be: rounded up."""
    return min(replicas, -(-share * replicas // ALL))


def _ends(step: Step, shift: Shift, ready: int, share: int, replicas: int, passed: bool) -> datetime | None:
    """When the step is over; None: not by the passing of time."""
    since = shift.since
    match step:
        case SetWeight(share=asked):
            return since if ready >= _instances(asked, replicas) and share >= asked else None
        case SetCanaryScale():
            return since if ready >= _scale(step, shift, replicas) else None
        case Pause(duration=duration) if duration is not None and since is not None and not shift.promoted:
            return since + duration
        case Pause() | Analyse() | Approve() if shift.promoted:
            return since
        case HeaderRoute():
            return since
        case Analyse(duration=duration) if passed and since is not None:
            return since + duration
        case _:
            return None


def _passed(rollout: Rollout, shift: Shift) -> bool:
    """The judge's last word, in this step, is for it."""
    return isinstance(rollout.judged.verdict, Pass) and rollout.judged.step == shift.step


def _share(new: tuple[Member, ...], router: InRouter) -> int:
    """What the new ones have of the traffic, as the router was read back; 0 while it has not done all it was told."""
    slot, route = router.slot_of(new), router.seen.route
    if slot is None or route is None or not router.seen.agreed:
        return 0
    return route.share if slot == "b" else ALL - route.share


def waits(rollout: Rollout) -> bool:
    """It stands at a pause or is judged: no progress is expected of it, and so none is missed."""
    if not gradual(rollout) or not isinstance(rollout.phase, Progressing):
        return False
    steps = steps_of(rollout.policy)
    return rollout.shift.step < len(steps) and isinstance(steps[rollout.shift.step], Pause | Analyse | Approve)


def at_approval(rollout: Rollout) -> bool:
    """It waits for a person to approve of it, and nobody has yet."""
    shift = rollout.shift
    return waits(rollout) and isinstance(steps_of(rollout.policy)[shift.step], Approve) and not shift.promoted


def waits_for_a_person(rollout: Rollout) -> bool:
    """It stands where only somebody's word lets it go on: an approval, or a pause without an end."""
    return at_approval(rollout) or (waits(rollout) and pause_ends(rollout) is None and not rollout.shift.promoted)


def pause_ends(rollout: Rollout) -> datetime | None:
    """When the time of the pause or analysis at which it stands is over."""
    steps, shift = steps_of(rollout.policy), rollout.shift
    if not waits(rollout) or shift.since is None:
        return None
    step = steps[shift.step]
    duration = step.duration if isinstance(step, Pause | Analyse) else None
    return shift.since + duration if duration is not None else None


def warm_until(rollout: Rollout) -> datetime | None:
    """Until when the old ones stay, ready to take everything back, after all the traffic has left them."""
    if not gradual(rollout) or not isinstance(rollout.phase, Finalising) or rollout.shift.since is None:
        return None
    return rollout.shift.since + rollout.policy.scale_down_delay


def watch_of(rollout: Rollout) -> tuple[str, timedelta]:
    """How long a failure turns it back once it serves, and by which key: as long as the old ones stay for that, too."""
    policy = rollout.policy
    if gradual(rollout) and policy.scale_down_delay > policy.monitor:
        return "scale_down_delay", policy.scale_down_delay
    return "monitor", policy.monitor


def words(rollout: Rollout) -> str:
    """The present step as people read it."""
    steps, shift = steps_of(rollout.policy), rollout.shift
    if shift.step >= len(steps):
        return "all of the traffic"
    return f"step {shift.step + 1} of {len(steps)}: {_told(steps[shift.step])}"


def _told(step: Step) -> str:
    match step:
        case SetWeight(share=share):
            return f"set_weight {share / 100:g} %"
        case Pause(duration=duration):
            return f"pause {duration.total_seconds():g} s" if duration is not None else "pause until promoted"
        case Analyse(duration=duration):
            return f"analysis {duration.total_seconds():g} s"
        case SetCanaryScale():
            return "set_canary_scale"
        case Approve():
            return "approval, until approved"
        case _:
            return type(step).__name__

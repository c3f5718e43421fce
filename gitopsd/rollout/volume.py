"""Whether the steps of a rollout will see enough requests to be judged by, as far as the traffic up to now tells."""

from gitopsd.model.desired import Policy
from gitopsd.model.rollout import Progressing, Rollout
from gitopsd.model.strategy import Analyse, SetWeight
from gitopsd.rollout.judge import needed
from gitopsd.rollout.shifting import gradual, steps_of

LONG_ENOUGH_S = 10.0  # to tell how many requests there are


def too_few(rollout: Rollout) -> str:
    """Of the first analysis that will not: what is missing and would help; "" where nothing is, or nobody knows."""
    rate = rate_of(rollout)
    if rate is None or not gradual(rollout) or not isinstance(rollout.phase, Progressing):
        return ""
    return too_quiet(rollout.policy, rate, rollout.shift.step)


def too_quiet(policy: Policy, rate: float, done: int = 0) -> str:
    """The same where so many requests come in a second, for the steps that follow those that are done."""
    share, steps = 0, steps_of(policy)
    for number, step in enumerate(steps, start=1):
        if isinstance(step, SetWeight):
            share = step.share
        if not isinstance(step, Analyse) or number <= done:
            continue
        if missing := needed(policy.analysis, rate, share, step.duration):
            return f"step {number} of {len(steps)} will see too little traffic to be judged: {missing}"
    return ""


def rate_of(rollout: Rollout) -> float | None:
    """All requests of users in a second, both sides together, since the rollout began; None: nobody knows."""
    found = []
    for judged in (rollout.judged, rollout.guarded):
        tracks = [track for name, track in judged.tracks.items() if name == "error-rate" or name.startswith("latency")]
        if tracks and judged.seconds >= LONG_ENOUGH_S:
            found.append(max(each.canary.requests + each.stable.requests for each in tracks) / judged.seconds)
    return round(max(found), 1) if found else None

"""Whether the steps of a rollout will see enough requests to be judged by, as far as the traffic up to now tells."""

from gitopsd.model.rollout import Progressing, Rollout
from gitopsd.model.strategy import Analyse, SetWeight
from gitopsd.rollout.judge import needed
from gitopsd.rollout.shifting import gradual, steps_of

LONG_ENOUGH_S = 10.0  # to tell how many requests there are


def too_few(rollout: Rollout) -> str:
    """Of the first analysis that will not: what is missing and would help; "" where nothing is, or nobody knows."""
    rate = _rate(rollout)
    if rate is None or not gradual(rollout) or not isinstance(rollout.phase, Progressing):
        return ""
    share, steps = 0, steps_of(rollout.policy)
    for number, step in enumerate(steps, start=1):
        if isinstance(step, SetWeight):
            share = step.share
        if not isinstance(step, Analyse) or number <= rollout.shift.step:
            continue
        if missing := needed(rollout.policy.analysis.metrics, rate, share, step.duration):
            return f"step {number} of {len(steps)} will see too little traffic to be judged: {missing}"
    return ""


def _rate(rollout: Rollout) -> float | None:
    """All requests in a second, both sides together, since the rollout began."""
    judged = rollout.judged
    counted = [judged.tracks[each.name] for each in rollout.policy.analysis.metrics
               if each.nature.rule == "requests" and each.name in judged.tracks]  # fmt: skip
    if not counted or judged.seconds < LONG_ENOUGH_S:
        return None
    most = max(track.canary.requests + track.stable.requests for track in counted)
    return round(most / judged.seconds, 1)

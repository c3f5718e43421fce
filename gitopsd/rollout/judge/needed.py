"""Whether a step will see enough requests to be judged at all, told before it begins."""

import math
from datetime import timedelta

from gitopsd.model.analysis import Analysis
from gitopsd.model.route import ALL


def needed(analysis: Analysis, expected_rps: float, share: int, duration: timedelta) -> str:
    """What is missing and what would help, "" where nothing is. `share` is the canary's, in basis points."""
    own = analysis.synthetic
    rules = ("requests",) if own is not None else ("requests", "volume")  # which the synthetic ones are no part of
    counting = [metric for metric in analysis.metrics if metric.nature.rule in rules]
    if not counting or not (share or own):
        return ""
    wanting = max(counting, key=lambda metric: metric.min_samples)
    rate = max(0.0, expected_rps) * share / ALL + (own.rate if own is not None else 0.0)
    expected, wanted = int(rate * duration.total_seconds()), wanting.min_samples
    if expected >= wanted:
        return ""
    longer = f"make the step at least {_round(wanted / rate)} long" if rate else "send it requests"
    come = f"{share / 100:g} % of {expected_rps:g} requests/s" + (f" and {own.rate:g} synthetic/s" if own else "")
    more = "raise the rate of synthetic" if own is not None else "write analysis.synthetic"
    sees = f"{come} for {_round(duration.total_seconds())} are {expected} on the canary"
    return f"{sees}, and {wanting.name} needs {wanted}: {longer}, {more}, or write a smaller min_samples"


def _round(seconds: float) -> str:
    """Up to whole seconds."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes and rest else f"{minutes}m" if minutes else f"{rest}s"

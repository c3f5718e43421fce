"""Whether a step will see enough requests to be judged at all, told before it begins."""

import math
from collections.abc import Sequence
from datetime import timedelta

from gitopsd.model.analysis import Metric
from gitopsd.model.route import ALL


def needed(metrics: Sequence[Metric], expected_rps: float, share: int, duration: timedelta) -> str:
    """What is missing and what would help, "" where nothing is. `share` is the canary's, in basis points."""
    counting = [metric for metric in metrics if metric.nature.rule in ("requests", "volume")]
    if not counting or not share:
        return ""
    wanting = max(counting, key=lambda metric: metric.min_samples)
    rate = max(0.0, expected_rps) * share / ALL
    expected, wanted = int(rate * duration.total_seconds()), wanting.min_samples
    if expected >= wanted:
        return ""
    longer = f"make the step at least {_round(wanted / rate)} long" if rate else "send it requests"
    return (
        f"{share / 100:g} % of {expected_rps:g} requests/s for {_round(duration.total_seconds())} are {expected} on "
        f"the canary, and {wanting.name} needs {wanted}: {longer}, or write a smaller min_samples"
    )


def _round(seconds: float) -> str:
    """Up to whole seconds."""
    minutes, rest = divmod(math.ceil(seconds), 60)
    return f"{minutes}m{rest}s" if minutes and rest else f"{minutes}m" if minutes else f"{rest}s"

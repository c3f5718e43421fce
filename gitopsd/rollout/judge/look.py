"""What a rule of the judge is given at one look, and how much of the risk of a false alarm is its own."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gitopsd.model.analysis import Interval, Metric, Track
from gitopsd.model.route import ALL

ALPHA = 0.01  # of all rollouts whose canary is as good as stable, those that may be turned back
GROWTH, MOST_BETWEEN = 0.1, 100  # requests from one test of a bound to the next: few tests leave more risk to each


@dataclass(frozen=True, slots=True)
class Look:
    """`seconds` are all of the rollout's with this interval. `alpha`: the risk of each test."""

    interval: Interval
    seconds: float
    alpha: float

    @property
    def compared(self) -> bool:
        """Whether there is a stable side to compare with: not once the canary has all of the traffic."""
        return self.interval.share < ALL


def risk(metrics: Sequence[Metric]) -> float:
    """The risk of each of the tests that these metrics make, so that all together have the agreed one."""
    return ALPHA / max(1, sum(map(_tests, metrics)))


def tested(track: Track, requests: int) -> Track | None:
    """The track with one more test of a bound, where enough requests have come since the last one; None: not yet.

    When to test must follow from the number of requests alone, never from how they went.
    """
    if requests < track.tested + max(1, min(track.tested * GROWTH, MOST_BETWEEN)):
        return None
    return replace(track, tests=track.tests + 1, tested=requests)


def spent(alpha: float, tests: int) -> float:
    """The part of a risk that may be taken at the test of this number: all are alpha together, however many follow."""
    return alpha / (tests * (tests + 1))


def _tests(metric: Metric) -> int:
    bounds = sum(bound is not None for bound in (metric.max, metric.max_ratio, metric.min_ratio))
    match metric.nature.rule:
        case "requests":
            always_compared = metric.max_ratio is None  # by the regression test
            return bounds + always_compared
        case "volume":
            return bounds
        case _:
            return 0

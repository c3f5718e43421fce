"""The judge of rollouts: `judge` weighs one more interval, `explain` says a verdict, `figures` the values behind it,
and `needed` tells beforehand that there will be too little traffic. `at_path`, `prometheus_reading` and `reading_of`
read what sources answer. Pure.
"""

from gitopsd.rollout.judge.figures import Figure, figures
from gitopsd.rollout.judge.judging import explain, judge
from gitopsd.rollout.judge.needed import needed
from gitopsd.rollout.judge.readings import at_path, prometheus_reading, reading_of

__all__ = ["Figure", "at_path", "explain", "figures", "judge", "needed", "prometheus_reading", "reading_of"]

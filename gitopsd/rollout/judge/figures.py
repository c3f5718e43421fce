"""What the judge has in hand for each metric of a step: the values of both sides, what is allowed, and its verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gitopsd.model.analysis import BOUNDS, NAMES, Accumulator, Fail, Inconclusive, Metric, Pass, Verdict
from gitopsd.model.canonical import Json
from gitopsd.rollout.judge.judging import explain
from gitopsd.rollout.judge.words import amount, percent, time


@dataclass(frozen=True, slots=True)
class Figure:
    """`new` and `old` are in the metric's unit; None: not known. `sentence` says the verdict with its numbers."""

    metric: Metric
    new: float | None
    old: float | None
    verdict: str
    sentence: str

    @property
    def allowed(self) -> str:
        """What it is held to, in the words of the manifest: `max 1 %, max_ratio 3`; "" where nothing is written."""
        metric = self.metric
        said = (
            f"min {self.shown(metric.min)}" if metric.min is not None else "",
            f"max {self.limit(metric.max)}" if metric.max is not None else "",
            f"min_ratio {metric.min_ratio:g}" if metric.min_ratio is not None else "",
            f"max_ratio {metric.max_ratio:g}" if metric.max_ratio is not None else "",
        )
        return ", ".join(filter(None, said))

    def limit(self, value: float) -> str:
        """A bound of CPU and memory is a share of their limit."""
        return percent(value) if self.metric.name in ("cpu", "memory") else self.shown(value)

    def shown(self, value: float | None) -> str:
        """A value of it as people read it."""
        if value is None:
            return "?"
        match self.metric.nature.unit:
            case "share of requests":
                return percent(value)
            case "seconds":
                return time(value)
            case "bytes":
                return amount(value)
            case "cores":
                return f"{value:.2f} cores"
            case _:
                return f"{value:.4g}"

    def plain(self) -> Mapping[str, Json]:
        """As the ledger keeps it."""
        unit = self.metric.nature.unit if self.metric.name in NAMES else None
        return {
            "name": self.metric.name,
            "source": self.metric.source,
            "unit": unit,
            "new": self.new,
            "old": self.old,
            **{bound: getattr(self.metric, bound) for bound in BOUNDS},
            "allowed": self.allowed,
            "verdict": self.verdict,
            "reason": self.sentence,
        }


def figures(metrics: Sequence[Metric], judged: Accumulator) -> tuple[Figure, ...]:
    """Of all that were measured in the present step, in their order."""
    there = ((metric, judged.tracks[metric.name]) for metric in metrics if metric.name in judged.tracks)
    return tuple(
        Figure(metric, track.here, track.there, _word(track.verdict), explain(track.verdict) if track.verdict else "")
        for metric, track in there
    )


def _word(verdict: Verdict | None) -> str:
    match verdict:
        case Pass():
            return "pass"
        case Fail():
            return "fail"
        case Inconclusive() | None:
            return "inconclusive"

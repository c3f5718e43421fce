"""What was measured over a rollout as drawings: both sides of a metric, what is allowed, and the share behind them."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT = 600, 120
ROOM = 1.15  # above the highest value, so that no line runs along the edge
SHORTEST_S = 0.01

Point = Mapping[str, Any]  # as the API has it, below `trace`
Figure = Mapping[str, Any]  # below `metrics`
Side = Callable[[Mapping[str, Any]], float | None]


@dataclass(frozen=True, slots=True)
class Row:
    """One stretch of time in words."""

    share: str
    new: str
    old: str


@dataclass(frozen=True, slots=True)
class Chart:
    """One metric in a box of WIDTH by HEIGHT. Lines are points of polylines, more than one where there are gaps.

    `verdict` is the word on the new side, `allowed` what it is held to.
    """

    name: str
    new: tuple[str, ...]
    old: tuple[str, ...]
    limit: tuple[str, ...]
    share: str
    top: str
    verdict: str
    allowed: str
    rows: tuple[Row, ...]

    @property
    def words(self) -> str:
        """What the picture shows, for who does not see it."""
        last = self.rows[-1]
        held = f"; {self.allowed}" if self.allowed else ""
        verdict = f": {self.verdict}" if self.verdict else ""
        return f"{self.name}: new {last.new}, old {last.old} at a share of {last.share}{held}{verdict}"


def charts(trace: Sequence[Point], figures: Iterable[Figure]) -> tuple[Chart, ...]:
    """Errors and times, as far as they were measured."""
    by_name = {str(each["name"]): each for each in figures}
    if not trace:
        return ()
    drawn = [_chart("Error rate", trace, by_name.get("error-rate", {}), _rate, percent, 0.01)]
    if any(_p95(point[side]) is not None for point in trace for side in ("new", "old")):
        drawn.append(_chart("Latency, p95", trace, by_name.get("latency-p95", {}), _p95, duration, SHORTEST_S))
    return tuple(drawn)


def _chart(
    name: str, trace: Sequence[Point], figure: Figure, side: Side, shown: Callable[[float], str], least: float
) -> Chart:
    new, old = [side(point["new"]) for point in trace], [side(point["old"]) for point in trace]
    limit = [_allowed(figure, value) for value in old]
    top = max((each for each in (*new, *old, *limit) if each is not None), default=0.0) * ROOM or least
    at = _along(trace)
    of_new, of_old, of_limit = (tuple(_lines(at, values, top)) for values in (new, old, limit))
    rows = (
        Row(percent(point["share"] / 100), *(shown(each) if each is not None else "?" for each in (mine, its)))
        for point, mine, its in zip(trace, new, old, strict=True)
    )
    verdict, allowed = str(figure.get("verdict") or ""), _limits(figure, shown)
    band = _band(at, trace)
    return Chart(name, of_new, of_old, of_limit, band, shown(top), verdict, allowed, tuple(rows))


def _rate(side: Mapping[str, Any]) -> float | None:
    return side["bad"] / side["requests"] if side["requests"] else None


def _p95(side: Mapping[str, Any]) -> float | None:
    found: float | None = side["p95_s"]
    return found


def _allowed(figure: Figure, old: float | None) -> float | None:
    """The lower one of what the manifest says, where it says a number or so many times the old side."""
    most, ratio = figure.get("max"), figure.get("max_ratio")
    bounds = (most, ratio * old if ratio is not None and old is not None else None)
    return min((each for each in bounds if each is not None), default=None)


def _limits(figure: Figure, shown: Callable[[float], str]) -> str:
    """What it is held to, in words; "" where nothing is written."""
    most, ratio = figure.get("max"), figure.get("max_ratio")
    limits = (shown(most) if most is not None else "", f"{ratio:g} times the old" if ratio is not None else "")
    said = " and ".join(each for each in limits if each)
    return f"at most {said}" if said else ""


def _along(trace: Sequence[Point]) -> list[float]:
    """Where each point ends, from left to right: as wide as it lasted."""
    whole, so_far, found = sum(point["intervals"] for point in trace), 0, []
    for point in trace:
        so_far += point["intervals"]
        found.append(round(WIDTH * so_far / whole, 1))
    return found


def _lines(at: Sequence[float], values: Sequence[float | None], top: float) -> Iterator[str]:
    """A line for each stretch without a gap; one that is a single point is as wide as that point."""
    line: list[str] = []
    for begin, x, value in zip((0.0, *at), at, values, strict=False):
        if value is None:
            if line:
                yield " ".join(line)
            line = []
            continue
        y = _height(value, top)
        line += [f"{x},{y}"] if line else [f"{begin},{y}", f"{x},{y}"]
    if line:
        yield " ".join(line)


def _height(value: float, top: float) -> float:
    return round(HEIGHT * (1 - value / top), 1)


def _band(at: Sequence[float], trace: Sequence[Point]) -> str:
    """The share as an area that rises from the floor in steps."""
    corners = [f"0,{HEIGHT}"]
    for begin, x, point in zip((0.0, *at), at, trace, strict=False):
        y = _height(point["share"], 100)
        corners += [f"{begin},{y}", f"{x},{y}"]
    return " ".join((*corners, f"{WIDTH},{HEIGHT}"))


def percent(value: float) -> str:
    return f"{value * 100:.3g} %"


def duration(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"

"""The picture of a rollout on the terminal: what went where, what failed and how long it took, on both sides."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from gitopsd.model.route import ALL, percent

if TYPE_CHECKING:
    from gitopsd.model.trace import Trace
    from gitopsd.rollout.judge import Figure

BLOCKS, PLAIN = "▁▂▃▄▅▆▇█", "_.-=+*#@"
LABEL = 8
DRAWN = ("error-rate", "latency-p95")


def levels_in(encoding: str | None) -> str:
    """The characters that are drawn with, where a terminal has this encoding."""
    try:
        BLOCKS.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BLOCKS


def charts(trace: "Trace", figures: Sequence["Figure"], levels: str) -> Iterator[str]:
    """One line for the share, two for each of errors and times, and one for every other metric."""
    by_name = {each.metric.name: each for each in figures}
    if points := trace.points:
        shares = _drawn([each.share for each in points], ALL, levels)
        yield _line("share", "new", shares, percent(points[-1].share))
        rates = ([each.new.rate for each in points], [each.old.rate for each in points])
        yield from _pair("errors", rates, by_name.get("error-rate"), _rate, levels)
        times = ([each.new_p95 for each in points], [each.old_p95 for each in points])
        if any(each is not None for each in (*times[0], *times[1])):
            yield from _pair("p95", times, by_name.get("latency-p95"), _time, levels)
    for name, each in by_name.items():
        if name not in DRAWN or not trace.points:
            yield f"{name}: new {each.shown(each.new)}, old {each.shown(each.old)}{_held_to(each)}: {each.verdict}"


def _pair(
    label: str,
    sides: Sequence[Sequence[float | None]],
    figure: "Figure | None",
    shown: Callable[[float], str],
    levels: str,
) -> Iterator[str]:
    """Both on one scale, so that they can be compared by eye; the verdict on the new one, and what it is held to."""
    top = max((each for side in sides for each in side if each is not None), default=0.0)
    new, old = (_drawn(side, top, levels) for side in sides)
    here, there = (shown(side[-1]) if side[-1] is not None else "?" for side in sides)
    verdict, allowed = (figure.verdict, figure.allowed) if figure is not None else ("", "")
    yield _line(label, "new", new, ": ".join(filter(None, (here, verdict))))
    yield _line("", "old", old, "; ".join(filter(None, (there, allowed))))


def _line(label: str, role: str, drawn: str, said: str) -> str:
    return f"{label:<{LABEL}}{role} |{drawn}| {said}"


def _drawn(values: Sequence[float | None], top: float, levels: str) -> str:
    """A gap where nothing is known."""
    most = len(levels) - 1
    return "".join(" " if each is None else levels[round(each / top * most) if top > 0 else 0] for each in values)


def _rate(value: float) -> str:
    return f"{value * 100:.3g} %"


def _time(value: float) -> str:
    return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"


def _held_to(figure: "Figure") -> str:
    return f" ({figure.allowed})" if figure.allowed else ""

"""The judge: what was seen of a canary and of stable, interval by interval, makes a verdict. Pure.

    Fail          evidence against the canary; it stays, whatever comes later
    Inconclusive  neither for nor against; the share stays, and after a limit a person is asked
    Pass          enough was seen in this step, and nothing speaks against it

No data is never a pass. An interval counts once, by its number. The first one after a change of share counts for
nothing: requests that began before it end in it.
"""

from collections.abc import Sequence
from dataclasses import replace

from gitopsd.model.analysis import (
    Accumulator,
    Answer,
    Fail,
    Inconclusive,
    Interval,
    Metric,
    NoData,
    Pass,
    Track,
    Trouble,
    Verdict,
)
from gitopsd.rollout.judge.histogram import counted
from gitopsd.rollout.judge.look import Look, risk
from gitopsd.rollout.judge.queries import weigh_query
from gitopsd.rollout.judge.shares import weigh_requests
from gitopsd.rollout.judge.usage import weigh_restarts, weigh_usage
from gitopsd.rollout.judge.volume import weigh_volume

Weighed = tuple[Track, Verdict | NoData | Trouble]
NOTHING_YET = Inconclusive("", "nothing has been measured yet")


def judge(metrics: Sequence[Metric], before: Accumulator, interval: Interval) -> tuple[Accumulator, Verdict]:
    """What is known after one more interval, and what follows from it."""
    if interval.number <= before.number:
        return before, before.verdict or NOTHING_YET
    known = _entered(before, interval)
    if isinstance(before.verdict, Fail):
        return known, before.verdict
    if interval.share != before.share:
        verdict: Verdict = Inconclusive("", "the first interval after a change of share counts for nothing")
        return replace(known, verdict=verdict), verdict
    look = Look(interval, known.seconds, risk(metrics))
    tracks = {metric.name: _weigh(metric, known.tracks.get(metric.name, Track()), look) for metric in metrics}
    verdict = _together([tracks[metric.name].verdict or NOTHING_YET for metric in metrics])
    return replace(known, tracks=tracks, verdict=verdict), verdict


def explain(verdict: Verdict) -> str:
    """A verdict in one sentence with its numbers."""
    match verdict:
        case Pass(reason):
            return f"pass: {reason}"
        case Fail(metric, reason):
            return f"fail: {metric}: {reason}"
        case Inconclusive(metric, reason, pause):
            word = "inconclusive for too long" if pause else "inconclusive"
            return ": ".join(filter(None, (word, metric, reason)))


def _entered(before: Accumulator, interval: Interval) -> Accumulator:
    """In another step, what was seen in the one before is no reason to pass it."""
    seconds = before.seconds + interval.seconds
    known = replace(before, number=interval.number, share=interval.share, seconds=seconds)
    if interval.step == before.step:
        return known
    fresh = {name: _afresh(track) for name, track in before.tracks.items()}
    return replace(known, step=interval.step, tracks=fresh)


def _afresh(track: Track) -> Track:
    """What a metric keeps from one step to the next: all that speaks against the canary."""
    return Track(
        evidence=track.evidence,
        canary=track.canary,
        stable=track.stable,
        tests=track.tests,
        streak=min(track.streak, 0),
        errors=track.errors,
    )


def _weigh(metric: Metric, track: Track, look: Look) -> Track:
    """The track after this interval, with the metric's own verdict."""
    if look.seconds <= metric.initial_delay.total_seconds():
        delay = Inconclusive(metric.name, f"counts after {metric.initial_delay.total_seconds():g} s")
        return replace(track, verdict=delay)
    weighed = _by_rule(metric, track, look)
    if weighed is None:
        return _held(metric, track, track.verdict or Inconclusive(metric.name, "not measured yet"), look)
    track, found = weighed
    match found:
        case Trouble(reason):
            errors = track.errors + 1
            told = f"{reason} ({errors} errors in a row, {metric.consecutive_error_limit} are allowed)"
            asked = Inconclusive(metric.name, told, pause=errors > metric.consecutive_error_limit)
            return _held(metric, replace(track, errors=errors), asked, look)
        case NoData(reason) if look.interval.due and metric.no_data == "fail":
            return replace(track, errors=0, verdict=Fail(metric.name, f"no data in this step: {reason}"))
        case NoData(reason):
            return _held(metric, replace(track, errors=0), Inconclusive(metric.name, reason), look)
        case _:
            return _held(metric, replace(track, errors=0), found, look)


def _by_rule(metric: Metric, track: Track, look: Look) -> Weighed | None:
    """None: it was not its turn to be measured."""
    interval = look.interval
    match metric.nature.rule:
        case "requests" | "volume" as rule:
            found = counted(interval)
            if isinstance(found, NoData | Trouble):
                return track, found
            weigh = weigh_requests if rule == "requests" else weigh_volume
            return weigh(metric, track, *found, look)
        case "usage" | "restarts" as rule:
            if interval.canary.instances is None:
                return None
            return (weigh_usage if rule == "usage" else weigh_restarts)(metric, track, interval)
        case "query":
            answer: Answer | None = interval.answers.get(metric.name)
            return weigh_query(metric, track, answer) if answer is not None else None


def _held(metric: Metric, track: Track, verdict: Verdict, look: Look) -> Track:
    """To say neither is held against the time after the step's own; past the limit of it a person is asked."""
    if not isinstance(verdict, Inconclusive):
        return replace(track, verdict=verdict)
    overtime = track.overtime + look.interval.seconds * look.interval.due
    pause = verdict.pause or overtime > metric.patience.total_seconds()
    return replace(track, overtime=overtime, verdict=replace(verdict, pause=pause))


def _together(verdicts: Sequence[Verdict]) -> Verdict:
    """The worst of them. Without any metric there is nothing that could pass."""
    for failure in verdicts:
        if isinstance(failure, Fail):
            return failure
    open_ones = [each for each in verdicts if isinstance(each, Inconclusive)]
    if open_ones:
        return next((each for each in open_ones if each.pause), open_ones[0])
    if not verdicts:
        return Inconclusive("", "there is no metric to judge by")
    return Pass("; ".join(each.reason for each in verdicts if isinstance(each, Pass)))

"""What happened between two journals, as events for the ledger."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from gitopsd.model.canonical import Json
from gitopsd.model.event import Event, Severity
from gitopsd.model.release import Journal, Release
from gitopsd.model.rollout import Failed, Finalising, Pending, Preparing, RolledBack, RollingBack, Rollout, Succeeded
from gitopsd.model.strategy import Analyse, Approve, Pause
from gitopsd.rollout.shifting import steps_of, words
from gitopsd.rollout.volume import rate_of
from gitopsd.rollout.watching import against, measured

SEVERITIES: Mapping[str, Severity] = {"succeeded": "info", "superseded": "info", "cancelled": "warning"}


def told(before: Journal, after: Journal, ended: tuple[Release, ...], now: datetime) -> Iterable[Event]:
    for name, rollout in sorted(after.rollouts.items()):
        old = before.rollouts.get(name)
        if isinstance(rollout.phase, Pending | Preparing):
            continue
        if old is not None and old.release == rollout.release:
            yield from (_passed_over(before.environment, rollout, each, now) for each in failures_told(old, rollout))
            yield from _reached(before.environment, old, rollout, now)
            yield from _step_over(before.environment, old, rollout, now)
        if old is None or old.phase != rollout.phase or old.release != rollout.release:
            yield _phase_event(before.environment, rollout, now, by_hand=_aborted(after, rollout))
    for release in ended:
        yield release_ended(release, now)


def release_ended(release: Release, now: datetime) -> Event:
    return Event(
        now,
        "ReleaseEnded",
        f"release {release.number} {release.outcome}" + (f": {release.reason}" if release.reason else ""),
        severity=SEVERITIES.get(release.outcome or "", "error"),
        environment=release.environment,
        release=release.number,
        data={"cause": release.reason} if release.reason else {},
    )


def failures_told(before: Rollout, after: Rollout) -> tuple[str, ...]:
    """What failed between two looks, and the rollout went on all the same; with the evidence."""
    found = ((now, was) for now, was in ((after.passed, before.passed), (after.relapsed, before.relapsed)))
    failed = tuple(words for now, was in found for slot, words in sorted(now.items()) if slot not in was)
    return (*failed, *({after.excess} - {before.excess, ""}))


def _reached(environment: str, before: Rollout, after: Rollout, now: datetime) -> Iterator[Event]:
    """That newer content answers through the router: from here on it may get a share."""
    if before.shift.reached is not None or after.shift.reached is None:
        return
    warmed = after.shift.warmed
    warm = {} if warmed is None else {"pre_warm_s": warmed.seconds, "pre_warm_requests": warmed.requests}
    yield Event(
        now,
        "NewInstancesReached",
        f"{after.service}: its new instances answer through the router" + (f"; {warmed.words}" if warmed else ""),
        severity="info" if warmed is None or warmed.met else "warning",
        environment=environment,
        service=after.service,
        release=after.release,
        data={"kind": after.kind, "cause": after.cause, **warm},
    )


def _step_over(environment: str, before: Rollout, after: Rollout, now: datetime) -> Iterator[Event]:
    """What was measured at a stop on the way, once that is over."""
    steps, number = steps_of(after.policy), before.shift.step
    if number >= min(after.shift.step, len(steps)) or not isinstance(steps[number], Pause | Analyse | Approve):
        return
    found = measured(after)
    said = "; ".join(each.sentence for each in found) or "nothing was measured"
    yield Event(
        now,
        "StepOver",
        f"{after.service}: {words(before)}, is over: {said}",
        environment=environment,
        service=after.service,
        release=after.release,
        data={
            "kind": after.kind,
            "cause": after.cause,
            "step": number + 1,
            "share": before.shift.share / 100,
            "metrics": [dict(each.plain()) for each in found],
        },
    )


def _passed_over(environment: str, rollout: Rollout, words: str, now: datetime) -> Event:
    why = "failure_action: continue" if rollout.policy.on_failure == "continue" else "max_failure_ratio"
    return Event(
        now,
        "RolloutPassedOver",
        f"{rollout.service}: {words}; the rollout goes on ({why})",
        severity="error",
        environment=environment,
        service=rollout.service,
        release=rollout.release,
        data={"kind": rollout.kind, "cause": rollout.cause},
    )


def _aborted(journal: Journal, rollout: Rollout) -> bool:
    release = journal.release
    return release is not None and release.number == rollout.release and release.aborted is not None


def _phase_event(environment: str, rollout: Rollout, now: datetime, *, by_hand: bool) -> Event:
    word = type(rollout.phase).__name__
    reason = getattr(rollout.phase, "reason", "") or rollout.cause
    back = isinstance(rollout.phase, RollingBack | RolledBack)
    bad = isinstance(rollout.phase, Failed) or (back and not by_hand)
    return Event(
        now,
        f"Rollout{word}",
        f"{rollout.service}: {reason}",
        severity="error" if bad else "warning" if back else "info",
        environment=environment,
        service=rollout.service,
        release=rollout.release,
        data={
            "kind": rollout.kind,
            "cause": rollout.cause,
            **_run(rollout),
            **_taken(rollout, now),
            **_held_against(rollout),
        },
    )


def _held_against(rollout: Rollout) -> dict[str, Json]:
    """What was measured at the step at which it turned back."""
    if not isinstance(rollout.phase, RollingBack) or not against(rollout):
        return {}
    found = [dict(each.plain()) for each in measured(rollout)]
    return {"step": rollout.shift.step + 1, "share": rollout.shift.share / 100, "metrics": [*found]}


def _run(rollout: Rollout) -> dict[str, Json]:
    """Of a one-shot, what it is and how often it was started; an earlier run that is still there was once."""
    if not rollout.job:
        return {}
    return {
        "job": rollout.terms.phase or "one-shot",
        "tries": max((each.starts for each in rollout.seen.values()), default=0),
    }


def _taken(rollout: Rollout, now: datetime) -> dict[str, Json]:
    """What it took until it came this far, in seconds, `starts_s`, `warms_s` and `drains_s` by slot; how it looked."""
    took = rollout.measured
    if took is None or not isinstance(rollout.phase, Finalising | Succeeded | RolledBack | Failed):
        return {}
    return {
        "order": rollout.order,
        "seconds": round((now - took.begun).total_seconds(), 3),
        "interruption_s": round(took.interruption(now), 3),
        "starts_s": dict(took.starts),
        "warms_s": dict(took.warms),
        "drains_s": dict(took.drains),
        **({"requests_s": rate} if (rate := rate_of(rollout)) is not None else {}),
        **({"pre_warm_s": rollout.shift.warmed.seconds} if rollout.shift.warmed is not None else {}),
        **({"trace": [dict(each.plain()) for each in points]} if (points := rollout.trace.points) else {}),
    }
